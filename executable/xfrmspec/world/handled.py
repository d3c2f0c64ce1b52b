"""What a station made of something that happened to it."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.mipv6.recipes.terms import RecipeOperation
from xfrmspec.world.station import Delivery, Frame, Station
from xfrmspec_terms.daemon import DaemonEvent, Probe, Say, Stage, Step
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.outcome import Counter, Errno


@dataclass(frozen=True, slots=True)
class Lost:
    """A packet that a station dropped, and why; `counter` is what the kernel counted, None for nothing."""

    station: str
    why: str
    packet: Packet | None
    counter: Counter | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """The station afterwards, the frames it put on links, and everything an onlooker can see, each in order.

    `told` is what its daemon has still to hear, `heard` what it has heard; `messages` are the mobility
    messages that it read, behind XFRM, `said` those that it sent.
    """

    station: Station
    frames: tuple[Frame, ...] = ()
    told: tuple[DaemonEvent, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    messages: tuple[Delivery, ...] = ()
    losses: tuple[Lost, ...] = ()
    steps: tuple[Step, ...] = ()
    stages: tuple[Stage, ...] = ()
    probes: tuple[Probe, ...] = ()
    operations: tuple[tuple[RecipeOperation, Errno], ...] = ()
    heard: tuple[DaemonEvent, ...] = ()
    said: tuple[Say, ...] = ()

    def then(self, later: Handled) -> Handled:
        """Return both, one behind the other; the station is that of the later one."""
        return Handled(
            later.station,
            self.frames + later.frames,
            self.told + later.told,
            self.deliveries + later.deliveries,
            self.messages + later.messages,
            self.losses + later.losses,
            self.steps + later.steps,
            self.stages + later.stages,
            self.probes + later.probes,
            self.operations + later.operations,
            self.heard + later.heard,
            self.said + later.said,
        )
