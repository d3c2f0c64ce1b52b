"""A packet on its way out of a station: XFRM, then a tunnel or a link."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.host.departures import with_hop_taken
from xfrmspec.host.leaving import Left, leave, sent_flow
from xfrmspec.wire.encode import encode
from xfrmspec.wire.tunnel import TunnelEnds, encapsulate
from xfrmspec.world.handled import Handled, Lost
from xfrmspec.world.links import Topology
from xfrmspec.world.reporting import used_to_send
from xfrmspec.world.routing import neighbour_for, tunnel_for
from xfrmspec.world.station import Frame, Station, Tunnel
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, Wanted
from xfrmspec_terms.headers import DEFAULT_HOP_LIMIT, IPv6Header, Packet
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Flow
from xfrmspec_terms.state import StateEvent

TUNNELS_IN_ONE_ANOTHER = "tunnels in one another"
"""Why a packet is dropped that goes round in a circle of tunnels."""
_DEEPEST = 4


@clause("XFRM-WORLD-004")
def send(station: Station, topology: Topology, packet: Packet, now: int) -> Handled:
    """Send a packet of the station's own at `now` (milliseconds)."""
    return _out(station, topology, packet, sent_flow(packet), now, 0)


@clause("XFRM-WORLD-005")
def forward(station: Station, topology: Topology, packet: Packet, flow: Flow, now: int) -> Handled:
    """Send on a packet for somebody else that the check of direction FWD let through."""
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    if outer.hop_limit <= 1:
        return Handled(station, losses=(Lost(station.name, "the hop limit is used up", packet),))
    return _out(station, topology, with_hop_taken(packet), flow, now, 0)


def _out(station: Station, topology: Topology, packet: Packet, flow: Flow, now: int, depth: int) -> Handled:
    drawn = _Drawing(station)
    left = leave(station.node, packet, flow, now // SECOND, drawn)
    station = replace(drawn.station, node=left.node)
    applied = () if left.emitted is None else (one.state for one in left.emitted.applied)
    told = (*map(_wanted, _triggers(left)), *used_to_send(station, applied))
    if left.packet is None:
        lost = Lost(station.name, left.decision.decision.value, packet, left.counter)
        return Handled(station.counting(left.counter), told=told, losses=(lost,))
    gone = _onto_route(station, topology, left.packet, now, depth)
    return replace(gone, told=told + gone.told)


class _Drawing:
    """Octets by chance out of a station's entropy, which they use up."""

    def __init__(self, station: Station) -> None:
        self.station = station

    def __call__(self, size: int) -> bytes:
        octets, entropy = self.station.entropy.take(size)
        self.station = replace(self.station, entropy=entropy)
        return octets


def _triggers(left: Left) -> tuple[StateEvent, ...]:
    """Return the acquires that a Mobile IPv6 daemon waits for."""
    return tuple(
        event
        for event in left.acquired
        if event.state is not None and event.state.mode in (Mode.IN_TRIGGER, Mode.RO)
    )


def _wanted(event: StateEvent) -> Wanted:
    assert event.state is not None
    return Wanted(event.state.destination)  # type: ignore[arg-type]


def _onto_route(station: Station, topology: Topology, packet: Packet, now: int, depth: int) -> Handled:
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    tunnel = tunnel_for(station, outer)
    if tunnel is not None and depth < _DEEPEST:
        return _into_tunnel(station, topology, tunnel, packet, now, depth)
    found = neighbour_for(station, topology, outer.destination)
    if found is None or tunnel is not None:
        why = "no route" if tunnel is None else TUNNELS_IN_ONE_ANOTHER
        return Handled(station, losses=(Lost(station.name, why, packet),))
    return Handled(station, frames=(Frame(found.link, found.address, encode(packet)),))


def _into_tunnel(
    station: Station, topology: Topology, tunnel: Tunnel, packet: Packet, now: int, depth: int
) -> Handled:
    ends = TunnelEnds(tunnel.local, tunnel.remote, DEFAULT_HOP_LIMIT)
    wrapped = encapsulate(packet, len(encode(packet)), ends)
    return _out(station, topology, wrapped, sent_flow(_outermost(wrapped)), now, depth + 1)


def _outermost(wrapped: Packet) -> Packet:
    """Return a packet of the outer header and the IP header that is its upper layer."""
    return Packet(wrapped.headers[:2])
