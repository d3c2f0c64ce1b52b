"""Templates and states as terms; their classes, the stable sort, and how many templates are usable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    at_most,
    bits,
    both,
    choose,
    count_of,
    either,
    first_of,
    less,
    same,
    smaller_key,
    unknown_truth,
)
from xfrmspec_model.selectors import SelectorTerm, address_number, plain_selector, unknown_selector
from xfrmspec_model.smt import Context
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import MAX_DEPTH, Mode, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

CLASS_BITS = 4
PLACE_BITS = 4


@dataclass(frozen=True, slots=True)
class TemplateTerm:
    """A template whose parts may be unknown: protocol 8 bits, mode 3, source 128, the other numbers 32."""

    protocol: Number
    mode: Number
    source: Number
    spi: Number
    reqid: Number
    optional: Truth
    any_algorithm: Truth
    authentication_mask: Number


@dataclass(frozen=True, slots=True)
class StateTerm:
    """A state of a sec_path whose parts may be unknown, in the widths of `TemplateTerm`.

    `authentication` is the number of the state's authentication algorithm, that is the place of its bit in
    a template's set (0..31). `selector` is None when the owner left it open.
    """

    protocol: Number
    mode: Number
    source: Number
    spi: Number
    reqid: Number
    if_id: Number
    authentication: Number
    internal: Truth
    selector: SelectorTerm | None


def plain_template(template: Template) -> TemplateTerm:
    """Return a known template as a term."""
    return TemplateTerm(
        int(template.protocol),
        int(template.mode),
        address_number(template.source),
        template.spi,
        template.reqid,
        template.optional,
        template.any_algorithm,
        template.authentication_mask,
    )


def plain_state(state: SecurityAssociation) -> StateTerm:
    """Return a known state as a term."""
    return StateTerm(
        int(state.protocol),
        int(state.mode),
        address_number(state.source),
        state.spi,
        state.reqid,
        state.if_id,
        state.authentication_bit,
        state.internal,
        None if state.selector is None else plain_selector(state.selector),
    )


def unknown_template(context: Context, name: str) -> TemplateTerm:
    """Declare a template of which nothing is known; `storable_template` says which ones exist."""
    return TemplateTerm(
        bits(context, f"{name}.protocol", 8),
        bits(context, f"{name}.mode", 3),
        bits(context, f"{name}.source", 128),
        bits(context, f"{name}.spi", 32),
        bits(context, f"{name}.reqid", 32),
        unknown_truth(context, f"{name}.optional"),
        unknown_truth(context, f"{name}.any_algorithm"),
        bits(context, f"{name}.authentication_mask", 32),
    )


def unknown_state(context: Context, name: str, with_selector: bool = False) -> StateTerm:
    """Declare a state of which nothing is known; `instantiable` says which pairs of it exist."""
    return StateTerm(
        bits(context, f"{name}.protocol", 8),
        bits(context, f"{name}.mode", 3),
        bits(context, f"{name}.source", 128),
        bits(context, f"{name}.spi", 32),
        bits(context, f"{name}.reqid", 32),
        bits(context, f"{name}.if_id", 32),
        bits(context, f"{name}.authentication", 5),
        unknown_truth(context, f"{name}.internal"),
        unknown_selector(context, f"{name}.selector") if with_selector else None,
    )


_TEMPLATE_PROTOCOLS = (
    Protocol.AH,
    Protocol.ESP,
    Protocol.IPCOMP,
    Protocol.ROUTING,
    Protocol.DESTINATION_OPTIONS,
)
_ENDPOINT_MODES = (Mode.TUNNEL, Mode.BEET)
_INSTANTIABLE = (
    ((Protocol.ESP,), (Mode.TRANSPORT, Mode.TUNNEL, Mode.RO, Mode.BEET)),
    ((Protocol.AH,), (Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)),
    ((Protocol.IPCOMP,), (Mode.TRANSPORT, Mode.TUNNEL)),
    ((Protocol.DESTINATION_OPTIONS, Protocol.ROUTING), (Mode.RO,)),
)


@clause("XFRM-TMPL-005")
def storable_template(template: TemplateTerm) -> Truth:
    """Tell whether protocol and mode are ones that a stored template can have. Source: XFRM-TMPL-005."""
    return both(among(template.protocol, _TEMPLATE_PROTOCOLS), among(template.mode, Mode))


@clause("XFRM-TMPL-006")
def instantiable(protocol: Number, mode: Number) -> Truth:
    """Tell whether an IPv6 state of this protocol and mode can exist. Source: XFRM-TMPL-006."""
    return any_of(both(among(protocol, protocols), among(mode, modes)) for protocols, modes in _INSTANTIABLE)


def is_authentication_transport(protocol: Number, mode: Number) -> Truth:
    """Tell whether this is AH in mode transport, the one pair whose class depends on the protocol."""
    return both(same(protocol, Protocol.AH), same(mode, Mode.TRANSPORT))


def _class(transport: Number, route_optimisation: int, endpoints: int, mode: Number) -> Number:
    cases: tuple[tuple[Truth, Number], ...] = (
        (same(mode, Mode.TRANSPORT), transport),
        (among(mode, (Mode.RO, Mode.IN_TRIGGER)), route_optimisation),
        (among(mode, _ENDPOINT_MODES), endpoints),
    )
    return first_of(cases, endpoints + 1, CLASS_BITS)


@clause("XFRM-SORT-002")
def state_class(protocol: Number, mode: Number) -> Number:
    """Return the class of a state on output, 1 (applied first) to 5. Source: XFRM-SORT-002."""
    return _class(choose(same(protocol, Protocol.AH), 3, 1, CLASS_BITS), 2, 4, mode)


@clause("XFRM-SORT-003", "XFRM-SORT-005")
def template_class(protocol: Number, mode: Number, profile: Profile) -> Number:
    """Return the class of a template on input; the largest is checked first.

    Classes are compared with each other only: AH in transport mode has one of its own, behind the other
    transport templates and before ro, unless the profile sorts it like them.
    Source: XFRM-SORT-003, XFRM-SORT-005.
    """
    if profile.ah_transport_sort_asymmetry:
        return _class(1, 2, 3, mode)
    return _class(choose(same(protocol, Protocol.AH), 2, 1, CLASS_BITS), 3, 4, mode)


@clause("XFRM-SORT-001", "XFRM-SORT-004")
def stands_before(first: tuple[Number, int], second: tuple[Number, int]) -> Truth:
    """Compare (class, place in the merged list) keys. Source: XFRM-SORT-001, XFRM-SORT-004."""
    return smaller_key(first, second)


Before = Callable[[tuple[Number, int], tuple[Number, int]], Truth]


def sorted_places(classes: Sequence[Number], before: Before = stands_before) -> list[Number]:
    """Return for each entry of a merged list its place in the sorted list, counted from 0.

    The sort is described, not carried out: an entry's place is the number of entries that stand before it.
    Places have `PLACE_BITS` bits. Source: XFRM-SORT-001, XFRM-SORT-004.
    """
    keys = [(number, index) for index, number in enumerate(classes)]
    return [count_of((before(other, key) for other in keys if other is not key), PLACE_BITS) for key in keys]


def entry_at(places: Sequence[Number], wanted: int) -> Number:
    """Return the index in the merged list of the entry that the sort puts at a place."""
    cases: list[tuple[Truth, Number]] = [
        (same(place, wanted), index) for index, place in enumerate(places[:-1])
    ]
    return first_of(cases, len(places) - 1, PLACE_BITS)


def pick(values: Sequence[Number], index: Number, width: int) -> Number:
    """Return the value at a possibly unknown index; the last one for an index beyond the end."""
    if isinstance(index, int):
        return values[index]
    return first_of([(same(index, i), value) for i, value in enumerate(values[:-1])], values[-1], width)


def pick_truth(values: Sequence[Truth], index: Number) -> Truth:
    """Return the truth at a possibly unknown index."""
    if isinstance(index, int):
        return values[index]
    return any_of(both(same(index, i), value) for i, value in enumerate(values))


@clause("XFRM-TMPL-004")
def usable_count(collected: Number, declared: Number, profile: Profile) -> Truth:
    """Tell whether a policy's declared templates may join those collected so far. Source: XFRM-TMPL-004."""
    return at_most(collected + declared, profile.usable_templates)


@clause("XFRM-TMPL-004")
def storable_count(declared: Number) -> Truth:
    """Tell whether a policy may store this many templates. Source: XFRM-TMPL-004."""
    return at_most(declared, MAX_DEPTH)


def is_permutation(places: Sequence[Number]) -> Truth:
    """Tell whether places are a rearrangement of 0..n-1."""
    inside = all_of(less(place, len(places)) for place in places)
    distinct = all_of(
        either(less(first, second), less(second, first))
        for index, first in enumerate(places)
        for second in places[index + 1 :]
    )
    return both(inside, distinct)
