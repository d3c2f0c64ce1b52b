"""What a daemon does, as commands to the station in the guest."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.host.node import AddressKind
from xfrmspec.kernel.netlink import Message, RequestFlag, encode, frame
from xfrmspec.kernel.operations import operation_message
from xfrmspec.kernel.world_rtnetlink import (
    Change,
    RouteLine,
    close_tunnel_request,
    move_tunnel_request,
    open_tunnel_request,
    proxy_request,
    route_request,
    rule_request,
)
from xfrmspec.kernel.world_setup import Command, Wiring, hardware_of, request
from xfrmspec.mipv6.recipes.terms import (
    CloseTunnel,
    HostOperation,
    MoveTunnel,
    OpenTunnel,
    RecipeOperation,
    StandAside,
    StandIn,
)
from xfrmspec.wire.encode import encode as encode_packet
from xfrmspec.world.links import ALL_NODES, Topology
from xfrmspec.world.station import Station
from xfrmspec.world.telling import packet_of
from xfrmspec_terms.daemon import Say
from xfrmspec_terms.headers import DEFAULT_HOP_LIMIT, Packet
from xfrmspec_terms.selector import Protocol

FIRST_TUNNEL = 1000
PING = -1
"""Stands for the socket that reads the replies to echo requests."""
_FIRST_TABLE = 100
_RULE_PRIORITY = 1000
_EVERYWHERE = IPv6Network("::/0")
_IPV6_OCTETS = 40
_ROUTING_HEADER = 57
_ADVERTISEMENT = bytes((136, 0, 0, 0, 0x20, 0, 0, 0))
_TARGET_LINK_LAYER = bytes((2, 1))
_TYPE_2_ROUTING = bytes((0, 2, 2, 1, 0, 0, 0, 0))


def operation_commands(
    station: Station, operation: RecipeOperation, wiring: Wiring, topology: Topology
) -> Iterator[Command]:
    """Yield what carries an operation out."""
    if isinstance(operation, OpenTunnel | MoveTunnel | CloseTunnel | StandIn | StandAside):
        yield from _host_commands(station, operation, wiring, topology)
    else:
        yield message_command(station.name, operation_message(operation))


def message_command(station: str, message: Message) -> Command:
    """Return the command for one XFRM request."""
    octets = frame(message.kind, RequestFlag.REQUEST | RequestFlag.ACK, 0, encode(message))
    return request(station, "xfrm", octets)


def _host_commands(
    station: Station, operation: HostOperation, wiring: Wiring, topology: Topology
) -> Iterator[Command]:
    home = operation.home_address
    number = int(home) % 256
    index, name = FIRST_TUNNEL + number, f"tunnel{number}"
    match operation:
        case OpenTunnel(_, local, remote):
            opened = open_tunnel_request(index, name, local, remote, DEFAULT_HOP_LIMIT)
            yield request(station.name, "route", opened)
            yield from _tunnel_routes(station, home, index, Change.MAKE)
        case MoveTunnel(_, local, remote):
            moved = move_tunnel_request(index, local, remote, DEFAULT_HOP_LIMIT)
            yield request(station.name, "route", moved)
        case CloseTunnel():
            yield from _tunnel_routes(station, home, index, Change.REMOVE)
            yield request(station.name, "route", close_tunnel_request(index))
        case StandIn() | StandAside():
            change = Change.MAKE if isinstance(operation, StandIn) else Change.REMOVE
            on_link = home_link_index(station.name, home, wiring, topology)
            yield request(station.name, "route", proxy_request(change, on_link, home))
            if change is Change.MAKE:
                yield announcement_command(
                    station.name, home, station_address(station, topology, home), on_link
                )


def _tunnel_routes(station: Station, home: IPv6Address, index: int, change: Change) -> Iterator[Command]:
    """At a mobile node what comes from the home address goes in, at a home agent what goes to it."""
    if station.node.addresses.get(home) is not AddressKind.HOME:
        line = RouteLine(IPv6Network(home), index)
        yield request(station.name, "route", route_request(change, line))
        return
    table = _FIRST_TABLE + index - FIRST_TUNNEL
    yield request(station.name, "route", route_request(change, RouteLine(_EVERYWHERE, index, None, table)))
    yield request(station.name, "route", rule_request(change, home, table, _RULE_PRIORITY))


def home_link_index(station: str, home: IPv6Address, wiring: Wiring, topology: Topology) -> int:
    """Return the interface that a station has on the link of a home address; ValueError without one."""
    for plug, index in wiring.indexes.items():
        link = topology.link_of(plug)
        if plug.station == station and link is not None and home in link.prefix:
            return index
    raise ValueError(f"{station} has no interface on the link of {home}")


def station_address(station: Station, topology: Topology, home: IPv6Address) -> IPv6Address:
    """Return the address that a station has on the link of a home address."""
    for link in topology.links.values():
        if home in link.prefix:
            for address in station.node.addresses:
                if address in link.prefix:
                    return IPv6Address(str(address))
    raise ValueError(f"{station.name} has no address on the link of {home}")


def announcement_command(station: str, home: IPv6Address, source: IPv6Address, index: int) -> Command:
    """Return the command that tells all nodes on a link who takes packets for a home address from now on.

    Source: RFC 6275 10.4.1, 11.5.5; RFC 4861 4.4.
    """
    option = _TARGET_LINK_LAYER + hardware_of(station, index)
    payload = _ADVERTISEMENT + home.packed + option
    return send_command(station, Protocol.ICMPV6, source, ALL_NODES, payload, index=index)


def say_command(station: str, say: Say) -> Command:
    """Return the command that sends a mobility message from the daemon's socket."""
    packet = packet_of(say)
    payload = encode_packet(Packet((packet.headers[0], packet.headers[-1])))[_IPV6_OCTETS:]
    ancillary = []
    if say.routed_by is not None:
        ancillary = [[_ROUTING_HEADER, (_TYPE_2_ROUTING + say.routed_by.packed).hex()]]
    return send_command(
        station, Protocol.MOBILITY, say.source, say.destination, without_checksum(payload, 4), ancillary
    )


def without_checksum(payload: bytes, at: int) -> bytes:
    """Return a message whose checksum the socket is to fill in."""
    return payload[:at] + bytes(2) + payload[at + 2 :]


def send_command(
    station: str,
    protocol: int,
    source: IPv6Address,
    destination: IPv6Address,
    payload: bytes,
    ancillary: list[list[object]] | None = None,
    index: int = 0,
) -> Command:
    """Return the command that sends a message of a raw socket; `index` names an interface for multicast."""
    packet = {
        "protocol": int(protocol),
        "source": str(source),
        "destination": str(destination),
        "payload": payload.hex(),
        "with": ancillary or [],
        "index": index,
    }
    return ["send", station, packet]
