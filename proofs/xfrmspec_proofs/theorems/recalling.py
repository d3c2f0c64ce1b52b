"""Theorems about the caches of 2004: what the flow cache keeps, and what the bundles in policies miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import z3

from xfrmspec.xfrm.bundle import PolicyStamp
from xfrmspec.xfrm.bundle_cache import Present
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.flow_cache import FlowCache, recall, remember
from xfrmspec.xfrm.lookup import best_match
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add, delete, key_of
from xfrmspec_model.associations import has_lifecycle
from xfrmspec_model.caches import Stamp
from xfrmspec_model.deletions import AfterDeletion
from xfrmspec_model.flow_caches import Kept, bundle_is_recalled, policy_is_recalled
from xfrmspec_model.folding import Number, Truth, alike, all_of, at_most, both, implies, negate, same
from xfrmspec_model.policies import Lookup
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.associations import Before, states_of, unknown_search
from xfrmspec_proofs.databases import existing_flow, installed_only, member_of, policies_of
from xfrmspec_proofs.databases import read_members as read_policies
from xfrmspec_proofs.facts import flow_facts, policies_facts, policy_facts
from xfrmspec_proofs.lookups import instance_of
from xfrmspec_proofs.remembering import bundle_of, present_policies, present_states
from xfrmspec_proofs.replay import installed, without
from xfrmspec_proofs.searches import SearchCase, printable_case, search_witness
from xfrmspec_proofs.state_requests import database_of_states
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, only_in, theorem
from xfrmspec_proofs.witness import read_flow
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Policy, PolicyType
from xfrmspec_terms.profile import CLEAN, USAGI_2004, Profile
from xfrmspec_terms.selector import Flow
from xfrmspec_terms.state import StateRequest

_NO_CHANGE = Stamp(True, 0, 0)
_ONE_CHANGE = Stamp(True, 0, 1)
_TRIED_IN = (CLEAN, USAGI_2004)


def _flow_caches(**changes: object) -> Mutation:
    """Return a mutant with other rules of the caches of 2004."""

    def mutate(rules: Rules) -> Rules:
        return replace(rules, flow_caches=replace(rules.flow_caches, **changes))  # type: ignore[arg-type]

    return mutate


def _stay(changes: Number) -> Number:
    return changes


@theorem(
    name="the_flow_cache_keeps_no_policy_that_a_fresh_search_would_not_find",
    statement="When a policy was inserted or removed and the flow cache still answers for a flow, a fresh "
    "search in MAIN finds the same policy as before, or none as before.",
    clauses=("XFRM-CACHE-004", "XFRM-CACHE-005"),
    mutants={
        "insertions_leave_the_flow_cache": _flow_caches(changes_after_insertion=_stay),
        "removals_leave_the_flow_cache": _flow_caches(changes_after_removal=_stay),
    },
    tried_in=_TRIED_IN,
)
def _policies(scene: Scene) -> Sequence[Claim]:
    return [_policy_claim(scene, inserts=True), _policy_claim(scene, inserts=False)]


def _policy_claim(scene: Scene, *, inserts: bool) -> Claim:
    policies = policies_of(scene, 2)
    full = policies.database()
    flow, exists = existing_flow(scene)
    changed, found = policies.policy("changed"), policies.policy("found")
    fewer = AfterDeletion(full, changed)
    searches = [
        Lookup(database, flow, int(Direction.OUT), int(PolicyType.MAIN), scene.profile, policies.rules)
        for database in (full, fewer)
    ]
    entry = full.entry(found)
    wins = alike(searches[0].wins(entry), searches[1].wins(fewer.entry(entry)))
    rules = scene.rules.flow_caches
    count = z3.Int("changes", ctx=scene.context)
    later = rules.changes_after_insertion(count) if inserts else rules.changes_after_removal(count)
    kept = Kept(Stamp(True, count, later), _NO_CHANGE)
    hypotheses = [*exists, at_most(0, count), full.entry(changed).installed]
    instance = [
        *instance_of(scene, policies, full),
        policies.among_members(changed, found),
        all_of(same(full.entry(m).direction, Direction.OUT) for m in policies.members),
        all_of(same(full.entry(m).type, PolicyType.MAIN) for m in policies.members),
        *([same(changed, policies.members[1])] if inserts else []),
        negate(wins),
    ]

    def read(model: Model) -> Witness:
        everyone = read_policies(model, policies, full)
        policy = everyone[member_of(model, policies, changed)]
        assert policy is not None
        members, packet = installed_only(everyone), read_flow(model, flow)
        facts = {
            "policies": policies_facts(members),
            "changed": policy_facts(policy),
            "flow": flow_facts(packet),
        }
        return Witness(facts, lambda profile: _search_is_fresh(members, policy, packet, profile, inserts))

    conclusion = implies(policy_is_recalled(kept), wins)
    return Claim(hypotheses, conclusion, instance, read)


def _search_is_fresh(
    members: Sequence[Policy], policy: Policy, flow: Flow, profile: Profile, inserts: bool
) -> bool:
    """Tell whether the flow cache of the reference is not asked, or gives what a search gives."""
    others = [member for member in members if member is not policy]
    before, after = installed(others if inserts else members, profile), installed(members, profile)
    after = after if inserts else without(before, policy)
    cache = remember(FlowCache(), flow, _found(before, flow), None, present_policies(before, profile))
    recalled = recall(cache, flow, present_policies(after, profile))
    return not recalled.known or recalled.policy == _found(after, flow)


def _found(database: PolicyDatabase, flow: Flow) -> PolicyStamp | None:
    entry = best_match(database, flow, Direction.OUT, PolicyType.MAIN)
    return PolicyStamp(entry.age, entry.generation) if entry else None


def _recalled(database: StateDatabase, kept: SecurityAssociation, flow: Flow, later: Present) -> bool:
    """Tell whether the reference takes a bundle of one state again that its policy keeps for a flow."""
    owner = PolicyStamp(0)
    then = replace(present_states(database, 0, later.profile), policies={owner.age: 0})
    cache = remember(FlowCache(), flow, owner, bundle_of(kept, database), then)
    return recall(cache, flow, replace(later, policies={owner.age: 0})).bundle is not None


@theorem(
    name="a_bundle_of_2004_has_the_state_that_a_fresh_search_finds",
    statement="When a new state is stored and the bundle of one state that a policy keeps for a flow is "
    "taken again, a fresh search may still find the state of the bundle.",
    clauses=("XFRM-CACHE-004", "XFRM-CACHE-005", "XFRM-CACHE-006"),
    mutants={"changes_are_not_compared": _flow_caches(changes_are_compared=lambda profile: False)},
    refuted_by=only_in(USAGI_2004, "cache_misses_state_changes"),
    tried_in=_TRIED_IN,
)
def _arrival(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    search, exists = unknown_search(scene)
    new, old = states.entries
    before = Before(states, new.identity)
    kept = Kept(_NO_CHANGE, _ONE_CHANGE, (Stamp(has_lifecycle(old, Lifecycle.VALID), 0, 0),))
    hypotheses = [
        *exists,
        new.installed,
        negate(same(new.identity, old.identity)),
        states.finding(search, database=before).may_be_found(old),
    ]
    used = bundle_is_recalled(kept, scene.profile, scene.rules.flow_caches)
    conclusion = implies(used, states.finding(search).may_be_found(old))

    def agrees(case: SearchCase, profile: Profile) -> bool:
        stored, remembered = case.states
        database = database_of_states([remembered], profile)
        grown = add(database, StateRequest(stored), stored.added)
        after = replace(case, states=grown.database.associations)
        later = present_states(grown.database, 1, profile)
        reused = _recalled(database, remembered, case.flow, later)
        found = remembered in replace(case, states=(remembered,)).admitted(profile)
        fresh = remembered in after.admitted(profile)
        return grown.errno is Errno.OK and found and (not reused or fresh)

    usable = [same(new.lifecycle, Lifecycle.VALID), negate(same(new.spi, old.spi))]
    filled = [negate(same(state.spi, 0)) for state in (new, old)]
    instance = [*printable_case(scene, states, search), *usable, *filled]
    return [Claim(hypotheses, conclusion, instance, search_witness(states, search, agrees))]


def _ended_too(stamp: Stamp) -> Truth:
    return True


@theorem(
    name="a_bundle_of_2004_ends_with_each_of_its_states",
    statement="The bundle that a policy keeps for a flow is not taken again once one of its states is no "
    "longer VALID, and a state that is VALID does not end it, whatever came beside it.",
    clauses=("XFRM-CACHE-004",),
    mutants={
        "ended_states_are_used": _flow_caches(element_holds=_ended_too),
        "generations_are_compared": _flow_caches(
            element_holds=lambda stamp: both(stamp.counts, same(stamp.remembered, stamp.present))
        ),
    },
    tried_in=_TRIED_IN,
)
def _end(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    search, exists = unknown_search(scene)
    new, old = states.entries
    generation, present = (z3.Int(name, ctx=scene.context) for name in ("generation", "present"))
    stands, gone = (
        bundle_is_recalled(
            Kept(_NO_CHANGE, _NO_CHANGE, (Stamp(counts, generation, present),)),
            scene.profile,
            scene.rules.flow_caches,
        )
        for counts in (True, False)
    )

    def ends(case: SearchCase, profile: Profile) -> bool:
        stored, remembered = case.states
        database = database_of_states([remembered], profile)
        grown = add(database, StateRequest(stored), stored.added).database
        left = delete(database, key_of(remembered)).database
        later = [present_states(each, 0, profile) for each in (grown, left)]
        reused = [_recalled(database, remembered, case.flow, present) for present in later]
        return reused == [True, False]

    shared = [same(getattr(new, part), getattr(old, part)) for part in ("destination", "source", "reqid")]
    usable = [same(state.lifecycle, Lifecycle.VALID) for state in (new, old)]
    filled = [negate(same(new.spi, old.spi)), *(negate(same(state.spi, 0)) for state in (new, old))]
    natural = [at_most(0, generation), at_most(0, present)]
    instance = [*printable_case(scene, states, search), *shared, *usable, *filled]
    witness = search_witness(states, search, ends)
    hypotheses = [*exists, *natural]
    return [Claim(hypotheses, conclusion, instance, witness) for conclusion in (stands, negate(gone))]
