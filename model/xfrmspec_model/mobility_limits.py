"""Small rules that keep a mobile node from sending too much, and bindings from making circles."""

from __future__ import annotations

from xfrmspec_model.folding import Number, Truth, choose_integer, either, less, negate, same
from xfrmspec_model.mobility_times import Defences, smaller
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence

WINDOW = 1000
"""At most three messages of one type go to one destination in so many milliseconds."""

LONGEST_TIMEOUT = 32_000
"""The longest that a message awaits its answer, in milliseconds."""


@clause("XFRM-MN-006")
def goes_at(third_last: Number, wanted: Number, defences: Defences) -> Number:
    """Return when a message goes that is wanted at a time; without RATE at once. Source: XFRM-MN-006."""
    if Defence.RATE not in defences:
        return wanted
    free = third_last + WINDOW
    return choose_integer(less(wanted, free), free, wanted)


@clause("XFRM-MN-004")
def next_timeout(timeout: Number) -> Number:
    """Return the timeout of a repetition. Source: XFRM-MN-004."""
    return smaller(2 * timeout, LONGEST_TIMEOUT)


@clause("XFRM-CN-020", "XFRM-HA-010")
def may_lead_to(is_bound: Truth, defences: Defences) -> Truth:
    """Tell whether a care-of address will do that is a home address bound here or not.

    Source: XFRM-CN-020, XFRM-HA-010.
    """
    return either(Defence.ACYCLIC not in defences, negate(is_bound))


@clause("XFRM-DAEMON-035")
def option_satisfies(own_state: Truth) -> Truth:
    """Tell whether the state found is what the policy for data asks for. Source: XFRM-DAEMON-035."""
    return own_state


@clause("XFRM-ROUTE-001")
def is_routed_home(address: Number, own_home: Number) -> Truth:
    """Tell whether a routing header leads to a home address of the node. Source: XFRM-ROUTE-001."""
    return same(address, own_home)
