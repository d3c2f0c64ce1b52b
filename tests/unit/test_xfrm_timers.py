"""The time limits of policies."""

from __future__ import annotations

import pytest
from builders import ALL_PROFILES, BLOCK, IN, OUT, policy, stored

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import PolicyEventKind, add, delete, update
from xfrmspec.xfrm.timers import fire_timer, first_check, mark_used
from xfrmspec_terms.policy import InstalledPolicy, Limits, Policy, identity_of
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile

ADDED = 1000
SOFT, HARD = PolicyEventKind.EXPIRE_SOFT, PolicyEventKind.EXPIRE_HARD


def installed(limits: Limits, profile: Profile = CLEAN) -> tuple[PolicyDatabase, InstalledPolicy]:
    outcome = add(PolicyDatabase(profile), policy(limits=limits), now=ADDED)
    assert outcome.found is not None
    return outcome.database, outcome.found


def kinds(database: PolicyDatabase, entry: InstalledPolicy, now: int) -> list[PolicyEventKind]:
    return [event.kind for event in fire_timer(database, entry, now).events]


@pytest.mark.clause("XFRM-TIMER-001")
def test_the_first_check_is_one_second_after_insertion_even_without_limits() -> None:
    database, entry = installed(Limits())
    assert first_check(entry) == ADDED + 1
    result = fire_timer(database, entry, ADDED + 1)
    assert (result.database, result.events, result.next_check) == (database, (), None)


@pytest.mark.clause("XFRM-TIMER-001")
def test_a_hard_limit_since_addition_deletes_at_the_second_and_not_before() -> None:
    database, entry = installed(Limits(hard_add_seconds=5))
    early = fire_timer(database, entry, ADDED + 4)
    assert (early.events, early.next_check) == ((), ADDED + 5)
    late = fire_timer(database, entry, ADDED + 5)
    assert [event.kind for event in late.events] == [HARD]
    assert late.database.count(OUT) == 0
    assert late.next_check is None


@pytest.mark.clause("XFRM-TIMER-001", "XFRM-TIMER-003")
def test_a_hard_limit_since_use_counts_from_addition_until_there_is_a_use() -> None:
    database, entry = installed(Limits(hard_use_seconds=5))
    assert kinds(database, entry, ADDED + 5) == [HARD]
    used = mark_used(database, entry, ADDED + 4)
    assert not kinds(used, entry, ADDED + 8)
    assert fire_timer(used, entry, ADDED + 8).next_check == ADDED + 9
    again = mark_used(used, entry, ADDED + 8)
    assert not kinds(again, entry, ADDED + 12), "the last use counts"
    assert kinds(again, entry, ADDED + 13) == [HARD]


@pytest.mark.clause("XFRM-TIMER-001")
def test_a_hard_limit_comes_before_a_soft_one() -> None:
    database, entry = installed(Limits(hard_add_seconds=5, soft_add_seconds=2))
    assert kinds(database, entry, ADDED + 9) == [HARD]


@pytest.mark.clause("XFRM-TIMER-001")
def test_a_hard_expiry_is_announced_only_for_a_policy_that_was_still_there() -> None:
    database, entry = installed(Limits(hard_add_seconds=5))
    gone = stored(delete(database, identity_of(entry.policy)))
    assert fire_timer(gone, entry, ADDED + 9).events == ()
    replaced = stored(update(database, policy(), now=ADDED + 1))
    assert fire_timer(replaced, entry, ADDED + 9).database == replaced


@pytest.mark.clause("XFRM-TIMER-002")
def test_a_soft_limit_is_announced_again_every_thirty_seconds() -> None:
    database, entry = installed(Limits(soft_add_seconds=2))
    now, heard = first_check(entry), []
    while now <= ADDED + 65:
        result = fire_timer(database, entry, now)
        heard += [(event.kind, now - ADDED) for event in result.events]
        assert result.next_check is not None
        now = result.next_check
    assert heard == [(SOFT, 2), (SOFT, 32), (SOFT, 62)]


@pytest.mark.clause("XFRM-TIMER-002")
def test_two_reached_soft_limits_are_one_event() -> None:
    database, entry = installed(Limits(soft_add_seconds=2, soft_use_seconds=2))
    result = fire_timer(database, entry, ADDED + 2)
    assert [event.kind for event in result.events] == [SOFT]
    assert result.next_check == ADDED + 32


@pytest.mark.clause("XFRM-TIMER-002")
def test_the_next_look_is_at_the_nearest_deadline() -> None:
    limits = Limits(soft_add_seconds=2, soft_use_seconds=9, hard_add_seconds=20)
    database, entry = installed(limits)
    assert fire_timer(database, entry, ADDED + 1).next_check == ADDED + 2
    assert fire_timer(database, entry, ADDED + 2).next_check == ADDED + 9
    assert fire_timer(database, entry, ADDED + 9).next_check == ADDED + 20


@pytest.mark.clause("XFRM-POL-003")
@pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
def test_octet_and_packet_limits_are_stored_and_never_enforced(profile: Profile) -> None:
    limits = Limits(soft_bytes=0, hard_bytes=0, soft_packets=0, hard_packets=0)
    database, entry = installed(limits, profile)
    assert entry.policy.limits == limits
    assert fire_timer(mark_used(database, entry, ADDED), entry, ADDED + 10**9).events == ()


@pytest.mark.clause("XFRM-TIMER-003")
def test_use_is_noted_on_one_policy_only_whatever_its_action() -> None:
    first = add(PolicyDatabase(), policy(action=BLOCK))
    second = add(first.database, policy(direction=IN))
    assert first.found is not None
    used = mark_used(second.database, first.found, 5)
    assert [entry.used for entry in used] == [5, None]


@pytest.mark.clause("XFRM-TIMER-001", "XFRM-DB-008")
@pytest.mark.parametrize(("profile", "bumped"), [(CLEAN, 2), (LINUX_6_1, 1)])
def test_an_expiry_invalidates_routes_where_a_deletion_does(profile: Profile, bumped: int) -> None:
    database, entry = installed(Limits(hard_add_seconds=5), profile)
    assert fire_timer(database, entry, ADDED + 5).database.generations.ipv6 == bumped


@pytest.mark.clause("XFRM-TIMER-001")
def test_the_expired_policy_is_the_one_that_is_announced() -> None:
    database, entry = installed(Limits(hard_add_seconds=1))
    other: Policy = policy(direction=IN, limits=Limits(hard_add_seconds=1))
    both = stored(add(database, other, now=ADDED))
    result = fire_timer(both, entry, ADDED + 1)
    assert [event.policy for event in result.events] == [entry.policy]
    assert result.database.count(IN) == 1
