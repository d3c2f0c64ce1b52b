"""The world as one value: stations on links, packets in flight, and what is planned; one event at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.world.attacker import Attacker
from xfrmspec.world.handled import Handled
from xfrmspec.world.links import Topology
from xfrmspec.world.plan import Planned
from xfrmspec.world.sent import Sent
from xfrmspec.world.station import Frame, Station
from xfrmspec.world.weather import FAIR, Weather, carry
from xfrmspec_terms.clauses import clause


@dataclass(frozen=True, slots=True, order=True)
class Flight:
    """A frame under way: when it arrives (ms), a number that keeps equals in order, and who sent it."""

    at: int
    number: int
    sender: str
    frame: Frame = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Probing:
    """Duplicate address detection under way: when it ends (ms), where, and for which address."""

    at: int
    station: str
    address: IPv6Address


@dataclass(frozen=True, slots=True)
class World:
    """Everything there is at `now` (ms). `number` counts frames; `weather` names the links that are not fair.

    Attackers have names that no station has. Source: XFRM-WORLD-001, XFRM-WORLD-009.
    """

    topology: Topology
    stations: Mapping[str, Station]
    planned: tuple[Planned, ...] = ()
    weather: Mapping[str, Weather] = field(default_factory=dict)
    entropy: Entropy = field(default_factory=lambda: Entropy(b"world"))
    now: int = 0
    number: int = 0
    flights: tuple[Flight, ...] = ()
    probings: tuple[Probing, ...] = ()
    attackers: tuple[Attacker, ...] = ()

    def with_station(self, station: Station) -> World:
        """Return the world with one station replaced."""
        return replace(self, stations={**self.stations, station.name: station})

    def with_attacker(self, attacker: Attacker) -> World:
        """Return the world with one attacker more, or another in place of the one of that name."""
        others = (one for one in self.attackers if one.name != attacker.name)
        return replace(self, attackers=tuple(sorted((*others, attacker), key=lambda one: one.name)))

    def planning(self, *planned: Planned) -> World:
        """Return the world with more planned for it, in order of time; equals stay in order of planning."""
        return replace(self, planned=tuple(sorted((*self.planned, *planned), key=lambda one: one.at)))


@dataclass(frozen=True, slots=True)
class Turn:
    """The world after one event, the cause in words, and what was to be seen of it."""

    world: World
    cause: str
    handled: tuple[Handled, ...] = ()
    sent: tuple[Sent, ...] = ()


@clause("XFRM-WORLD-003")
def launched(world: World, sender: str, frames: tuple[Frame, ...]) -> tuple[World, tuple[Sent, ...]]:
    """Put frames on their links, and let the weather there decide when and how often each arrives."""
    sent: list[Sent] = []
    for frame in frames:
        carried = carry(world.weather.get(frame.link, FAIR), world.entropy)
        flights = tuple(
            Flight(world.now + delay, world.number + copy, sender, frame)
            for copy, delay in enumerate(carried.delays)
        )
        world = replace(
            world,
            entropy=carried.entropy,
            number=world.number + len(flights),
            flights=tuple(sorted((*world.flights, *flights))),
        )
        sent.append(Sent(world.now, sender, frame, carried.delays))
    return world, tuple(sent)


@clause("XFRM-WORLD-002")
def receivers(world: World, flight: Flight) -> tuple[str, ...]:
    """Return who takes a frame when it arrives: owner or proxy of the address there, or all but the sender.

    A node that has left the link takes nothing any more; of an owner and a proxy both take it.
    """
    present = [plug.station for plug in world.topology.on(flight.frame.link)]
    if flight.frame.to.is_multicast:
        return tuple(name for name in present if name != flight.sender)
    return tuple(name for name in present if world.stations[name].owns(flight.frame.to))
