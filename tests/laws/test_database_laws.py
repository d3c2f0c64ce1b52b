"""Laws of the policy database and of lookups, over random histories of operations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DIRECTIONS, History, Operation, flows_near, histories

from xfrmspec.xfrm.database import rebuild
from xfrmspec.xfrm.lookup import Fate, best_match, lookup
from xfrmspec.xfrm.match import policy_mismatch
from xfrmspec.xfrm.policies import delete, flush
from xfrmspec_terms.policy import Direction, PolicyType, identity_of
from xfrmspec_terms.profile import CLEAN, PROFILES, USAGI_2004, Profile

EVERY_PROFILE = [pytest.param(profile, id=name) for name, profile in sorted(PROFILES.items())]
directions = st.sampled_from(DIRECTIONS)
types = st.sampled_from((PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB))


@pytest.mark.clause("XFRM-DB-001", "XFRM-DB-003", "XFRM-DB-004", "XFRM-DB-006")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_every_history_leaves_sorted_lists_unique_identities_and_directed_indexes(profile: Profile) -> None:
    seen: Counter[Operation] = Counter()

    @given(histories(profile))
    @settings(max_examples=300, deadline=None)
    def law(history: History) -> None:
        seen.update(history.operations)
        entries = tuple(history.database)
        for direction in Direction:
            order = history.database.orders[direction]
            assert [e.rank for e in order] == list(range(len(order)))
            assert [e.policy.priority for e in order] == sorted(e.policy.priority for e in order)
            assert all(e.policy.index & 7 == direction for e in order)
        assert len({identity_of(e.policy) for e in entries}) == len(entries)
        assert len({e.policy.index for e in entries}) == len(entries)
        assert all(e.policy.index > 0 for e in entries)
        assert len({e.age for e in entries}) == len(entries)

    law()
    assert set(seen) == set(Operation), "a kind of operation was never generated"


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_the_winner_has_the_smallest_priority_number_of_all_matches(profile: Profile) -> None:
    found: Counter[bool] = Counter()

    @given(st.data(), histories(profile), directions, types)
    @settings(max_examples=400, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction, type_: PolicyType) -> None:
        database = history.database
        flow = data.draw(flows_near(history))
        matching = [
            entry
            for entry in database.orders[direction]
            if entry.policy.type is type_ and policy_mismatch(entry.policy, flow, profile) is None
        ]
        winner = best_match(database, flow, direction, type_)
        found[winner is not None] += 1
        if winner is None:
            assert not matching
        else:
            assert winner in matching
            assert winner.policy.priority == min(e.policy.priority for e in matching)

    law()
    assert min(found[True], found[False]) > 10


@pytest.mark.clause("XFRM-LOOKUP-002", "XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-011")
@pytest.mark.parametrize(
    "profile", [pytest.param(CLEAN, id="clean"), pytest.param(USAGI_2004, id="usagi-2004")]
)
def test_clean_lookup_is_a_linear_search_of_one_list(profile: Profile) -> None:
    ties: Counter[int] = Counter()

    @given(st.data(), histories(profile), directions, types)
    @settings(max_examples=600, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction, type_: PolicyType) -> None:
        database = history.database
        flow = data.draw(flows_near(history))
        matches = [
            entry
            for entry in database.orders[direction]
            if entry.policy.type is type_ and policy_mismatch(entry.policy, flow, profile) is None
        ]
        ties[len({e.list for e in matches if e.policy.priority == matches[0].policy.priority})] += 1
        assert best_match(database, flow, direction, type_) == (matches[0] if matches else None)

    law()
    assert ties[2] > 5, "ties across candidate lists were hardly generated"


@pytest.mark.clause("XFRM-LOOKUP-001")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_the_account_of_a_lookup_names_exactly_one_winner_and_a_reason_for_each_loser(
    profile: Profile,
) -> None:
    fates: Counter[Fate] = Counter()

    @given(st.data(), histories(profile), directions, types)
    @settings(max_examples=300, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction, type_: PolicyType) -> None:
        flow = data.draw(flows_near(history))
        told = lookup(history.database, flow, direction, type_)
        fates.update(trial.fate for trial in told.trials)
        won = [trial.entry for trial in told.trials if trial.fate is Fate.WON]
        assert won == ([told.winner] if told.winner else [])
        assert all((trial.mismatch is None) == (trial.fate is not Fate.NO_MATCH) for trial in told.trials)
        assert all(trial.clause for trial in told.trials)

    law()
    assert set(fates) == set(Fate), f"never seen: {set(Fate) - set(fates)}"


@pytest.mark.clause("XFRM-LOOKUP-009", "XFRM-LOOKUP-011")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_a_rebuild_keeps_every_decision_when_priorities_are_distinct(profile: Profile) -> None:
    @given(st.data(), histories(profile), directions, types)
    @settings(max_examples=300, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction, type_: PolicyType) -> None:
        database = history.database
        flow = data.draw(flows_near(history))
        priorities = [e.policy.priority for e in database.orders[direction]]
        before = best_match(database, flow, direction, type_)
        after = best_match(rebuild(database), flow, direction, type_)
        if len(set(priorities)) == len(priorities) or not profile.rebuild_uses_object_age:
            assert (before and before.policy) == (after and after.policy)

    law()


@pytest.mark.clause("XFRM-DB-005", "XFRM-DB-008")
def test_deleting_a_loser_never_changes_a_clean_decision() -> None:
    changed = 0

    @given(st.data(), histories(CLEAN), directions, types)
    @settings(max_examples=300, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction, type_: PolicyType) -> None:
        nonlocal changed
        database = history.database
        flow = data.draw(flows_near(history))
        winner = best_match(database, flow, direction, type_)
        losers = [entry for entry in database if winner is None or entry.age != winner.age]
        if not losers:
            return
        loser = data.draw(st.sampled_from(losers))
        smaller = delete(database, identity_of(loser.policy)).database
        after = best_match(smaller, flow, direction, type_)
        changed += 1
        assert (after and after.age) == (winner and winner.age)

    law()
    assert changed > 50


@pytest.mark.clause("XFRM-DB-010")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_a_flush_removes_its_type_and_nothing_else(profile: Profile) -> None:
    @given(histories(profile), types)
    @settings(max_examples=150, deadline=None)
    def law(history: History, type_: PolicyType) -> None:
        flushed = flush(history.database, type_).database
        kept = [replace(entry, rank=0) for entry in history.database if entry.policy.type is not type_]
        assert [replace(entry, rank=0) for entry in flushed] == kept

    law()
