"""The session key of received packets, with the octets of real headers."""

from __future__ import annotations

import pytest

from xfrmspec.xfrm.session import ReceivedHeaders, SessionKey, decode_session
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import Protocol

CORRECT = (CLEAN, USAGI_2004)
UDP_5000 = bytes.fromhex("03e81388 000c0000 61626364")
HOTI = bytes.fromhex("3b010100 00000000 0000000000000000")
BINDING_UPDATE = bytes.fromhex("3b010500 00000000 0000000000000000")
ECHO_REQUEST = bytes.fromhex("80010000 00000000")


def hao_before(next_header: int) -> bytes:
    """Destination options of 24 octets: PadN of four, then a home address option."""
    return bytes([next_header, 2, 1, 2, 0, 0, 0xC9, 16]) + bytes(16)


def padding_before(next_header: int) -> bytes:
    """A hop-by-hop or destination options header of eight octets that holds a PadN only."""
    return bytes([next_header, 0, 1, 4, 0, 0, 0, 0])


def fragment_before(next_header: int) -> bytes:
    return bytes([next_header, 0, 0, 0, 0, 0, 0, 1])


def decode(profile: Profile, next_header: int, payload: bytes, processed: int = 0) -> SessionKey:
    return decode_session(ReceivedHeaders(next_header, payload, processed), profile)


ALL = (CLEAN, LINUX_6_1, LINUX_6_18)


@pytest.mark.clause("XFRM-FLOW-001")
@pytest.mark.parametrize("profile", ALL, ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("protocol", "payload", "slots"),
    [
        (Protocol.UDP, UDP_5000, (1000, 5000)),
        (Protocol.TCP, UDP_5000, (1000, 5000)),
        (Protocol.SCTP, UDP_5000, (1000, 5000)),
        (Protocol.UDPLITE, UDP_5000, (1000, 5000)),
        (Protocol.UDP, UDP_5000[:3], (0, 0)),
        (Protocol.ICMPV6, ECHO_REQUEST, (128, 1)),
        (Protocol.ICMP, ECHO_REQUEST, (0, 0)),
        (33, UDP_5000, (0, 0)),
        (Protocol.ESP, UDP_5000, (0, 0)),
        (Protocol.GRE, bytes.fromhex("20000800 12345678 00000000"), (0x1234, 0x5678)),
        (Protocol.GRE, bytes.fromhex("a0000800 ffff0000 12345678"), (0x1234, 0x5678)),
        (Protocol.GRE, bytes.fromhex("00000800 12345678 00000000"), (0, 0)),
        (Protocol.GRE, bytes.fromhex("20000800 12345678"), (0, 0)),
        (Protocol.GRE, bytes.fromhex("01000800 12345678 00000000"), (0, 0)),
        (Protocol.GRE, bytes.fromhex("21000800 12345678 00000000"), (0x1234, 0x5678)),
        (Protocol.UDP, UDP_5000[:4], (1000, 5000)),
    ],
)
def test_without_extension_headers_every_kernel_reads_the_right_slots(
    protocol: int, payload: bytes, slots: tuple[int, int], profile: Profile
) -> None:
    assert decode(profile, protocol, payload) == SessionKey(protocol, *slots)


@pytest.mark.clause("XFRM-FLOW-001", "XFRM-FLOW-002")
@pytest.mark.parametrize(("profile", "type_"), [(CLEAN, 1), (USAGI_2004, 1), (LINUX_6_1, 0), (LINUX_6_18, 0)])
def test_a_plain_hoti_has_type_one_and_is_seen_as_type_zero_by_kernels(profile: Profile, type_: int) -> None:
    assert decode(profile, Protocol.MOBILITY, HOTI) == SessionKey(Protocol.MOBILITY, type_, 0)


@pytest.mark.clause("XFRM-FLOW-002")
@pytest.mark.parametrize(("profile", "type_"), [(CLEAN, 5), (LINUX_6_1, 5), (LINUX_6_18, 0)])
def test_a_binding_update_behind_a_home_address_option_works_on_linux_6_1(
    profile: Profile, type_: int
) -> None:
    payload = hao_before(Protocol.MOBILITY) + BINDING_UPDATE
    found = decode(profile, Protocol.DESTINATION_OPTIONS, payload, processed=1)
    assert found == SessionKey(Protocol.MOBILITY, type_)


