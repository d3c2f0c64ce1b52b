"""Every order of events of a small scope: a mobile node, its home agent, a correspondent node, a bad network.

Messages are values here, without octets: whatever is under way may arrive in any order, be lost or be copied
as often as the scope allows, and time passes only when a machine waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import NamedTuple

from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.home_agent_settings import HomeAgent
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.world.outcomes import PROBE_MILLISECONDS
from xfrmspec.world.small_machines import Ends, SmallMachines, Trio, Who
from xfrmspec.world.world import World
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import CameHome, Moved, Probed, Uniqueness, Wanted, Woke

_NEVER = -1


@dataclass(frozen=True, slots=True)
class Scope:
    """How much may happen: moves and the places they lead to (None is home), losses, copies, and until when.

    `until` is in milliseconds; no deadline after it is waited for.
    """

    places: tuple[IPv6Address | None, ...]
    moves: int = 2
    losses: int = 1
    copies: int = 0
    until: int = 8000


class Scene(NamedTuple):
    """One state: the machines, the time and end of the probe (ms), what may still happen, what is under way.

    `probing` is -1 without a probe. `flying` are (addressee, number of the event), sorted.
    """

    trio: Trio
    now: int
    probing: int
    asked: int
    moves: int
    losses: int
    copies: int
    flying: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Explored:
    """How many states and events there were, whether all were visited, and what broke first, if anything."""

    states: int
    events: int
    complete: bool
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """The three nodes at the beginning."""

    mobile: MobileNode
    agent: HomeAgent
    correspondent: CorrespondentNode
    ends: Ends


def cast_of(world: World) -> Cast:
    """Return the three nodes of a usual world; ValueError for a world without them."""
    mobile, agent, peer = (world.stations[name].daemon for name in ("MN", "HA", "CN"))
    if mobile is None or mobile.mobile is None or agent is None or agent.agent is None:
        raise ValueError("MN needs a mobile node and HA a home agent")
    if peer is None or peer.correspondent is None:
        raise ValueError("CN needs a correspondent node")
    home = mobile.mobile.settings
    ends = Ends(home.home_agent, peer.settings.address, home.home_address)
    return Cast(mobile.mobile, agent.agent, peer.correspondent, ends)


class Explorer:
    """The scenes of a scope from a beginning."""

    def __init__(self, cast: Cast, scope: Scope) -> None:
        self._machines = SmallMachines(cast.ends)
        tables = self._machines.machines
        nodes = (cast.mobile, cast.agent, cast.correspondent)
        trio = Trio(*(table.number(node) for table, node in zip(tables, nodes, strict=True)))
        number = self._machines.events.number
        self._scope = scope
        self._woke = number(Woke())
        self._unique = number(Probed(cast.ends.home, Uniqueness.UNIQUE))
        self._wanted = number(Wanted(cast.ends.peer))
        self._moves = tuple(number(CameHome() if p is None else Moved(p)) for p in scope.places)
        self.start = Scene(trio, 0, _NEVER, 0, scope.moves, scope.losses, scope.copies)

    def explore(self, most: int) -> Explored:
        """Visit the scenes breadth first, at most so many, and stop at the first that breaks something."""
        known, frontier, events = {self.start}, [self.start], 0
        while frontier:
            following: list[Scene] = []
            for scene in frontier:
                for later in self.successors(scene):
                    events += 1
                    if later in known:
                        continue
                    known.add(later)
                    following.append(later)
                    quiet = not later.flying and later.probing == _NEVER
                    verdict = self._machines.verdict(later.trio) if quiet else ""
                    if verdict or len(known) >= most:
                        return Explored(len(known), events, False, verdict)
            frontier = following
        return Explored(len(known), events, True)

    @clause("XFRM-WORLD-003")
    def successors(self, scene: Scene) -> Iterator[Scene]:
        """Yield what can happen next: an arrival, a loss, a copy, a move, traffic, or the next deadline."""
        trio, now, probing, asked, moves, losses, copies, flying = scene
        for index, (who, event) in enumerate(flying):
            rest = flying[:index] + flying[index + 1 :]
            yield self._told(Scene(trio, now, probing, asked, moves, losses, copies, rest), who, event)
            if losses:
                yield Scene(trio, now, probing, asked, moves, losses - 1, copies, rest)
            if copies:
                copied = Scene(trio, now, probing, asked, moves, losses, copies - 1, flying)
                yield self._told(copied, who, event)
        if moves:
            moved = Scene(trio, now, probing, asked, moves - 1, losses, copies, flying)
            for event in self._moves:
                yield self._told(moved, Who.MOBILE, event)
        if not asked and self._machines.is_registered(trio.mobile):
            wanting = Scene(trio, now, probing, 1, moves, losses, copies, flying)
            yield self._told(wanting, Who.MOBILE, self._wanted)
        yield from self._later(scene)

    def _later(self, scene: Scene) -> Iterator[Scene]:
        """Let time pass to the next deadline, if it is within the scope."""
        at, who = self._scope.until + 1, _NEVER
        for one, value in enumerate(scene.trio):
            due = self._machines.deadline(one, value)
            if due is not None and due < at:
                at, who = due, one
        if scene.probing != _NEVER and scene.probing <= at and scene.probing <= self._scope.until:
            now = max(scene.now, scene.probing)
            yield self._told(scene._replace(now=now, probing=_NEVER), Who.AGENT, self._unique)
        elif who != _NEVER:
            yield self._told(scene._replace(now=max(scene.now, at)), who, self._woke)

    def _told(self, scene: Scene, who: int, event: int) -> Scene:
        """Return the scene after a machine heard of an event; what it says is under way then."""
        trio, now, probing, asked, moves, losses, copies, flying = scene
        reached = self._machines.step(who, trio[who], event, now)
        after = Trio(*(reached.value if one == who else value for one, value in enumerate(trio)))
        if reached.probes:
            probing = now + PROBE_MILLISECONDS
        if reached.says:
            carried = (self._machines.carried(say, after) for say in reached.says)
            flying = tuple(sorted((*flying, *(one for one in carried if one is not None))))
        return Scene(after, now, probing, asked, moves, losses, copies, flying)
