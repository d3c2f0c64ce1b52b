"""All headers of a list planned at once, and what an AH integrity value covers on either side.

Nothing is inserted here: the plan gives every header a key, and the order of keys is the order on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    among,
    at_most,
    choose,
    either,
    first_of,
    negate,
    same,
)
from xfrmspec_model.headers import KIND_BITS, PASSES, HeaderKind, Passes, insertion_index
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.selector import Protocol

ROUTING_KINDS = (HeaderKind.ROUTING_0, HeaderKind.ROUTING, HeaderKind.ROUTING_2)
PLAIN_ROW = 3

Key = tuple[Number, Number, Number]
"""A place in the plain chain, a row there, and a rank within the row; smaller keys stand further outside."""


def index_behind(chain: Sequence[Number], passes: Passes, routed_from: Number) -> Number:
    """Return the index of insertion when a routing header was put in front of an index before."""
    stops: list[tuple[Truth, Number]] = []
    seen: Truth = False
    for index, kind in enumerate(chain):
        routed = either(seen, at_most(routed_from, index))
        stops.append((negate(passes(kind, routed)), index))
        seen = either(seen, among(kind, ROUTING_KINDS))
    return first_of(stops, len(chain), KIND_BITS)


@clause("XFRM-BUILD-002")
def planned(
    chain: Sequence[Number], protocols: Sequence[Number], passes: tuple[Passes, Passes, Passes] = PASSES
) -> list[Key]:
    """Return the key of the header of each state, given in application order, in one look at a plain chain.

    The mode of every state is transport or ro. A header of the plain chain has the key (its index,
    `PLAIN_ROW`, 0). A type 2 routing header that was applied before turns destination options behind its
    place into ones for the final destination, and headers of IPsec then go in front of these.
    Source: XFRM-BUILD-002.
    """
    protection, home_address, routing = (insertion_index(chain, rule) for rule in passes)
    behind = index_behind(chain, passes[0], routing)
    keys: list[Key] = []
    routed: Truth = False
    for number, protocol in enumerate(protocols):
        is_routing = same(protocol, Protocol.ROUTING)
        is_home = same(protocol, Protocol.DESTINATION_OPTIONS)
        inner = choose(routed, behind, protection, KIND_BITS)
        place = choose(is_routing, routing, choose(is_home, home_address, inner, KIND_BITS), KIND_BITS)
        row = choose(is_routing, 0, choose(is_home, 1, 2, KIND_BITS), KIND_BITS)
        keys.append((place, row, len(protocols) - number))
        routed = either(routed, is_routing)
    return keys


@clause("XFRM-AH-002", "XFRM-AH-004")
def covered_by_sender(index: int, other: int) -> Truth:
    """Tell whether an AH state's value covers the header of another state: those applied before it."""
    return other < index


@clause("XFRM-AH-002", "XFRM-AH-004")
def covered_by_receiver(protocol: Number, stands_outside: Truth) -> Truth:
    """Tell whether the receiver's value covers another header: all inside AH, and outside those kept."""
    kept = among(protocol, (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING))
    return either(negate(stands_outside), kept)


Planned = Callable[[Sequence[Number], Sequence[Number], tuple[Passes, Passes, Passes]], list[Key]]


@dataclass(frozen=True, slots=True)
class WireRules:
    """The rules of building packets, one function each; `WireRules()` is what the clauses say."""

    planned: Callable[[Sequence[Number], Sequence[Number], tuple[Passes, Passes, Passes]], list[Key]] = (
        planned
    )
    covered_by_sender: Callable[[int, int], Truth] = covered_by_sender
    covered_by_receiver: Callable[[Number, Truth], Truth] = covered_by_receiver
