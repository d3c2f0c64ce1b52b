"""What a node does with a type 2 routing header."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from xfrmspec_model.folding import Number, Truth, both, either, first_of, less, negate, same
from xfrmspec_terms.clauses import clause

FATE_BITS = 3


class RoutingFate(IntEnum):
    """What becomes of a packet at its type 2 routing header."""

    DROPPED = 0
    TIME_EXCEEDED = 1
    PARAMETER_PROBLEM = 2
    EXCHANGED = 3


@dataclass(frozen=True, slots=True)
class RoutingTerm:
    """A type 2 routing header, and what its node knows; `accepts_routes` says that no setting forbids it.

    `length` and `segments_left` are the octets of the header, `hop_limit` that of the IPv6 header, 8 bits
    each. `is_home` tells whether its address is a home address of the node, `state_found` whether the search
    has a state.
    """

    length: Number
    segments_left: Number
    hop_limit: Number
    accepts_routes: Truth
    is_home: Truth
    state_found: Truth


@clause("XFRM-ROUTE-001", "XFRM-ROUTE-002")
def routing_fate(header: RoutingTerm, accepts_other_homes: bool) -> Number:
    """Return the `RoutingFate` of a header. Source: XFRM-ROUTE-001, XFRM-ROUTE-002."""
    asked = negate(same(header.segments_left, 0))
    ill_formed = negate(both(same(header.length, 2), same(header.segments_left, 1)))
    home = either(header.is_home, accepts_other_homes)
    cases: list[tuple[Truth, Number]] = [
        (both(negate(header.accepts_routes), asked), RoutingFate.PARAMETER_PROBLEM),
        (ill_formed, RoutingFate.DROPPED),
        (negate(header.state_found), RoutingFate.DROPPED),
        (negate(home), RoutingFate.DROPPED),
        (less(header.hop_limit, 2), RoutingFate.TIME_EXCEEDED),
    ]
    return first_of(cases, RoutingFate.EXCHANGED, FATE_BITS)
