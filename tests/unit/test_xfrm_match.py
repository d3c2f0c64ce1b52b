"""Does a flow match a selector, a policy, a socket's policy."""

from __future__ import annotations

import pytest
from builders import (
    ALL_PROFILES,
    ANYWHERE,
    LOCAL,
    OTHER,
    OUT,
    REMOTE,
    database,
    flow,
    policy,
    selector,
    winner,
)

from xfrmspec.xfrm.lookup import best_match
from xfrmspec.xfrm.match import Mismatch, policy_mismatch, selector_mismatch
from xfrmspec.xfrm.policies import add
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, PolicyFlag, PolicyType, Share
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import (
    Family,
    Flow,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    SlotMeaning,
    slot_meaning,
)


@pytest.mark.clause("XFRM-SEL-001")
@pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("wanted", "packet", "expected"),
    [
        (selector(), flow(), None),
        (selector(LOCAL, REMOTE, Protocol.UDP), flow(), None),
        (selector(OTHER), flow(), Mismatch.SOURCE),
        (selector(ANYWHERE, OTHER), flow(), Mismatch.DESTINATION),
        (selector(protocol=Protocol.TCP), flow(), Mismatch.PROTOCOL),
        (selector(source_port=PortMatch.exactly(1)), flow(), Mismatch.SOURCE_PORT),
        (selector(destination_port=PortMatch.exactly(1)), flow(), Mismatch.DESTINATION_PORT),
        (selector("2001:db8:1::ffff/64"), flow(), None),
        (selector("2001:db8:1::/65"), flow("2001:db8:1::8000:0:0:1"), Mismatch.SOURCE),
        (selector("2001:db8:1::/64"), flow("2001:db8:1::8000:0:0:1"), None),
        (selector("192.0.2.0/24", "0.0.0.0/0"), flow("192.0.2.7", "198.51.100.1"), None),
        (selector("192.0.2.0/24", "0.0.0.0/0"), flow("192.0.3.7", "198.51.100.1"), Mismatch.SOURCE),
    ],
)
def test_a_selector_rejects_by_the_first_part_that_differs(
    wanted: Selector, packet: Flow, expected: Mismatch | None, profile: Profile
) -> None:
    assert selector_mismatch(wanted, packet, profile) is expected


@pytest.mark.clause("XFRM-SEL-001")
def test_ports_are_compared_on_masked_bits_only() -> None:
    low_byte = selector(destination_port=PortMatch(0x0088, 0x00FF))
    assert selector_mismatch(low_byte, flow(destination_slot=0x1388), CLEAN) is None
    assert selector_mismatch(low_byte, flow(destination_slot=0x1389), CLEAN) is Mismatch.DESTINATION_PORT


@pytest.mark.clause("XFRM-SEL-002")
@pytest.mark.parametrize(
    ("protocol", "meaning"),
    [
        (Protocol.TCP, SlotMeaning.PORTS),
        (Protocol.UDP, SlotMeaning.PORTS),
        (Protocol.UDPLITE, SlotMeaning.PORTS),
        (Protocol.SCTP, SlotMeaning.PORTS),
        (Protocol.ICMP, SlotMeaning.TYPE_AND_CODE),
        (Protocol.ICMPV6, SlotMeaning.TYPE_AND_CODE),
        (Protocol.MOBILITY, SlotMeaning.MOBILITY_TYPE),
        (Protocol.GRE, SlotMeaning.GRE_KEY),
        (Protocol.ESP, SlotMeaning.NOTHING),
        (33, SlotMeaning.NOTHING),
        (253, SlotMeaning.NOTHING),
    ],
)
def test_what_the_slots_of_a_protocol_hold(protocol: int, meaning: SlotMeaning) -> None:
    assert slot_meaning(protocol) is meaning


@pytest.mark.clause("XFRM-SEL-002")
def test_slots_are_compared_even_when_the_selector_names_no_protocol() -> None:
    five = selector(source_port=PortMatch.exactly(5))
    assert selector_mismatch(five, flow(protocol=Protocol.MOBILITY, source_slot=5), CLEAN) is None
    assert selector_mismatch(five, flow(protocol=33, source_slot=0), CLEAN) is Mismatch.SOURCE_PORT


@pytest.mark.clause("XFRM-SEL-002", "XFRM-FLOW-005")
def test_mobility_type_five_is_blocked_on_output_and_six_passes() -> None:
    updates = policy(
        protocol=Protocol.MOBILITY,
        source_port=PortMatch.exactly(5),
        destination_port=PortMatch.exactly(0),
    )
    built = database(CLEAN, updates)
    for type_, owned in ((5, True), (6, False)):
        packet = flow(protocol=Protocol.MOBILITY, source_slot=type_, destination_slot=0)
        assert (best_match(built, packet, OUT, PolicyType.MAIN) is not None) is owned


@pytest.mark.clause("XFRM-SEL-003")
def test_an_interface_selector_never_owns_the_traffic_of_an_unbound_socket() -> None:
    on_two = selector(ifindex=2)
    assert selector_mismatch(on_two, flow(oif=0), CLEAN) is Mismatch.INTERFACE
    assert selector_mismatch(on_two, flow(oif=1), CLEAN) is Mismatch.INTERFACE
    assert selector_mismatch(on_two, flow(oif=2), CLEAN) is None
    assert selector_mismatch(selector(), flow(oif=2), CLEAN) is None


