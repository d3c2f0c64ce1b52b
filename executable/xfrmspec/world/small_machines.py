"""A mobile node, its home agent and a correspondent node as numbers: every value and every step is kept once.

The machines are pure, so a step that was taken before is looked up. That is what makes many orders of the
same events cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv6Address
from typing import NamedTuple

from xfrmspec.mipv6 import correspondent_node, home_agent, mobile_node
from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.home_agent_settings import HomeAgent
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Heard, Path, Probe, Say
from xfrmspec_terms.machines_mobile_node import AT_HOME, OPTIMISED, REGISTERED


class Who(IntEnum):
    """The three machines."""

    MOBILE = 0
    AGENT = 1
    PEER = 2


class Trio(NamedTuple):
    """The numbers of the values that the three machines have."""

    mobile: int
    agent: int
    peer: int


class Reached(NamedTuple):
    """What a step leads to: the number of the new value, of what it says, and whether a probe begins."""

    value: int
    says: tuple[int, ...]
    probes: bool


class Table:
    """Values by number, in the order in which they were met."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self.values: list[object] = []

    def number(self, value: object) -> int:
        """Return the number of a value, a new one for a value not met before."""
        found = self._numbers.get(value)
        if found is not None:
            return found
        self._numbers[value] = len(self.values)
        self.values.append(value)
        return len(self.values) - 1


@dataclass(frozen=True, slots=True)
class Ends:
    """The addresses of the home agent, of the correspondent node, and the home address."""

    agent: IPv6Address
    peer: IPv6Address
    home: IPv6Address

    def owner(self, address: IPv6Address) -> Who:
        """Return whom a message to an address is for."""
        if address == self.agent:
            return Who.AGENT
        return Who.PEER if address == self.peer else Who.MOBILE


_STEPS: tuple[Callable[..., object], ...] = (mobile_node.step, home_agent.step, correspondent_node.step)
_DEADLINES: tuple[Callable[..., int | None], ...] = (
    mobile_node.deadline,
    home_agent.deadline,
    correspondent_node.deadline,
)


@dataclass(slots=True)
class SmallMachines:
    """The values, events and messages met so far, and every step that was taken."""

    ends: Ends
    machines: tuple[Table, Table, Table] = field(default_factory=lambda: (Table(), Table(), Table()))
    events: Table = field(default_factory=Table)
    says: Table = field(default_factory=Table)
    _steps: dict[tuple[int, int, int, int], Reached] = field(default_factory=dict)
    _carried: dict[tuple[int, int, int], tuple[int, int] | None] = field(default_factory=dict)
    _deadlines: dict[tuple[int, int], int | None] = field(default_factory=dict)
    _verdicts: dict[Trio, str] = field(default_factory=dict)
    _registered: dict[int, bool] = field(default_factory=dict)

    def step(self, who: int, value: int, event: int, now: int) -> Reached:
        """Return what a machine makes of an event at `now` (ms)."""
        key = (who, value, event, now)
        known = self._steps.get(key)
        if known is None:
            known = self._steps[key] = self._taken(who, value, event, now)
        return known

    def _taken(self, who: int, value: int, event: int, now: int) -> Reached:
        answer = _STEPS[who](self.machines[who].values[value], self.events.values[event], now)
        effects: tuple[object, ...] = answer.effects  # type: ignore[attr-defined]
        said = tuple(self.says.number(effect) for effect in effects if isinstance(effect, Say))
        probes = any(isinstance(effect, Probe) for effect in effects)
        node: object = answer.node  # type: ignore[attr-defined]
        return Reached(self.machines[who].number(node), said, probes)

    def deadline(self, who: int, value: int) -> int | None:
        """Return when a machine wants to be woken (ms), None for never."""
        key = (who, value)
        if key not in self._deadlines:
            self._deadlines[key] = _DEADLINES[who](self.machines[who].values[value])
        return self._deadlines[key]

    def carried(self, say: int, trio: Trio) -> tuple[int, int] | None:
        """Return who will hear a message and the number of that event; None where no way leads there now."""
        key = (say, trio.mobile, trio.agent)
        if key not in self._carried:
            self._carried[key] = self._way(say, trio)
        return self._carried[key]

    @clause("XFRM-WORLD-004")
    def _way(self, number: int, trio: Trio) -> tuple[int, int] | None:
        say = self.says.values[number]
        assert isinstance(say, Say)
        who, care_of = self.ends.owner(say.destination), self.mobile(trio).registration.care_of
        to_home = say.destination == self.ends.home and say.routed_by is None and care_of is not None
        path = Path.TUNNEL if to_home else say.path
        if path is Path.TUNNEL and (care_of is None or care_of != self.held(trio)):
            return None
        association = (
            self.ends.home if {say.source, say.destination} == {self.ends.home, self.ends.agent} else None
        )
        came = path if who is Who.MOBILE else Path.DIRECT
        heard = Heard(say.message, say.source, say.destination, say.care_of, association, came)
        return int(who), self.events.number(heard)

    def is_registered(self, mobile: int) -> bool:
        """Tell whether the mobile node with this number is registered."""
        known = self._registered.get(mobile)
        if known is None:
            node = self.machines[Who.MOBILE].values[mobile]
            assert isinstance(node, MobileNode)
            known = self._registered[mobile] = node.registration.state == REGISTERED
        return known

    def mobile(self, trio: Trio) -> MobileNode:
        """Return the mobile node."""
        node = self.machines[Who.MOBILE].values[trio.mobile]
        assert isinstance(node, MobileNode)
        return node

    def held(self, trio: Trio) -> IPv6Address | None:
        """Return the care-of address that the home agent has for the home address, None without one."""
        agent = self.machines[Who.AGENT].values[trio.agent]
        assert isinstance(agent, HomeAgent)
        return _care_of(agent.entries, self.ends.home)

    def cached(self, trio: Trio) -> IPv6Address | None:
        """Return the care-of address that the correspondent node has for the home address."""
        peer = self.machines[Who.PEER].values[trio.peer]
        assert isinstance(peer, CorrespondentNode)
        return _care_of(peer.entries, self.ends.home)

    def verdict(self, trio: Trio) -> str:
        """Return what does not hold when nothing is under way, empty when all does."""
        known = self._verdicts.get(trio)
        if known is None:
            known = self._verdicts[trio] = self._judged(trio)
        return known

    @clause("XFRM-SAFE-004")
    def _judged(self, trio: Trio) -> str:
        mobile, held = self.mobile(trio), self.held(trio)
        registration = mobile.registration
        if registration.state == REGISTERED and held != registration.care_of:
            return f"registered from {registration.care_of}, and the home agent has {held}"
        if registration.state == AT_HOME and held is not None:
            return f"at home, and the home agent has {held}"
        route = mobile.route_to(self.ends.peer)
        if route is not None and route.state == OPTIMISED and self.cached(trio) != registration.care_of:
            return f"optimised from {registration.care_of}, and the peer has {self.cached(trio)}"
        return ""


def _care_of(entries: tuple[object, ...], home: IPv6Address) -> IPv6Address | None:
    bindings = (one for one in entries if isinstance(one, Binding) and one.home_address == home)
    return next((one.care_of for one in bindings), None)