@pytest.mark.clause("XFRM-FLOW-002")
@pytest.mark.parametrize(("profile", "type_"), [(CLEAN, 5), (LINUX_6_1, 1), (LINUX_6_18, 0)])
def test_with_two_extension_headers_linux_6_1_reads_the_type_from_the_second(
    profile: Profile, type_: int
) -> None:
    payload = padding_before(Protocol.DESTINATION_OPTIONS) + hao_before(Protocol.MOBILITY) + BINDING_UPDATE
    found = decode(profile, Protocol.HOP_BY_HOP, payload, processed=2)
    assert found == SessionKey(Protocol.MOBILITY, type_)


@pytest.mark.clause("XFRM-FLOW-002")
def test_an_extension_header_not_yet_processed_is_walked_but_the_mobility_header_is_still_passed() -> None:
    payload = padding_before(Protocol.MOBILITY) + BINDING_UPDATE
    assert decode(LINUX_6_1, Protocol.DESTINATION_OPTIONS, payload).source_slot == 0
    assert decode(CLEAN, Protocol.DESTINATION_OPTIONS, payload).source_slot == 5


@pytest.mark.clause("XFRM-FLOW-001", "XFRM-FLOW-003")
@pytest.mark.parametrize(
    ("profile", "slots"), [(CLEAN, (1000, 5000)), (LINUX_6_1, (4354, 258)), (LINUX_6_18, (1000, 5000))]
)
def test_udp_behind_a_home_address_option_shows_4354_and_258_on_linux_6_1(
    profile: Profile, slots: tuple[int, int]
) -> None:
    payload = hao_before(Protocol.UDP) + UDP_5000
    found = decode(profile, Protocol.DESTINATION_OPTIONS, payload, processed=1)
    assert found == SessionKey(Protocol.UDP, *slots)


@pytest.mark.clause("XFRM-FLOW-003")
@pytest.mark.parametrize("first", [Protocol.HOP_BY_HOP, Protocol.DESTINATION_OPTIONS])
def test_eight_octets_of_options_move_a_datagram_out_of_a_port_policy_on_linux_6_1(first: int) -> None:
    payload = padding_before(Protocol.UDP) + UDP_5000
    assert decode(CLEAN, first, payload, processed=1).destination_slot == 5000
    assert decode(LINUX_6_18, first, payload, processed=1).destination_slot == 5000
    assert decode(LINUX_6_1, first, payload, processed=1) == SessionKey(Protocol.UDP, 0x1100, 0x0104)


@pytest.mark.clause("XFRM-FLOW-003")
def test_unprocessed_extension_headers_do_not_confuse_linux_6_1() -> None:
    payload = padding_before(Protocol.UDP) + UDP_5000
    assert decode(LINUX_6_1, Protocol.HOP_BY_HOP, payload) == SessionKey(Protocol.UDP, 1000, 5000)


@pytest.mark.clause("XFRM-FLOW-004")
@pytest.mark.parametrize("profile", ALL, ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("protocol", "upper"),
    [(Protocol.UDP, UDP_5000), (Protocol.MOBILITY, BINDING_UPDATE), (Protocol.ICMPV6, ECHO_REQUEST)],
)
def test_a_fragment_header_leaves_the_protocol_only(protocol: int, upper: bytes, profile: Profile) -> None:
    found = decode(profile, Protocol.FRAGMENT, fragment_before(protocol) + upper)
    assert found == SessionKey(protocol, 0, 0)


@pytest.mark.clause("XFRM-FLOW-003")
def test_a_count_of_processed_headers_beyond_the_chain_stops_at_the_last_header() -> None:
    payload = padding_before(Protocol.UDP) + UDP_5000
    assert decode(LINUX_6_1, Protocol.HOP_BY_HOP, payload, processed=5).protocol == Protocol.UDP


@pytest.mark.clause("XFRM-FLOW-001")
@pytest.mark.parametrize("profile", ALL, ids=lambda p: p.name)
def test_a_chain_that_breaks_off_in_a_hop_by_hop_header_has_no_slots(profile: Profile) -> None:
    assert decode(profile, Protocol.HOP_BY_HOP, b"\x11") == SessionKey(Protocol.HOP_BY_HOP, 0, 0)


@pytest.mark.clause("XFRM-FLOW-002")
def test_a_mobility_header_cut_before_its_type_has_type_zero() -> None:
    assert decode(CLEAN, Protocol.MOBILITY, HOTI[:2]) == SessionKey(Protocol.MOBILITY, 0, 0)
    assert decode(LINUX_6_1, Protocol.MOBILITY, HOTI[:1]) == SessionKey(Protocol.MOBILITY, 0, 0)
