"""AH on octets: how the header is put into a packet, and how it is verified and taken out."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from xfrmspec.wire.algorithms import Integrity
from xfrmspec.wire.coverage import Arrangement, OverrunError, covered, next_header_place, with_length
from xfrmspec.wire.esp import Refused
from xfrmspec_terms.clauses import clause

_FIXED = struct.Struct(">BBHII")
_HIGH = struct.Struct(">I")
_HALF = 0xFFFFFFFF
_AH = 51
_UNIT = 4


@dataclass(frozen=True, slots=True)
class AhKeys:
    """What both ends of an AH state share.

    `alignment` is that of the header, 8 octets or, for IPv4 states with the ALIGN4 flag, 4. `extended` says
    that numbers have 64 bits.
    """

    integrity: Integrity
    extended: bool = False
    alignment: int = 8

    @property
    def padding_octets(self) -> int:
        """How many octets of padding follow the integrity value."""
        return self.header_octets(self.integrity.icv_octets) - _FIXED.size - self.integrity.icv_octets

    def header_octets(self, icv_octets: int) -> int:
        """Return the length of a header around an integrity value, padding included."""
        bare = _FIXED.size + icv_octets
        return bare + -bare % self.alignment


@dataclass(frozen=True, slots=True)
class Verified:
    """What AH said came next, and the packet without AH."""

    next_header: int
    packet: bytes


@clause("XFRM-AH-001", "XFRM-SORT-006")
def protect(keys: AhKeys, packet: bytes, at: int, spi: int, number: int, padding: bytes = b"") -> bytes:
    """Return the packet with AH put in at octet `at`, where one of its headers starts.

    `padding` is what the padding holds, zeros by default; ValueError for another number of octets.
    The integrity value is that of the packet as it is now: a home address option that is inserted later is
    not in it, and the receiver will count it in. OverrunError when no header starts there.
    Source: XFRM-AH-001..006, XFRM-SORT-006; kernel ah6_output.
    """
    place = next_header_place(packet, at)
    octets = keys.header_octets(keys.integrity.icv_octets)
    filled = padding or bytes(keys.padding_octets)
    if len(filled) != keys.padding_octets:
        raise ValueError(
            f"the padding of AH has {len(filled)} octets; there is room for {keys.padding_octets}"
        )
    fixed = _FIXED.pack(packet[place], octets // _UNIT - 2, 0, spi, number & _HALF)
    work = bytearray(packet[:at] + fixed + bytes(keys.integrity.icv_octets) + filled + packet[at:])
    work[place] = _AH
    whole = with_length(work)
    icv = ah_icv(keys, whole, at, number >> 32 & _HALF)
    start = at + _FIXED.size
    return whole[:start] + icv + whole[start + len(icv) :]


@clause("XFRM-AH-006")
def ah_icv(
    keys: AhKeys, packet: bytes, at: int, high: int, arrangement: Arrangement = Arrangement.ON_THE_WIRE
) -> bytes:
    """Return the integrity value of a packet whose AH starts at octet `at`; `high` counts for ESN only.

    OverrunError for headers in front of AH that do not parse. Source: XFRM-AH-002..006; kernel ah6_output.
    """
    start = at + _FIXED.size
    blank = packet[:start] + bytes(keys.integrity.icv_octets) + packet[start + keys.integrity.icv_octets :]
    extended = _HIGH.pack(high) if keys.extended else b""
    return keys.integrity.icv(covered(blank, at, arrangement) + extended)


@clause("XFRM-AH-007")
def verify(
    keys: AhKeys,
    packet: bytes,
    at: int,
    high: int = 0,
    arrangement: Arrangement = Arrangement.ON_THE_WIRE,
    named: int | None = None,
) -> Verified | Refused:
    """Verify AH at octet `at` of a packet and take it out.

    `named` is the type that counts for the header before AH, where another one was left standing there.
    Source: XFRM-AH-007; kernel ah6_input.
    """
    start = at + _FIXED.size
    if len(packet) < start:
        return Refused.TRUNCATED
    octets = (packet[at + 1] + 2) * _UNIT
    if octets not in _lengths(keys) or len(packet) < at + octets:
        return Refused.TRUNCATED
    try:
        place = next_header_place(packet, at)
        seen = packet if named is None else packet[:place] + bytes((named,)) + packet[place + 1 :]
        icv = ah_icv(keys, seen, at, high, arrangement)
    except OverrunError:
        return Refused.OPTIONS
    if not hmac.compare_digest(icv, packet[start : start + len(icv)]):
        return Refused.INTEGRITY
    bare = bytearray(packet[:at] + packet[at + octets :])
    bare[place] = packet[at]
    return Verified(packet[at], with_length(bare))


def _lengths(keys: AhKeys) -> frozenset[int]:
    """A header for the whole output of the algorithm is accepted as well, compared as far as truncated."""
    sizes = (keys.integrity.icv_octets, keys.integrity.full_octets)
    return frozenset(keys.header_octets(size) for size in sizes)
