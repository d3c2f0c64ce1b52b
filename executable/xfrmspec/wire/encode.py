"""Packets as octets: lengths, next headers and checksums are computed unless the packet says otherwise."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xfrmspec.wire.checksum import final_addresses, internet_checksum, udp_checksum, upper_checksum
from xfrmspec.wire.options import option_octets
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
    OptionsHeader,
    Packet,
    RoutingHeader,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.selector import Protocol

_NUMBERS: Mapping[type, int] = {
    IPv6Header: Protocol.IPV6,
    IPv4Header: Protocol.IPIP,
    HopByHopHeader: Protocol.HOP_BY_HOP,
    DestinationOptionsHeader: Protocol.DESTINATION_OPTIONS,
    Type2RoutingHeader: Protocol.ROUTING,
    RoutingHeader: Protocol.ROUTING,
    FragmentHeader: Protocol.FRAGMENT,
    AuthenticationHeader: Protocol.AH,
    EspHeader: Protocol.ESP,
    IPCompHeader: Protocol.IPCOMP,
    MobilityHeader: Protocol.MOBILITY,
    UdpHeader: Protocol.UDP,
    TcpHeader: Protocol.TCP,
    IcmpV6Header: Protocol.ICMPV6,
    IcmpHeader: Protocol.ICMP,
}


def protocol_of(header: WireHeader) -> int:
    """Return the protocol number by which the header before names this one."""
    return header.protocol if isinstance(header, UpperLayer) else _NUMBERS[type(header)]


@clause("XFRM-PKT-001")
def encode(packet: Packet) -> bytes:
    """Return the octets of a packet, big-endian throughout.

    ValueError for a chain without an IP header at its start or an upper header at its end, for a header
    whose parts do not fill their units without an explicit length, and for a value too large for its field.
    """
    _require_chain(packet.headers)
    return encode_behind((), packet.headers, packet.payload)


def encode_behind(before: Sequence[WireHeader], headers: Sequence[WireHeader], payload: bytes) -> bytes:
    """Return the octets of headers and payload that stand behind other headers; ValueError as in encode."""
    octets, behind = payload, int(Protocol.NO_NEXT_HEADER)
    for index in range(len(headers) - 1, -1, -1):
        header = headers[index]
        link = _LINKS.get(type(header))
        try:
            if link is not None:
                octets = link(header, behind, octets)
            elif not isinstance(header, UpperLayer):
                octets = _UPPER[type(header)](header, (*before, *headers[:index]), octets)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{type(header).__name__} has a value that does not fit: {error}") from error
        behind = protocol_of(header)
    return octets


def _require_chain(headers: Sequence[WireHeader]) -> None:
    if not headers or not isinstance(headers[0], IPv6Header | IPv4Header):
        raise ValueError("a packet begins with an IP header")
    for position, header in enumerate(headers, 1):
        ends = type(header) not in _LINKS
        if ends != (position == len(headers)):
            place = "ends without an upper header" if not ends else "goes on"
            raise ValueError(f"a packet {place} behind {type(header).__name__}")


def _given(explicit: int | None, computed: int) -> int:
    return computed if explicit is None else explicit


@clause("XFRM-PKT-002")
def _units(octets: bytes, unit: int, explicit: int | None, name: str) -> int:
    """Return how many whole units the octets fill; an explicit length stands for itself."""
    if explicit is None and len(octets) % unit:
        raise ValueError(f"{name} has {len(octets)} octets, which is no multiple of {unit}; pad it")
    return len(octets) // unit


def _ipv6(header: IPv6Header, behind: int, body: bytes) -> bytes:
    word = (6 << 28) | _bits(header.traffic_class, 8) << 20 | _bits(header.flow_label, 20)
    length = _given(header.payload_length, len(body))
    following = _given(header.next_header, behind)
    head = struct.pack(">IHBB", word, length, following, header.hop_limit)
    return head + header.source.packed + header.destination.packed + body


def _bits(value: int, width: int) -> int:
    if value >> width:
        raise OverflowError(f"{value} has more than {width} bits")
    return value


def _ipv4(header: IPv4Header, behind: int, body: bytes) -> bytes:
    words = _units(header.options, 4, header.header_length, "IPv4 options") + 5
    head = struct.pack(
        ">BBHHHBBH",
        4 << 4 | _bits(_given(header.header_length, words), 4),
        header.type_of_service,
        _given(header.total_length, 20 + len(header.options) + len(body)),
        header.identification,
        _bits(header.flags, 3) << 13 | _bits(header.fragment_offset, 13),
        header.time_to_live,
        _given(header.protocol, behind),
        0,
    )
    tail = header.source.packed + header.destination.packed + header.options
    checksum = _given(header.checksum, internet_checksum(head + tail))
    return head[:10] + struct.pack(">H", checksum) + tail + body


def _options(header: OptionsHeader, behind: int, body: bytes) -> bytes:
    options = b"".join(map(option_octets, header.options))
    following = _given(header.next_header, behind)
    units = _units(bytes(2) + options, 8, header.length, type(header).__name__)
    return struct.pack(">BB", following, _given(header.length, units - 1)) + options + body


def _type2_routing(header: Type2RoutingHeader, behind: int, body: bytes) -> bytes:
    following, length = _given(header.next_header, behind), _given(header.length, 2)
    head = struct.pack(">BBBBI", following, length, 2, header.segments_left, header.reserved)
    return head + header.address.packed + body


def _routing(header: RoutingHeader, behind: int, body: bytes) -> bytes:
    units = _units(bytes(4) + header.octets, 8, header.length, "RoutingHeader")
    following, length = _given(header.next_header, behind), _given(header.length, units - 1)
    head = struct.pack(">BBBB", following, length, header.type, header.segments_left)
    return head + header.octets + body


def _fragment(header: FragmentHeader, behind: int, body: bytes) -> bytes:
    field = _bits(header.offset, 13) << 3 | _bits(header.reserved_bits, 2) << 1 | header.more.value
    following = _given(header.next_header, behind)
    return struct.pack(">BBHI", following, header.reserved, field, header.identification) + body


def _authentication(header: AuthenticationHeader, behind: int, body: bytes) -> bytes:
    words = _units(header.icv, 4, header.length, "ICV of AuthenticationHeader") + 3
    following, length = _given(header.next_header, behind), _given(header.length, words - 2)
    head = struct.pack(">BBHII", following, length, header.reserved, header.spi, header.sequence)
    return head + header.icv + body


_Before = Sequence[WireHeader]


def _esp(header: EspHeader, before: _Before, body: bytes) -> bytes:
    return struct.pack(">II", header.spi, header.sequence) + body


def _ipcomp(header: IPCompHeader, before: _Before, body: bytes) -> bytes:
    return struct.pack(">BBH", header.protocol, header.flags, header.cpi) + body


@clause("XFRM-PKT-005")
def _mobility(header: MobilityHeader, before: _Before, body: bytes) -> bytes:
    units = _units(bytes(6) + header.data, 8, header.length, "MobilityHeader")
    length = _given(header.length, units - 1)
    head = struct.pack(">BBBB", header.payload_protocol, length, header.type, header.reserved)
    octets = head + bytes(2) + header.data + body
    return _with_checksum(octets, 4, header.checksum, before, Protocol.MOBILITY)


def _udp(header: UdpHeader, before: _Before, body: bytes) -> bytes:
    length = _given(header.length, 8 + len(body))
    octets = struct.pack(">HHHH", header.source_port, header.destination_port, length, 0) + body
    checksum = header.checksum
    if checksum is None:
        checksum = udp_checksum(final_addresses(before), octets)
    return octets[:6] + struct.pack(">H", checksum) + octets[8:]


def _tcp(header: TcpHeader, before: _Before, body: bytes) -> bytes:
    words = _units(header.options, 4, header.data_offset, "TCP options") + 5
    offset = _bits(_given(header.data_offset, words), 4)
    head = struct.pack(
        ">HHIIHHHH",
        header.source_port,
        header.destination_port,
        header.sequence,
        header.acknowledgment,
        offset << 12 | _bits(header.flags, 12),
        header.window,
        0,
        header.urgent,
    )
    octets = head + header.options + body
    return _with_checksum(octets, 16, header.checksum, before, Protocol.TCP)


def _icmpv6(header: IcmpV6Header, before: _Before, body: bytes) -> bytes:
    octets = struct.pack(">BBH4s", header.type, header.code, 0, _four(header.body)) + body
    return _with_checksum(octets, 2, header.checksum, before, Protocol.ICMPV6)


def _icmp(header: IcmpHeader, before: _Before, body: bytes) -> bytes:
    octets = struct.pack(">BBH4s", header.type, header.code, 0, _four(header.body)) + body
    checksum = _given(header.checksum, internet_checksum(octets))
    return octets[:2] + struct.pack(">H", checksum) + octets[4:]


def _four(body: bytes) -> bytes:
    if len(body) != 4:
        raise ValueError(f"the body of an ICMP header has four octets, not {len(body)}")
    return body


@clause("XFRM-PKT-003")
def _with_checksum(octets: bytes, place: int, explicit: int | None, before: _Before, protocol: int) -> bytes:
    """Put the checksum at its place, where the octets hold zero."""
    checksum = explicit
    if checksum is None:
        checksum = upper_checksum(final_addresses(before), protocol, octets)
    return octets[:place] + struct.pack(">H", checksum) + octets[place + 2 :]


_LINKS: Mapping[type, Callable[[Any, int, bytes], bytes]] = {
    IPv6Header: _ipv6,
    IPv4Header: _ipv4,
    HopByHopHeader: _options,
    DestinationOptionsHeader: _options,
    Type2RoutingHeader: _type2_routing,
    RoutingHeader: _routing,
    FragmentHeader: _fragment,
    AuthenticationHeader: _authentication,
}

_UPPER: Mapping[type, Callable[[Any, _Before, bytes], bytes]] = {
    EspHeader: _esp,
    IPCompHeader: _ipcomp,
    MobilityHeader: _mobility,
    UdpHeader: _udp,
    TcpHeader: _tcp,
    IcmpV6Header: _icmpv6,
    IcmpHeader: _icmp,
}
