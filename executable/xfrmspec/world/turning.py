"""One event after the other: what is planned, what arrives, what a daemon waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec.mipv6.daemon import deadline
from xfrmspec.world.acting import act
from xfrmspec.world.moving import movement_deadline, wait_over
from xfrmspec.world.outcomes import after
from xfrmspec.world.receiving import Setting, take
from xfrmspec.world.telling import settle, tell
from xfrmspec.world.watching import watched
from xfrmspec.world.world import Flight, Probing, Turn, World, receivers
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Probed, Uniqueness, Woke


class Kind(IntEnum):
    """What can happen next, in the order in which events of one moment happen."""

    PLANNED = 0
    PROBED = 1
    ARRIVAL = 2
    WAKING = 3
    LISTENING = 4


@dataclass(frozen=True, slots=True, order=True)
class Coming:
    """An event that is next: when (ms), of what kind, and for which station where it is for one."""

    at: int
    kind: Kind
    station: str = ""


def next_time(world: World) -> int | None:
    """Return when the next event is (ms), None when nothing will ever happen again."""
    following = coming(world)
    return None if following is None else following.at


def coming(world: World) -> Coming | None:
    """Return the next event, None when nothing will ever happen again."""
    found: list[Coming] = []
    if world.planned:
        found.append(Coming(world.planned[0].at, Kind.PLANNED))
    if world.probings:
        found.append(Coming(world.probings[0].at, Kind.PROBED))
    if world.flights:
        found.append(Coming(world.flights[0].at, Kind.ARRIVAL))
    for name, station in sorted(world.stations.items()):
        due = None if station.daemon is None else deadline(station.daemon)
        if due is not None:
            found.append(Coming(max(due, world.now), Kind.WAKING, name))
        stale = movement_deadline(station)
        if stale is not None:
            found.append(Coming(max(stale, world.now), Kind.LISTENING, name))
    return min(found, default=None)


@clause("XFRM-WORLD-001")
def turn(world: World) -> Turn | None:
    """Let the next event happen; None when there is none.

    Events of one moment happen in the order: what is planned, ends of probes, arrivals, deadlines of daemons.
    """
    following = coming(world)
    return None if following is None else _turned(world, following)


def _turned(world: World, following: Coming) -> Turn:
    """Let an event happen, and the attackers see what came of it."""
    return watched(_happens(replace(world, now=max(world.now, following.at)), following))


def _happens(world: World, following: Coming) -> Turn:
    match following.kind:
        case Kind.PLANNED:
            return act(replace(world, planned=world.planned[1:]), world.planned[0].action)
        case Kind.PROBED:
            return _probed(replace(world, probings=world.probings[1:]), world.probings[0])
        case Kind.ARRIVAL:
            return _arrived(replace(world, flights=world.flights[1:]), world.flights[0])
        case Kind.WAKING:
            station = world.stations[following.station]
            handled = tell(station, world.topology, Woke(), world.now)
            return after(world, f"{station.name} wakes", (handled,))
        case Kind.LISTENING:
            station = world.stations[following.station]
            noticed = settle(wait_over(station, world.now), world.topology, world.now)
            return after(world, f"{station.name} hears no router any more", (noticed,))


def turns(world: World, until: int) -> Iterator[Turn]:
    """Yield every turn up to and with a moment (ms)."""
    following = coming(world)
    while following is not None and following.at <= until:
        turned = _turned(world, following)
        yield turned
        world = turned.world
        following = coming(world)


def _arrived(world: World, flight: Flight) -> Turn:
    handled = []
    for name in receivers(world, flight):
        taken = take(
            world.stations[name],
            flight.frame.octets,
            Setting(world.topology, world.now, number=flight.number),
        )
        handled.append(settle(taken, world.topology, world.now))
    return after(world, f"a frame from {flight.sender} arrives on {flight.frame.link}", tuple(handled))


@clause("XFRM-WORLD-007")
def _probed(world: World, probing: Probing) -> Turn:
    """End duplicate address detection: a duplicate is owned by another node on a link of the prober."""
    links = {name for plug, name in world.topology.plugged.items() if plug.station == probing.station}
    others = {
        plug.station for name in links for plug in world.topology.on(name) if plug.station != probing.station
    }
    taken = any(probing.address in world.stations[name].node.addresses for name in others)
    found = Uniqueness.DUPLICATE if taken else Uniqueness.UNIQUE
    station = world.stations[probing.station]
    handled = tell(station, world.topology, Probed(probing.address, found), world.now)
    return after(world, f"{probing.station} has probed {probing.address}", (handled,))
