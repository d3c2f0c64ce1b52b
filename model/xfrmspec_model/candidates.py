"""What a search for an output state thinks of one state: candidate, pass, judgement, preference."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_model.associations import AssociationTerm, has_lifecycle
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    any_of,
    both,
    either,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import FlowTerm, mark_matches, selector_matches
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Family

OPEN = 0
"""The unspecified address."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a template asks for: the addresses searched, the template's parts, the policy's mark and if_id.

    `family` is that of the template, `mark` the value of the policy's mark; widths are those of
    `AssociationTerm`. Source: XFRM-FIND-001.
    """

    flow: FlowTerm
    source: Number
    destination: Number
    protocol: Number
    family: Number
    mode: Number
    spi: Number
    reqid: Number
    if_id: Number
    mark: Number


@clause("XFRM-FIND-001")
def is_candidate(state: AssociationTerm, search: Search) -> Truth:
    """Tell whether a state has everything a search asks for, its source aside. Source: XFRM-FIND-001."""
    equal = ("family", "reqid", "mode", "protocol", "if_id", "destination")
    return all_of(
        (
            negate(state.wildrecv),
            *(same(getattr(state, part), getattr(search, part)) for part in equal),
            either(same(search.spi, 0), same(search.spi, state.spi)),
            mark_matches(state.mark_value, state.mark_mask, search.mark),
        )
    )


@clause("XFRM-FIND-001")
def source_fits(state: AssociationTerm, search: Search) -> Truth:
    """Tell whether a state's source is the searched one, or either is unspecified. Source: XFRM-FIND-001."""
    return any_of(
        (same(state.source, search.source), same(state.source, OPEN), same(search.source, OPEN)),
    )


def _filed(state: AssociationTerm, source: Number, search: Search) -> Truth:
    return both(same(state.filed_source, source), same(state.filed_destination, search.destination))


@clause("XFRM-FIND-002")
def in_first_pass(state: AssociationTerm, search: Search, profile: Profile) -> Truth:
    """Tell whether the first pass meets a state and does not pass over its source.

    Source: XFRM-FIND-002.
    """
    by_table = profile.find_second_pass_ignores_source
    there = state.in_first_bucket if by_table else _filed(state, search.source, search)
    return both(there, source_fits(state, search))


@clause("XFRM-FIND-002")
def in_second_pass(state: AssociationTerm, search: Search, profile: Profile) -> Truth:
    """Tell whether the second pass, for an unspecified source, meets a state.

    Where the profile ignores the source, everything in the bucket of the unspecified one is met.
    Source: XFRM-FIND-002.
    """
    if profile.find_second_pass_ignores_source:
        return state.in_open_bucket
    return both(_filed(state, OPEN, search), same(state.source, OPEN))


@clause("XFRM-FIND-003")
def covers(state: AssociationTerm, flow: FlowTerm, profile: Profile) -> Truth:
    """Tell whether a state's selector names no family, or the flow's and matches the flow.

    Source: XFRM-FIND-003.
    """
    selector = state.selector
    open_family = either(negate(state.has_selector), same(selector.family, Family.UNSPEC))
    fits = both(same(selector.family, flow.family), selector_matches(selector, flow, profile))
    return either(open_family, fits)


@clause("XFRM-FIND-003")
def is_usable(state: AssociationTerm, covered: Truth) -> Truth:
    """Tell whether a candidate may be taken; `covered` says that its selector fits. Source: XFRM-FIND-003."""
    return both(has_lifecycle(state, Lifecycle.VALID), covered)


@clause("XFRM-FIND-003")
def is_pending(state: AssociationTerm, covered: Truth, profile: Profile) -> Truth:
    """Tell whether a candidate says that an acquire is in progress. Source: XFRM-FIND-003."""
    larval = has_lifecycle(state, Lifecycle.ACQ)
    return larval if profile.acquire_blocks_other_flows else both(larval, covered)


@clause("XFRM-FIND-003")
def is_failed(state: AssociationTerm, covered: Truth) -> Truth:
    """Tell whether a candidate notes ESRCH. Source: XFRM-FIND-003."""
    return both(has_lifecycle(state, Lifecycle.ERROR, Lifecycle.EXPIRED), covered)


@clause("XFRM-FIND-004")
def preferred(first: AssociationTerm, second: AssociationTerm) -> Truth:
    """Tell whether of two usable states the first is preferred; neither is, if both may be taken.

    Source: XFRM-FIND-004.
    """
    fresher = both(negate(first.dying), second.dying)
    younger = both(alike(first.dying, second.dying), less(second.added, first.added))
    return either(fresher, younger)
