"""Theorems about what keeps decisions: one list, updates, and rebuilds of the hash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import z3

from xfrmspec.xfrm.match import policy_mismatch
from xfrmspec_model.entries import Entry, Placement
from xfrmspec_model.folding import (
    Truth,
    alike,
    all_of,
    both,
    implies,
    less,
    negate,
    same,
    smaller_key,
)
from xfrmspec_model.policies import Lookup, overlapping_priorities_differ
from xfrmspec_model.seniority import every_pair, is_exact, is_numbered, rebuilt, updated, well_placed
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs import replay as run
from xfrmspec_proofs.databases import (
    added_then_updated,
    existing_flow,
    listed_by_thresholds,
    placed_by_seniority,
    policies_of,
    stored_policy,
)
from xfrmspec_proofs.facts import policy_facts
from xfrmspec_proofs.lookups import (
    Change,
    change_witness,
    database_witness,
    first_matches,
    instance_of,
    preferring,
    search_in,
)
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_terms.policy import Direction, Policy, PolicyType
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Flow

_CROSS_LIST_TIES = {
    LINUX_6_1.name: ("exact_pos_zero",),
    LINUX_6_18.name: ("update_keeps_seniority_cross_list",),
}
_NEW_THRESHOLD = 112


def _by_position_first(first: Entry, second: Entry) -> Truth:
    return smaller_key((first.position, first.priority), (second.position, second.priority))


def _by_list_first(first: Entry, second: Entry) -> Truth:
    return smaller_key((first.list, first.priority), (second.list, second.priority))


def _by_later_list(first: Entry, second: Entry) -> Truth:
    return smaller_key((first.priority, second.list), (second.priority, first.list))


def _by_age(first: Entry, second: Entry) -> Truth:
    return smaller_key((first.priority, first.age), (second.priority, second.age))


@theorem(
    name="one_list_and_candidate_lists_agree",
    statement="A search through candidate lists finds what a search through one list ordered by priority "
    "and seniority finds.",
    clauses=("XFRM-LOOKUP-002", "XFRM-LOOKUP-003", "XFRM-LOOKUP-011"),
    mutants={"ties_go_to_the_younger_object": preferring(lambda first, second: _by_age(second, first))},
    refuted_by=_CROSS_LIST_TIES,
)
def _one_list(scene: Scene) -> Sequence[Claim]:
    return [_one_list_claim(scene, distinct=False)]


@theorem(
    name="one_list_and_candidate_lists_agree_when_overlapping_priorities_differ",
    statement="When no two policies that match a flow have one priority, a search through candidate lists "
    "finds what a search through one list ordered by priority finds.",
    clauses=("XFRM-LOOKUP-002", "XFRM-LOOKUP-003", "XFRM-LOOKUP-011"),
    mutants={"seniority_comes_before_priority": preferring(_by_position_first)},
)
def _one_list_distinct(scene: Scene) -> Sequence[Claim]:
    return [_one_list_claim(scene, distinct=True)]


def _one_list_claim(scene: Scene, *, distinct: bool) -> Claim:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = search_in(policies, database, flow)
    winner = policies.policy("winner")
    sort = policies.theory.sort
    seniority = z3.Function("seniority", sort, z3.IntSort(ctx=scene.context))
    hypotheses = [
        *exists,
        well_placed(database, scene.profile),
        every_pair(database, lambda one, two: _senior_first(one, two, seniority, scene.profile)),
        *([overlapping_priorities_differ(search)] if distinct else []),
        *first_matches(policies, database, search),
        search.wins(database.entry(winner)),
    ]
    linear = _first_in_one_list(search, database.entry(winner), seniority)
    instance = [
        *instance_of(scene, policies, database, added_then_updated),
        *(seniority(member) == index for index, member in enumerate(policies.members)),
        policies.among_members(winner),
        search.matches(database.entry(policies.members[1])),
    ]

    def replay(members: list[Policy], packet: Flow, profile: Profile) -> bool:
        ordered = sorted(members, key=lambda policy: policy.priority)
        searched = (p for p in ordered if _is_for(p, packet, profile))
        database = run.updated(run.installed(members, profile), members[0])
        return run.owner(database, packet) == next(searched, None)

    return Claim(hypotheses, linear, instance, database_witness(policies, database, flow, replay))


def _is_for(policy: Policy, flow: Flow, profile: Profile) -> bool:
    framed = (policy.direction, policy.type) == (Direction.OUT, PolicyType.MAIN)
    return framed and policy_mismatch(policy, flow, profile) is None


def _senior_first(
    one: Entry, two: Entry, seniority: Callable[[Expression], Expression], profile: Profile
) -> Truth:
    """Tell whether equals stand by seniority wherever the profile lets seniority decide."""
    senior = less(seniority(one.identity), seniority(two.identity))
    equal = same(one.priority, two.priority)
    numbered = all_of((equal, is_numbered(one, profile), is_numbered(two, profile)))
    listed = both(equal, same(one.list, two.list))
    return all_of(
        (
            negate(same(seniority(one.identity), seniority(two.identity))),
            implies(listed, alike(less(one.rank, two.rank), senior)),
            implies(numbered, alike(less(one.position, two.position), senior))
            if profile.update_keeps_seniority_cross_list
            else True,
        )
    )


def _first_in_one_list(search: Lookup, entry: Entry, seniority: Callable[[Expression], Expression]) -> Truth:
    def stands_before(other: Entry) -> Truth:
        keys = ((each.priority, seniority(each.identity)) for each in (other, entry))
        return both(search.matches(other), smaller_key(*keys))

    return both(search.matches(entry), search.database.every(lambda other: negate(stands_before(other))))


@theorem(
    name="an_update_at_the_same_priority_keeps_every_owner",
    statement="An update that keeps the priority of a policy never changes which policy wins a flow.",
    clauses=("XFRM-LOOKUP-008", "XFRM-DB-007"),
    mutants={"ties_go_to_the_older_object": preferring(_by_age)},
    refuted_by=_CROSS_LIST_TIES,
)
def _update(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    before, after = policies.database("before"), policies.database("after")
    flow, exists = existing_flow(scene)
    target, winner = policies.policy("target"), policies.policy("winner")
    old, new = search_in(policies, before, flow), search_in(policies, after, flow)
    kept = same(before.entry(target).priority, after.entry(target).priority)
    hypotheses = [*exists, updated(before, after, target, scene.profile), kept]
    ghost = policies.members[-1]
    instance = [
        *instance_of(scene, policies, before, _added_and_last_removed, made_with_gaps=True),
        added_then_updated(after, policies.members, scene.profile),
        policies.among_members(winner),
        same(target, policies.members[0]),
        negate(after.entry(ghost).installed),
        negate(is_exact(before.entry(policies.members[0]))),
        old.matches(before.entry(policies.members[1])),
    ]

    def read(model: Model) -> Witness:
        removed = stored_policy(model, before.entry(ghost))

        def replay(left: list[Policy], _: list[Policy], profile: Profile) -> Change:
            database = run.without(run.installed([*left, removed], profile), removed)
            return database, run.updated(database, left[0])

        witness = change_witness(policies, (before, after), flow, replay)(model)
        return Witness({"removed": policy_facts(removed), **witness.facts}, witness.holds)

    conclusion = alike(old.wins(before.entry(winner)), new.wins(after.entry(winner)))
    return [Claim(hypotheses, conclusion, instance, read)]


def _added_and_last_removed(database: Placement, members: Sequence[Expression], profile: Profile) -> Truth:
    """Assume that all members were added in turn, and the last removed again without renumbering."""
    entries = [replace(database.entry(member), installed=True) for member in members]
    *kept, removed = (database.entry(member).installed for member in members)
    ages = [same(entry.age, index) for index, entry in enumerate(entries)]
    placed = placed_by_seniority(database.theory.context, entries, profile)
    return all_of((*ages, placed, *kept, negate(removed)))


@theorem(
    name="a_rebuild_keeps_every_owner",
    statement="Setting the hash thresholds never changes which policy wins a flow.",
    clauses=("XFRM-LOOKUP-009", "XFRM-DB-002"),
    mutants={"ties_go_to_the_later_list": preferring(_by_later_list)},
    refuted_by={
        LINUX_6_1.name: ("rebuild_uses_object_age", "exact_pos_zero"),
        LINUX_6_18.name: ("rebuild_uses_object_age", "update_keeps_seniority_cross_list"),
    },
)
def _rebuild(scene: Scene) -> Sequence[Claim]:
    return [_rebuild_claim(scene, distinct=False)]


@theorem(
    name="a_rebuild_keeps_every_owner_when_overlapping_priorities_differ",
    statement="When no two policies that match a flow have one priority, setting the hash thresholds does "
    "not change which policy wins it.",
    clauses=("XFRM-LOOKUP-009", "XFRM-DB-002"),
    mutants={"lists_come_before_priority": preferring(_by_list_first)},
)
def _rebuild_distinct(scene: Scene) -> Sequence[Claim]:
    return [_rebuild_claim(scene, distinct=True)]


def _rebuild_claim(scene: Scene, *, distinct: bool) -> Claim:
    """In an instance the first member was updated, so that it is the youngest object but not the junior."""
    policies = policies_of(scene)
    before, after = policies.database("before"), policies.database("after")
    flow, exists = existing_flow(scene)
    winner = policies.policy("winner")
    old, new = search_in(policies, before, flow), search_in(policies, after, flow)
    hypotheses = [
        *exists,
        rebuilt(before, after, scene.profile, scene.rules.rebuild_key),
        *([overlapping_priorities_differ(old)] if distinct else []),
        *first_matches(policies, before, old),
        old.wins(before.entry(winner)),
    ]
    relisted = (listed_by_thresholds(after.entry(member), _NEW_THRESHOLD) for member in policies.members)
    instance = [
        *instance_of(scene, policies, before, added_then_updated),
        all_of(relisted),
        policies.among_members(winner),
        *(old.matches(before.entry(member)) for member in policies.members[:2]),
    ]

    def replay(members: list[Policy], _: list[Policy], profile: Profile) -> Change:
        database = run.updated(run.installed(members, profile), members[0])
        return database, run.rebuilt(database, _NEW_THRESHOLD)

    witness = change_witness(policies, (before, after), flow, replay)
    return Claim(hypotheses, new.wins(after.entry(winner)), instance, witness)
