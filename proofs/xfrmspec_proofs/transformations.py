"""Lists of transformations as theorems state them: unknown protocols and modes, told apart by their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    among,
    any_of,
    at_most,
    bits,
    both,
    choose,
    count_of,
    first_of,
    implies,
    same,
)
from xfrmspec_model.headers import (
    KIND_BITS,
    KIND_OF_PROTOCOL,
    HeaderKind,
    inserted,
    insertion_index,
)
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Context, Model
from xfrmspec_model.templates import entry_at, instantiable, pick, sorted_places
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode, Template
from xfrmspec_terms.selector import Family, Protocol, unspecified

_NOBODY = unspecified(Family.INET6)


@dataclass(frozen=True, slots=True)
class Transformation:
    """One transformation of a merged list; `reqid` is its place counted from 1, so no two are alike."""

    protocol: Number
    mode: Number
    reqid: Number


def unknown_transformations(context: Context, count: int) -> list[Transformation]:
    """Declare a merged list of transformations, SUB's before MAIN's."""
    return [
        Transformation(bits(context, f"x{i}.protocol", 8), bits(context, f"x{i}.mode", 3), i + 1)
        for i in range(count)
    ]


def usual(items: Sequence[Transformation]) -> list[Truth]:
    """Assume transformations that states can do, ro for HAO and RT2 only, and each of these at most once."""
    possible = [instantiable(item.protocol, item.mode) for item in items]
    optimising = (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING)
    own_mode = [implies(same(item.mode, Mode.RO), among(item.protocol, optimising)) for item in items]
    once = [
        at_most(count_of((same(item.protocol, protocol) for item in items), KIND_BITS), 1)
        for protocol in optimising
    ]
    return [*possible, *own_mode, *once]


def is_endpoint(item: Transformation) -> Truth:
    """Tell whether a transformation makes an IP header of its own."""
    return among(item.mode, sorted(ENDPOINT_MODES))


def is_transport(item: Transformation, *, authentication: bool) -> Truth:
    """Tell whether a transformation is AH in mode transport, or another one in that mode."""
    protocol = same(item.protocol, Protocol.AH)
    wanted = protocol if authentication else among(item.protocol, (Protocol.ESP, Protocol.IPCOMP))
    return both(same(item.mode, Mode.TRANSPORT), wanted)


def stands_earlier(items: Sequence[Transformation], first: Sequence[Truth], second: Sequence[Truth]) -> Truth:
    """Tell whether in the merged list an item of the first kind stands before one of the second."""
    places = range(len(items))
    return any_of(both(first[i], second[j]) for j in places for i in range(j))


def places_of(items: Sequence[Transformation], rules: Rules) -> list[Number]:
    """Return the place of each item in the order of its application, counted from 0."""
    return sorted_places([rules.state_class(item.protocol, item.mode) for item in items], rules.stands_before)


def in_order(items: Sequence[Transformation], places: Sequence[Number]) -> list[Transformation]:
    """Return the items in the order that their places give."""
    indexes = [entry_at(places, wanted) for wanted in range(len(items))]
    return [picked(items, index) for index in indexes]


def picked(items: Sequence[Transformation], index: Number) -> Transformation:
    """Return the item at a possibly unknown index."""
    return Transformation(
        pick([item.protocol for item in items], index, 8),
        pick([item.mode for item in items], index, 3),
        pick([item.reqid for item in items], index, 32),
    )


def on_the_wire(
    applied: Sequence[Transformation], rules: Rules
) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
    """Return the header kinds and the reqids that applying transformations in turn puts before a message.

    Both are listed outermost first and end with the upper layer, whose reqid is 0. Inner IP headers are left
    out: tunnels stand outside everything that was there before.
    """
    kinds: tuple[Number, ...] = (int(HeaderKind.UPPER),)
    reqids: tuple[Number, ...] = (0,)
    for item in applied:
        index = choose(is_endpoint(item), 0, _insertion(kinds, item.protocol, rules), KIND_BITS)
        kinds = inserted(kinds, index, _kind_of(item.protocol))
        reqids = inserted(reqids, index, item.reqid)
    return kinds, reqids


def _insertion(kinds: Sequence[Number], protocol: Number, rules: Rules) -> Number:
    cases: list[tuple[Truth, Number]] = [
        (same(protocol, Protocol.DESTINATION_OPTIONS), insertion_index(kinds, rules.home_address_passes)),
        (same(protocol, Protocol.ROUTING), insertion_index(kinds, rules.routing_passes)),
    ]
    return first_of(cases, insertion_index(kinds, rules.ipsec_passes), KIND_BITS)


def _kind_of(protocol: Number) -> Number:
    cases: list[tuple[Truth, Number]] = [
        (same(protocol, wanted), int(kind)) for wanted, kind in KIND_OF_PROTOCOL.items()
    ]
    return first_of(cases, int(HeaderKind.UPPER), KIND_BITS)


def read_states(model: Model, items: Sequence[Transformation]) -> list[SecurityAssociation]:
    """Return the states that a model assigns to a list."""
    return [
        SecurityAssociation(
            _NOBODY,
            _NOBODY,
            Protocol(number(model, item.protocol)),
            Mode(number(model, item.mode)),
            reqid=number(model, item.reqid),
        )
        for item in items
    ]


def templates_for(states: Sequence[SecurityAssociation]) -> list[Template]:
    """Return required templates that ask for exactly these states."""
    return [Template(state.protocol, state.mode, reqid=state.reqid) for state in states]
