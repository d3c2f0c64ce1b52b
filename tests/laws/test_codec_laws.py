"""Laws of the codec: octets and packets are two spellings of one thing, and every fault has its place."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_strategies import addresses6, damaged, packets

from xfrmspec.wire.checksum import final_addresses
from xfrmspec.wire.decode import decode, decode_quoted
from xfrmspec.wire.encode import encode
from xfrmspec.wire.placing import open_for
from xfrmspec.wire.route_optimisation import (
    RouteRefusal,
    add_home_address,
    add_type2_routing,
    exchange_home_address,
    exchange_type2_routing,
)
from xfrmspec_terms.headers import Fault, IPv6Header, Malformed, Packet
from xfrmspec_terms.packet import Header


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
