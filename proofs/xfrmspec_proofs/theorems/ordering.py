"""Theorems about one lookup in a database of unboundedly many policies: who wins, and who has no say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import z3

from xfrmspec_model.entries import Entry, Placement
from xfrmspec_model.folding import (
    Truth,
    alike,
    any_of,
    both,
    either,
    less,
    negate,
    same,
)
from xfrmspec_model.rules import Rules
from xfrmspec_model.seniority import inserted, well_placed
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs.databases import (
    added_in_turn,
    added_then_updated,
    existing_flow,
    member_of,
    policies_of,
)
from xfrmspec_proofs.lookups import (
    Change,
    change_witness,
    database_witness,
    first_matches,
    first_name,
    instance_of,
    matching,
    preferring,
    search_in,
)
from xfrmspec_proofs.replay import installed, owner, updated, without
from xfrmspec_proofs.theorem import Claim, Scene, Witness, only_in, theorem
from xfrmspec_terms.policy import CandidateList, Policy
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Flow

_WEAKEST = (1 << 32) - 1


def _by_priority_only(first: Entry, second: Entry) -> Truth:
    return less(first.priority, second.priority)


@theorem(
    name="lookup_has_exactly_one_winner",
    statement="Whenever some policy matches a flow, exactly one policy wins the lookup.",
    clauses=("XFRM-LOOKUP-001", "XFRM-LOOKUP-002", "XFRM-LOOKUP-003"),
    mutants={
        "ties_between_lists_stay_open": preferring(_by_priority_only),
        "every_list_is_preferred": preferring(lambda first, second: True),
    },
)
def _one_winner(scene: Scene) -> Sequence[Claim]:
    return [_at_most_one(scene), _at_least_one(scene)]


def _at_most_one(scene: Scene) -> Claim:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = search_in(policies, database, flow)
    one, two = policies.policy("one"), policies.policy("two")
    wins = [search.wins(database.entry(policy)) for policy in (one, two)]

    def read(model: Model) -> Witness:
        expected = member_of(model, policies, one)

        def replay(members: list[Policy], packet: Flow, profile: Profile) -> bool:
            return owner(installed(members, profile), packet) == members[expected]

        return database_witness(policies, database, flow, replay)(model)

    others = [search.matches(database.entry(member)) for member in policies.members[:2]]
    instance = [*instance_of(scene, policies, database), policies.among_members(one, two), *others]
    return Claim([*exists, well_placed(database, scene.profile), *wins], same(one, two), instance, read)


def _at_least_one(scene: Scene) -> Claim:
    """Ranks are numbers, so a list in which something matches has a first match."""
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = search_in(policies, database, flow)
    entries = [database.entry(policies.policy(first_name(database, number))) for number in CandidateList]
    found = [
        both(search.is_first_of_its_list(entry), same(entry.list, number))
        for entry, number in zip(entries, CandidateList, strict=True)
    ]
    match = policies.policy("match")
    hypotheses = [
        *exists,
        well_placed(database, scene.profile),
        *first_matches(policies, database, search, finite=False),
        search.matches(database.entry(match)),
    ]
    conclusion = any_of(both(*pair) for pair in zip(found, (search.wins(e) for e in entries), strict=True))
    instance = [
        *instance_of(scene, policies, database),
        policies.among_members(match, *(entry.identity for entry in entries)),
    ]

    def replay(members: list[Policy], packet: Flow, profile: Profile) -> bool:
        return owner(installed(members, profile), packet) is not None

    return Claim(hypotheses, conclusion, instance, database_witness(policies, database, flow, replay))


def _without_ports(entry: Entry) -> Entry:
    selector = replace(entry.selector, protocol=0, source_port_mask=0, destination_port_mask=0)
    return replace(entry, selector=selector)


@theorem(
    name="a_policy_that_does_not_match_changes_nothing",
    statement="Adding a policy that does not match a flow never changes which policy wins that flow.",
    clauses=("XFRM-LOOKUP-001", "XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007"),
    mutants={"protocol_and_ports_are_ignored": matching(_without_ports)},
    refuted_by=only_in(LINUX_6_1, "exact_pos_zero"),
)
def _irrelevant_addition(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    before, after = policies.database("before"), policies.database("after")
    flow, exists = existing_flow(scene)
    added, winner = policies.policy("added"), policies.policy("winner")
    old, new = search_in(policies, before, flow), search_in(policies, after, flow)
    unchanged = replace(new, rules=replace(policies.rules, policy_matches=policies.clause_matches))
    hypotheses = [
        *exists,
        inserted(before, after, added, scene.profile),
        negate(unchanged.matches(after.entry(added))),
    ]
    instance = [
        *instance_of(scene, policies, after),
        added_in_turn(before, policies.members, scene.profile),
        policies.among_members(winner),
        same(added, policies.members[-1]),
    ]

    def replay(seniors: list[Policy], everyone: list[Policy], profile: Profile) -> Change:
        return installed(seniors, profile), installed(everyone, profile)

    witness = change_witness(policies, (before, after), flow, replay)
    conclusion = alike(old.wins(before.entry(winner)), new.wins(after.entry(winner)))
    return [Claim(hypotheses, conclusion, instance, witness)]


def _reversed_lists(rules: Rules) -> Rules:
    return replace(rules, searched_before=lambda first, second: less(second.rank, first.rank))


def _removed(database: Placement, removed: Expression) -> Placement:
    """Return a database without one policy; the others keep their places."""
    gone = z3.Function("left.installed", database.theory.sort, z3.BoolSort(ctx=database.theory.context))
    return replace(database, name="left", functions={**database.functions, "installed": gone})


@theorem(
    name="a_loser_may_be_removed",
    statement="Removing a policy that did not win a flow never changes which policy wins that flow.",
    clauses=("XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-008"),
    mutants={"lists_are_searched_backwards": _reversed_lists},
    refuted_by=only_in(LINUX_6_18, "update_keeps_seniority_cross_list"),
)
def _removed_loser(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    before = policies.database("before")
    flow, exists = existing_flow(scene)
    loser, winner = policies.policy("loser"), policies.policy("winner")
    after = _removed(before, loser)
    old, new = search_in(policies, before, flow), search_in(policies, after, flow)

    def kept(entry: Entry) -> Truth:
        left = both(entry.installed, negate(same(entry.identity, loser)))
        return alike(after.entry(entry.identity).installed, left)

    hypotheses = [
        *exists,
        well_placed(before, scene.profile),
        before.every(kept),
        old.wins(before.entry(winner)),
        negate(same(loser, winner)),
    ]
    instance = [
        *instance_of(scene, policies, before, added_then_updated),
        policies.among_members(winner, loser),
        before.entry(loser).installed,
    ]

    def replay(everyone: list[Policy], left: list[Policy], profile: Profile) -> Change:
        full = updated(installed(everyone, profile), everyone[0])
        gone = next(policy for policy in everyone if policy not in left)
        return full, without(full, gone)

    witness = change_witness(policies, (before, after), flow, replay)
    return [Claim(hypotheses, new.wins(after.entry(winner)), instance, witness)]


def _weakest_never_matches(entry: Entry) -> Entry:
    return replace(entry, installed=both(entry.installed, less(entry.priority, _WEAKEST)))


@theorem(
    name="the_weakest_priority_wins_alone",
    statement="A policy of priority 4294967295 wins every flow that no other policy matches.",
    clauses=("XFRM-LOOKUP-001",),
    mutants={"the_weakest_priority_means_never": matching(_weakest_never_matches)},
)
def _weakest(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = search_in(policies, database, flow)
    by_clause = replace(search, rules=replace(policies.rules, policy_matches=policies.clause_matches))
    weakest = policies.policy("weakest")
    entry = database.entry(weakest)
    hypotheses = [
        *exists,
        well_placed(database, scene.profile),
        same(entry.priority, _WEAKEST),
        by_clause.matches(entry),
        database.every(lambda other: either(same(other.identity, weakest), negate(search.matches(other)))),
    ]

    def read(model: Model) -> Witness:
        expected = member_of(model, policies, weakest)

        def replay(members: list[Policy], packet: Flow, profile: Profile) -> bool:
            return owner(installed(members, profile), packet) == members[expected]

        return database_witness(policies, database, flow, replay)(model)

    instance = [*instance_of(scene, policies, database), policies.among_members(weakest)]
    return [Claim(hypotheses, search.wins(entry), instance, read)]
