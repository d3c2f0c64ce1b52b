"""The inbound check: the templates of one or two policies against a sec_path of up to six entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    both,
    choose,
    either,
    first_of,
    negate,
    same,
)
from xfrmspec_model.matching import INDEX_BITS, NOWHERE, SecPathTerm, Walk, walk_from
from xfrmspec_model.pairs import VERDICT_BITS, Verdict
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.templates import StateTerm, TemplateTerm, entry_at, pick, pick_truth, sorted_places
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import DefaultAction, Mode
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class PolicyTerm:
    """What a check needs of one policy: whether it allows, and its templates in stored order."""

    allows: Truth
    templates: tuple[TemplateTerm, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One packet at the check.

    The numbers of templates and the capacity of the sec_path are known, everything else may be unknown.
    `sub` and `main` are the policies found (None: none). `verified` is the verified count (0..6), `if_id`
    that of the check; `sorts` tells whether the flow is IPv6. `default_action` is the number of a
    `DefaultAction`.
    """

    sub: PolicyTerm | None
    main: PolicyTerm | None
    path: SecPathTerm
    verified: Number
    if_id: Number
    profile: Profile
    sorts: bool = True
    default_action: Number = int(DefaultAction.ACCEPT)
    rules: Rules = RULES


@dataclass(frozen=True, slots=True)
class Judgement:
    """A `Verdict`, the verified count afterwards, and the index of the entry to report (15: none)."""

    verdict: Number
    verified: Number
    reported: Number


@clause("XFRM-CHECK-003")
def states_fit(path: SecPathTerm, flow: FlowTerm, profile: Profile, rules: Rules = RULES) -> Truth:
    """Tell whether the selectors of all states used match the flow. Source: XFRM-CHECK-003."""
    return all_of(
        either(negate(path.holds(index)), rules.state_selector_fits(state, flow, profile))
        for index, state in enumerate(path.states)
    )


def _first_index(found: Sequence[Truth]) -> Number:
    return first_of([(truth, index) for index, truth in enumerate(found)], NOWHERE, INDEX_BITS)


def _other_than_transport(path: SecPathTerm) -> list[Truth]:
    return [
        both(path.holds(index), negate(same(state.mode, Mode.TRANSPORT)))
        for index, state in enumerate(path.states)
    ]


@clause("XFRM-CHECK-004")
def judged_without_policy(check: Check) -> Judgement:
    """Judge a packet for which no policy was found. Source: XFRM-CHECK-004."""
    suspects = _other_than_transport(check.path)
    verdict = check.rules.input_without_policy(check.default_action, any_of(suspects))
    blocked = same(check.default_action, DefaultAction.BLOCK)
    return Judgement(verdict, check.verified, choose(blocked, NOWHERE, _first_index(suspects), INDEX_BITS))


@clause("XFRM-CHECK-005", "XFRM-CHECK-006", "XFRM-TMPL-004")
def refused_early(check: Check) -> Number:
    """Return why policies refuse a packet before templates are matched, as a `Verdict` (ACCEPT: they do not).

    Source: XFRM-CHECK-005, XFRM-CHECK-006, XFRM-TMPL-004.
    """
    cases: list[tuple[Truth, Number]] = []
    collected = 0
    for policy in (check.sub, check.main):
        if policy is None:
            continue
        declared = len(policy.templates)
        fits = check.rules.usable_count(collected, declared, check.profile)
        cases += [(negate(policy.allows), Verdict.POLICY_BLOCK), (negate(fits), Verdict.BUFFER_ERROR)]
        collected += declared
    return first_of(cases, Verdict.ACCEPT, VERDICT_BITS)


_TEMPLATE_WIDTHS = {
    "protocol": 8,
    "mode": 3,
    "source": 128,
    "spi": 32,
    "reqid": 32,
    "authentication_mask": 32,
}


@clause("XFRM-CHECK-006", "XFRM-SORT-001", "XFRM-SORT-003", "XFRM-TMPL-009")
def templates_in_check_order(check: Check) -> list[TemplateTerm]:
    """Return the merged list of templates, sorted when there are two policies; it is checked from its end.

    Source: XFRM-CHECK-006, XFRM-SORT-001, XFRM-SORT-003, XFRM-TMPL-009.
    """
    merged = [template for policy in (check.sub, check.main) if policy for template in policy.templates]
    if check.sub is None or check.main is None or not check.sorts:
        return merged
    rules, profile = check.rules, check.profile
    classes = [rules.template_class(template.protocol, template.mode, profile) for template in merged]
    places = sorted_places(classes, rules.stands_before)
    return [_picked(merged, entry_at(places, wanted)) for wanted in range(len(merged))]


