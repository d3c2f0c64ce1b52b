"""Theorems about one lookup in a database of unboundedly many policies: who wins, and who has no say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import z3

from xfrmspec_model.entries import Entry, Placement, policy_matches
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    any_of,
    both,
    either,
    implies,
    less,
    negate,
    same,
    smaller_key,
)
from xfrmspec_model.policies import Lookup, overlapping_priorities_differ, wins_in_one_list
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.seniority import inserted, well_placed
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs.databases import (
    Policies,
    added_in_turn,
    existing_flow,
    installed_only,
    member_of,
    policies_of,
    printable_policies,
    read_members,
)
from xfrmspec_proofs.facts import flow_facts, policies_facts
from xfrmspec_proofs.replay import installed, owner
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, only_in, theorem
from xfrmspec_proofs.witness import read_flow
from xfrmspec_terms.policy import CandidateList, Direction, Policy, PolicyType
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Flow

_WEAKEST = (1 << 32) - 1
Replay = Callable[[Sequence[Policy], Flow, Profile], bool]


def _search(scene: Scene, database: Placement, flow: FlowTerm) -> Lookup:
    return Lookup(database, flow, Direction.OUT, PolicyType.MAIN, scene.profile, scene.rules)


def _witness(
    policies: Policies,
    database: Placement,
    flow: FlowTerm,
    replay: Callable[[list[Policy], Flow, Profile], bool],
) -> Callable[[Model], Witness]:
    """Read a database and a flow; every member must be installed."""

    def read(model: Model) -> Witness:
        members = installed_only(read_members(model, policies, database))
        packet = read_flow(model, flow)
        facts = {"policies": policies_facts(members), "flow": flow_facts(packet)}
        return Witness(facts, lambda profile: replay(members, packet, profile))

    return read


def _all_installed(policies: Policies, database: Placement) -> Truth:
    return all_of(database.entry(member).installed for member in policies.members)


def _instance(scene: Scene, policies: Policies, database: Placement) -> list[Truth]:
    """Assume a printable database that adding all members in turn makes."""
    if not scene.small:
        return []
    return [
        printable_policies(policies, database),
        _all_installed(policies, database),
        added_in_turn(database, policies.members, scene.profile),
    ]


def _preferring(preferred: Callable[[Entry, Entry], Truth]) -> Mutation:
    return lambda rules: replace(rules, preferred=preferred)


def _by_priority_only(first: Entry, second: Entry) -> Truth:
    return less(first.priority, second.priority)


def _by_age_and_list(first: Entry, second: Entry) -> Truth:
    return smaller_key((first.priority, first.list), (second.priority, second.list))


@theorem(
    name="lookup_has_exactly_one_winner",
    statement="Whenever some policy matches a flow, exactly one policy wins the lookup.",
    clauses=("XFRM-LOOKUP-001", "XFRM-LOOKUP-002", "XFRM-LOOKUP-003"),
    mutants={
        "ties_between_lists_stay_open": _preferring(_by_priority_only),
        "every_list_is_preferred": _preferring(lambda first, second: True),
    },
)
def _one_winner(scene: Scene) -> Sequence[Claim]:
    return [_at_most_one(scene), _at_least_one(scene)]


def _at_most_one(scene: Scene) -> Claim:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = _search(scene, database, flow)
    one, two = policies.policy("one"), policies.policy("two")
    wins = [search.wins(database.entry(policy)) for policy in (one, two)]

    def read(model: Model) -> Witness:
        expected = member_of(model, policies, one)

        def replay(members: list[Policy], packet: Flow, profile: Profile) -> bool:
            return owner(installed(members, profile), packet) == members[expected]

        return _witness(policies, database, flow, replay)(model)

    others = [search.matches(database.entry(member)) for member in policies.members[:2]]
    instance = [*_instance(scene, policies, database), policies.among_members(one, two), *others]
    return Claim([*exists, well_placed(database, scene.profile), *wins], same(one, two), instance, read)


def _at_least_one(scene: Scene) -> Claim:
    """Ranks are numbers, so a list in which something matches has a first match."""
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = _search(scene, database, flow)
    firsts = [policies.policy(f"first{number}") for number in CandidateList]
    entries = [database.entry(first) for first in firsts]
    found = [
        both(search.is_first_of_its_list(entry), same(entry.list, number))
        for entry, number in zip(entries, CandidateList, strict=True)
    ]
    complete = [
        either(
            first,
            database.every(lambda entry, n=number: negate(both(same(entry.list, n), search.matches(entry)))),
        )
        for first, number in zip(found, CandidateList, strict=True)
    ]
    match = policies.policy("match")
    hypotheses = [
        *exists,
        well_placed(database, scene.profile),
        *complete,
        search.matches(database.entry(match)),
    ]
    conclusion = any_of(both(*pair) for pair in zip(found, (search.wins(e) for e in entries), strict=True))
    instance = [*_instance(scene, policies, database), policies.among_members(match, *firsts)]
    replay = lambda members, packet, profile: owner(installed(members, profile), packet) is not None
    return Claim(hypotheses, conclusion, instance, _witness(policies, database, flow, replay))
