"""Times of nonces, tokens and bindings, in milliseconds; a moment itself counts as past."""

from __future__ import annotations

from xfrmspec_model.folding import Number, Truth, at_most, choose_integer, either, less
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility_times import (
    MAX_NONCE_LIFETIME,
    MAX_RR_BINDING_LIFETIME,
    MAX_TOKEN_LIFETIME,
    NONCE_CURRENT,
)

LONG_AGO = -(1 << 40)
"""A time before every other, for what has never been."""

UNIT = 4000
"""Lifetimes on the wire count units of this many milliseconds."""

Defences = frozenset[Defence]


def smaller(first: Number, second: Number) -> Number:
    """Return the smaller of two numbers."""
    return choose_integer(less(second, first), second, first)


@clause("XFRM-CN-002", "XFRM-CN-026")
def is_current(drawn: Number, now: Number, defences: Defences) -> Truth:
    """Tell whether tokens are still made from a nonce; without LIFETIMES the first serves for good.

    Source: XFRM-CN-002, XFRM-CN-026.
    """
    young = less(now - drawn, NONCE_CURRENT)
    return young if Defence.LIFETIMES in defences else either(young, less(LONG_AGO, drawn))


@clause("XFRM-CN-002", "XFRM-CN-023")
def is_valid(drawn: Number, now: Number, defences: Defences) -> Truth:
    """Tell whether an index still names a nonce; without LIFETIMES it always does.

    Source: XFRM-CN-002, XFRM-CN-023.
    """
    return either(Defence.LIFETIMES not in defences, less(now - drawn, MAX_NONCE_LIFETIME))


@clause("XFRM-CN-023")
def granted_by_correspondent(asked: Number, defences: Defences) -> Number:
    """Return the lifetime of a binding that was asked for. Source: XFRM-CN-023."""
    return smaller(asked, MAX_RR_BINDING_LIFETIME) if Defence.LIFETIMES in defences else asked


@clause("XFRM-CN-030", "XFRM-HA-028")
def is_over(ends: Number, now: Number, defences: Defences) -> Truth:
    """Tell whether a binding has ended; without REFRESH none does.

    Source: XFRM-CN-030, XFRM-HA-028.
    """
    return at_most(ends, now) if Defence.REFRESH in defences else False


@clause("XFRM-CN-026")
def is_forgotten(accepted: Number, now: Number, defences: Defences) -> Truth:
    """Tell whether an ended binding whose last update was taken at a time is remembered no longer.

    Source: XFRM-CN-026.
    """
    return at_most(accepted + MAX_NONCE_LIFETIME, now) if Defence.LIFETIMES in defences else False


@clause("XFRM-HA-018")
def granted_by_agent(asked: Number, limit: Number, prefix_left: Number) -> Number:
    """Return the lifetime of a registration that was asked for, in whole units. Source: XFRM-HA-018."""
    least = smaller(smaller(asked, limit), prefix_left)
    return least - least % UNIT


@clause("XFRM-MN-029")
def token_is_usable(arrived: Number, now: Number) -> Truth:
    """Tell whether a mobile node may use a token that arrived at a time. Source: XFRM-MN-029."""
    return less(now - arrived, MAX_TOKEN_LIFETIME)


@clause("XFRM-MN-007")
def counted_end(sent: Number, asked: Number, granted: Number) -> Number:
    """Return when a binding ends in the eyes of who asked for it. Source: XFRM-MN-007."""
    return sent + smaller(asked, granted)
