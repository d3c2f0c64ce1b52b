"""What theorems about sequence numbers share."""

from __future__ import annotations

from xfrmspec_model.folding import Number, Truth, at_most, both, either, less
from xfrmspec_model.mobility_numbers import FURTHEST, NUMBERS


def further_on(new: Number, last: Number) -> Truth:
    """Say, without a remainder, that a number is 1 to 32767 steps ahead of another."""
    straight = both(less(last, new), at_most(new - last, FURTHEST))
    around = both(less(new, last), at_most(new + NUMBERS - last, FURTHEST))
    return either(straight, around)
