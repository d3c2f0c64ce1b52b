"""The rules of Mobile IPv6 that a theorem may depend on, and the defences that are on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model import (
    mobility_clean,
    mobility_keys,
    mobility_limits,
    mobility_numbers,
    mobility_paper,
    mobility_registering,
    mobility_tests,
    mobility_times,
)
from xfrmspec_model.folding import Number, Truth
from xfrmspec_model.mobility_clean import CleanOrder, CleanTerm, Protection
from xfrmspec_model.mobility_paper import FigureOrder
from xfrmspec_model.mobility_times import Defences
from xfrmspec_terms.daemon import StageKind
from xfrmspec_terms.defences import EVERY_DEFENCE
from xfrmspec_terms.policy import Direction

HomeStage = Callable[[CleanTerm, StageKind, Number, Protection], tuple[CleanTerm, ...]]
"""The tables after each operation of a stage of the home registration."""

Since = Callable[[Number, Number, Defences], Truth]
"""A truth about a moment and now."""


@dataclass(frozen=True, slots=True)
class MobilityRules:
    """One small function for each rule of Mobile IPv6; `MobilityRules()` is what the clauses say.

    A rule asks for its defence itself, so a theorem is tried without one by taking it out of `defences`.
    """

    defences: Defences = EVERY_DEFENCE
    is_ahead: Callable[[Number, Number], Truth] = mobility_numbers.is_ahead
    believes: Callable[[Number, Number], Truth] = mobility_numbers.answer_is_believed
    is_current: Since = mobility_times.is_current
    is_valid: Since = mobility_times.is_valid
    is_over: Since = mobility_times.is_over
    is_forgotten: Since = mobility_times.is_forgotten
    granted_by_correspondent: Callable[[Number, Defences], Number] = mobility_times.granted_by_correspondent
    granted_by_agent: Callable[[Number, Number, Number], Number] = mobility_times.granted_by_agent
    counted_end: Callable[[Number, Number, Number], Number] = mobility_times.counted_end
    kept_after_test: Callable[[Number, Defences], Number] = mobility_tests.kept_after_test
    is_answered: Callable[[Truth, Defences], Truth] = mobility_tests.is_answered
    is_vouched_for: Callable[[Number, Number, Defences], Truth] = mobility_registering.is_vouched_for
    is_probed_first: Callable[[Truth], Truth] = mobility_registering.is_probed_first
    release_ends_tunnel: Callable[[], Truth] = mobility_registering.release_ends_tunnel
    goes_at: Callable[[Number, Number, Defences], Number] = mobility_limits.goes_at
    next_timeout: Callable[[Number], Number] = mobility_limits.next_timeout
    option_satisfies: Callable[[Truth], Truth] = mobility_limits.option_satisfies
    is_routed_home: Callable[[Number, Number], Truth] = mobility_limits.is_routed_home
    may_lead_to: Callable[[Truth, Defences], Truth] = mobility_limits.may_lead_to
    clean_order: CleanOrder = mobility_clean.CLEAN_ORDER
    home_stage: HomeStage = mobility_clean.home_stage
    order_under: Callable[[CleanOrder, Defences], CleanOrder] = mobility_clean.order_under
    figure_order: Callable[[Defences], FigureOrder] = mobility_paper.figure_order
    counted_as: Callable[[Direction], Direction] = mobility_paper.counted_as
    key_does: Callable[[Truth, Truth, Truth, Defences], Truth] = mobility_keys.key_does


MOBILITY_RULES = MobilityRules()
"""What the clauses say, with all defences on."""
