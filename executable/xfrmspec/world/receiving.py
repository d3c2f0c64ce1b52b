"""A packet on its way into a station: XFRM, its check, and then an upper layer, a tunnel, or another link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec.host.delivery import check_arrived, flow_of
from xfrmspec.host.node import AddressKind, Node, RoutingHeaders
from xfrmspec.host.receiving import Arrived, Fate, receive
from xfrmspec.wire.decode import decode_quoted
from xfrmspec.wire.encode import encode
from xfrmspec.world.answering import Complaint, complain
from xfrmspec.world.handled import Handled, Lost
from xfrmspec.world.judging import refused_early
from xfrmspec.world.links import ALL_NODES, Topology
from xfrmspec.world.reporting import care_of_on_the_wire, report, used_to_receive
from xfrmspec.world.sending import forward
from xfrmspec.world.station import Delivery, Forwarding, Station
from xfrmspec.world.upper import Context, hear
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, Path
from xfrmspec_terms.headers import IPv6Header, Packet, Type2RoutingHeader
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode
from xfrmspec_terms.selector import Protocol

_NANOSECONDS = 1_000_000
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when a packet arrives, in milliseconds, and out of how many plain tunnels it came.

    `number` tells packets of one millisecond apart, as the clock of a kernel does.
    """

    topology: Topology
    now: int
    depth: int = 0
    number: int = 0

    @property
    def stamp(self) -> int:
        """Return the receive time in nanoseconds."""
        return self.now * _NANOSECONDS + self.number % _NANOSECONDS


@clause("XFRM-WORLD-005")
def take(station: Station, octets: bytes, setting: Setting) -> Handled:
    """Take a packet from a link."""
    arrived = receive(_listening(station.node), octets, setting.now // SECOND)
    station = replace(station, node=replace(arrived.node, addresses=station.node.addresses))
    if arrived.fate is Fate.LOCAL:
        return _checked(station, arrived, setting)
    if arrived.fate is Fate.FORWARD:
        return _for_others(station, arrived, setting)
    lost = Lost(station.name, arrived.fate.value, arrived.packet, arrived.counter)
    dropped = Handled(station.counting(arrived.counter), losses=(lost,))
    return dropped.then(_answered(dropped.station, octets, arrived, setting))


@clause("XFRM-WORLD-012")
def _answered(station: Station, octets: bytes, arrived: Arrived, setting: Setting) -> Handled:
    """Answer what the input loop refused."""
    outer = decode_quoted(octets)[:1]
    if arrived.answer is None or not outer or not isinstance(outer[0], IPv6Header):
        return Handled(station)
    complaint = Complaint(arrived.answer, outer[0].destination, outer[0].source, octets)
    return complain(station, setting.topology, complaint, setting.now)


def _listening(node: Node) -> Node:
    """Return the node as its input loop sees it: it listens to what is for all nodes."""
    return replace(node, addresses={**node.addresses, ALL_NODES: AddressKind.PLAIN})


def _checked(station: Station, arrived: Arrived, setting: Setting) -> Handled:
    """Check direction IN and give the packet to whom it is for."""
    early = refused_early(station, setting.topology, arrived.packet, setting.now)
    if early is not None:
        return early
    checked = check_arrived(arrived)
    station = station.counting(*checked.counters)
    if not checked.decision.accepted:
        reported = report(station, arrived, checked.decision, setting.stamp)
        lost = Lost(station.name, "the check of direction IN", arrived.packet, checked.decision.counter)
        return Handled(reported.station, told=reported.told, losses=(lost,))
    packet = arrived.packet
    assert packet is not None
    if isinstance(packet.headers[1 + arrived.processed], IPv6Header):
        return _out_of_tunnel(station, packet, 1 + arrived.processed, setting)
    used = Handled(station, told=used_to_receive(station, arrived.path))
    delivery = _delivery(station, packet, arrived.path)
    return used.then(hear(station, setting.topology, delivery, _context(arrived, setting)))


def _delivery(station: Station, packet: Packet, path: Sequence[SecurityAssociation]) -> Delivery:
    outer = _outer(packet)
    protected = any(state.mode is not Mode.RO for state in path)
    return Delivery(station.name, outer.source, outer.destination, packet, protected)


@clause("XFRM-WORLD-006")
def _context(arrived: Arrived, setting: Setting) -> Context:
    """Return what the daemon learns beside the message: care-of address, association, and way."""
    assert arrived.packet is not None
    tunnelled = setting.depth > 0 or any(state.mode in ENDPOINT_MODES for state in arrived.path)
    secured = [state for state in arrived.path if state.protocol in (Protocol.ESP, Protocol.AH)]
    return Context(
        setting.now,
        care_of_on_the_wire(arrived.packet),
        tuple(secured),
        Path.TUNNEL if tunnelled else Path.DIRECT,
    )


@clause("XFRM-WORLD-004")
def _out_of_tunnel(station: Station, packet: Packet, inner: int, setting: Setting) -> Handled:
    """Take the packet inside a plain tunnel as if it came from a link, without its sec_path.

    The kernel forgets the sec_path there (skb_scrub_packet), and asks for a tunnel of these two ends.
    """
    outer = _outer(packet)
    ends = {(tunnel.local, tunnel.remote) for tunnel in station.tunnels.values()}
    if (outer.destination, outer.source) not in ends:
        lost = Lost(station.name, "no tunnel has these ends", packet, Counter.IN_HEADER_ERROR)
        return Handled(station.counting(lost.counter), losses=(lost,))
    if setting.depth >= _DEEPEST:
        return Handled(station, losses=(Lost(station.name, "tunnels in one another", packet),))
    unwrapped = encode(Packet(packet.headers[inner:], packet.payload))
    return take(station, unwrapped, replace(setting, depth=setting.depth + 1))


@clause("XFRM-WORLD-005")
def _for_others(station: Station, arrived: Arrived, setting: Setting) -> Handled:
    """Forward a packet, or drop it at a host; a proxied address counts as somebody else's."""
    packet = arrived.packet
    assert packet is not None
    proxied = _outer(packet).destination in station.proxies or _is_led_on(station, packet)
    if station.forwarding is Forwarding.HOST and not proxied:
        return Handled(station, losses=(Lost(station.name, "not for this host", packet),))
    decision = check_arrived(arrived).decision
    station = station.counting(decision.counter)
    if not decision.accepted:
        reported = report(station, arrived, decision, setting.stamp)
        lost = Lost(station.name, "the check of direction FWD", packet, decision.counter)
        return Handled(reported.station, told=reported.told, losses=(lost,))
    flow = flow_of(packet, arrived.processed, station.node.profile)
    return forward(station, setting.topology, packet, flow, setting.now)


@clause("XFRM-WORLD-011")
def _is_led_on(station: Station, packet: Packet) -> bool:
    """Tell whether a routing header leads a packet on from here, which needs the defence against it off."""
    followed = (
        header.segments_left == 0 for header in packet.headers if isinstance(header, Type2RoutingHeader)
    )
    return station.node.routing_headers is RoutingHeaders.ANY_ADDRESS and any(followed)


def _outer(packet: Packet) -> IPv6Header:
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    return outer
