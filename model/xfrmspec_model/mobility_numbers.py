"""Sequence numbers of binding updates: 16 bits that go round, and which of two is ahead."""

from __future__ import annotations

from xfrmspec_model.folding import Number, Truth, at_most, both
from xfrmspec_terms.clauses import clause

NUMBERS = 1 << 16
"""How many sequence numbers there are."""

FURTHEST = NUMBERS // 2 - 1
"""How far a new number may be ahead of the last one."""


def steps_ahead(new: Number, last: Number) -> Number:
    """Return how many steps of one lead from a number to another, 0 to 65535."""
    return (new - last) % NUMBERS


@clause("XFRM-CN-018", "XFRM-HA-007")
def is_ahead(new: Number, last: Number) -> Truth:
    """Tell whether a receiver that has taken one number takes another.

    Source: XFRM-CN-018, XFRM-HA-007.
    """
    ahead = steps_ahead(new, last)
    return both(at_most(1, ahead), at_most(ahead, FURTHEST))


@clause("XFRM-MN-003")
def next_number(last: Number) -> Number:
    """Return the number of the update after the one with a number. Source: XFRM-MN-003."""
    return (last + 1) % NUMBERS


@clause("XFRM-MN-013")
def answer_is_believed(answered: Number, last_sent: Number) -> Truth:
    """Tell whether a sender goes on from the number in an answer "out of the window".

    Source: XFRM-MN-013.
    """
    return at_most(steps_ahead(answered, last_sent), FURTHEST + 1)
