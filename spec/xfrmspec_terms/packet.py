"""Header kinds of an IPv6 packet, outermost first, and the names users see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xfrmspec_terms.selector import Protocol


class Header(Enum):
    """One header of a chain after the outermost IP header; the value is its printed name."""

    HOP_BY_HOP = "HBH"
    DESTINATION_OPTIONS = "DSTOPT"
    ROUTING = "RH"
    RT2 = "RT2"
    HAO = "HAO"
    FRAGMENT = "FRAG"
    AH = "AH"
    ESP = "ESP"
    IPCOMP = "IPCOMP"
    IP = "IP"
    MOBILITY = "MH"
    TCP = "TCP"
    UDP = "UDP"
    UDPLITE = "UDPLITE"
    SCTP = "SCTP"
    ICMP = "ICMP"
    ICMPV6 = "ICMPv6"
    GRE = "GRE"


@dataclass(frozen=True, slots=True)
class UpperLayer:
    """An upper-layer header that the specification has no name for, by protocol number (0..255)."""

    protocol: int


ChainElement = Header | UpperLayer

_UPPER_HEADERS = {
    Protocol.MOBILITY: Header.MOBILITY,
    Protocol.TCP: Header.TCP,
    Protocol.UDP: Header.UDP,
    Protocol.UDPLITE: Header.UDPLITE,
    Protocol.SCTP: Header.SCTP,
    Protocol.ICMP: Header.ICMP,
    Protocol.ICMPV6: Header.ICMPV6,
    Protocol.GRE: Header.GRE,
    Protocol.IPIP: Header.IP,
    Protocol.IPV6: Header.IP,
}

TRANSFORM_HEADERS = {
    Protocol.AH: Header.AH,
    Protocol.ESP: Header.ESP,
    Protocol.IPCOMP: Header.IPCOMP,
    Protocol.ROUTING: Header.RT2,
    Protocol.DESTINATION_OPTIONS: Header.HAO,
}
"""The header that a state of each protocol puts on the wire."""


def transform_name(protocol: Protocol) -> str:
    """Return what people call a transformation: HAO and RT2, not the numbers of their headers."""
    header = TRANSFORM_HEADERS.get(protocol)
    return header.value if header else protocol.name


def upper_header(protocol: int) -> ChainElement:
    """Return the chain element of an upper-layer protocol number."""
    if protocol in Protocol._value2member_map_:
        named = _UPPER_HEADERS.get(Protocol(protocol))
        if named is not None:
            return named
    return UpperLayer(protocol)


def header_name(element: ChainElement) -> str:
    """Return the printed name of one chain element."""
    return element.value if isinstance(element, Header) else f"PROTO-{element.protocol}"
