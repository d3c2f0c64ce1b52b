"""A world of the reference as namespaces of a guest: interfaces, addresses and routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from xfrmspec.host.node import AddressKind
from xfrmspec.kernel.world_rtnetlink import (
    Change,
    RouteLine,
    address_request,
    neighbour_request,
    route_request,
)
from xfrmspec.world.links import Plug, Topology
from xfrmspec.world.routing import routes_of
from xfrmspec.world.station import Forwarding, Station
from xfrmspec.world.world import World

Command = list[Any]
"""A command to the agent: its kind, and arguments that JSON can hold."""

_FIRST_INTERFACE = 10
_HARDWARE = bytes.fromhex("02000000")
ROUTERS = ("HA", "R")
_STATIONS = {"MN": 0x05, "M2": 0x06, "HA": 0x01, "R": 0x02, "CN": 0x03}


@dataclass(frozen=True, slots=True)
class Wiring:
    """The interfaces of every station, with the index that each has in its namespace."""

    indexes: Mapping[Plug, int]

    def of(self, station: str) -> dict[str, int]:
        """Return the interfaces of a station by name."""
        return {plug.interface: index for plug, index in self.indexes.items() if plug.station == station}


def wiring_of(world: World) -> Wiring:
    """Number the interfaces of a world, station by station."""
    indexes: dict[Plug, int] = {}
    for name in world.stations:
        mine = sorted(plug for plug in world.topology.plugged if plug.station == name) or [Plug(name, "eth0")]
        indexes |= {plug: _FIRST_INTERFACE + number for number, plug in enumerate(mine)}
    return Wiring(indexes)


def hardware_of(station: str, index: int) -> bytes:
    """Return the address of an Ethernet interface, 6 octets; mobile nodes have those of the observed runs."""
    number = _STATIONS[station]
    return _HARDWARE + bytes((number, number + index - _FIRST_INTERFACE))


def make_commands(world: World, wiring: Wiring) -> Iterator[Command]:
    """Yield what makes every station of a world, its addresses and routes, with all cables plugged in."""
    for name, station in sorted(world.stations.items()):
        interfaces = [
            [interface, index, hardware_of(name, index).hex()] for interface, index in wiring.of(name).items()
        ]
        yield [
            "station",
            name,
            {
                "interfaces": interfaces,
                "router": station.forwarding is Forwarding.ROUTER,
                "daemon": station.daemon is not None,
            },
        ]
        yield from address_commands(station, {}, wiring, world.topology)
        yield from route_commands(name, (), route_lines(station, wiring, world.topology))
    for plug, link in sorted(world.topology.plugged.items()):
        yield plug_command(plug, link)


def plug_command(plug: Plug, link: str | None) -> Command:
    """Return the command that puts a cable into a link, or pulls it out."""
    return ["plug", plug.station, plug.interface, link]


def address_commands(
    station: Station, before: Mapping[Any, AddressKind], wiring: Wiring, topology: Topology
) -> Iterator[Command]:
    """Yield what turns the addresses that there were into those that the station has."""
    now = station.node.addresses
    for address in sorted(set(before) - set(now)):
        index = _index_for(station.name, address, wiring, topology)
        yield request(station.name, "route", address_request(Change.REMOVE, index, address))
    for address in sorted(set(now) - set(before)):
        assert isinstance(address, IPv6Address)
        index = _index_for(station.name, address, wiring, topology)
        home = now[address] is AddressKind.HOME
        yield request(station.name, "route", address_request(Change.MAKE, index, address, home=home))


def _index_for(station: str, address: IPv6Address, wiring: Wiring, topology: Topology) -> int:
    """Return the interface whose link an address belongs to, the first one for any other address."""
    for plug, index in wiring.indexes.items():
        link = topology.link_of(plug)
        if plug.station == station and link is not None and address in link.prefix:
            return index
    return min(wiring.of(station).values())


def router_command(
    station: str, router: IPv6Address, wiring: Wiring, topology: Topology
) -> Iterator[Command]:
    """Yield what tells a station the hardware address of the router that it hears.

    A router advertisement brings it, so that the station need not ask.
    """
    for plug, index in wiring.indexes.items():
        link = topology.link_of(plug)
        if plug.station != station or link is None or link.router != router:
            continue
        for other in topology.on(link.name):
            if other.station in ROUTERS:
                hardware = hardware_of(other.station, wiring.indexes[other])
                yield request(station, "route", neighbour_request(index, router, hardware))


def route_lines(station: Station, wiring: Wiring, topology: Topology) -> tuple[RouteLine, ...]:
    """Return the main table of a station, lines without a gateway first."""
    indexes = wiring.of(station.name)
    lines = {
        RouteLine(route.prefix, indexes[route.interface], route.gateway)
        for route in routes_of(station, topology)
    }
    return tuple(sorted(lines, key=lambda line: (line.gateway is not None, line.prefix, line.index)))


def route_commands(station: str, before: Iterable[RouteLine], now: Iterable[RouteLine]) -> Iterator[Command]:
    """Yield what turns one main table into another; routes over gateways go first and come last."""
    before, now = tuple(before), tuple(now)
    for line in reversed(before):
        if line not in now:
            yield request(station, "route", route_request(Change.REMOVE, line))
    for line in now:
        if line not in before:
            yield request(station, "route", route_request(Change.MAKE, line))


def request(station: str, family: str, frame: bytes) -> Command:
    """Return the command that sends a netlink request in a station; its answer is an error number."""
    return ["request", station, family, frame.hex()]
