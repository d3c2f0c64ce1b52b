"""From packets with octets to the header chains by which placement and campaigns speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from xfrmspec.wire.encode import encode_behind
from xfrmspec.wire.options import is_home_address
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    FragmentHeader,
    HopByHopHeader,
    IcmpHeader,
    IcmpV6Header,
    IPCompHeader,
    IPv4Header,
    IPv6Header,
    MobilityHeader,
    Packet,
    RoutingHeader,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.packet import ChainElement, Header, UpperLayer, upper_header

_TYPE_2 = 2

_ELEMENTS: Mapping[type, Header] = {
    IPv6Header: Header.IP,
    IPv4Header: Header.IP,
    HopByHopHeader: Header.HOP_BY_HOP,
    Type2RoutingHeader: Header.RT2,
    FragmentHeader: Header.FRAGMENT,
    AuthenticationHeader: Header.AH,
    EspHeader: Header.ESP,
    IPCompHeader: Header.IPCOMP,
    MobilityHeader: Header.MOBILITY,
    UdpHeader: Header.UDP,
    TcpHeader: Header.TCP,
    IcmpV6Header: Header.ICMPV6,
    IcmpHeader: Header.ICMP,
}


def element_of(header: WireHeader) -> ChainElement:
    """Return the chain element that names one header; a home address option makes its header HAO."""
    if isinstance(header, UpperLayer):
        return upper_header(header.protocol)
    if isinstance(header, DestinationOptionsHeader):
        carried = any(is_home_address(option) for option in header.options)
        return Header.HAO if carried else Header.DESTINATION_OPTIONS
    if isinstance(header, RoutingHeader):
        return Header.RT2 if header.type == _TYPE_2 else Header.ROUTING
    return _ELEMENTS[type(header)]


@clause("XFRM-PKT-001")
def chain_of(packet: Packet) -> tuple[ChainElement, ...]:
    """Return the header chain of a packet, outermost first, without its outermost IP header."""
    return tuple(map(element_of, packet.headers[1:]))


def header_sizes(headers: Sequence[WireHeader], payload: bytes = b"") -> tuple[int, ...]:
    """Return how many octets each header has on the wire; the payload is what stands behind the last."""
    ends = range(len(headers) + 1)
    left = [len(encode_behind(headers[:at], headers[at:], payload)) for at in ends]
    return tuple(size - behind for size, behind in pairwise(left))
