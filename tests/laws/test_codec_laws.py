"""Laws of the codec: octets and packets are two spellings of one thing, and every fault has its place."""

from __future__ import annotations

from ipaddress import IPv6Address
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_strategies import addresses6, damaged, packets

from xfrmspec.wire.checksum import final_addresses
from xfrmspec.wire.decode import decode, decode_quoted
from xfrmspec.wire.encode import encode
from xfrmspec.wire.fragments import fragments, reassemble
from xfrmspec.wire.mtu import EspRoom, inner_mtu
from xfrmspec.wire.placing import open_for
from xfrmspec.wire.route_optimisation import (
    RouteRefusal,
    add_home_address,
    add_type2_routing,
    exchange_home_address,
    exchange_type2_routing,
)
from xfrmspec_terms.headers import Fault, FragmentHeader, IPv6Header, Malformed, Packet, WireHeader
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Mode


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002", "XFRM-PKT-003")
@settings(max_examples=400, deadline=None)
@given(packets)
def test_a_packet_comes_back_from_its_octets(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


@pytest.mark.clause("XFRM-PKT-004")
@settings(max_examples=600, deadline=None)
@given(damaged())
def test_octets_come_back_from_their_packet_or_have_a_fault(octets: bytes) -> None:
    result = decode(octets)
    if isinstance(result, Malformed):
        assert 0 <= result.offset <= len(octets)
        return
    assert encode(result) == octets


@pytest.mark.clause("XFRM-PKT-004")
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_no_octets_at_all_raise_an_exception(octets: bytes) -> None:
    result = decode(octets)
    assert isinstance(result, Malformed) or encode(result) == octets


@pytest.mark.clause("XFRM-PKT-004")
@settings(max_examples=150, deadline=None)
@given(packets)
def test_every_truncation_is_reported_with_its_offset_and_the_headers_before_it(packet: Packet) -> None:
    octets = encode(packet)
    for end in range(len(octets)):
        result = decode(octets[:end])
        assert isinstance(result, Malformed)
        assert (result.fault, result.offset) == (Fault.TRUNCATED, end)


@pytest.mark.clause("XFRM-PKT-004")
@settings(max_examples=150, deadline=None)
@given(packets, st.data())
def test_a_quotation_gives_the_whole_headers_in_order(packet: Packet, data: st.DataObject) -> None:
    octets = encode(packet)
    assert decode_quoted(octets) == packet.headers
    end = data.draw(st.integers(0, len(octets)))
    kinds = [type(header) for header in decode_quoted(octets[:end])]
    assert kinds == [type(header) for header in packet.headers][: len(kinds)]


@pytest.mark.clause("XFRM-OPT-001", "XFRM-OPT-002", "XFRM-PKT-003")
@settings(max_examples=300, deadline=None)
@given(packets.filter(lambda packet: isinstance(packet.headers[0], IPv6Header)), addresses6)
def test_route_optimisation_changes_no_octet_behind_it(packet: Packet, care_of: IPv6Address) -> None:
    for kind, add in ((Header.HAO, add_home_address), (Header.RT2, add_type2_routing)):
        octets = encode(add(packet, care_of))
        behind = open_for(packet, kind).octets
        assert octets.endswith(behind)
        assert len(octets) == len(encode(packet)) + 24


@pytest.mark.clause("XFRM-OPT-001", "XFRM-OPT-002")
@settings(max_examples=300, deadline=None)
@given(packets.filter(lambda packet: isinstance(packet.headers[0], IPv6Header)))
def test_what_a_receiver_exchanges_it_can_exchange_back(packet: Packet) -> None:
    seen = exchange_home_address(packet)
    if isinstance(seen, Packet):
        assert final_addresses(seen.headers) == final_addresses(packet.headers)
        back = exchange_home_address(seen)
        assert isinstance(back, RouteRefusal) or back == packet
    routed = exchange_type2_routing(packet)
    if isinstance(routed, Packet) and routed is not packet:
        assert isinstance(routed.headers[0], IPv6Header)
        assert exchange_type2_routing(routed) is RouteRefusal.SEGMENTS_LEFT


def can_be_cut(packet: Packet) -> bool:
    return isinstance(packet.headers[0], IPv6Header) and not any(
        isinstance(header, FragmentHeader) for header in packet.headers
    )


@pytest.mark.clause("XFRM-FRAG-001", "XFRM-FRAG-002")
@settings(max_examples=200, deadline=None)
@given(packets.filter(can_be_cut), st.integers(1, 80), st.randoms(use_true_random=False))
def test_fragments_join_to_the_packet_in_any_order(packet: Packet, room: int, random: Random) -> None:
    opening = open_for(packet, Header.ESP)
    mtu = len(encode(packet)) - len(opening.octets) + 15 + room
    cut = list(fragments(packet, mtu, 7))
    if cut == [packet]:
        return
    assert all(len(encode(part)) <= mtu for part in cut)
    assert all(_before(part) == opening.before for part in cut)
    random.shuffle(cut)
    assert reassemble(cut) == packet


def _before(part: Packet) -> tuple[WireHeader, ...]:
    return part.headers[:-2]


@pytest.mark.clause("XFRM-MTU-001")
@settings(deadline=None)
@given(
    st.integers(16, 100),
    st.sampled_from((1, 4, 8, 16)),
    st.integers(0, 32),
    st.sampled_from((Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)),
    st.integers(1280, 9000),
)
def test_what_esp_lets_through_fits_and_one_octet_more_does_not(
    header: int, block: int, icv: int, mode: Mode, mtu: int
) -> None:
    clear = 0 if mode is Mode.TUNNEL else 40
    unit = max(block, 4)

    def sealed(octets: int) -> int:
        return header + clear + icv + -(-(octets - clear + 2) // unit) * unit

    inside = inner_mtu(EspRoom(header, block, icv, mode), mtu)
    assert sealed(inside) <= mtu < sealed(inside + 1)
