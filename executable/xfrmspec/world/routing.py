"""Where a packet goes once XFRM is done with it: into a tunnel, or onto a link to a neighbour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.world.links import Plug, Topology
from xfrmspec.world.station import Route, Station, Tunnel, TunnelEnd
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IPv6Header

_EVERYWHERE = IPv6Network("::/0")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour on a link, by its address there."""

    link: str
    address: IPv6Address


@clause("XFRM-WORLD-004")
def tunnel_for(station: Station, outer: IPv6Header) -> Tunnel | None:
    """Return the plain tunnel that a packet with this header goes into, or None."""
    for home, tunnel in sorted(station.tunnels.items()):
        at_mobile_node = tunnel.end is TunnelEnd.MOBILE_NODE
        if home == (outer.source if at_mobile_node else outer.destination):
            return tunnel
    return None


@clause("XFRM-WORLD-002")
def neighbour_for(station: Station, topology: Topology, destination: IPv6Address) -> Neighbour | None:
    """Return the neighbour that a packet is given to, None if no route leads anywhere.

    The longest prefix wins; an interface without a route of the node's own uses the link's prefix and router.
    """
    found = [route for route in routes_of(station, topology) if destination in route.prefix]
    if not found:
        return None
    best = max(found, key=lambda route: route.prefix.prefixlen)
    link = topology.link_of(Plug(station.name, best.interface))
    return None if link is None else Neighbour(link.name, best.gateway or destination)


def routes_of(station: Station, topology: Topology) -> Iterator[Route]:
    """Yield the node's routes through plugged interfaces: its own, those on-link, and by default routers."""
    mine = [plug for plug in sorted(topology.plugged) if plug.station == station.name]
    interfaces = {plug.interface for plug in mine}
    yield from (route for route in station.routes if route.interface in interfaces)
    for plug in mine:
        link = topology.link_of(plug)
        assert link is not None
        yield Route(link.prefix, plug.interface)
        if not station.owns(link.router):
            yield Route(_EVERYWHERE, plug.interface, link.router)