def _picked(merged: Sequence[TemplateTerm], index: Number) -> TemplateTerm:
    if isinstance(index, int):
        return merged[index]
    numbers = {
        part: pick([getattr(template, part) for template in merged], index, width)
        for part, width in _TEMPLATE_WIDTHS.items()
    }
    truths = {
        part: pick_truth([getattr(template, part) for template in merged], index)
        for part in ("optional", "any_algorithm")
    }
    return TemplateTerm(**numbers, **truths)


@clause("XFRM-CHECK-006", "XFRM-CHECK-007", "XFRM-CHECK-010")
def walk_of_template(check: Check, template: TemplateTerm, start: Number) -> Walk:
    """Walk the sec_path for one template. Source: XFRM-CHECK-006, XFRM-CHECK-007, XFRM-CHECK-010."""
    rules, states = check.rules, check.path.states
    idle = rules.consumes_nothing(template)
    if idle is True:
        return Walk(False, start, NOWHERE)
    satisfied = [rules.satisfies(template, state, check.if_id) for state in states]
    passable = [rules.may_be_passed(state, index, check.verified) for index, state in enumerate(states)]
    walk = walk_from(start, template, check.path, satisfied, passable)
    return Walk(
        both(negate(idle), walk.failed),
        choose(idle, start, walk.next, INDEX_BITS),
        choose(idle, NOWHERE, walk.stopped, INDEX_BITS),
    )


@clause("XFRM-CHECK-006", "XFRM-CHECK-009", "XFRM-CHECK-012", "XFRM-CHECK-013")
def judged_by_templates(check: Check) -> Judgement:
    """Judge a packet that the policies' actions and the number of templates let through so far.

    Source: XFRM-CHECK-006, XFRM-CHECK-009, XFRM-CHECK-012, XFRM-CHECK-013.
    """
    k: Number = 0
    failed: Truth = False
    reported: Number = NOWHERE
    for template in reversed(templates_in_check_order(check)):
        walk = walk_of_template(check, template, k)
        reported = choose(both(walk.failed, negate(failed)), walk.stopped, reported, INDEX_BITS)
        failed = either(failed, walk.failed)
        k = walk.next
    left = [
        both(check.path.holds(index), check.rules.is_final_barrier(state, index, k))
        for index, state in enumerate(check.path.states)
    ]
    reported = choose(failed, reported, _first_index(left), INDEX_BITS)
    refused = either(failed, any_of(left))
    return Judgement(
        choose(refused, Verdict.TEMPLATE_MISMATCH, Verdict.ACCEPT, VERDICT_BITS),
        choose(refused, check.verified, k, INDEX_BITS),
        choose(refused, reported, NOWHERE, INDEX_BITS),
    )


@clause("XFRM-CHECK-001", "XFRM-CHECK-005")
def judged(check: Check) -> Judgement:
    """Judge a packet whose states' selectors fit. Source: XFRM-CHECK-001, XFRM-CHECK-004..013."""
    if check.sub is None and check.main is None:
        return judged_without_policy(check)
    early = refused_early(check)
    if isinstance(early, int) and early != Verdict.ACCEPT:
        return Judgement(early, check.verified, NOWHERE)
    late = judged_by_templates(check)
    admitted = same(early, Verdict.ACCEPT)
    return Judgement(
        choose(admitted, late.verdict, early, VERDICT_BITS),
        choose(admitted, late.verified, check.verified, INDEX_BITS),
        choose(admitted, late.reported, NOWHERE, INDEX_BITS),
    )


@clause("XFRM-CHECK-003")
def judged_with_states(check: Check, flow: FlowTerm) -> Judgement:
    """Judge a packet by the selectors of its states first, then as `judged` does. Source: XFRM-CHECK-003."""
    fit = states_fit(check.path, flow, check.profile, check.rules)
    if fit is False:
        return Judgement(Verdict.STATE_MISMATCH, check.verified, NOWHERE)
    later = judged(check)
    return Judgement(
        choose(fit, later.verdict, Verdict.STATE_MISMATCH, VERDICT_BITS),
        choose(fit, later.verified, check.verified, INDEX_BITS),
        choose(fit, later.reported, NOWHERE, INDEX_BITS),
    )


def accepts(judgement: Judgement) -> Truth:
    """Tell whether a packet passes the check."""
    return same(judgement.verdict, Verdict.ACCEPT)


def sec_path_up_to_6(states: Sequence[StateTerm], length: Number | None = None) -> SecPathTerm:
    """Return a sec_path of at most six entries, all of them or the first `length`; ValueError for more."""
    if len(states) > 6:
        raise ValueError(f"a sec_path has at most 6 entries, not {len(states)}")
    return SecPathTerm(tuple(states), len(states) if length is None else length)


__all__ = [
    "Check",
    "Judgement",
    "PolicyTerm",
    "accepts",
    "judged",
    "judged_by_templates",
    "judged_with_states",
    "judged_without_policy",
    "refused_early",
    "sec_path_up_to_6",
    "states_fit",
    "templates_in_check_order",
    "walk_of_template",
]
