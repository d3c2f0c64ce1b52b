"""Which state a template gets: candidates, passes, judgement, preference, result."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from builders import (
    AH,
    ALL_PROFILES,
    ESP,
    LOCAL,
    OTHER,
    REMOTE,
    TUNNEL,
    flow,
    key,
    selector,
    state,
    template,
)

from xfrmspec.xfrm.associations import Found, StateKey, find_state, preferred
from xfrmspec.xfrm.state_hash import bucket, table_size
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, Mode, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Family, Selector

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
HASHED = pytest.mark.parametrize("profile", [LINUX_6_1, LINUX_6_18], ids=lambda p: p.name)
ELSEWHERE = selector(LOCAL, OTHER)
ACQ, ERROR, EXPIRED = Lifecycle.ACQ, Lifecycle.ERROR, Lifecycle.EXPIRED


def find(
    *states: SecurityAssociation,
    wanted: Template = ESP,
    searched: StateKey | None = None,
    listeners: bool = True,
    profile: Profile = CLEAN,
) -> Found:
    return find_state(states, wanted, searched or key(), listeners, profile)


@pytest.mark.clause("XFRM-FIND-001")
@PROFILES
@pytest.mark.parametrize(
    ("held", "wanted", "searched"),
    [
        (state(), ESP, key()),
        (state(reqid=7), replace(ESP, reqid=7), key()),
        (state(spi=9), replace(ESP, spi=9), key()),
        (state(mark=Mark(1, 1)), ESP, key(mark=Mark(3, 3))),
        (state(if_id=3), ESP, key(if_id=3)),
    ],
)
def test_a_state_that_has_everything_is_found(
    held: SecurityAssociation, wanted: Template, searched: StateKey, profile: Profile
) -> None:
    found = find(held, wanted=wanted, searched=searched, profile=profile)
    assert (found.state, found.errno, found.alternatives) == (held, Errno.OK, (held,))


@pytest.mark.clause("XFRM-FIND-001")
@PROFILES
@pytest.mark.parametrize(
    ("held", "wanted", "searched"),
    [
        (state(reqid=7), ESP, key()),
        (state(), replace(ESP, reqid=7), key()),
        (state(spi=9), replace(ESP, spi=10), key()),
        (state(mark=Mark(1, 1)), ESP, key()),
        (state(mark=Mark(1, 1)), ESP, key(mark=Mark(3, 2))),
        (state(mark=Mark(0, 1)), ESP, key(mark=Mark(1, 1))),
        (state(if_id=3), ESP, key()),
        (state(), ESP, key(if_id=3)),
        (state(flags=StateFlag.WILDRECV), ESP, key()),
        (state(destination=OTHER), ESP, key()),
        (state(source=OTHER), ESP, key()),
        (state(), AH, key()),
        (state(mode=Mode.TUNNEL), ESP, key()),
        (state(), replace(ESP, family=Family.INET), key()),
    ],
    ids=[
        "reqid 0 is no wildcard",
        "reqid",
        "spi",
        "unmarked policy",
        "mark mask",
        "mark",
        "if_id of the state",
        "if_id of the policy",
        "wildrecv",
        "destination",
        "source",
        "protocol",
        "mode",
        "family",
    ],
)
def test_a_state_that_differs_in_one_thing_is_none(
    held: SecurityAssociation, wanted: Template, searched: StateKey, profile: Profile
) -> None:
    found = find(held, wanted=wanted, searched=searched, profile=profile)
    assert (found.state, found.errno, found.acquire) == (None, Errno.EAGAIN, True)


@pytest.mark.clause("XFRM-FIND-002")
@PROFILES
def test_a_state_of_an_open_source_is_found_second(profile: Profile) -> None:
    open_source, own = state(source="::", spi=1), state(spi=2, dying=True)
    assert find(open_source, profile=profile).state == open_source
    assert find(open_source, own, profile=CLEAN).state == own


@pytest.mark.clause("XFRM-FIND-002")
@PROFILES
def test_an_acquire_in_progress_in_the_first_pass_prevents_the_second(profile: Profile) -> None:
    found = find(state(lifecycle=ACQ), state(source="::"), profile=profile)
    assert (found.state, found.errno, found.acquire) == (None, Errno.EAGAIN, False)


@pytest.mark.clause("XFRM-FIND-002")
@PROFILES
def test_a_failure_in_the_first_pass_does_not_prevent_the_second(profile: Profile) -> None:
    open_source = state(source="::")
    assert find(state(lifecycle=ERROR), open_source, profile=profile).state == open_source


FOREIGN = [f"2001:db8:3::{number:x}" for number in range(1, 17)]


@pytest.mark.clause("XFRM-FIND-002")
@HASHED
@pytest.mark.parametrize("reqid", [0, 1, 77])
@pytest.mark.parametrize("destination", [REMOTE, "2001:db8:3::99", "fd00::1"])
def test_of_sixteen_foreign_sources_kernels_take_d_and_f_whatever_destination_and_reqid(
    destination: str, reqid: int, profile: Profile
) -> None:
    sender = "2001:db8:3::aaaa"
    searched = key(flow(sender, destination), sender, destination)
    taken = [
        source
        for source in FOREIGN
        if find(
            state(source=source, destination=destination, reqid=reqid),
            wanted=replace(ESP, reqid=reqid),
            searched=searched,
            profile=profile,
        ).state
    ]
    assert taken == ["2001:db8:3::d", "2001:db8:3::f"]


@pytest.mark.clause("XFRM-FIND-002")
def test_the_clean_rules_never_take_a_state_of_another_sender() -> None:
    for source in FOREIGN:
        assert find(state(source=source)).state is None


@pytest.mark.clause("XFRM-FIND-002")
@HASHED
def test_a_larger_table_changes_which_foreign_sources_are_taken(profile: Profile) -> None:
    padding = [state(destination=OTHER, spi=number) for number in range(16)]
    foreign = state(source="2001:db8:3::f")
    assert find(foreign, profile=profile).state == foreign
    assert find(foreign, *padding, profile=profile).state is None


@pytest.mark.clause("XFRM-FIND-002")
@HASHED
def test_an_open_source_in_the_senders_own_bucket_is_found_in_the_first_pass(profile: Profile) -> None:
    sender = "2001:db8:3::d"
    open_source, own = state(source="::", spi=1, added=9), state(source=sender, spi=2, added=1)
    found = find(open_source, own, searched=key(flow(sender), sender), profile=profile)
    assert found.state == open_source, "the younger one wins, since both are seen at once"
    assert find(open_source, own, searched=key(flow(sender), sender)).state == own


@pytest.mark.clause("XFRM-FIND-002")
def test_buckets_of_ipv4_add_the_addresses() -> None:
    first, second, nobody = (ip_address(text) for text in ("192.0.2.1", "192.0.2.2", "0.0.0.0"))
    little_endian_sum = 0x010200C0 + 0x020200C0
    assert little_endian_sum == 0x03040180
    mixed = 2 ^ 5 ^ 0x80010403
    assert bucket(first, second, 5, 8) == (mixed ^ mixed >> 16) & 7
    assert bucket(first, second, 5, 1024) == bucket(second, first, 5, 1024)
    assert bucket(first, nobody, 0, 8) != bucket(second, nobody, 0, 8)


@pytest.mark.clause("XFRM-FIND-002")
@pytest.mark.parametrize(("states", "buckets"), [(0, 8), (7, 8), (8, 16), (15, 16), (16, 32)])
def test_tables_double_when_states_outnumber_the_mask(states: int, buckets: int) -> None:
    assert table_size(states) == buckets


@pytest.mark.clause("XFRM-FIND-003")
@PROFILES
@pytest.mark.parametrize(
    ("own", "usable"),
    [
        (None, True),
        (selector(LOCAL, REMOTE), True),
        (selector(family=Family.UNSPEC), True),
        (replace(ELSEWHERE, family=Family.UNSPEC), True),
        (ELSEWHERE, False),
        (selector("0.0.0.0/0", "0.0.0.0/0"), False),
    ],
    ids=["open", "fits", "no family", "no family, other addresses", "elsewhere", "IPv4"],
)
def test_a_valid_state_is_passed_over_when_its_selector_does_not_fit(
    own: Selector | None, usable: bool, profile: Profile
) -> None:
    found = find(state(selector=own), profile=profile)
    assert (found.state is not None) is usable
    assert found.acquire is not usable, "a state that is passed over is no error"


@pytest.mark.clause("XFRM-FIND-003")
@PROFILES
def test_a_larval_state_holds_back_every_other_flow_of_its_key(profile: Profile) -> None:
    larval = state(lifecycle=ACQ, spi=0, selector=ELSEWHERE)
    found = find(larval, profile=profile)
    assert (found.state, found.errno, found.acquire) == (None, Errno.EAGAIN, False)
    valid = state()
    assert find(larval, valid, profile=profile).state == valid


@pytest.mark.clause("XFRM-FIND-003")
def test_where_larval_states_do_not_block_other_flows_a_new_acquire_goes_out() -> None:
    patient = replace(CLEAN, acquire_blocks_other_flows=False)
    assert find(state(lifecycle=ACQ, selector=ELSEWHERE), profile=patient).acquire
    assert not find(state(lifecycle=ACQ, selector=selector()), profile=patient).acquire


@pytest.mark.clause("XFRM-FIND-003", "XFRM-FIND-005")
@PROFILES
@pytest.mark.parametrize("lifecycle", [ERROR, EXPIRED])
def test_a_failed_state_suppresses_the_acquire_only_for_flows_its_selector_fits(
    lifecycle: Lifecycle, profile: Profile
) -> None:
    fits = find(state(lifecycle=lifecycle), profile=profile)
    assert (fits.errno, fits.acquire) == (Errno.ESRCH, False)
    other = find(state(lifecycle=lifecycle, selector=ELSEWHERE), profile=profile)
    assert (other.errno, other.acquire) == (Errno.EAGAIN, True)


@pytest.mark.clause("XFRM-FIND-003")
@pytest.mark.parametrize("lifecycle", [Lifecycle.VOID, Lifecycle.DEAD])
def test_void_and_dead_states_count_for_nothing(lifecycle: Lifecycle) -> None:
    assert find(state(lifecycle=lifecycle)).acquire


@pytest.mark.clause("XFRM-FIND-004")
@PROFILES
def test_not_dying_comes_before_younger_and_younger_before_older(profile: Profile) -> None:
    old, young = state(spi=1, added=10), state(spi=2, added=11)
    dying = state(spi=3, added=99, dying=True)
    for order in ((old, young, dying), (dying, young, old)):
        assert find(*order, profile=profile).state == young
    assert find(dying, profile=profile).state == dying


@pytest.mark.clause("XFRM-FIND-004")
@PROFILES
def test_states_of_the_same_second_are_all_admitted_the_most_recent_first(profile: Profile) -> None:
    newer, older = state(spi=2, added=10), state(spi=1, added=10)
    found = find(newer, older, state(spi=3, added=9), profile=profile)
    assert found.state == newer
    assert found.alternatives == (newer, older)
    assert preferred([older, newer]) == (older, newer)


@pytest.mark.clause("XFRM-FIND-005")
@PROFILES
def test_a_named_spi_that_another_state_holds_is_an_error(profile: Profile) -> None:
    holder = state(spi=9, reqid=5, source=OTHER, mode=Mode.TUNNEL, lifecycle=EXPIRED)
    named = replace(ESP, spi=9)
    found = find(holder, wanted=named, profile=profile)
    assert (found.errno, found.acquire) == (Errno.EEXIST, False)
    assert find(holder, wanted=named, listeners=False, profile=profile).errno is Errno.EEXIST
    for other in (replace(holder, destination=ip_address(OTHER)), replace(holder, mark=Mark(1, 1))):
        assert find(other, wanted=named, profile=profile).acquire
    assert find(holder, wanted=replace(AH, spi=9), profile=profile).acquire


@pytest.mark.clause("XFRM-FIND-005")
@PROFILES
def test_a_pending_acquire_outranks_a_failure(profile: Profile) -> None:
    found = find(state(lifecycle=ERROR), state(lifecycle=ACQ), profile=profile)
    assert (found.errno, found.acquire) == (Errno.EAGAIN, False)


@pytest.mark.clause("XFRM-FIND-005")
@PROFILES
def test_without_a_listener_no_larval_state_is_made(profile: Profile) -> None:
    found = find(listeners=False, profile=profile)
    assert (found.state, found.errno, found.acquire) == (None, Errno.ESRCH, False)


@pytest.mark.clause("XFRM-FIND-001")
def test_a_search_between_tunnel_ends_looks_at_them_and_judges_by_the_inner_flow() -> None:
    outer = state(mode=Mode.TUNNEL, destination=OTHER, selector=selector(LOCAL, REMOTE))
    assert find(outer, wanted=TUNNEL, searched=key(flow(), LOCAL, OTHER)).state == outer


@pytest.mark.clause("XFRM-FIND-001")
def test_an_ipv4_search_uses_ipv4_states() -> None:
    held = state(source="192.0.2.1", destination="192.0.2.2")
    searched = key(flow("192.0.2.1", "192.0.2.2"), "192.0.2.1", "192.0.2.2")
    wanted = template(source="0.0.0.0", destination="0.0.0.0", family=Family.INET)
    for profile in ALL_PROFILES:
        assert find(held, wanted=wanted, searched=searched, profile=profile).state == held
