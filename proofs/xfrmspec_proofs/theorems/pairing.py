"""Theorems about the two databases: who is asked, in which direction, and who blocks."""

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
    implies,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.policies import Pairing, pairing
from xfrmspec_model.rules import Rules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.seniority import well_placed
from xfrmspec_model.smt import Model
from xfrmspec_proofs.databases import (
    Policies,
    added_in_turn,
    existing_flow,
    installed_only,
    policies_of,
    printable_policies,
    read_members,
)
from xfrmspec_proofs.facts import flow_facts, policies_facts
from xfrmspec_proofs.lookups import instance_of
from xfrmspec_proofs.replay import chosen_policies
from xfrmspec_proofs.theorem import Claim, Scene, Witness, everywhere, theorem
from xfrmspec_proofs.witness import read_flow
from xfrmspec_terms.policy import Action, Direction, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow

_SHIFT = 10
_WEAK_SUB = 8

Databases = Sequence[Sequence[Policy]]


def _pair(policies: Policies, database: Placement, flow: FlowTerm, direction: Direction) -> Pairing:
    return pairing(database, flow, int(direction), policies.scene.profile, policies.rules)


def _databases_witness(
    policies: Policies,
    databases: Sequence[Placement],
    flow: FlowTerm,
    verdict: Callable[[Databases, Flow, Profile], bool],
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        concrete = [installed_only(read_members(model, policies, each)) for each in databases]
        packet = read_flow(model, flow)
        facts = {
            "databases": [policies_facts(members) for members in concrete],
            "flow": flow_facts(packet),
        }
        return Witness(facts, lambda profile: verdict(concrete, packet, profile))

    return read


def _agree_on(one: Placement, two: Placement, direction: Direction) -> Truth:
    """Tell whether two databases hold the same policies of a direction in the same places."""

    def agrees(entry: Entry) -> Truth:
        other = two.entry(entry.identity)
        places = (entry.priority, entry.list, entry.rank, entry.position, entry.age)
        others = (other.priority, other.list, other.rank, other.position, other.age)
        kept = all_of(same(*pair) for pair in zip(places, others, strict=True))
        return implies(same(entry.direction, direction), both(alike(entry.installed, other.installed), kept))

    return one.every(agrees)


def _same_choice(one: Pairing, two: Pairing, entries: tuple[Entry, Entry]) -> Truth:
    """Tell whether a policy has the same part in two decisions."""
    first, second = entries
    return both(
        alike(one.is_primary(first), two.is_primary(second)),
        alike(one.is_secondary(first), two.is_secondary(second)),
    )


def _main_completed_from_input(rules: Rules) -> Rules:
    return replace(rules, completing_direction=lambda direction, profile: int(Direction.IN))


def _main_completed_from_output(rules: Rules) -> Rules:
    return replace(rules, completing_direction=lambda direction, profile: int(Direction.OUT))


@theorem(
    name="the_forward_check_depends_on_forward_policies_only",
    statement="Which policies check a forwarded packet depends on policies of direction fwd and on no other.",
    clauses=("XFRM-CHECK-002", "XFRM-PAIR-001"),
    mutants={
        "main_is_completed_from_direction_in": _main_completed_from_input,
        "main_is_completed_from_direction_out": _main_completed_from_output,
    },
    refuted_by=everywhere("fwd_main_uses_in"),
)
def _forward(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    one, two = policies.database("one"), policies.database("two")
    flow, exists = existing_flow(scene)
    some = policies.policy("some")
    parts = [_pair(policies, database, flow, Direction.FWD) for database in (one, two)]
    hypotheses = [*exists, _agree_on(one, two, Direction.FWD)]
    conclusion = _same_choice(parts[0], parts[1], (one.entry(some), two.entry(some)))
    instance = [
        *instance_of(scene, policies, one),
        printable_policies(policies, two),
        added_in_turn(two, policies.members, scene.profile),
        policies.among_members(some),
        negate(two.entry(policies.members[-1]).installed),
        parts[0].is_primary(one.entry(policies.members[0])),
    ]

    def verdict(databases: Databases, packet: Flow, profile: Profile) -> bool:
        first, second = (chosen_policies(each, packet, profile, Direction.FWD) for each in databases)
        return first == second

    return [Claim(hypotheses, conclusion, instance, _databases_witness(policies, (one, two), flow, verdict))]


def _winners(
    scene: Scene, policies: Policies, pair: Pairing, database: Placement
) -> list[tuple[Truth, Entry]]:
    """Declare for SUB and for MAIN whether something matches, and the policy that wins if so."""
    found = [
        unknown_truth(scene.context, f"{kind.name}.matches") for kind in (PolicyType.SUB, PolicyType.MAIN)
    ]
    entries = [
        database.entry(policies.policy(f"{kind.name}.winner")) for kind in (PolicyType.SUB, PolicyType.MAIN)
    ]
    return list(zip(found, entries, strict=True))


def _as_declared(pair: Pairing, winners: Sequence[tuple[Truth, Entry]]) -> list[Truth]:
    parts: list[Truth] = []
    for search, (found, entry) in zip((pair.sub, pair.main), winners, strict=True):
        parts += [implies(found, search.wins(entry)), implies(negate(found), search.finds_nothing())]
    return parts


def _main_never_consulted(rules: Rules) -> Rules:
    return replace(rules, main_is_consulted=lambda direction, allows: False)


def _main_always_consulted(rules: Rules) -> Rules:
    return replace(rules, main_is_consulted=lambda direction, allows: True)


def _sub_never_searched(rules: Rules) -> Rules:
    return replace(rules, sub_is_searched=lambda profile: False)


@theorem(
    name="output_is_blocked_exactly_by_a_block_in_the_pair",
    statement="A flow that is sent is blocked exactly if the policy that wins SUB blocks, or the one that "
    "wins MAIN does.",
    clauses=("XFRM-OUT-003", "XFRM-OUT-004", "XFRM-PAIR-001", "XFRM-ARCH-004"),
    mutants={"main_is_never_consulted": _main_never_consulted, "sub_is_never_searched": _sub_never_searched},
)
def _truth_table(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    pair = _pair(policies, database, flow, Direction.OUT)
    winners = _winners(scene, policies, pair, database)
    hypotheses = [*exists, well_placed(database, scene.profile), *_as_declared(pair, winners)]
    blocked = any_of(both(found, negate(entry.allows)) for found, entry in winners)
    members = [policies.members[0], policies.members[1]]
    instance = [
        *instance_of(scene, policies, database),
        *(policies.among_members(policies.policy(f"{kind.name}.winner")) for kind in PolicyType),
        *(found for found, _ in winners),
        same(database.entry(members[0]).type, PolicyType.SUB),
    ]

    def verdict(databases: Databases, packet: Flow, profile: Profile) -> bool:
        by_type = [
            chosen_policies([p for p in databases[0] if p.type is kind], packet, profile, Direction.OUT)
            for kind in PolicyType
        ]
        expected = any(policy.action is Action.BLOCK for chosen in by_type for policy in chosen)
        chosen = chosen_policies(databases[0], packet, profile, Direction.OUT)
        return any(policy.action is Action.BLOCK for policy in chosen) == expected

    conclusion = alike(pair.blocks(), blocked)
    return [Claim(hypotheses, conclusion, instance, _databases_witness(policies, (database,), flow, verdict))]


@theorem(
    name="a_blocking_sub_policy_blocks_output_alone",
    statement="When the policy that wins SUB blocks a flow that is sent, no MAIN policy takes part.",
    clauses=("XFRM-OUT-003",),
    mutants={"main_is_always_consulted": _main_always_consulted},
)
def _sub_blocks_alone(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    pair = _pair(policies, database, flow, Direction.OUT)
    blocker, other = policies.policy("blocker"), policies.policy("other")
    own = database.entry(blocker)
    hypotheses = [
        *exists,
        well_placed(database, scene.profile),
        pair.sub.wins(own),
        negate(own.allows),
    ]
    instance = [
        *instance_of(scene, policies, database),
        policies.among_members(blocker, other),
        pair.main.wins(database.entry(other)),
    ]

    def verdict(databases: Databases, packet: Flow, profile: Profile) -> bool:
        chosen = chosen_policies(databases[0], packet, profile, Direction.OUT)
        return [policy.type for policy in chosen] == [PolicyType.SUB]

    conclusion = negate(pair.is_secondary(database.entry(other)))
    return [Claim(hypotheses, conclusion, instance, _databases_witness(policies, (database,), flow, verdict))]


def _weak_sub_policies_are_passed_over(rules: Rules) -> Rules:
    def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
        strong = implies(same(entry.type, PolicyType.SUB), less(entry.priority, _WEAK_SUB))
        return both(strong, policy_matches(entry, flow, direction, kind, profile))

    return replace(rules, policy_matches=matches)


@theorem(
    name="priorities_of_sub_and_main_are_never_compared",
    statement="Weakening every SUB policy by the same amount, places kept, changes no decision, whatever the "
    "priorities of MAIN are.",
    clauses=("XFRM-PAIR-001",),
    mutants={"weak_sub_policies_are_passed_over": _weak_sub_policies_are_passed_over},
)
def _never_compared(scene: Scene) -> Sequence[Claim]:
    return [_shifted(scene, direction) for direction in (Direction.OUT, Direction.IN)]


def _shifted(scene: Scene, direction: Direction) -> Claim:
    policies = policies_of(scene)
    one, two = policies.database("one"), policies.database("two")
    flow, exists = existing_flow(scene)
    some = policies.policy("some")
    parts = [_pair(policies, database, flow, direction) for database in (one, two)]

    def weakened(entry: Entry) -> Truth:
        other = two.entry(entry.identity)
        shift = z3.If(entry.type == PolicyType.SUB, entry.priority + _SHIFT, entry.priority)
        kept = ((entry.list, other.list), (entry.rank, other.rank), (entry.position, other.position))
        return all_of(
            (
                alike(entry.installed, other.installed),
                same(other.priority, shift),
                *(same(*pair) for pair in kept),
            )
        )

    hypotheses = [*exists, one.every(weakened)]
    conclusion = _same_choice(parts[0], parts[1], (one.entry(some), two.entry(some)))
    instance = [
        *instance_of(scene, policies, one),
        added_in_turn(two, policies.members, scene.profile),
        policies.among_members(some),
        parts[0].is_secondary(one.entry(policies.members[0])),
    ]

    def verdict(databases: Databases, packet: Flow, profile: Profile) -> bool:
        first, second = (chosen_policies(each, packet, profile, direction) for each in databases)
        return _selectors(first) == _selectors(second)

    return Claim(hypotheses, conclusion, instance, _databases_witness(policies, (one, two), flow, verdict))


def _selectors(chosen: Sequence[Policy]) -> list[tuple[object, ...]]:
    return [(policy.type, policy.direction, policy.selector) for policy in chosen]
