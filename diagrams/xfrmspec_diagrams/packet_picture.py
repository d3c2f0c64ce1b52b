"""A packet as a picture: its headers in wire order, a frame for each IP packet in it, and the first fault."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address
from itertools import pairwise

from xfrmspec.wire.chain import element_of, header_sizes
from xfrmspec.wire.options import home_address_header
from xfrmspec_diagrams.ir import Arrangement, Cluster, Edge, Graph, Label, Node, Tone
from xfrmspec_diagrams.packet_fields import header_lines, header_title
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    EspHeader,
    IPCompHeader,
    IPv4Header,
    IPv6Header,
    Malformed,
    MobilityHeader,
    Packet,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.packet import Header

_PAYLOAD = "payload"
_FAULT = "fault"
_READ = "read"
_SECURED = (EspHeader, AuthenticationHeader, IPCompHeader)
_CLAUSE = "XFRM-PKT-001"
_SECURED_CLAUSE = "XFRM-ESP-001"
_FAULT_CLAUSE = "XFRM-PKT-004"


def packet_picture(
    packet: Packet | Malformed, title: str = "A packet", read: WireHeader | None = None
) -> Graph:
    """Draw the headers of a packet with their sizes and fields in octets, outermost first.

    Each IP header opens a frame, so a tunnel shows the packet inside. Of malformed octets the headers before
    the fault are drawn, and the fault behind them. `read` is what the receiver found behind ESP, drawn in a
    frame of its own. Source: XFRM-PKT-001, XFRM-PKT-004, XFRM-ESP-001.
    """
    payload = packet.payload if isinstance(packet, Packet) else b""
    sizes = header_sizes(packet.headers, payload)
    nodes = _header_nodes(packet.headers, sizes)
    size = sum(sizes) + len(payload)
    if isinstance(packet, Malformed):
        nodes.append(Node(_FAULT, ("no packet", str(packet)), Tone.BAD))
    elif payload:
        nodes.append(Node(_PAYLOAD, (_PAYLOAD, f"{len(payload)} octets at {sum(sizes)}"), Tone.STATE))
    notes = (f"{size} octets in all." if isinstance(packet, Packet) else f"{packet}.",)
    edges = tuple(_edge(packet, before, after) for before, after in pairwise(nodes))
    frames = _frames(packet.headers, nodes)
    if read is None:
        return Graph(title, tuple(nodes), edges, frames, notes)
    found = Node(_READ, (header_title(read), *header_lines(read)), _tone(read))
    opened = Edge(nodes[-1].key, _READ, (Label("holds, encrypted", _SECURED_CLAUSE),))
    behind = Cluster("behind ESP", (_READ,))
    return Graph(title, (*nodes, found), (*edges, opened), (*frames, behind), notes)


def _header_nodes(headers: Sequence[WireHeader], sizes: Sequence[int]) -> list[Node]:
    nodes, place = [], 0
    for number, (header, size) in enumerate(zip(headers, sizes, strict=True)):
        where = f"{size} octets at {place}" if size else "no header of its own"
        lines = (header_title(header), where, *header_lines(header))
        nodes.append(Node(f"header {number}", lines, _tone(header)))
        place += size
    return nodes


def _tone(header: WireHeader) -> Tone:
    if isinstance(header, IPv6Header | IPv4Header):
        return Tone.START
    if isinstance(header, _SECURED):
        return Tone.MAIN
    moved = element_of(header) in (Header.HAO, Header.RT2)
    return Tone.SUB if moved else Tone.STATE


def _edge(packet: Packet | Malformed, before: Node, after: Node) -> Edge:
    if after.key == _FAULT:
        return Edge(before.key, after.key, (Label("reads on", _FAULT_CLAUSE),))
    if after.key == _PAYLOAD:
        return Edge(before.key, after.key, (Label("carries", _CLAUSE),))
    opens = isinstance(packet.headers[int(after.key.split()[1])], IPv6Header | IPv4Header)
    return Edge(before.key, after.key, (Label("carries" if opens else "names", _CLAUSE),))


def _frames(headers: Sequence[WireHeader], nodes: Sequence[Node]) -> tuple[Cluster, ...]:
    starts = [i for i, header in enumerate(headers) if isinstance(header, IPv6Header | IPv4Header)]
    ends = [*starts[1:], len(nodes)]
    keys = [node.key for node in nodes]
    titles = ["on the wire", *(f"inside, level {level}" for level in range(1, len(starts)))]
    return tuple(
        Cluster(title, tuple(keys[start:end]), Arrangement.COLUMN)
        for title, start, end in zip(titles, starts, ends, strict=False)
    )


_HOME, _CARE_OF, _AGENT, _PEER = (
    IPv6Address(text) for text in ("2001:db8:100::a1", "2001:db8:a0::5", "2001:db8:100::1", "2001:db8:b::9")
)
_UPDATE = Packet(
    (
        IPv6Header(_CARE_OF, _AGENT),
        home_address_header(_HOME),
        MobilityHeader(5, bytes.fromhex("0007c000000a01020000")),
    )
)
_TUNNELLED = Packet(
    (
        IPv6Header(_CARE_OF, _AGENT, traffic_class=0xB8),
        AuthenticationHeader(0x1000, 7, bytes(12)),
        IPv6Header(_HOME, _PEER, traffic_class=0xB8),
        UdpHeader(4001, 4002),
    ),
    bytes(120),
)
_ROUTED = Packet(
    (
        IPv6Header(_CARE_OF, _AGENT),
        Type2RoutingHeader(_PEER),
        home_address_header(_HOME),
        EspHeader(0x1001, 9),
    ),
    bytes(60),
)

SAMPLES = {
    "packet-binding-update": (_UPDATE, "A binding update on the wire"),
    "packet-route-optimised": (_ROUTED, "Two mobile nodes, ESP inside"),
    "packet-tunnel": (_TUNNELLED, "A tunnel of the authentication header"),
}
"""Packets of the gallery with their titles."""
