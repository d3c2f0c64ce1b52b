"""Theorems about remembered bundles and the states behind them: what a new state and an end make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import z3

from xfrmspec.xfrm.bundle_cache import Remembered, staleness
from xfrmspec.xfrm.state_operations import add, delete, key_of
from xfrmspec_model import caches
from xfrmspec_model.associations import AssociationTerm, has_lifecycle
from xfrmspec_model.caches import Stamp, is_used_again
from xfrmspec_model.folding import Number, Truth, at_most, choose, implies, negate, same
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Context
from xfrmspec_proofs.associations import Before, printable_association, states_of, unknown_search
from xfrmspec_proofs.remembering import bundle_of, present_states
from xfrmspec_proofs.searches import SearchCase, printable_case, search_witness
from xfrmspec_proofs.state_requests import (
    Everyone,
    database_of_states,
    rules_of_states,
    states_witness,
)
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, everywhere, theorem
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import StateRequest

_NO_CHANGE = Stamp(True, 0, 0)
_ONE_CHANGE = Stamp(True, 0, 1)


def _caches(**changes: object) -> Mutation:
    """Return a mutant with other rules of remembered decisions."""

    def mutate(rules: Rules) -> Rules:
        return replace(rules, caches=replace(rules.caches, **changes))  # type: ignore[arg-type]

    return mutate


def _stamp(context: Context, scene: Scene, old: AssociationTerm, new: AssociationTerm) -> tuple[Stamp, Truth]:
    """Return what a bundle remembers of a state after a new one was stored, and that it is natural."""
    generation = z3.Int("generation", ctx=context)
    raised = scene.rules.associations.outdates(new, old)
    present: Number = choose(raised, generation + 1, generation)
    return Stamp(has_lifecycle(old, Lifecycle.VALID), generation, present), at_most(0, generation)


@theorem(
    name="a_reused_bundle_has_the_state_that_a_fresh_search_finds",
    statement="When a new state is stored and a bundle of one state is used again, a fresh search may still "
    "find the state of the bundle.",
    clauses=("XFRM-CACHE-006", "XFRM-CACHE-005", "XFRM-CACHE-003", "XFRM-SAD-012"),
    mutants={"changes_are_not_compared": _caches(changes_are_compared=lambda profile: False)},
    refuted_by=everywhere("cache_misses_state_changes"),
)
def _fresh_search(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    search, exists = unknown_search(scene)
    new, old = states.entries
    before = Before(states, new.identity)
    stamp, natural = _stamp(scene.context, scene, old, new)
    decision = caches.Remembered(_NO_CHANGE, _ONE_CHANGE, elements=(stamp,))
    hypotheses = [
        *exists,
        natural,
        new.installed,
        negate(same(new.identity, old.identity)),
        states.finding(search, database=before).may_be_found(old),
    ]
    used = is_used_again(decision, scene.profile, scene.rules.caches)
    conclusion = implies(used, states.finding(search).may_be_found(old))

    def agrees(case: SearchCase, profile: Profile) -> bool:
        stored, kept = case.states
        database = database_of_states([kept], profile)
        bundle = bundle_of(kept, database)
        grown = add(database, StateRequest(stored), stored.added)
        after = replace(case, states=grown.database.associations)
        reused = staleness(Remembered(bundle, 0, 0), present_states(grown.database, 1, profile)) is None
        found = kept in replace(case, states=(kept,)).admitted(profile)
        return grown.errno is Errno.OK and found and (not reused or kept in after.admitted(profile))

    usable = [same(new.lifecycle, Lifecycle.VALID), negate(same(new.spi, old.spi))]
    filled = [negate(same(state.spi, 0)) for state in (new, old)]
    instance = [*printable_case(scene, states, search), *usable, *filled]
    return [Claim(hypotheses, conclusion, instance, search_witness(states, search, agrees))]


def _nobody(new: AssociationTerm, state: AssociationTerm) -> Truth:
    return False


def _validity_only(stamp: Stamp) -> Truth:
    return stamp.counts


def _generation_only(stamp: Stamp) -> Truth:
    return same(stamp.remembered, stamp.present)


_SHARED = ("family", "reqid", "if_id", "destination", "source", "mark_value", "mark_mask")


@theorem(
    name="a_new_state_of_the_same_ends_and_reqid_ends_a_bundle_as_the_end_of_its_state_does",
    statement="A bundle is not used again once a state of the same family, addresses, reqid, if_id and mark "
    "as one of its states is stored, or one of its states is no longer VALID, whatever else is compared.",
    clauses=("XFRM-CACHE-003", "XFRM-SAD-012", "XFRM-CACHE-001"),
    mutants={
        "no_generation_is_raised": rules_of_states(outdates=_nobody),
        "generations_are_not_compared": _caches(element_is_current=_validity_only),
        "lifecycles_are_not_compared": _caches(element_is_current=_generation_only),
    },
)
def _ends(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    new, old = states.entries
    stamp, natural = _stamp(scene.context, scene, old, new)
    gone = Stamp(False, stamp.remembered, stamp.remembered)
    rules = scene.rules.caches
    reused = [
        is_used_again(caches.Remembered(_NO_CHANGE, _NO_CHANGE, elements=(each,)), scene.profile, rules)
        for each in (stamp, gone)
    ]
    shared = [same(getattr(new, part), getattr(old, part)) for part in _SHARED]
    stored = same(old.mark_value & old.mark_mask, old.mark_value)

    def superseded(everyone: Everyone, _: dict[str, int], profile: Profile) -> bool:
        younger, kept = everyone
        database = database_of_states([kept], profile)
        remembered = Remembered(bundle_of(kept, database), 0, 0)
        stored = add(database, StateRequest(younger))
        deleted = delete(database, key_of(kept))
        later = [present_states(each.database, 0, profile) for each in (stored, deleted)]
        reasons = [staleness(remembered, present) for present in later]
        return stored.errno is Errno.OK and None not in reasons

    valid = [same(state.lifecycle, Lifecycle.VALID) for state in (new, old)]
    different = [negate(same(new.spi, old.spi)), *(negate(same(state.spi, 0)) for state in (new, old))]
    instance = [*printable_association(new), *printable_association(old), *valid, *different]
    witness = states_witness((new, old), {}, superseded)
    return [
        Claim([natural, *shared, stored], negate(reused[0]), instance, witness),
        Claim([natural, *shared, stored], negate(reused[1]), instance, witness),
    ]
