"""Theorems about the search for an output state: who may be found, what is preferred, and what hinders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec.xfrm.template_check import satisfies
from xfrmspec_model import candidates
from xfrmspec_model.associations import AssociationTerm
from xfrmspec_model.candidates import Search
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    any_of,
    at_most,
    both,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.templates import StateTerm, TemplateTerm
from xfrmspec_proofs.associations import (
    DESTINATIONS,
    OPEN,
    SMALL_TABLE,
    SOURCES,
    Before,
    States,
    printable_search,
    printable_states,
    stands_in_its_buckets,
    states_of,
    unknown_search,
)
from xfrmspec_proofs.searches import SearchCase, printable_case, search_witness
from xfrmspec_proofs.state_requests import rules_of_states
from xfrmspec_proofs.theorem import Claim, Scene, everywhere, theorem
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import UINT32_MAX, Protocol

_BY_TABLE = everywhere("find_second_pass_ignores_source")


def _second_pass_by_destination(state: AssociationTerm, search: Search, profile: Profile) -> Truth:
    return True


@theorem(
    name="find_never_returns_a_state_of_a_foreign_source",
    statement="A state that a search finds has the searched source or an unspecified one, unless the search "
    "itself is for an unspecified source.",
    clauses=("XFRM-FIND-001", "XFRM-FIND-002"),
    mutants={"the_second_pass_meets_everything": rules_of_states(in_second_pass=_second_pass_by_destination)},
    refuted_by=_BY_TABLE,
)
def _no_foreign_source(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    search, exists = unknown_search(scene)
    entry = states.entries[0]
    found = states.finding(search).may_be_found(entry)
    sources = (search.source, candidates.OPEN)
    conclusion = any_of(same(entry.source, source) for source in sources)

    def own(case: SearchCase, profile: Profile) -> bool:
        return {state.source for state in case.admitted(profile)} <= {case.source, OPEN}

    hypotheses = [*exists, negate(same(search.source, candidates.OPEN)), found]
    return [
        Claim(
            hypotheses, conclusion, printable_case(scene, states, search), search_witness(states, search, own)
        )
    ]


def _youngest_first(first: AssociationTerm, second: AssociationTerm) -> Truth:
    return less(second.added, first.added)


def _oldest_first(first: AssociationTerm, second: AssociationTerm) -> Truth:
    fresher = both(negate(first.dying), second.dying)
    return either(fresher, both(alike(first.dying, second.dying), less(first.added, second.added)))


@theorem(
    name="find_prefers_states_that_are_not_dying_and_then_younger_ones",
    statement="When one of two usable states is found, it is not dying or both are, and of two that agree in "
    "this it was not added in an earlier second than the other.",
    clauses=("XFRM-FIND-004",),
    mutants={
        "dying_does_not_matter": rules_of_states(preferred=_youngest_first),
        "older_states_are_preferred": rules_of_states(preferred=_oldest_first),
    },
)
def _preference(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    search, exists = unknown_search(scene)
    found, other = states.entries
    finding = states.finding(search)
    hypotheses = [*exists, finding.may_be_found(found), finding.may_use(other)]
    conclusion = both(
        implies(found.dying, other.dying),
        implies(alike(found.dying, other.dying), at_most(other.added, found.added)),
    )

    def best(case: SearchCase, profile: Profile) -> bool:
        return case.admitted(profile) == (max(case.states, key=lambda s: (not s.dying, s.added)),)

    instance = [*printable_case(scene, states, search), negate(same(found.added, other.added))]
    return [Claim(hypotheses, conclusion, instance, search_witness(states, search, best))]


def _reqid_zero_is_open(state: AssociationTerm, search: Search) -> Truth:
    equal = replace(search, reqid=state.reqid)
    open_reqid = either(same(search.reqid, 0), same(search.reqid, state.reqid))
    return both(open_reqid, candidates.is_candidate(state, equal))


def _mode_is_open(state: AssociationTerm, search: Search) -> Truth:
    return candidates.is_candidate(state, replace(search, mode=state.mode))


_KEY = ("destination", "reqid", "mode", "protocol")


_FILLER = SecurityAssociation(SOURCES[0], DESTINATIONS[1], Protocol.AH, Mode.TUNNEL, reqid=9)
_TABLE_HOLDS = 7


def _growing(states: States, search: Search, before: Before) -> list[Truth]:
    """Assume that the added state makes the hash table grow."""
    profile = states.scene.profile
    earlier = (before.entry(entry) for entry in states.entries)
    stood = [stands_in_its_buckets(entry, search, SMALL_TABLE, profile) for entry in earlier]
    return [*printable_states(states, search, 2 * SMALL_TABLE), *printable_search(search), *stood]


def _crowd(case: SearchCase) -> tuple[SecurityAssociation, ...]:
    """Return foreign states that fill the hash table, so that one more makes it grow."""
    return tuple(replace(_FILLER, spi=0x100 + index) for index in range(_TABLE_HOLDS + 1 - len(case.states)))


@theorem(
    name="find_depends_on_candidates_only",
    statement="Adding a state of another destination, reqid, mode or protocol changes neither which states "
    "may be found nor whether an acquire is in progress or has failed.",
    clauses=("XFRM-FIND-001", "XFRM-FIND-002"),
    mutants={
        "reqid_zero_asks_for_any": rules_of_states(is_candidate=_reqid_zero_is_open),
        "the_mode_is_not_compared": rules_of_states(is_candidate=_mode_is_open),
    },
    refuted_by=_BY_TABLE,
)
def _only_candidates(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    search, exists = unknown_search(scene)
    added, entry = states.entries
    before = Before(states, added.identity, resized=True)
    earlier, later = states.finding(search, database=before), states.finding(search)
    other = any_of(negate(same(getattr(added, part), getattr(search, part))) for part in _KEY)
    hypotheses = [*exists, added.installed, other, negate(same(entry.identity, added.identity))]
    instance = _growing(states, search, before) if scene.small else []

    def unchanged(case: SearchCase, profile: Profile) -> bool:
        crowded = replace(case, states=(*case.states, *_crowd(case)))
        fewer = replace(crowded, states=crowded.states[1:])
        answers = {(each.admitted(profile), each.found(profile).errno) for each in (crowded, fewer)}
        return len(answers) == 1

    witness = search_witness(states, search, unchanged)
    pairs = [
        (earlier.may_be_found(before.entry(entry)), later.may_be_found(entry)),
        (earlier.is_pending(), later.is_pending()),
        (earlier.has_failed(), later.has_failed()),
    ]
    return [Claim(hypotheses, alike(then, now), [*instance, then], witness) for then, now in pairs]


def _larval_covers(state: AssociationTerm, covered: Truth, profile: Profile) -> Truth:
    return both(candidates.is_pending(state, True, profile), covered)


@theorem(
    name="a_larval_state_holds_back_every_flow_of_its_key",
    statement="When a search meets a larval candidate and no usable state, it ends in EAGAIN and asks no "
    "manager, whatever flow the larval state was made for.",
    clauses=("XFRM-FIND-003", "XFRM-FIND-005"),
    mutants={"a_larval_state_stands_for_its_own_flow": rules_of_states(is_pending=_larval_covers)},
)
def _larval(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    search, exists = unknown_search(scene)
    larval = states.entries[0]
    finding = states.finding(search)
    hypotheses = [
        *exists,
        larval.installed,
        same(larval.lifecycle, Lifecycle.ACQ),
        finding.sees(larval),
        negate(finding.finds_something()),
    ]
    conclusion = both(same(finding.error(), Errno.EAGAIN), negate(finding.asks_the_managers()))

    def waits(case: SearchCase, profile: Profile) -> bool:
        found = case.found(profile)
        return (found.errno, found.acquire) == (Errno.EAGAIN, False)

    foreign = negate(candidates.covers(larval, search.flow, scene.profile))
    instance = [*printable_case(scene, states, search), foreign]
    return [Claim(hypotheses, conclusion, instance, search_witness(states, search, waits))]


@theorem(
    name="a_failed_state_keeps_the_managers_from_being_asked",
    statement="When a search meets a candidate in ERROR or EXPIRED whose selector fits, and no usable state, "
    "it asks no manager, and without an acquire in progress it ends in ESRCH.",
    clauses=("XFRM-FIND-003", "XFRM-FIND-005"),
    mutants={"failed_states_are_passed_over": rules_of_states(is_failed=lambda state, covered: False)},
)
def _failed(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    search, exists = unknown_search(scene)
    failed = states.entries[0]
    finding = states.finding(search)
    values = any_of(same(failed.lifecycle, value) for value in (Lifecycle.ERROR, Lifecycle.EXPIRED))
    hypotheses = [
        *exists,
        failed.installed,
        values,
        states.rules.covers(failed, search.flow, scene.profile),
        finding.sees(failed),
        negate(finding.finds_something()),
    ]
    refused = either(finding.is_pending(), same(finding.error(), Errno.ESRCH))

    def gives_up(case: SearchCase, profile: Profile) -> bool:
        found = case.found(profile)
        return (found.errno, found.acquire) == (Errno.ESRCH, False)

    conclusion = both(negate(finding.asks_the_managers()), refused)
    return [
        Claim(
            hypotheses,
            conclusion,
            printable_case(scene, states, search),
            search_witness(states, search, gives_up),
        )
    ]


def _wildrecv_does_not_matter(state: AssociationTerm, search: Search) -> Truth:
    return candidates.is_candidate(replace(state, wildrecv=False), search)


@theorem(
    name="a_wildrecv_state_has_no_influence_on_output",
    statement="A search meets no state flagged wildrecv, so that it neither finds one nor waits for one.",
    clauses=("XFRM-FIND-001",),
    mutants={"wildrecv_does_not_matter": rules_of_states(is_candidate=_wildrecv_does_not_matter)},
)
def _wildrecv(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    search, exists = unknown_search(scene)
    entry = states.entries[0]
    conclusion = negate(states.finding(search).sees(entry))
    bare = replace(entry, wildrecv=False)
    otherwise_met = [states.rules.is_candidate(bare, search), same(entry.source, search.source)]
    usable = [same(entry.lifecycle, Lifecycle.VALID), negate(entry.has_selector)]

    def ignored(case: SearchCase, profile: Profile) -> bool:
        found = case.found(profile)
        return found.acquire and not case.admitted(profile)

    instance = [*printable_case(scene, states, search), *otherwise_met, *usable, same(search.spi, 0)]
    return [Claim([*exists, entry.wildrecv], conclusion, instance, search_witness(states, search, ignored))]


def _template_term(search: Search, source: Number) -> TemplateTerm:
    return TemplateTerm(
        search.protocol, search.mode, source, search.spi, search.reqid, False, True, UINT32_MAX
    )


def _state_term(entry: AssociationTerm) -> StateTerm:
    parts = ("protocol", "mode", "source", "spi", "reqid", "if_id")
    numbers = {part: getattr(entry, part) for part in parts}
    return StateTerm(**numbers, authentication=0, internal=False, selector=None)


@theorem(
    name="reqid_zero_is_a_value_on_output_and_open_on_input",
    statement="A template with reqid 0 is satisfied on input by a state with any reqid, all else fitting, "
    "and is given on output only a state with reqid 0.",
    clauses=("XFRM-FIND-001", "XFRM-CHECK-008"),
    mutants={"reqid_zero_asks_for_any": rules_of_states(is_candidate=_reqid_zero_is_open)},
)
def _reqid_zero(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    search, exists = unknown_search(scene)
    entry = states.entries[0]
    twin = replace(entry, reqid=0)
    hypotheses = [
        *exists,
        same(search.reqid, 0),
        negate(same(entry.reqid, 0)),
        states.rules.is_candidate(twin, search),
        candidates.source_fits(twin, search),
        either(same(search.source, entry.source), same(search.source, 0)),
    ]
    template, used = _template_term(search, search.source), _state_term(entry)
    satisfied = scene.rules.satisfies(template, used, search.if_id)
    conclusion = both(satisfied, negate(states.finding(search).may_be_found(entry)))

    def asymmetric(case: SearchCase, profile: Profile) -> bool:
        accepted = satisfies(case.template, case.states[0], 0)
        return accepted and not case.admitted(profile)

    usable = [same(entry.lifecycle, Lifecycle.VALID), negate(entry.has_selector)]
    instance = [*printable_case(scene, states, search), *usable]
    return [Claim(hypotheses, conclusion, instance, search_witness(states, search, asymmetric))]
