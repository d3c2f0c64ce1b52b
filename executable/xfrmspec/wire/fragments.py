"""Fragments of IPv6 packets: where they are cut, before or after the transforms, and how they join again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv6Address

from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.placing import open_at, place_in
from xfrmspec.wire.socket_pieces import FRAGMENT_OCTETS, UNIT, Pieces, cut_full, starts_of
from xfrmspec.wire.tunnel import CE, ECN_MASK, ECT_0, dsfield_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import FragmentHeader, IPv6Header, Malformed, More, Packet, WireHeader
from xfrmspec_terms.packet import Header, UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

_MOST_OCTETS = 0xFFFF
_ECT_1 = 1
_NOT_CUT = Pieces((), 0)


class CuttingPoint(Enum):
    """What happens to a packet of a local socket before the transforms; the value is printed."""

    NOT_BEFORE = "the transforms come first, fragments of the result after them"
    BEFORE = "fragments first, and each goes through the transforms"
    TOO_BIG = "EMSGSIZE"


class LocalWish(Enum):
    """What the sending socket says about fragments."""

    ALLOWS = "the packet may be fragmented (ignore_df)"
    FORBIDS = "the packet must not be fragmented by this host"
    REPORTS = "the socket wants to hear of the path MTU (IPV6_DONTFRAG or a probing MTU discovery)"


@clause("XFRM-FRAG-001")
def cutting_point(packet: Packet, mode: Mode, mtu: int, wish: LocalWish) -> CuttingPoint:
    """Return whether a packet is fragmented before the next transform, for the MTU inside that transform.

    `mtu` is in octets. Source: kernel __xfrm6_output.
    """
    if mode is not Mode.TUNNEL or len(encode(packet)) <= mtu:
        return CuttingPoint.NOT_BEFORE
    if wish is LocalWish.REPORTS:
        return CuttingPoint.TOO_BIG
    if _is_protected_fragment(packet):
        return CuttingPoint.NOT_BEFORE
    return CuttingPoint.TOO_BIG if wish is LocalWish.FORBIDS else CuttingPoint.BEFORE


def _is_protected_fragment(packet: Packet) -> bool:
    """A fragment header right behind the IPv6 header, and AH or ESP behind it."""
    if not isinstance(packet.headers[1], FragmentHeader):
        return False
    return open_at(packet, 2).protocol in (Protocol.ESP, Protocol.AH)


@clause("XFRM-FRAG-001", "XFRM-FRAG-003")
def fragments(packet: Packet, mtu: int, identification: int, pieces: Pieces = _NOT_CUT) -> tuple[Packet, ...]:
    """Return the fragments of an IPv6 packet for an MTU in octets, or the packet alone when it fits.

    The headers before the place of an ESP header are repeated in each; `pieces` of the sending socket stay
    where they fit. ValueError when the MTU leaves no room for eight octets of the packet.
    Source: kernel ip6_fragment; RFC 8200 4.5.
    """
    octets = encode(packet)
    if len(octets) <= mtu:
        return (packet,)
    opening = open_at(packet, place_in(packet.headers, Header.ESP))
    headers = len(octets) - len(opening.octets)
    room = mtu - headers - FRAGMENT_OCTETS
    if room < UNIT:
        raise ValueError(f"an MTU of {mtu} octets leaves no room for a fragment behind the headers")
    sizes = pieces.kept(len(opening.octets), headers, room) or cut_full(len(opening.octets), room)
    cut: list[Packet] = []
    for start, size in zip(starts_of(sizes), sizes, strict=True):
        more = More.FOLLOWS if start + size < len(opening.octets) else More.LAST
        header = FragmentHeader(start // UNIT, more, identification)
        chain = (*opening.before, header, UpperLayer(opening.protocol))
        cut.append(Packet(chain, opening.octets[start : start + size]))
    return tuple(cut)


FragmentKey = tuple[IPv6Address, IPv6Address, int]


class ReassemblyFault(Enum):
    """Why fragments do not become a packet; the value is printed."""

    INCOMPLETE = "fragments are missing"
    OVERLAP = "fragments overlap"
    LENGTHS = "fragments disagree about the length of the packet"
    EMPTY = "a fragment without octets"
    ECN = "some fragments are not ECN-capable and others are"
    TOO_LONG = "the packet would be longer than 65535 octets"
    MALFORMED = "the joined octets are no packet"


@dataclass(frozen=True, slots=True)
class _Piece:
    """One fragment: the headers before its fragment header, that header, and which octets it brings."""

    before: tuple[WireHeader, ...]
    header: FragmentHeader
    protocol: int
    octets: bytes

    @property
    def start(self) -> int:
        return self.header.offset * UNIT

    @property
    def end(self) -> int:
        return self.start + len(self.octets)

    @property
    def last(self) -> bool:
        return self.header.more is More.LAST


def fragment_key(packet: Packet) -> FragmentKey | None:
    """Return what fragments of one packet have in common, or None for a packet that is no fragment."""
    piece = _piece(packet)
    outer = packet.headers[0]
    if piece is None or not isinstance(outer, IPv6Header):
        return None
    return outer.source, outer.destination, piece.header.identification


def _piece(packet: Packet) -> _Piece | None:
    upper = packet.headers[-1]
    header = packet.headers[-2] if len(packet.headers) > 1 else None
    if not isinstance(header, FragmentHeader) or not isinstance(upper, UpperLayer):
        return None
    return _Piece(packet.headers[:-2], header, upper.protocol, packet.payload)


@clause("XFRM-FRAG-002")
def reassemble(packets: Iterable[Packet]) -> Packet | ReassemblyFault:
    """Join fragments of one key, in the order of their arrival.

    A fragment whose length or end is impossible is passed over and the others go on without it; any other
    fault discards them all. ValueError for a packet that is no fragment. Source: kernel ip6_frag_queue,
    inet_frag_queue_insert, ip6_frag_reasm.
    """
    runs: list[tuple[int, int]] = []
    kept: list[_Piece] = []
    length = 0
    complete = False
    for packet in packets:
        piece = _piece(packet)
        if piece is None:
            raise ValueError("a packet without a fragment header cannot be joined with others")
        if piece.end > _MOST_OCTETS or (not piece.last and len(piece.octets) % UNIT):
            continue
        fault = _length_fault(piece, length, complete)
        if fault is not None:
            return fault
        length, complete = max(length, piece.end), complete or piece.last
        accepted = _accept(runs, piece)
        if accepted is None:
            return ReassemblyFault.OVERLAP
        if accepted:
            kept.append(piece)
    if not complete or sum(len(piece.octets) for piece in kept) != length:
        return ReassemblyFault.INCOMPLETE
    return _joined(sorted(kept, key=lambda piece: piece.start))


def _length_fault(piece: _Piece, length: int, complete: bool) -> ReassemblyFault | None:
    if piece.last and (piece.end < length or (complete and piece.end != length)):
        return ReassemblyFault.LENGTHS
    if not piece.last and complete and piece.end > length:
        return ReassemblyFault.LENGTHS
    return None if piece.octets else ReassemblyFault.EMPTY


def _accept(runs: list[tuple[int, int]], piece: _Piece) -> bool | None:
    """Note the octets of a piece; False: all there already, in one run; None: it overlaps otherwise.

    Only what follows the octets that reach furthest prolongs a run, as in the kernel.
    """
    furthest = max(runs, key=lambda run: run[1], default=None)
    if furthest is not None and piece.start == furthest[1]:
        runs[runs.index(furthest)] = (furthest[0], piece.end)
        return True
    for start, end in runs:
        if start <= piece.start and piece.end <= end:
            return False
        if piece.start < end and start < piece.end:
            return None
    runs.append((piece.start, piece.end))
    return True


def _joined(pieces: Sequence[_Piece]) -> Packet | ReassemblyFault:
    first = pieces[0]
    octets = b"".join(piece.octets for piece in pieces)
    outer = first.before[0]
    assert isinstance(outer, IPv6Header)
    ecn = _common_ecn({dsfield_of(_outer(piece)) & ECN_MASK for piece in pieces})
    if ecn is None:
        return ReassemblyFault.ECN
    outer = replace(outer, traffic_class=outer.traffic_class | ecn)
    whole = Packet((outer, *first.before[1:], UpperLayer(first.protocol)), octets)
    encoded = encode(replace(whole, payload=b""))
    if len(encoded) - 40 + len(octets) > _MOST_OCTETS:
        return ReassemblyFault.TOO_LONG
    result = decode(encode(whole))
    return ReassemblyFault.MALFORMED if isinstance(result, Malformed) else result


def _outer(piece: _Piece) -> IPv6Header:
    outer = piece.before[0]
    assert isinstance(outer, IPv6Header)
    return outer


def _common_ecn(seen: set[int]) -> int | None:
    """The bits to add to the first fragment's: congestion seen by one is congestion; None: refuse."""
    if 0 in seen and len(seen) > 1:
        return None
    return CE if CE in seen and seen & {_ECT_1, ECT_0} else 0
