"""The rules of the state database that a theorem may depend on, as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model import associations, candidates, lifecycles, limits, migration, requests
from xfrmspec_model.associations import AssociationTerm, StateKey
from xfrmspec_model.candidates import Search
from xfrmspec_model.folding import Number, Truth
from xfrmspec_model.limits import LifeTerm
from xfrmspec_model.migration import EndsTerm, MigrationTerm
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_terms.profile import Profile

Judged = Callable[[AssociationTerm, Truth], Truth]
Reached = Callable[[LifeTerm], Truth]
Compared = Callable[[AssociationTerm, AssociationTerm], Truth]


@dataclass(frozen=True, slots=True)
class AssociationRules:
    """One small function for each rule; `AssociationRules()` is what the clauses say.

    Search for an output state: `is_candidate(state, search)`, `in_first_pass` and `in_second_pass` of
    (state, search, profile), `covers(state, flow, profile)`, `is_usable(state, covered)`,
    `is_pending(state, covered, profile)`, `is_failed(state, covered)`, `preferred(first, second)`.
    Locating: `named(state, key)`, `marks_collide(state, key, profile)` and, with a packet mark,
    `answers(state, key)`. Operations: `superseded_by_number(state, new)`, `superseded_by_key(state, new)`,
    `outdates(new, state)`, `flushed(state, protocol)`, `merged(state, wanted)`, `in_range(spi, low, high)`,
    `holds_spi(state, larval, spi, profile)`. Migration: `state_migrates(state, entry, if_id)`,
    `migrated_state(state, entry)`, `template_migrates(template, entry)`,
    `migrated_template(template, entry, matched)`. Lifetimes:
    `may_transform(life)`, `hard_limit_reached(life)`, `soft_limit_reached(life)`,
    `hard_time_reached(life, now)`, `soft_time_reached(life, now)`, `warns(dying, reached)`,
    `packets_after(life)`, `used_after(life, now)`, `dying_after_update(life)`, and the whole machine,
    `lifecycle_after(life, event, spent, over, accepted)`.
    """

    is_candidate: Callable[[AssociationTerm, Search], Truth] = candidates.is_candidate
    in_first_pass: Callable[[AssociationTerm, Search, Profile], Truth] = candidates.in_first_pass
    in_second_pass: Callable[[AssociationTerm, Search, Profile], Truth] = candidates.in_second_pass
    covers: Callable[[AssociationTerm, FlowTerm, Profile], Truth] = candidates.covers
    is_usable: Judged = candidates.is_usable
    is_pending: Callable[[AssociationTerm, Truth, Profile], Truth] = candidates.is_pending
    is_failed: Judged = candidates.is_failed
    preferred: Compared = candidates.preferred
    named: Callable[[AssociationTerm, StateKey], Truth] = associations.named
    marks_collide: Callable[[AssociationTerm, StateKey, Profile], Truth] = associations.marks_collide
    answers: Callable[[AssociationTerm, StateKey], Truth] = requests.answers
    superseded_by_number: Compared = requests.superseded_by_number
    superseded_by_key: Compared = requests.superseded_by_key
    outdates: Compared = requests.outdates
    flushed: Callable[[AssociationTerm, Number], Truth] = requests.flushed
    merged: Callable[[AssociationTerm, AssociationTerm], AssociationTerm] = requests.merged
    in_range: Callable[[Number, Number, Number], Truth] = requests.in_range
    holds_spi: Callable[[AssociationTerm, AssociationTerm, Number, Profile], Truth] = requests.holds_spi
    state_migrates: Callable[[AssociationTerm, MigrationTerm, Number], Truth] = migration.state_migrates
    migrated_state: Callable[[AssociationTerm, MigrationTerm], AssociationTerm] = migration.migrated_state
    template_migrates: Callable[[EndsTerm, MigrationTerm], Truth] = migration.template_migrates
    migrated_template: Callable[[EndsTerm, MigrationTerm, Truth], EndsTerm] = migration.migrated_template
    may_transform: Reached = limits.may_transform
    hard_limit_reached: Reached = limits.hard_limit_reached
    soft_limit_reached: Reached = limits.soft_limit_reached
    hard_time_reached: Callable[[LifeTerm, Number], Truth] = limits.hard_time_reached
    soft_time_reached: Callable[[LifeTerm, Number], Truth] = limits.soft_time_reached
    warns: Callable[[Truth, Truth], Truth] = limits.warns
    packets_after: Callable[[LifeTerm], Number] = limits.packets_after
    used_after: Callable[[LifeTerm, Number], Number] = limits.used_after
    dying_after_update: Reached = limits.dying_after_update
    lifecycle_after: lifecycles.Machine = lifecycles.lifecycle_after


ASSOCIATION_RULES = AssociationRules()
"""What the clauses say."""
