"""Which octets an AH integrity value covers: the packet as it arrives in the end, mutable fields 0."""

from __future__ import annotations

import struct
from enum import Enum

from xfrmspec_terms.clauses import clause

_HEADER4, _HEADER6 = 20, 40
_SOURCE6, _DESTINATION6 = slice(8, 24), slice(24, 40)
_DESTINATION4 = slice(16, 20)
_HOP_BY_HOP, _ROUTING, _DESTINATION_OPTIONS = 0, 43, 60
_PAD1 = 0
_HOME_ADDRESS = 0xC9
_CHANGES_EN_ROUTE = 0x20
_ADDRESS = 16
_END, _NO_OPERATION = 0, 1
_SOURCE_ROUTES = frozenset({0x83, 0x89})
_KEPT_OPTIONS = frozenset({0x82, 0x85, 0x86, 0x94, 0x95})


class Arrangement(Enum):
    """Whether addresses stand as they travel, or were already put in place by the receiver."""

    ON_THE_WIRE = "home address option and routing header not yet processed"
    PROCESSED = "home address option processed, segments left 0"


class OverrunError(ValueError):
    """A header in front of AH does not keep to its length."""


def covered(packet: bytes, end: int, arrangement: Arrangement) -> bytes:
    """Return the packet with the headers before octet `end` as the integrity value sees them.

    OverrunError for headers that do not parse. Source: XFRM-AH-002..005; RFC 4302 3.3.3.
    """
    head, rest = bytearray(packet[:end]), packet[end:]
    if not head or len(packet) < end:
        raise OverrunError("the packet ends in front of AH")
    if head[0] >> 4 == 4:
        _clear4(head)
    else:
        _clear6(head, arrangement)
    return bytes(head) + rest


@clause("XFRM-AH-002", "XFRM-AH-003")
def _clear6(head: bytearray, arrangement: Arrangement) -> None:
    if len(head) < _HEADER6:
        raise OverrunError("the IPv6 header is cut short")
    kind, at = head[6], _HEADER6
    while at < len(head) and kind in (_HOP_BY_HOP, _ROUTING, _DESTINATION_OPTIONS):
        if at + 2 > len(head) or (size := (head[at + 1] + 1) * 8) > len(head) - at:
            raise OverrunError(f"the header at octet {at} is longer than the room in front of AH")
        if kind == _ROUTING:
            _arrange_routing(head, at)
        else:
            swaps = kind == _DESTINATION_OPTIONS and arrangement is Arrangement.ON_THE_WIRE
            _clear_options(head, at + 2, at + size, swaps=swaps)
        kind, at = head[at], at + size
    head[0:4] = bytes((6 << 4, 0, 0, 0))
    head[7] = 0


@clause("XFRM-AH-003", "XFRM-AH-004")
def _clear_options(head: bytearray, at: int, end: int, *, swaps: bool) -> None:
    while at < end:
        if head[at] == _PAD1:
            at += 1
            continue
        if at + 2 > end or at + 2 + head[at + 1] > end:
            raise OverrunError(f"the option at octet {at} overruns its header")
        data = slice(at + 2, at + 2 + head[at + 1])
        if head[at] == _HOME_ADDRESS and swaps:
            swaps = head[at + 1] == _ADDRESS
            if swaps:
                head[data], head[_SOURCE6] = head[_SOURCE6], head[data]
        if head[at] & _CHANGES_EN_ROUTE:
            head[data] = bytes(head[at + 1])
        at = data.stop


@clause("XFRM-AH-004")
def _arrange_routing(head: bytearray, at: int) -> None:
    """Move the addresses of a routing header as its segments would do; type 2 is one with one segment."""
    segments, left = head[at + 1] >> 1, head[at + 3]
    if not left:
        return
    if left > segments:
        raise OverrunError(f"the routing header at octet {at} has more segments left than addresses")
    first = at + 8 + (segments - left) * _ADDRESS
    last = at + 8 + segments * _ADDRESS
    moved = head[_DESTINATION6] + head[first : last - _ADDRESS]
    head[_DESTINATION6] = head[last - _ADDRESS : last]
    head[first:last] = moved
    head[at + 3] = 0


@clause("XFRM-AH-005")
def _clear4(head: bytearray) -> None:
    size = (head[0] & 15) * 4
    if not _HEADER4 <= size <= len(head):
        raise OverrunError("the IPv4 header is cut short")
    head[1] = head[8] = 0
    head[6:8] = head[10:12] = bytes(2)
    at = _HEADER4
    while at < size:
        if head[at] == _END:
            break
        if head[at] == _NO_OPERATION:
            at += 1
            continue
        at = _clear_option4(head, at, size)


def _clear_option4(head: bytearray, at: int, end: int) -> int:
    length = head[at + 1] if at + 1 < end else 0
    if not 2 <= length <= end - at:
        raise OverrunError(f"the IPv4 option at octet {at} overruns the header")
    if head[at] in _SOURCE_ROUTES:
        if length < 6:
            raise OverrunError(f"the source route at octet {at} has no address")
        head[_DESTINATION4] = head[at + length - 4 : at + length]
    if head[at] not in _KEPT_OPTIONS:
        head[at : at + length] = bytes(length)
    return at + length


def next_header_place(packet: bytes, end: int) -> int:
    """Return the octet that names the header at octet `end`; OverrunError when no header starts there.

    Fragment headers, which count no units of 8 octets, are passed over too.
    """
    if packet and packet[0] >> 4 == 4:
        if (packet[0] & 15) * 4 != end:
            raise OverrunError(f"no header starts at octet {end}")
        return 9
    place, at = 6, _HEADER6
    while at < end and at + 2 <= len(packet):
        place, at = at, at + (packet[at + 1] + 1) * 8
    if at != end or len(packet) < end:
        raise OverrunError(f"no header starts at octet {end}")
    return place


def with_length(packet: bytearray) -> bytes:
    """Return the packet with its length field, and for IPv4 its checksum, made right."""
    if packet[0] >> 4 == 6:
        struct.pack_into(">H", packet, 4, len(packet) - _HEADER6)
        return bytes(packet)
    size = (packet[0] & 15) * 4
    struct.pack_into(">H", packet, 2, len(packet))
    packet[10:12] = bytes(2)
    total = sum(struct.unpack_from(f">{size // 2}H", packet))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into(">H", packet, 10, ~total & 0xFFFF)
    return bytes(packet)