@pytest.mark.clause("XFRM-SEL-004")
@pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
def test_an_open_family_is_compared_with_flows_of_either(profile: Profile) -> None:
    open_family = selector(family=Family.UNSPEC)
    assert selector_mismatch(open_family, flow(), profile) is None
    assert selector_mismatch(open_family, flow("192.0.2.1", "192.0.2.2"), profile) is None
    narrow = selector(LOCAL, ANYWHERE, family=Family.UNSPEC)
    assert selector_mismatch(narrow, flow(OTHER), profile) is Mismatch.SOURCE


@pytest.mark.clause("XFRM-SEL-004")
@pytest.mark.parametrize(
    ("profile", "expected"),
    [(CLEAN, Mismatch.FAMILY), (LINUX_6_18, Mismatch.FAMILY), (LINUX_6_1, None)],
    ids=["clean", "6.18", "6.1"],
)
def test_a_selector_of_the_other_family_matches_only_where_families_are_not_checked(
    profile: Profile, expected: Mismatch | None
) -> None:
    any_ipv4 = selector("0.0.0.0/0", "0.0.0.0/0")
    assert selector_mismatch(any_ipv4, flow(), profile) is expected


@pytest.mark.clause("XFRM-SEL-004")
def test_an_ipv4_selector_is_read_as_the_first_octets_of_an_ipv6_one_on_linux_6_1() -> None:
    first_octets = selector("32.1.13.184/32", "0.0.0.0/0")
    assert selector_mismatch(first_octets, flow("2001:db8:1::1"), LINUX_6_1) is None
    assert selector_mismatch(first_octets, flow("2001:db9:1::1"), LINUX_6_1) is Mismatch.SOURCE
    assert selector_mismatch(first_octets, flow(), CLEAN) is Mismatch.FAMILY


@pytest.mark.clause("XFRM-SEL-004")
def test_an_ipv6_selector_is_cut_down_to_32_bits_for_an_ipv4_flow_on_linux_6_1() -> None:
    wide = selector("2001:db8::/48", ANYWHERE)
    assert selector_mismatch(wide, flow("32.1.13.184", "192.0.2.1"), LINUX_6_1) is None
    assert selector_mismatch(wide, flow("32.1.13.185", "192.0.2.1"), LINUX_6_1) is Mismatch.SOURCE


@pytest.mark.clause("XFRM-SEL-004")
@pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
def test_policies_are_filtered_by_family_in_every_profile(profile: Profile) -> None:
    assert policy_mismatch(policy("0.0.0.0/0", "0.0.0.0/0"), flow(), profile) is Mismatch.FAMILY


@pytest.mark.clause("XFRM-SEL-005")
@pytest.mark.parametrize(
    ("mark", "packet_mark", "expected"),
    [
        (Mark(), 0, None),
        (Mark(), 0xFFFFFFFF, None),
        (Mark(0x10, 0xF0), 0x1F, None),
        (Mark(0x10, 0xF0), 0x20, Mismatch.MARK),
        (Mark(0x10, 0xF0), 0, Mismatch.MARK),
        (Mark(0x1F, 0xF0), 0x10, None),
        (Mark(0, 0xFF), 0x100, None),
        (Mark(0, 0xFF), 1, Mismatch.MARK),
    ],
)
def test_marks_are_compared_under_the_policys_mask(
    mark: Mark, packet_mark: int, expected: Mismatch | None
) -> None:
    assert policy_mismatch(policy(mark=mark), flow(mark=packet_mark), CLEAN) is expected


@pytest.mark.clause("XFRM-SEL-005", "XFRM-DB-006")
def test_policies_that_differ_in_their_mark_only_stand_side_by_side() -> None:
    built = database(CLEAN, policy(priority=1), policy(priority=2, mark=Mark(7, 0xFF)))
    assert built.count(OUT) == 2
    again = add(built, policy(mark=Mark(0x107, 0xFF)))
    assert again.errno is Errno.EEXIST, "the value is cut down to the mask before it is compared"


@pytest.mark.clause("XFRM-SEL-006")
def test_zero_is_an_if_id_like_any_other() -> None:
    assert policy_mismatch(policy(if_id=0), flow(if_id=3), CLEAN) is Mismatch.IF_ID
    assert policy_mismatch(policy(if_id=3), flow(if_id=0), CLEAN) is Mismatch.IF_ID
    assert policy_mismatch(policy(if_id=3), flow(if_id=3), CLEAN) is None


@pytest.mark.clause("XFRM-POL-001")
def test_share_is_forgotten_and_the_user_is_never_matched() -> None:
    built = database(CLEAN, policy(share=Share.UNIQUE, user=1000))
    owner = winner(built)
    assert owner.share is Share.ANY
    assert owner.selector.user == 1000


@pytest.mark.clause("XFRM-POL-001")
def test_a_priority_outside_32_bits_is_no_policy() -> None:
    with pytest.raises(ValueError, match="priority"):
        policy(priority=1 << 32)


@pytest.mark.clause("XFRM-POL-002")
def test_localok_changes_no_decision() -> None:
    owner = winner(database(CLEAN, policy(flags=PolicyFlag.LOCALOK), policy(LOCAL, priority=1)))
    assert owner.flags is PolicyFlag.LOCALOK


@pytest.mark.clause("XFRM-SEL-001")
def test_prefixes_of_two_families_never_contain_or_overlap() -> None:
    four, six = Prefix.parse("0.0.0.0/0"), Prefix.parse("::/0")
    assert not four.contains(six.address)
    assert not four.overlaps(six)
