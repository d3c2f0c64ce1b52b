"""What is planned for a world: plugs that move, traffic that starts, daemons that are told to."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.world.links import Plug
from xfrmspec.world.station import Frame


@dataclass(frozen=True, slots=True)
class Replug:
    """An interface is pulled out and put into another link, or into none."""

    plug: Plug
    link: str | None


@dataclass(frozen=True, slots=True)
class Advertise:
    """The router of a link advertises itself there, now and every `interval` ms."""

    link: str
    interval: int


@dataclass(frozen=True, slots=True)
class Ping:
    """A station sends an echo request; `number` (16 bits) comes back in the reply."""

    station: str
    source: IPv6Address
    destination: IPv6Address
    number: int = 1


@dataclass(frozen=True, slots=True)
class Inject:
    """An attacker, or a test, puts a frame on a link."""

    frame: Frame
    sender: str = "attacker"


@dataclass(frozen=True, slots=True)
class Prompt:
    """An attacker does what it does without having seen anything new."""

    attacker: str


@dataclass(frozen=True, slots=True)
class Relocate:
    """An attacker leaves its links and is on these from now on."""

    attacker: str
    links: frozenset[str]


Action = Replug | Advertise | Ping | Inject | Prompt | Relocate


@dataclass(frozen=True, slots=True)
class Planned:
    """An action and when it happens (ms)."""

    at: int
    action: Action
