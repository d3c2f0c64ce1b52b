"""Where packets are cut, how pieces join, and what fits through a chain of transforms."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from itertools import permutations

import pytest

from xfrmspec.wire.encode import encode
from xfrmspec.wire.fragments import (
    CuttingPoint,
    LocalWish,
    ReassemblyFault,
    cutting_point,
    fragment_key,
    fragments,
    reassemble,
)
from xfrmspec.wire.mtu import EspRoom, PlainRoom, bundle_mtu, inner_mtu
from xfrmspec.wire.options import home_address_header
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    EspHeader,
    FragmentHeader,
    IPv6Header,
    More,
    Packet,
    Type2RoutingHeader,
    UdpHeader,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family

HERE, THERE = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
IP = IPv6Header(HERE, THERE, traffic_class=2)
MOVED = (IP, Type2RoutingHeader(THERE), home_address_header(HERE))
PLAIN = Packet((IP, UdpHeader(1, 2)), bytes(range(200)))


def piece(start: int, octets: bytes, more: More = More.FOLLOWS, ecn: int = 2) -> Packet:
    chain = (replace(IP, traffic_class=ecn), FragmentHeader(start // 8, more, 5), UpperLayer(253))
    return Packet(chain, octets)


FIRST, SECOND = piece(0, b"12345678"), piece(8, b"abcdefgh")
LAST = piece(16, b"xyz", More.LAST)


@pytest.mark.clause("XFRM-FRAG-001")
def test_each_fragment_repeats_the_headers_before_esp() -> None:
    packet = Packet((*MOVED, EspHeader(1, 1)), bytes(300))
    cut = fragments(packet, 250, 0xABCD)
    assert len(cut) == 3
    for part in cut:
        assert part.headers[:3] == MOVED
        assert isinstance(part.headers[3], FragmentHeader)
        assert part.headers[4] == UpperLayer(50)
        assert len(encode(part)) <= 250
    sizes = [len(part.payload) for part in cut]
    assert sizes == [152, 152, 4]


@pytest.mark.clause("XFRM-FRAG-001")
def test_fragments_are_as_large_as_the_mtu_allows() -> None:
    octets = len(encode(PLAIN))
    assert fragments(PLAIN, octets, 1) == (PLAIN,)
    assert [len(part.payload) for part in fragments(PLAIN, octets - 1, 1)] == [192, 16]
    assert [len(part.payload) for part in fragments(PLAIN, 48 + 8 + 104, 1)] == [112, 96]
    with pytest.raises(ValueError, match="no room for a fragment"):
        fragments(PLAIN, 55, 1)
    assert len(fragments(PLAIN, 56, 1)) == 26


@pytest.mark.clause("XFRM-FRAG-001")
@pytest.mark.parametrize(
    ("mode", "mtu", "wish", "expected"),
    [
        (Mode.TUNNEL, 248, LocalWish.REPORTS, CuttingPoint.NOT_BEFORE),
        (Mode.TUNNEL, 247, LocalWish.REPORTS, CuttingPoint.TOO_BIG),
        (Mode.TUNNEL, 247, LocalWish.FORBIDS, CuttingPoint.TOO_BIG),
        (Mode.TUNNEL, 247, LocalWish.ALLOWS, CuttingPoint.BEFORE),
        (Mode.TRANSPORT, 100, LocalWish.FORBIDS, CuttingPoint.NOT_BEFORE),
        (Mode.RO, 100, LocalWish.ALLOWS, CuttingPoint.NOT_BEFORE),
    ],
)
def test_whether_a_packet_is_cut_before_the_transform(
    mode: Mode, mtu: int, wish: LocalWish, expected: CuttingPoint
) -> None:
    assert len(encode(PLAIN)) == 248
    assert cutting_point(PLAIN, mode, mtu, wish) is expected


@pytest.mark.clause("XFRM-FRAG-001")
def test_a_fragment_of_ipsec_is_not_cut_again_before_a_tunnel() -> None:
    header = FragmentHeader(0, More.FOLLOWS, 1)
    for protocol, expected in (
        (50, CuttingPoint.NOT_BEFORE),
        (51, CuttingPoint.NOT_BEFORE),
        (17, CuttingPoint.BEFORE),
    ):
        packet = Packet((IP, header, UpperLayer(protocol)), bytes(96))
        assert cutting_point(packet, Mode.TUNNEL, 100, LocalWish.ALLOWS) is expected
    behind = Packet((*MOVED, header, UpperLayer(50)), bytes(96))
    assert cutting_point(behind, Mode.TUNNEL, 100, LocalWish.ALLOWS) is CuttingPoint.BEFORE
    whole = Packet(
        (IP, FragmentHeader(0, More.LAST, 1), AuthenticationHeader(1, 1, b""), UdpHeader(1, 2)), bytes(96)
    )
    assert cutting_point(whole, Mode.TUNNEL, 100, LocalWish.ALLOWS) is CuttingPoint.NOT_BEFORE


@pytest.mark.clause("XFRM-FRAG-002")
def test_pieces_join_in_every_order() -> None:
    expected = Packet((IP, UpperLayer(253)), b"12345678abcdefghxyz")
    for order in permutations((FIRST, SECOND, LAST)):
        assert reassemble(order) == expected
        assert reassemble((*order[:2], order[0], order[2])) == expected
        assert reassemble(order[:2]) is ReassemblyFault.INCOMPLETE


@pytest.mark.clause("XFRM-FRAG-002")
@pytest.mark.parametrize(
    ("pieces", "fault"),
    [
        ((FIRST, piece(8, bytes(16)), piece(16, bytes(16)), LAST), ReassemblyFault.OVERLAP),
        ((FIRST, piece(16, bytes(8)), piece(8, bytes(16))), ReassemblyFault.OVERLAP),
        ((FIRST, SECOND, piece(16, b"xyz", More.LAST), piece(16, b"xy", More.LAST)), ReassemblyFault.LENGTHS),
        ((FIRST, piece(8, bytes(16)), piece(8, b"", More.LAST)), ReassemblyFault.LENGTHS),
        ((LAST, piece(16, bytes(8))), ReassemblyFault.LENGTHS),
        ((FIRST, piece(8, b"")), ReassemblyFault.EMPTY),
        ((FIRST, piece(8, b"x", More.LAST, ecn=0)), ReassemblyFault.ECN),
        ((FIRST, piece(8, b"odd"), LAST), ReassemblyFault.INCOMPLETE),
        ((FIRST, piece(0xFFF8, bytes(8)), LAST), ReassemblyFault.INCOMPLETE),
    ],
)
def test_pieces_that_do_not_join(pieces: tuple[Packet, ...], fault: ReassemblyFault) -> None:
    assert reassemble(pieces) is fault


@pytest.mark.clause("XFRM-FRAG-002")
@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [(2, 3, 3), (3, 2, 3), (1, 3, 3), (2, 1, 2), (1, 2, 1), (3, 3, 3), (0, 0, 0)],
)
def test_congestion_seen_by_one_fragment_marks_the_packet(first: int, second: int, joined: int) -> None:
    whole = reassemble((piece(0, bytes(8), ecn=first), piece(8, b"x", More.LAST, ecn=second)))
    assert isinstance(whole, Packet)
    assert isinstance(whole.headers[0], IPv6Header)
    assert whole.headers[0].traffic_class == joined


@pytest.mark.clause("XFRM-FRAG-002")
def test_repeated_octets_of_a_run_are_passed_over() -> None:
    assert isinstance(reassemble((FIRST, SECOND, piece(0, bytes(16)), LAST)), Packet)


@pytest.mark.clause("XFRM-FRAG-002")
def test_joined_octets_too_long_or_no_packet() -> None:
    long = [piece(start, bytes(0x7FF8)) for start in (0, 0x7FF8)]
    away = replace(long[0], headers=(*MOVED, *long[0].headers[1:]))
    assert reassemble((away, long[1], piece(0xFFF0, b"x", More.LAST))) is ReassemblyFault.TOO_LONG
    udp = [replace(part, headers=(*part.headers[:2], UpperLayer(17))) for part in (FIRST, SECOND, LAST)]
    assert reassemble(udp) is ReassemblyFault.MALFORMED


def test_only_fragments_have_a_key_and_join() -> None:
    assert fragment_key(FIRST) == (HERE, THERE, 5)
    assert fragment_key(PLAIN) is None
    with pytest.raises(ValueError, match="without a fragment header"):
        reassemble((PLAIN,))


@pytest.mark.clause("XFRM-MTU-001")
@pytest.mark.parametrize(
    ("room", "mtu", "expected"),
    [
        (PlainRoom(24), 1500, 1476),
        (PlainRoom(24), 24, 1),
        (EspRoom(64, 16, 12, Mode.TUNNEL), 1500, 1422),
        (EspRoom(24, 16, 12, Mode.TRANSPORT), 1500, 1462),
        (EspRoom(16, 1, 16, Mode.TRANSPORT), 1500, 1466),
        (EspRoom(24, 16, 12, Mode.TRANSPORT, Family.INET), 1500, 1458),
        (EspRoom(64, 16, 12, Mode.TUNNEL), 77, 1),
        (EspRoom(64, 16, 12, Mode.TUNNEL), 92, 14),
        (EspRoom(24, 16, 12, Mode.RO), 1500, 1454),
    ],
)
def test_what_fits_inside_one_transform(room: PlainRoom | EspRoom, mtu: int, expected: int) -> None:
    assert inner_mtu(room, mtu) == expected


@pytest.mark.clause("XFRM-MTU-001")
def test_a_chain_is_worked_off_from_outside_and_bounded_by_its_routes() -> None:
    tunnel, option = EspRoom(64, 16, 12, Mode.TUNNEL), PlainRoom(24)
    assert bundle_mtu((option, tunnel), 1500) == 1422 - 24
    assert bundle_mtu((tunnel, option), 1500) == inner_mtu(tunnel, 1476)
    assert bundle_mtu((option, tunnel), 1500, (1280, 1500)) == 1280
    assert bundle_mtu((option, tunnel), 1500, (1500, 1300)) == 1276
    assert bundle_mtu((), 1500) == 1500
    with pytest.raises(ValueError, match="1 routes for 2 transforms"):
        bundle_mtu((option, tunnel), 1500, (1280,))
