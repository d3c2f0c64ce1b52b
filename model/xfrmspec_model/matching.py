"""Templates against a sec_path: when a state satisfies a template, and what a walk may pass over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    at_most,
    bit_at,
    both,
    choose,
    choose_truth,
    either,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import FlowTerm, selector_matches
from xfrmspec_model.templates import StateTerm, TemplateTerm
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import IPSEC_PROTOCOLS, Mode
from xfrmspec_terms.profile import Profile

INDEX_BITS = 4
NOWHERE = 15
"""The index of no entry."""


def source_fits(template: TemplateTerm, state: StateTerm) -> Truth:
    """Tell whether the template's source is unspecified or the state's. Source: XFRM-CHECK-008."""
    return either(same(template.source, 0), same(template.source, state.source))


@clause("XFRM-TMPL-001", "XFRM-CHECK-008")
def algorithm_fits(template: TemplateTerm, state: StateTerm) -> Truth:
    """Tell whether the state's authentication algorithm is admitted.

    Source: XFRM-TMPL-001, XFRM-CHECK-008.
    """
    return any_of(
        (
            template.any_algorithm,
            bit_at(template.authentication_mask, state.authentication),
            negate(among(template.protocol, sorted(IPSEC_PROTOCOLS))),
        )
    )


@clause("XFRM-CHECK-008", "XFRM-TMPL-003")
def satisfies(template: TemplateTerm, state: StateTerm, if_id: Number) -> Truth:
    """Tell whether a state of the sec_path satisfies a template; `if_id` is that of the check.

    Source: XFRM-CHECK-008, XFRM-TMPL-003.
    """
    fits = source_fits(template, state)
    agrees = all_of(
        (
            same(template.protocol, state.protocol),
            same(template.mode, state.mode),
            either(same(template.spi, 0), same(template.spi, state.spi)),
            either(same(template.reqid, 0), same(template.reqid, state.reqid)),
            either(same(if_id, 0), same(if_id, state.if_id)),
            algorithm_fits(template, state),
            either(same(state.mode, Mode.TRANSPORT), fits),
        )
    )
    return choose_truth(state.internal, both(template.optional, fits), agrees)


@clause("XFRM-CHECK-007")
def consumes_nothing(template: TemplateTerm) -> Truth:
    """Tell whether a template is skipped without a look at the sec_path. Source: XFRM-CHECK-007."""
    return both(template.optional, same(template.mode, Mode.TRANSPORT))


@clause("XFRM-CHECK-007", "XFRM-CHECK-009", "XFRM-CHECK-012")
def may_be_passed(state: StateTerm, index: int, verified: Number) -> Truth:
    """Tell whether a walk goes on behind an entry that does not satisfy its template.

    Source: XFRM-CHECK-007, XFRM-CHECK-009, XFRM-CHECK-012.
    """
    return either(same(state.mode, Mode.TRANSPORT), less(index, verified))


@clause("XFRM-CHECK-006", "XFRM-CHECK-009")
def is_final_barrier(state: StateTerm, index: int, start: Number) -> Truth:
    """Tell whether an entry that no template consumed drops the packet.

    Source: XFRM-CHECK-006, XFRM-CHECK-009.
    """
    return both(negate(same(state.mode, Mode.TRANSPORT)), at_most(start, index))


@clause("XFRM-CHECK-003")
def state_selector_fits(state: StateTerm, flow: FlowTerm, profile: Profile) -> Truth:
    """Tell whether a state's own selector lets it have been used for the flow. Source: XFRM-CHECK-003."""
    return True if state.selector is None else selector_matches(state.selector, flow, profile)


@dataclass(frozen=True, slots=True)
class Walk:
    """Where one template left the walk: whether it failed, the next index, and the entry it stopped at.

    `stopped` is `NOWHERE` unless the template failed at an entry. Indexes have `INDEX_BITS` bits.
    """

    failed: Truth
    next: Number
    stopped: Number


@dataclass(frozen=True, slots=True)
class SecPathTerm:
    """The entries of a sec_path, outermost first, of which the first `length` exist."""

    states: tuple[StateTerm, ...]
    length: Number

    def holds(self, index: int) -> Truth:
        """Tell whether there is an entry at an index."""
        return less(index, self.length)


Satisfies = Callable[[TemplateTerm, StateTerm, Number], Truth]
MayBePassed = Callable[[StateTerm, int, Number], Truth]


@clause("XFRM-CHECK-007", "XFRM-CHECK-011")
def walk_from(
    start: Number,
    template: TemplateTerm,
    path: SecPathTerm,
    satisfied: Sequence[Truth],
    passable: Sequence[Truth],
) -> Walk:
    """Walk a sec_path of known capacity from an index for one template that looks at it.

    `satisfied` and `passable` say of each entry whether it satisfies the template and whether the walk may
    go on behind it. Source: XFRM-CHECK-007, XFRM-CHECK-011.
    """
    required = negate(template.optional)
    walk = Walk(required, start, NOWHERE)
    for index in reversed(range(len(path.states))):
        met = both(path.holds(index), at_most(start, index))
        if met is False:
            continue
        here = _at(index, start, required, satisfied[index], passable[index], walk)
        walk = _choose_walk(met, here, walk)
    return walk


def _at(index: int, start: Number, required: Truth, fits: Truth, passable: Truth, behind: Walk) -> Walk:
    barrier = Walk(required, start, choose(required, index, NOWHERE, INDEX_BITS))
    onward = _choose_walk(passable, behind, barrier)
    return _choose_walk(fits, Walk(False, index + 1, NOWHERE), onward)


def _choose_walk(condition: Truth, then: Walk, otherwise: Walk) -> Walk:
    if isinstance(condition, bool):
        return then if condition else otherwise
    return Walk(
        choose_truth(condition, then.failed, otherwise.failed),
        choose(condition, then.next, otherwise.next, INDEX_BITS),
        choose(condition, then.stopped, otherwise.stopped, INDEX_BITS),
    )
