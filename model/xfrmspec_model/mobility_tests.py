"""Which tests are answered, and what is kept of them."""

from __future__ import annotations

from xfrmspec_model.folding import Number, Truth, either, negate
from xfrmspec_model.mobility_times import Defences
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence


@clause("XFRM-CN-007")
def kept_after_test(kept: Number, defences: Defences) -> Number:
    """Return how many tests are kept after one more was answered. Source: XFRM-CN-007."""
    return kept if Defence.STATELESS in defences else kept + 1


@clause("XFRM-CN-006")
def is_answered(has_option: Truth, defences: Defences) -> Truth:
    """Tell whether a test is answered at its source. Source: XFRM-CN-006."""
    return either(Defence.ONE_REPLY not in defences, negate(has_option))
