"""Octets as packets: every header, or the octet at which there is none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from xfrmspec.wire.checksum import final_addresses, internet_checksum, udp_checksum, upper_checksum
from xfrmspec.wire.options import read_options
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    Fault,
    FragmentHeader,
    HopByHopHeader,
    IcmpHeader,
    IcmpV6Header,
    IPCompHeader,
    IPv4Flags,
    IPv4Header,
    IPv6Header,
    Malformed,
    MobilityHeader,
    More,
    Packet,
    RoutingHeader,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import Option
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.selector import Protocol

_IPV6 = struct.Struct(">IHBB16s16s")
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_FRAGMENT = struct.Struct(">BBHI")
_AUTHENTICATION = struct.Struct(">BBHII")
_ROUTING_2 = struct.Struct(">BBBBI16s")
_ESP = struct.Struct(">II")
_IPCOMP = struct.Struct(">BBH")
_MOBILITY = struct.Struct(">BBBBH")
_UDP = struct.Struct(">HHHH")
_TCP = struct.Struct(">HHIIHHHH")
_ICMP = struct.Struct(">BBH4s")
_FLAG_SHIFT = 13
_OFFSET_MASK = 0x1FFF
_LEAST_AUTHENTICATION_WORDS = 3
_LEAST_OCTETS: Mapping[int, int] = {
    Protocol.AH: _AUTHENTICATION.size,
    Protocol.ESP: _ESP.size,
    Protocol.IPCOMP: _IPCOMP.size,
}
_TYPE_2 = 2
_TYPE_2_LENGTH = 2


class _BrokenError(Exception):
    """The octets end the packet here; decode turns this into Malformed."""

    def __init__(self, fault: Fault, offset: int) -> None:
        super().__init__(fault, offset)
        self.fault, self.offset = fault, offset


class _Extent(Enum):
    """Whether the octets should be one whole packet, were just received, or may be cut anywhere."""

    WHOLE = "whole"
    RECEIVED = "received"
    CUT = "cut"


class _Walk:
    """How far a packet has been read: the headers so far, and where the next one starts."""

    __slots__ = ("end", "extent", "headers", "octets", "place", "readers")

    def __init__(self, octets: bytes, extent: _Extent) -> None:
        self.octets, self.place, self.end, self.extent = octets, 0, len(octets), extent
        self.headers: list[WireHeader] = []
        self.readers: Mapping[int, _Reader] = _BEHIND_IPV6

    def need(self, count: int) -> int:
        """Return where the next header starts, having made sure of its first `count` octets."""
        if self.place + count > self.end:
            raise _BrokenError(Fault.TRUNCATED, self.end)
        return self.place

    def must_end(self, behind: int) -> None:
        """Make sure that the packet ends at this offset, as one of its lengths says."""
        if self.extent is _Extent.CUT or behind == self.end:
            return
        if behind > self.end:
            raise _BrokenError(Fault.TRUNCATED, self.end)
        raise _BrokenError(Fault.TRAILING, behind)

    def take(self, header: WireHeader, size: int, following: int | None) -> int | None:
        """Note a header of `size` octets and return the protocol behind it; None: payload."""
        self.headers.append(header)
        self.place += size
        return following

    def leave(self, protocol: int) -> int | None:
        """Leave the rest as payload of a protocol that is not looked into."""
        self.headers.append(UpperLayer(protocol))
        return None


_Reader = Callable[[_Walk], int | None]


@clause("XFRM-PKT-004")
def decode(octets: bytes) -> Packet | Malformed:
    """Read a whole IPv6 or IPv4 packet.

    What follows from the rest is None when it is right, so encode gives the same octets again.
    A fragment's rest, ESP and IPComp stay payload. A wrong checksum is no fault: it is kept as a number.
    """
    walk = _Walk(octets, _Extent.WHOLE)
    try:
        _read(walk)
    except _BrokenError as broken:
        return Malformed(broken.fault, broken.offset, tuple(walk.headers))
    return Packet(tuple(walk.headers), octets[walk.place :])


@clause("XFRM-RECV-001")
def decode_received(octets: bytes) -> Packet | Malformed:
    """Read a packet as far as a receiver does before it has verified anything.

    What is behind AH stays payload, and so does an AH, ESP or IPComp header that is not whole.
    """
    walk = _Walk(octets, _Extent.RECEIVED)
    try:
        _read(walk)
    except _BrokenError as broken:
        return Malformed(broken.fault, broken.offset, tuple(walk.headers))
    return Packet(tuple(walk.headers), octets[walk.place :])


def decode_quoted(octets: bytes) -> tuple[WireHeader, ...]:
    """Return the headers of a packet that an ICMP error quotes, as many as are whole.

    The quotation may be cut anywhere; a length or checksum that needs the missing part is kept as a number.
    """
    walk = _Walk(octets, _Extent.CUT)
    with suppress(_BrokenError):
        _read(walk)
    return tuple(walk.headers)


def _read(walk: _Walk) -> None:
    walk.need(1)
    version = walk.octets[0] >> 4
    if version not in (4, 6):
        raise _BrokenError(Fault.VERSION, 0)
    protocol: int | None = int(Protocol.IPV6 if version == 6 else Protocol.IPIP)
    while protocol is not None:
        reader = walk.readers.get(protocol)
        if reader is None or (walk.extent is _Extent.RECEIVED and _stays_unread(walk, protocol)):
            protocol = walk.leave(protocol)
        else:
            protocol = reader(walk)


def _stays_unread(walk: _Walk, protocol: int) -> bool:
    if walk.headers and isinstance(walk.headers[-1], AuthenticationHeader):
        return True
    left = walk.end - walk.place
    if protocol != Protocol.AH or left < _AUTHENTICATION.size:
        return left < _LEAST_OCTETS.get(protocol, 0)
    words = walk.octets[walk.place + 1] + 2
    return words < _LEAST_AUTHENTICATION_WORDS or left < 4 * words


def _unless(value: int, computed: int) -> int | None:
    """A field is None when it is what it should be."""
    return None if value == computed else value


def _ipv6(walk: _Walk) -> int | None:
    place = walk.need(40)
    word, length, following, hop_limit, source, destination = _IPV6.unpack_from(walk.octets, place)
    if word >> 28 != 6:
        raise _BrokenError(Fault.VERSION, place)
    walk.must_end(place + 40 + length)
    header = IPv6Header(
        IPv6Address(source),
        IPv6Address(destination),
        word >> 20 & 0xFF,
        word & 0xFFFFF,
        hop_limit,
        _unless(length, walk.end - place - 40),
    )
    walk.readers = _BEHIND_IPV6
    return walk.take(header, 40, following)


def _ipv4(walk: _Walk) -> int | None:
    place = walk.need(20)
    first, service, length, identification, fragment, ttl, protocol, checksum, source, destination = (
        _IPV4.unpack_from(walk.octets, place)
    )
    if first >> 4 != 4:
        raise _BrokenError(Fault.VERSION, place)
    size = 4 * (first & 0xF)
    if size < _IPV4.size or length < size:
        raise _BrokenError(Fault.LENGTH, place if size < _IPV4.size else place + 2)
    walk.need(size)
    walk.must_end(place + length)
    computed = internet_checksum(walk.octets[place : place + size], checksum)
    header = IPv4Header(
        IPv4Address(source),
        IPv4Address(destination),
        service,
        identification,
        IPv4Flags(fragment >> _FLAG_SHIFT),
        fragment & _OFFSET_MASK,
        ttl,
        walk.octets[place + 20 : place + size],
        total_length=_unless(length, walk.end - place),
        checksum=_unless(checksum, computed),
    )
    walk.readers = _BEHIND_IPV4
    walk.take(header, size, protocol)
    if header.fragment_offset or header.flags & IPv4Flags.MORE_FRAGMENTS:
        return walk.leave(protocol)
    return int(protocol)


def _options_of(walk: _Walk) -> tuple[tuple[Option, ...], int]:
    """Return the options of the next header and its size."""
    place = walk.need(8)
    size = 8 * (walk.octets[place + 1] + 1)
    walk.need(size)
    options = read_options(walk.octets, place + 2, place + size)
    if isinstance(options, int):
        raise _BrokenError(Fault.OPTION, options)
    return options, size


def _hop_by_hop(walk: _Walk) -> int | None:
    if not isinstance(walk.headers[-1], IPv6Header):
        raise _BrokenError(Fault.HOP_BY_HOP_PLACE, walk.place)
    options, size = _options_of(walk)
    return walk.take(HopByHopHeader(options), size, walk.octets[walk.place])


def _destination_options(walk: _Walk) -> int | None:
    options, size = _options_of(walk)
    return walk.take(DestinationOptionsHeader(options), size, walk.octets[walk.place])


def _routing(walk: _Walk) -> int | None:
    place = walk.need(8)
    following, length, kind, segments_left = walk.octets[place : place + 4]
    size = 8 * (length + 1)
    walk.need(size)
    header: Type2RoutingHeader | RoutingHeader
    if kind == _TYPE_2 and length == _TYPE_2_LENGTH:
        *_, reserved, address = _ROUTING_2.unpack_from(walk.octets, place)
        header = Type2RoutingHeader(IPv6Address(address), segments_left, reserved)
    else:
        header = RoutingHeader(kind, segments_left, walk.octets[place + 4 : place + size])
    return walk.take(header, size, following)


def _fragment(walk: _Walk) -> int | None:
    place = walk.need(8)
    following, reserved, field, identification = _FRAGMENT.unpack_from(walk.octets, place)
    more = More.FOLLOWS if field & 1 else More.LAST
    walk.take(FragmentHeader(field >> 3, more, identification, reserved, field >> 1 & 3), 8, following)
    if field >> 3 or more is More.FOLLOWS:
        return walk.leave(following)
    return int(following)


def _authentication(walk: _Walk) -> int | None:
    place = walk.need(12)
    following, length, reserved, spi, sequence = _AUTHENTICATION.unpack_from(walk.octets, place)
    if length + 2 < _LEAST_AUTHENTICATION_WORDS:
        raise _BrokenError(Fault.LENGTH, place + 1)
    size = 4 * (length + 2)
    walk.need(size)
    icv = walk.octets[place + 12 : place + size]
    return walk.take(AuthenticationHeader(spi, sequence, icv, reserved), size, following)


def _esp(walk: _Walk) -> None:
    spi, sequence = _ESP.unpack_from(walk.octets, walk.need(8))
    walk.take(EspHeader(spi, sequence), 8, None)


def _ipcomp(walk: _Walk) -> None:
    protocol, flags, cpi = _IPCOMP.unpack_from(walk.octets, walk.need(4))
    walk.take(IPCompHeader(protocol, cpi, flags), 4, None)


@clause("XFRM-PKT-005")
def _mobility(walk: _Walk) -> None:
    place = walk.need(8)
    payload_protocol, length, kind, reserved, checksum = _MOBILITY.unpack_from(walk.octets, place)
    size = 8 * (length + 1)
    walk.need(size)
    computed = upper_checksum(final_addresses(walk.headers), Protocol.MOBILITY, walk.octets[place:], checksum)
    data = walk.octets[place + 6 : place + size]
    header = MobilityHeader(kind, data, payload_protocol, reserved, checksum=_unless(checksum, computed))
    walk.take(header, size, None)


def _udp(walk: _Walk) -> None:
    place = walk.need(8)
    source, destination, length, checksum = _UDP.unpack_from(walk.octets, place)
    available = walk.end - place
    if length < _UDP.size:
        raise _BrokenError(Fault.LENGTH, place + 4)
    if length > available and walk.extent is not _Extent.CUT:
        raise _BrokenError(Fault.TRUNCATED, walk.end)
    computed = udp_checksum(final_addresses(walk.headers), walk.octets[place:], checksum)
    header = UdpHeader(source, destination, _unless(length, available), _unless(checksum, computed))
    walk.take(header, 8, None)


def _tcp(walk: _Walk) -> None:
    place = walk.need(20)
    source, destination, sequence, acknowledgment, bits, window, checksum, urgent = _TCP.unpack_from(
        walk.octets, place
    )
    size = 4 * (bits >> 12)
    if size < _TCP.size:
        raise _BrokenError(Fault.LENGTH, place + 12)
    walk.need(size)
    computed = upper_checksum(final_addresses(walk.headers), Protocol.TCP, walk.octets[place:], checksum)
    header = TcpHeader(
        source,
        destination,
        sequence,
        acknowledgment,
        bits & 0xFFF,
        window,
        urgent,
        walk.octets[place + 20 : place + size],
        checksum=_unless(checksum, computed),
    )
    walk.take(header, size, None)


def _icmpv6(walk: _Walk) -> None:
    place = walk.need(8)
    kind, code, checksum, body = _ICMP.unpack_from(walk.octets, place)
    computed = upper_checksum(final_addresses(walk.headers), Protocol.ICMPV6, walk.octets[place:], checksum)
    walk.take(IcmpV6Header(kind, code, body, _unless(checksum, computed)), 8, None)


def _icmp(walk: _Walk) -> None:
    place = walk.need(8)
    kind, code, checksum, body = _ICMP.unpack_from(walk.octets, place)
    computed = internet_checksum(walk.octets[place:], checksum)
    walk.take(IcmpHeader(kind, code, body, _unless(checksum, computed)), 8, None)


_BEHIND_BOTH: Mapping[int, _Reader] = {
    Protocol.IPIP: _ipv4,
    Protocol.TCP: _tcp,
    Protocol.UDP: _udp,
    Protocol.IPV6: _ipv6,
    Protocol.ESP: _esp,
    Protocol.AH: _authentication,
    Protocol.IPCOMP: _ipcomp,
}

_BEHIND_IPV4: Mapping[int, _Reader] = {**_BEHIND_BOTH, Protocol.ICMP: _icmp}

_BEHIND_IPV6: Mapping[int, _Reader] = {
    **_BEHIND_BOTH,
    Protocol.HOP_BY_HOP: _hop_by_hop,
    Protocol.ROUTING: _routing,
    Protocol.FRAGMENT: _fragment,
    Protocol.ICMPV6: _icmpv6,
    Protocol.DESTINATION_OPTIONS: _destination_options,
    Protocol.MOBILITY: _mobility,
}
