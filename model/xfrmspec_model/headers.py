"""Where headers go: insertion points over chains of header kinds, and which orders of headers are legal.

A chain lists header kinds outermost first, beginning behind the outermost IP header. Kinds may be
unknown numbers; the length of a chain is always known, so every theorem about chains names its bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    both,
    choose,
    either,
    first_of,
    negate,
    same,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.packet import ChainElement, Header
from xfrmspec_terms.selector import Protocol

KIND_BITS = 4


class HeaderKind(IntEnum):
    """What insertion and legality look at in a header; smaller kinds stand further outside.

    `DESTINATION_OPTIONS` has no home address option, `ROUTING_0` is a routing header of type 0 and
    `ROUTING` one of any other type but 2. `UPPER` is every upper-layer header, mobility headers included.
    """

    HOP_BY_HOP = 0
    DESTINATION_OPTIONS = 1
    ROUTING_0 = 2
    ROUTING = 3
    ROUTING_2 = 4
    HOME_ADDRESS = 5
    FRAGMENT = 6
    AUTHENTICATION = 7
    ENCRYPTION = 8
    COMPRESSION = 9
    UPPER = 10
    INNER_IP = 11


KIND_OF_HEADER = {
    Header.HOP_BY_HOP: HeaderKind.HOP_BY_HOP,
    Header.DESTINATION_OPTIONS: HeaderKind.DESTINATION_OPTIONS,
    Header.ROUTING: HeaderKind.ROUTING,
    Header.RT2: HeaderKind.ROUTING_2,
    Header.HAO: HeaderKind.HOME_ADDRESS,
    Header.FRAGMENT: HeaderKind.FRAGMENT,
    Header.AH: HeaderKind.AUTHENTICATION,
    Header.ESP: HeaderKind.ENCRYPTION,
    Header.IPCOMP: HeaderKind.COMPRESSION,
    Header.IP: HeaderKind.INNER_IP,
}
"""The kind of each named header that is not an upper-layer header."""

KIND_OF_PROTOCOL = {
    Protocol.AH: HeaderKind.AUTHENTICATION,
    Protocol.ESP: HeaderKind.ENCRYPTION,
    Protocol.IPCOMP: HeaderKind.COMPRESSION,
    Protocol.ROUTING: HeaderKind.ROUTING_2,
    Protocol.DESTINATION_OPTIONS: HeaderKind.HOME_ADDRESS,
}
"""The kind of header that a state of each protocol inserts."""

_ROUTING_KINDS = (HeaderKind.ROUTING_0, HeaderKind.ROUTING, HeaderKind.ROUTING_2)

Passes = Callable[[Number, Truth], Truth]
"""Whether an insertion goes behind a header of a kind, given that a routing header has been passed."""


def kind_of(element: ChainElement) -> HeaderKind:
    """Return the kind of one element of a chain."""
    if isinstance(element, Header):
        return KIND_OF_HEADER.get(element, HeaderKind.UPPER)
    return HeaderKind.UPPER


def _early_options(kind: Number, routing_passed: Truth) -> Truth:
    return both(same(kind, HeaderKind.DESTINATION_OPTIONS), negate(routing_passed))


@clause("XFRM-WIRE-001")
def ipsec_passes(kind: Number, routing_passed: Truth) -> Truth:
    """Tell what ESP, AH and IPComp go behind. Source: XFRM-WIRE-001."""
    skipped = (HeaderKind.HOP_BY_HOP, *_ROUTING_KINDS, HeaderKind.HOME_ADDRESS)
    return either(among(kind, skipped), _early_options(kind, routing_passed))


@clause("XFRM-WIRE-002")
def home_address_passes(kind: Number, routing_passed: Truth) -> Truth:
    """Tell what the home address option goes behind. Source: XFRM-WIRE-002."""
    return either(among(kind, (HeaderKind.HOP_BY_HOP, *_ROUTING_KINDS)), _early_options(kind, routing_passed))


@clause("XFRM-WIRE-003")
def routing_passes(kind: Number, routing_passed: Truth) -> Truth:
    """Tell what the type 2 routing header goes behind. Source: XFRM-WIRE-003."""
    return either(
        among(kind, (HeaderKind.HOP_BY_HOP, HeaderKind.ROUTING_0)), _early_options(kind, routing_passed)
    )


def passes_for(kind: HeaderKind) -> Passes:
    """Return the rule of insertion for a kind of header that a state inserts."""
    if kind is HeaderKind.HOME_ADDRESS:
        return home_address_passes
    return routing_passes if kind is HeaderKind.ROUTING_2 else ipsec_passes


def insertion_index(chain: Sequence[Number], passes: Passes) -> Number:
    """Return the index in front of which a header is inserted: the first one that is not passed."""
    stops: list[tuple[Truth, Number]] = []
    routing_passed: Truth = False
    for index, kind in enumerate(chain):
        stops.append((negate(passes(kind, routing_passed)), index))
        routing_passed = either(routing_passed, among(kind, _ROUTING_KINDS))
    return first_of(stops, len(chain), KIND_BITS)


def inserted(chain: Sequence[Number], index: Number, kind: Number) -> tuple[Number, ...]:
    """Return a chain, longer by one, with a header in front of a possibly unknown index."""
    if isinstance(index, int):
        return (*chain[:index], kind, *chain[index:])
    behind = (0, *chain)
    front = (*chain, 0)
    grown = []
    for place, (before, after) in enumerate(zip(front, behind, strict=True)):
        here = choose(same(index, place), kind, after, KIND_BITS)
        grown.append(choose(_above(index, place), before, here, KIND_BITS))
    return tuple(grown)


def _above(index: Number, place: int) -> Truth:
    return negate(among(index, range(place + 1)))


PASSES = (ipsec_passes, home_address_passes, routing_passes)
"""The rules of insertion for IPsec headers, the home address option and the type 2 routing header."""


@clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003")
def with_header_of(
    chain: Sequence[Number], protocol: Number, passes: tuple[Passes, Passes, Passes] = PASSES
) -> tuple[Number, ...]:
    """Return a chain, longer by one, with the header that a state of a possibly unknown protocol inserts.

    The protocol is one that a state can have; the state's mode is neither tunnel nor beet.
    Source: XFRM-WIRE-001..003.
    """
    cases: list[tuple[Truth, Number]] = [
        (same(protocol, number), kind) for number, kind in KIND_OF_PROTOCOL.items()
    ]
    by_protocol: list[tuple[Truth, Number]] = [
        (same(protocol, Protocol.DESTINATION_OPTIONS), insertion_index(chain, passes[1])),
        (same(protocol, Protocol.ROUTING), insertion_index(chain, passes[2])),
    ]
    index = first_of(by_protocol, insertion_index(chain, passes[0]), KIND_BITS)
    return inserted(chain, index, first_of(cases[:-1], cases[-1][1], KIND_BITS))


@clause("XFRM-WIRE-005")
def tunnelled(chain: Sequence[Number], kind: Number) -> tuple[Number, ...]:
    """Return the chain behind the new outer IP header of a tunnel. Source: XFRM-WIRE-005."""
    return (kind, HeaderKind.INNER_IP, *chain)


_STAGES = (
    (HeaderKind.HOP_BY_HOP,),
    (HeaderKind.ROUTING_0, HeaderKind.ROUTING),
    (HeaderKind.ROUTING_2,),
    (HeaderKind.HOME_ADDRESS,),
    (HeaderKind.FRAGMENT,),
    (HeaderKind.AUTHENTICATION,),
    (HeaderKind.ENCRYPTION, HeaderKind.COMPRESSION),
    (HeaderKind.UPPER, HeaderKind.INNER_IP),
)
_REPEATABLE = {*_STAGES[1], *_STAGES[5], *_STAGES[6]}
_BETWEEN = tuple(kind for stage in _STAGES[1:-1] for kind in stage)


def _allowed_behind(stage: int, kind: HeaderKind) -> tuple[HeaderKind, ...]:
    later = tuple(other for following in _STAGES[stage + 1 :] for other in following)
    own = _STAGES[stage] if kind in _REPEATABLE else ()
    return (*own, *later, HeaderKind.DESTINATION_OPTIONS)


_ALLOWED_BEHIND = {
    kind: () if kind is HeaderKind.UPPER else _allowed_behind(stage, kind)
    for stage, kinds in enumerate(_STAGES)
    for kind in kinds
    if kind is not HeaderKind.INNER_IP
}


@clause("XFRM-WIRE-004")
def legal_order(chain: Sequence[Number]) -> Truth:
    """Tell whether headers stand in the order that the IPv6 and Mobile IPv6 standards give them.

    Between two IP headers: hop-by-hop, routing headers with type 2 last, home address option, fragment,
    AH, ESP and IPComp in either order, upper layer. Other destination options stand before all of these but
    hop-by-hop, or directly before the upper layer. Hop-by-hop, RT2, HAO and fragment headers stand once.
    Source: XFRM-WIRE-004, RFC 8200 4.1, RFC 6275 6.3 and 6.4.
    """
    ordered = all_of(
        _pair_is_ordered(chain[index], chain[index + 1 : other + 1])
        for other in range(len(chain))
        for index in range(other)
    )
    return both(ordered, all_of(_options_fit(chain, index) for index in range(len(chain))))


def _pair_is_ordered(outer: Number, up_to_inner: Sequence[Number]) -> Truth:
    separated = any_of(same(kind, HeaderKind.INNER_IP) for kind in up_to_inner)
    inner = up_to_inner[-1]
    follows = all_of(
        either(negate(same(outer, kind)), among(inner, allowed)) for kind, allowed in _ALLOWED_BEHIND.items()
    )
    return either(separated, follows)


def _options_fit(chain: Sequence[Number], index: int) -> Truth:
    early: Truth = True
    for kind in chain[:index]:
        early = either(same(kind, HeaderKind.INNER_IP), both(early, negate(among(kind, _BETWEEN))))
    last = index + 1 == len(chain)
    late = True if last else among(chain[index + 1], (HeaderKind.UPPER, HeaderKind.INNER_IP))
    return any_of((negate(same(chain[index], HeaderKind.DESTINATION_OPTIONS)), early, late))
