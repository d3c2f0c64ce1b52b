"""Seniority: what updates, rebuilds and moves between hash and tree do to ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from builders import (
    ALL_PROFILES,
    ALLOW,
    ANYWHERE,
    BLOCK,
    EXACT_ALLOW,
    INEXACT_BLOCK,
    LOCAL,
    NET_LOCAL,
    NET_REMOTE,
    REMOTE,
    SIXTY_FOUR,
    database,
    policy,
    positions,
    stored,
    updated,
    winner,
)

from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.policies import delete, set_thresholds
from xfrmspec_terms.policy import (
    identity_of,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)


WIDE_ALLOW = policy(priority=5, action=ALLOW)


@pytest.mark.clause("XFRM-LOOKUP-008")
@pytest.mark.parametrize(
    ("profile", "expected"),
    [(CLEAN, ALLOW), (LINUX_6_1, ALLOW), (LINUX_6_18, BLOCK), (USAGI_2004, ALLOW)],
    ids=["clean", "6.1", "6.18", "usagi"],
)
def test_an_update_keeps_its_seniority_across_lists_but_for_linux_6_18(
    profile: Profile, expected: object
) -> None:
    built = database(profile, WIDE_ALLOW, INEXACT_BLOCK)
    assert winner(built).action is ALLOW
    assert winner(updated(built, WIDE_ALLOW)).action is expected


@pytest.mark.clause("XFRM-LOOKUP-008")
@PROFILES
def test_an_update_keeps_its_seniority_in_its_own_list_in_every_profile(profile: Profile) -> None:
    shorter = policy("2001:db8:1::/60", "2001:db8:2::/60", priority=5, action=ALLOW)
    built = updated(database(profile, INEXACT_BLOCK, shorter), INEXACT_BLOCK)
    assert winner(built).action is BLOCK
    exact = updated(database(profile, EXACT_ALLOW, policy(LOCAL, REMOTE, 17, priority=5)), EXACT_ALLOW)
    assert winner(exact).selector.protocol == 0


@pytest.mark.clause("XFRM-LOOKUP-008")
@PROFILES
def test_an_update_that_comes_back_to_its_old_priority_is_the_youngest(profile: Profile) -> None:
    shorter = policy("2001:db8:1::/60", "2001:db8:2::/60", priority=5, action=ALLOW)
    built = database(profile, INEXACT_BLOCK, shorter)
    for priority, expected in ((9, ALLOW), (5, ALLOW), (1, BLOCK), (5, ALLOW)):
        built = updated(built, replace(INEXACT_BLOCK, priority=priority))
        assert winner(built).action is expected, priority


@pytest.mark.clause("XFRM-LOOKUP-008")
@PROFILES
def test_a_changed_priority_goes_behind_its_new_equals(profile: Profile) -> None:
    others = [
        policy("2001:db8:1::/60", priority=3, action=ALLOW),
        policy("2001:db8:1::/59", priority=7, action=ALLOW),
    ]
    moving = policy("2001:db8:1::/58", priority=5, action=BLOCK)
    strengthened = updated(database(profile, *others, moving), replace(moving, priority=3))
    assert winner(strengthened).action is ALLOW
    weakened = updated(stored(delete(strengthened, identity_of(others[0]))), replace(moving, priority=7))
    assert winner(weakened).action is ALLOW


@pytest.mark.clause("XFRM-LOOKUP-008")
def test_where_seniority_is_lost_in_the_own_list_the_update_goes_last() -> None:
    forgetful = replace(CLEAN, update_keeps_seniority_same_list=False)
    shorter = policy("2001:db8:1::/60", "2001:db8:2::/60", priority=5, action=ALLOW)
    built = updated(database(forgetful, INEXACT_BLOCK, shorter), INEXACT_BLOCK)
    assert winner(built).action is ALLOW


@pytest.mark.clause("XFRM-LOOKUP-009")
@pytest.mark.parametrize(
    ("profile", "expected"),
    [(CLEAN, BLOCK), (LINUX_6_1, ALLOW), (LINUX_6_18, ALLOW), (USAGI_2004, BLOCK)],
    ids=["clean", "6.1", "6.18", "usagi"],
)
def test_a_rebuild_makes_an_updated_policy_the_youngest_on_kernels(
    profile: Profile, expected: object
) -> None:
    shorter = policy("2001:db8:1::/60", "2001:db8:2::/60", priority=5, action=ALLOW)
    built = updated(database(profile, INEXACT_BLOCK, shorter), INEXACT_BLOCK)
    assert winner(built).action is BLOCK
    assert winner(stored(set_thresholds(built, Thresholds()))).action is expected


@pytest.mark.clause("XFRM-LOOKUP-009")
@pytest.mark.parametrize(
    ("profile", "expected"),
    [(CLEAN, BLOCK), (LINUX_6_1, ALLOW), (LINUX_6_18, BLOCK)],
    ids=["clean", "6.1", "6.18"],
)
def test_moving_the_senior_into_the_hash_loses_its_tie_on_linux_6_1(
    profile: Profile, expected: object
) -> None:
    built = database(profile, INEXACT_BLOCK, WIDE_ALLOW)
    assert winner(built).action is BLOCK
    moved = stored(set_thresholds(built, SIXTY_FOUR))
    assert winner(moved).action is expected
    assert winner(stored(set_thresholds(moved, Thresholds()))).action is BLOCK


@pytest.mark.clause("XFRM-LOOKUP-009", "XFRM-LOOKUP-004")
def test_a_policy_moved_into_the_hash_keeps_the_position_it_had_in_the_tree_on_linux_6_1() -> None:
    coarse_but_stronger = policy(ANYWHERE, "2001:db8:77::/64", priority=1)
    built = database(LINUX_6_1, coarse_but_stronger, INEXACT_BLOCK, WIDE_ALLOW)
    assert positions(built) == [0, 1, 2]
    moved = stored(set_thresholds(built, SIXTY_FOUR))
    assert positions(moved) == [0, 1, 1]
    assert winner(moved).action is ALLOW


@pytest.mark.clause("XFRM-LOOKUP-009", "XFRM-LOOKUP-011")
@PROFILES
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_distinct_priorities_make_order_and_thresholds_irrelevant(
    order: Sequence[int], profile: Profile
) -> None:
    entries = [
        policy(LOCAL, REMOTE, priority=3, action=BLOCK),
        policy(NET_LOCAL, NET_REMOTE, priority=2, action=BLOCK),
        policy(ANYWHERE, REMOTE, priority=1, action=ALLOW),
        policy(priority=4, action=BLOCK),
    ]
    built = database(profile, *(entries[number] for number in order))
    built = updated(built, entries[2])
    for thresholds in (Thresholds(), SIXTY_FOUR, Thresholds(local6=0, remote6=0)):
        assert winner(stored(set_thresholds(built, thresholds))).priority == 1
