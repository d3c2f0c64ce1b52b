"""Outer headers, traffic classes across a tunnel, and beet."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import product

import pytest

from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.tunnel import (
    TunnelEnds,
    decapsulate,
    decapsulated_dsfield,
    encapsulate,
    encapsulated_dsfield,
    outer_header,
    with_addresses,
)
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.headers import IPv4Flags, IPv4Header, IPv6Header, Packet, UdpHeader

ENDS = TunnelEnds(IPv6Address("2001:db8::a"), IPv6Address("2001:db8::b"), 33)
ENDS4 = TunnelEnds(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), 34, identification=77)
INNER6 = IPv6Header(IPv6Address("2001:db8:1::1"), IPv6Address("2001:db8:1::2"), 0xB9, 0x12345, 5)
INNER4 = IPv4Header(IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2"), 0xB9, 9)
UDP = UdpHeader(1, 2)
NOT_ECT, ECT_1, ECT_0, CE = range(4)


@pytest.mark.clause("XFRM-TUN-001")
def test_an_outer_ipv6_header_takes_label_and_class_from_inside_and_the_rest_from_elsewhere() -> None:
    expected = IPv6Header(ENDS.source, ENDS.destination, 0xB9, 0x12345, 33)  # type: ignore[arg-type]
    assert outer_header(Packet((INNER6, UDP)), 48, ENDS) == expected
    assert outer_header(Packet((INNER4, UDP)), 28, ENDS) == replace(expected, flow_label=0)


@pytest.mark.clause("XFRM-TUN-001")
@pytest.mark.parametrize(
    ("inner", "size", "flags", "expected"),
    [
        (INNER4, 28, StateFlag.NONE, IPv4Flags.NONE),
        (replace(INNER4, flags=IPv4Flags.DONT_FRAGMENT), 28, StateFlag.NONE, IPv4Flags.DONT_FRAGMENT),
        (replace(INNER4, flags=IPv4Flags.DONT_FRAGMENT), 28, StateFlag.NOPMTUDISC, IPv4Flags.NONE),
        (replace(INNER4, flags=IPv4Flags.MORE_FRAGMENTS), 28, StateFlag.NONE, IPv4Flags.NONE),
        (INNER6, 1280, StateFlag.NONE, IPv4Flags.NONE),
        (INNER6, 1281, StateFlag.NONE, IPv4Flags.DONT_FRAGMENT),
        (INNER6, 1281, StateFlag.NOPMTUDISC, IPv4Flags.NONE),
    ],
)
def test_the_dont_fragment_flag_of_an_outer_ipv4_header(
    inner: IPv4Header | IPv6Header, size: int, flags: StateFlag, expected: IPv4Flags
) -> None:
    outer = outer_header(Packet((inner, UDP)), size, replace(ENDS4, flags=flags))
    assert isinstance(outer, IPv4Header)
    assert (outer.flags, outer.time_to_live, outer.identification) == (expected, 34, 77)
    assert (outer.type_of_service, outer.fragment_offset) == (0xB9, 0)


@pytest.mark.clause("XFRM-TUN-001")
@pytest.mark.parametrize(("inner", "ends"), [*product((INNER4, INNER6), (ENDS, ENDS4))])
def test_either_family_carries_the_other(inner: IPv4Header | IPv6Header, ends: TunnelEnds) -> None:
    packet = Packet((inner, UDP), b"data")
    carried = encapsulate(packet, len(encode(packet)), ends)
    assert decode(encode(carried)) == carried
    assert encode(carried).endswith(encode(packet))


@pytest.mark.clause("XFRM-TUN-001")
def test_ends_of_two_families_are_refused() -> None:
    with pytest.raises(ValueError, match="two families"):
        outer_header(Packet((INNER6, UDP)), 48, replace(ENDS, source=ENDS4.source))


@pytest.mark.clause("XFRM-TUN-002")
@pytest.mark.parametrize(
    ("inner", "outer"), [(NOT_ECT, NOT_ECT), (ECT_1, ECT_1), (ECT_0, ECT_0), (CE, ECT_0)]
)
def test_congestion_stays_inside_on_the_way_out(inner: int, outer: int) -> None:
    for dscp in (0, 0x2E << 2, 0xFC):
        assert encapsulated_dsfield(dscp | inner, ENDS) == dscp | outer
        assert encapsulated_dsfield(dscp | inner, replace(ENDS, encapsulate_dscp=False)) == outer
        assert encapsulated_dsfield(dscp | inner, replace(ENDS, flags=StateFlag.NOECN)) == dscp


@pytest.mark.clause("XFRM-TUN-002")
@pytest.mark.parametrize(("outer", "inner"), [*product(range(4), range(4))])
def test_only_congestion_comes_in_and_only_to_the_capable(outer: int, inner: int) -> None:
    marked = CE if outer == CE and inner != NOT_ECT else inner
    outside, inside = 0x50 | outer, 0xB8 | inner
    assert decapsulated_dsfield(outside, inside, StateFlag.NONE) == 0xB8 | marked
    assert decapsulated_dsfield(outside, inside, StateFlag.NOECN) == inside
    assert decapsulated_dsfield(outside, inside, StateFlag.DECAP_DSCP) == 0x50 | marked
    assert decapsulated_dsfield(outside, inside, StateFlag.NOECN | StateFlag.DECAP_DSCP) == 0x50 | inner


@pytest.mark.clause("XFRM-TUN-002")
@pytest.mark.parametrize("inner", [INNER4, INNER6])
def test_removing_a_tunnel_changes_the_class_only(inner: IPv4Header | IPv6Header) -> None:
    outer = IPv6Header(INNER6.source, INNER6.destination, 0x03)
    packet = Packet((inner, UDP), b"data")
    seen = encode(decapsulate(outer, packet, StateFlag.NONE))
    expected = bytearray(encode(packet))
    if isinstance(inner, IPv4Header):
        expected[1] |= 3
        expected[10:12] = seen[10:12]
        assert decode(seen) == Packet((replace(inner, type_of_service=0xBB), UDP), b"data")
    else:
        expected[1] |= 0x30
    assert seen == bytes(expected)


@pytest.mark.clause("XFRM-TUN-003")
def test_beet_exchanges_addresses_and_can_put_them_back() -> None:
    packet = Packet((INNER6, UDP), b"data")
    outer, inner = IPv6Address("2001:db8::a"), IPv6Address("2001:db8::b")
    sent = with_addresses(packet, outer, inner)
    assert sent.headers[0] == replace(INNER6, source=outer, destination=inner)
    assert with_addresses(sent, INNER6.source, INNER6.destination) == packet
    with pytest.raises(ValueError, match="IPv6 in IPv6"):
        with_addresses(Packet((INNER4, UDP)), outer, inner)
