"""Theorems about remembered decisions: what ends their use, and that a fresh lookup would say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import z3

from xfrmspec.xfrm.bundle import Bundle, PolicyStamp
from xfrmspec.xfrm.bundle_cache import Remembered, staleness
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_model import caches
from xfrmspec_model.caches import Stamp, generation_after_deletion, is_used_again
from xfrmspec_model.deletions import AfterDeletion, is_the_pair
from xfrmspec_model.entries import Placement, Universe
from xfrmspec_model.folding import Number, Truth, all_of, at_most, either, implies, negate, same
from xfrmspec_model.policies import Pairing, overlapping_priorities_differ, pairing
from xfrmspec_model.rules import Rules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.seniority import well_placed
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs.databases import (
    Policies,
    existing_flow,
    installed_only,
    member_of,
    policies_of,
    read_members,
)
from xfrmspec_proofs.facts import flow_facts, policies_facts, policy_facts
from xfrmspec_proofs.lookups import instance_of
from xfrmspec_proofs.remembering import present_policies
from xfrmspec_proofs.replay import installed, without
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, everywhere, theorem
from xfrmspec_proofs.witness import read_flow
from xfrmspec_terms.outcome import Decision
from xfrmspec_terms.policy import Direction, Policy, identity_of
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow

_NO_CHANGE = Stamp(True, 0, 0)


def _caches(**changes: object) -> Mutation:
    """Return a mutant with other rules of remembered decisions."""

    def mutate(rules: Rules) -> Rules:
        return replace(rules, caches=replace(rules.caches, **changes))  # type: ignore[arg-type]

    return mutate


def _fresh(policies: Policies, database: Universe, flow: FlowTerm) -> Pairing:
    """Return what a fresh lookup of an outbound flow searches."""
    return pairing(database, flow, int(Direction.OUT), policies.scene.profile, policies.rules)


def _natural(scene: Scene, name: str) -> tuple[Number, Truth]:
    generation = z3.Int(name, ctx=scene.context)
    return generation, at_most(0, generation)


Step = tuple[PolicyDatabase, PolicyDatabase]
"""The databases before and after an operation on one policy."""


def _deleted(members: Sequence[Policy], policy: Policy, profile: Profile) -> Step:
    full = installed(members, profile)
    return full, without(full, policy)


def _inserted(members: Sequence[Policy], policy: Policy, profile: Profile) -> Step:
    others = [member for member in members if member is not policy]
    return installed(others, profile), installed([*others, policy], profile)


def _passes(database: PolicyDatabase, flow: Flow) -> bool:
    return decide_output(XfrmTables(policies=database), flow).decision is Decision.PASS


def _route_holds(step: Step, flow: Flow, profile: Profile) -> bool:
    """Tell that a route remembered before an operation is not used against a fresh block."""
    before, after = step
    remembered = Remembered(None, before.generations.ipv6, 0)
    reused = staleness(remembered, present_policies(after, profile)) is None
    return _passes(before, flow) and (not reused or _passes(after, flow))


def _step_witness(
    policies: Policies,
    database: Placement,
    flow: FlowTerm,
    changed: Expression,
    holds: Callable[[list[Policy], Policy, Flow, Profile], bool],
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        everyone = read_members(model, policies, database)
        policy = everyone[member_of(model, policies, changed)]
        assert policy is not None
        members, packet = installed_only(everyone), read_flow(model, flow)
        facts = {
            "policies": policies_facts(members),
            "changed": policy_facts(policy),
            "flow": flow_facts(packet),
        }
        return Witness(facts, lambda profile: holds(members, policy, packet, profile))

    return read


@theorem(
    name="a_remembered_route_is_not_used_against_a_block",
    statement="When a flow was let through untransformed and the insertion or deletion of a policy makes a "
    "fresh lookup block it, the remembered route is not used again.",
    clauses=("XFRM-CACHE-005", "XFRM-DB-008", "XFRM-CACHE-001"),
    mutants={
        "insertions_end_nothing": _caches(routes_after_insertion=lambda routes: routes),
        "deletions_end_nothing": _caches(routes_after_deletion=lambda routes, profile: routes),
    },
    refuted_by=everywhere("delete_bumps_route_generation"),
)
def _remembered_route(scene: Scene) -> Sequence[Claim]:
    return [_route_claim(scene, inserts=True), _route_claim(scene, inserts=False)]


def _route_claim(scene: Scene, *, inserts: bool) -> Claim:
    policies = policies_of(scene, 2)
    full = policies.database()
    flow, exists = existing_flow(scene)
    changed = policies.policy("changed")
    fewer = AfterDeletion(full, changed)
    before, after = (fewer, full) if inserts else (full, fewer)
    routes, positive = _natural(scene, "routes")
    rules = scene.rules.caches
    later = (
        rules.routes_after_insertion(routes)
        if inserts
        else rules.routes_after_deletion(routes, scene.profile)
    )
    decision = caches.Remembered(Stamp(True, routes, later), _NO_CHANGE)
    blocked, then = (_fresh(policies, each, flow).blocks() for each in (after, before))
    hypotheses = [*exists, positive, full.entry(changed).installed, negate(then)]
    conclusion = implies(is_used_again(decision, scene.profile, rules), negate(blocked))
    instance = [
        *instance_of(scene, policies, full),
        policies.among_members(changed),
        _printable_pair(full, policies),
        *([same(changed, policies.members[1])] if inserts else []),
    ]

    def holds(members: list[Policy], policy: Policy, packet: Flow, profile: Profile) -> bool:
        step = _inserted if inserts else _deleted
        return _route_holds(step(members, policy, profile), packet, profile)

    return Claim(hypotheses, conclusion, instance, _step_witness(policies, full, flow, changed, holds))


def _printable_pair(database: Placement, policies: Policies) -> Truth:
    return all_of(same(database.entry(m).direction, Direction.OUT) for m in policies.members)


def _pair_ages(database: PolicyDatabase, flow: Flow) -> tuple[int, ...]:
    """Return the ages of the policies that a fresh lookup finds."""
    selected = decide_output(XfrmTables(policies=database), flow).selection.policies
    entries = (database.find(identity_of(policy)) for policy in selected)
    return tuple(entry.age for entry in entries if entry)


@theorem(
    name="comparing_every_policy_of_a_bundle_is_enough_when_overlapping_priorities_differ",
    statement="When no two policies that match a flow have one priority and every policy of a bundle still "
    "has its generation, a fresh lookup after a deletion finds the same policies, even if routes stay valid.",
    clauses=("XFRM-CACHE-002", "XFRM-CACHE-005", "XFRM-CACHE-001"),
    mutants={
        "the_second_policy_is_not_compared": _caches(
            policy_is_compared=lambda place, profile: place == 0,
        ),
        "the_first_policy_is_not_compared": _caches(policy_is_compared=lambda place, profile: place == 1),
    },
    refuted_by=everywhere("bundle_checks_first_policy_only"),
)
def _every_policy(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene, 2)
    full = policies.database()
    flow, exists = existing_flow(scene)
    deleted, first, second = (policies.policy(name) for name in ("deleted", "first", "second"))
    has_second = z3.Bool("has_second", ctx=scene.context)
    fewer = AfterDeletion(full, deleted)
    generations = [z3.Int(f"generation{place}", ctx=scene.context) for place in range(2)]
    stamps = tuple(
        Stamp(
            has_second if place else True,
            generation,
            generation_after_deletion(generation, same(deleted, policy)),
        )
        for place, (policy, generation) in enumerate(zip((first, second), generations, strict=True))
    )
    decision = caches.Remembered(_NO_CHANGE, _NO_CHANGE, stamps)
    ends = (full.entry(first), full.entry(second))
    before, after = _fresh(policies, full, flow), _fresh(policies, fewer, flow)
    hypotheses = [
        *exists,
        well_placed(full, scene.profile),
        overlapping_priorities_differ(before.sub),
        overlapping_priorities_differ(before.main),
        full.entry(deleted).installed,
        is_the_pair(before, *ends, has_second),
        is_used_again(decision, scene.profile, scene.rules.caches),
    ]
    conclusion = is_the_pair(after, fewer.entry(ends[0]), fewer.entry(ends[1]), has_second)
    instance = [
        *instance_of(scene, policies, full),
        policies.among_members(deleted, first, second),
        _printable_pair(full, policies),
        either(has_second, negate(same(first, second))),
    ]

    def holds(members: list[Policy], policy: Policy, packet: Flow, profile: Profile) -> bool:
        old, new = _deleted(members, policy, profile)
        ages = _pair_ages(old, packet)
        bundle = Bundle((), tuple(PolicyStamp(age) for age in ages))
        present = replace(present_policies(new, profile), route_generation=0)
        reused = staleness(Remembered(bundle, 0, 0), present) is None
        return reused and _pair_ages(new, packet) == ages

    return [Claim(hypotheses, conclusion, instance, _step_witness(policies, full, flow, deleted, holds))]
