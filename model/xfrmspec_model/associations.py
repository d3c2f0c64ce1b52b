"""States of the database as terms: one record, over a few known states or over an unbounded sort of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol as Interface

import z3

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    as_formula,
    bit_and,
    bit_xor,
    bits,
    both,
    choose_truth,
    either,
    for_every,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.selectors import (
    SELECTOR_WIDTHS,
    SelectorTerm,
    address_number,
    mark_matches,
    plain_mark,
    plain_selector,
    unknown_selector,
)
from xfrmspec_model.smt import Context, Expression, Function, Sort
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

ROUTE_OPTIMISATION = (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
"""The protocols of route optimisation states: RT2 and HAO."""

_NUMBER_WIDTHS = {
    "source": 128,
    "destination": 128,
    "care_of": 128,
    "filed_source": 128,
    "filed_destination": 128,
    "protocol": 8,
    "family": 8,
    "mode": 3,
    "lifecycle": 3,
    "spi": 32,
    "reqid": 32,
    "if_id": 32,
    "mark_value": 32,
    "mark_mask": 32,
    "sequence": 32,
    "place": 32,
    "added": 64,
}
_TRUTHS = (
    "installed",
    "wildrecv",
    "dying",
    "internal",
    "has_selector",
    "in_first_bucket",
    "in_open_bucket",
    "in_own_bucket",
)


@dataclass(frozen=True, slots=True)
class AssociationTerm:
    """One state of the database whose parts may be unknown.

    `identity` is its number in a finite database and its element in an unbounded one. Addresses have 128
    bits aligned to the left, `added` is in seconds (64 bits), `lifecycle` and `mode` are the numbers of the
    closed enumerations. `filed_source` and `filed_destination` are the addresses by which it stands in the
    hash table, its own unless it is larval. `in_first_bucket` and `in_open_bucket` tell whether it stands in
    the buckets that a search goes through first and second; only profiles in which buckets matter read them.
    `in_own_bucket` tells whether its own addresses share the bucket of those by which it stands there.
    `sequence` is the number of its key manager (0 for none); of two states the one of the smaller `place` is
    met first by lookups. Source: XFRM-SAD-001, XFRM-LIFE-001.
    """

    identity: Number
    installed: Truth
    source: Number
    destination: Number
    care_of: Number
    filed_source: Number
    filed_destination: Number
    protocol: Number
    family: Number
    mode: Number
    lifecycle: Number
    spi: Number
    reqid: Number
    if_id: Number
    mark_value: Number
    mark_mask: Number
    sequence: Number
    place: Number
    added: Number
    wildrecv: Truth
    dying: Truth
    internal: Truth
    has_selector: Truth
    in_first_bucket: Truth
    in_open_bucket: Truth
    in_own_bucket: Truth
    selector: SelectorTerm


KEY_PARTS = ("destination", "source", "protocol", "family", "spi", "mark_value", "mark_mask")
"""What locates a state, by SPI or by address."""


class Associations(Interface):
    """A set of states that can be quantified over."""

    def every(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether all installed states satisfy a body."""
        ...

    def some(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether an installed state satisfies a body."""
        ...


@dataclass(frozen=True, slots=True)
class FiniteAssociations:
    """As many states as the caller lists; quantifiers are conjunctions and disjunctions."""

    entries: tuple[AssociationTerm, ...]

    def every(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether all installed states satisfy a body."""
        return all_of(either(negate(entry.installed), body(entry)) for entry in self.entries)

    def some(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether an installed state satisfies a body."""
        return any_of(both(entry.installed, body(entry)) for entry in self.entries)

    def __iter__(self) -> Iterator[AssociationTerm]:
        return iter(self.entries)


@dataclass(frozen=True, slots=True)
class AssociationTheory:
    """An unbounded sort of states; one sort is one database, and `installed` says what it holds."""

    context: Context
    sort: Sort
    functions: Mapping[str, Function]

    def element(self, name: str) -> Expression:
        """Declare a state of which nothing is known."""
        return z3.Const(name, self.sort)

    def entry(self, element: Expression) -> AssociationTerm:
        """Return the record of a state."""
        parts = {name: function(element) for name, function in self.functions.items()}
        selector = SelectorTerm(**{part: parts.pop(f"selector.{part}") for part in SELECTOR_WIDTHS})
        return AssociationTerm(identity=element, selector=selector, **parts)

    def every(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether all installed states of the sort satisfy a body."""

        def of_element(element: Expression) -> Truth:
            entry = self.entry(element)
            return either(negate(entry.installed), body(entry))

        return for_every(self.sort, "s", of_element)

    def some(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether an installed state of the sort satisfies a body."""
        element = z3.FreshConst(self.sort, "s")
        entry = self.entry(element)
        truth = both(entry.installed, body(entry))
        return False if truth is False else z3.Exists([element], as_formula(self.context, truth))


def association_theory(context: Context, name: str = "State") -> AssociationTheory:
    """Declare an unbounded sort of states."""
    sort = z3.DeclareSort(name, ctx=context)
    widths = _NUMBER_WIDTHS | {f"selector.{part}": width for part, width in SELECTOR_WIDTHS.items()}
    functions = {
        part: z3.Function(f"{name}.{part}", sort, z3.BitVecSort(width, ctx=context))
        for part, width in widths.items()
    }
    for part in _TRUTHS:
        functions[part] = z3.Function(f"{name}.{part}", sort, z3.BoolSort(ctx=context))
    return AssociationTheory(context, sort, functions)


def unknown_association(context: Context, name: str, identity: int) -> AssociationTerm:
    """Declare one state of which nothing is known, with a plain number."""
    numbers = {part: bits(context, f"{name}.{part}", width) for part, width in _NUMBER_WIDTHS.items()}
    truths = {part: unknown_truth(context, f"{name}.{part}") for part in _TRUTHS}
    selector = unknown_selector(context, f"{name}.selector")
    return AssociationTerm(identity=identity, selector=selector, **numbers, **truths)


_NO_SELECTOR = SelectorTerm(*(0 for _ in SELECTOR_WIDTHS))


@clause("XFRM-SAD-001")
def plain_association(
    identity: int,
    state: SecurityAssociation,
    *,
    sequence: int = 0,
    in_first_bucket: bool = True,
    in_open_bucket: bool = False,
    in_own_bucket: bool = False,
) -> AssociationTerm:
    """Return a known state as a term with the given number, which is its place too. Source: XFRM-SAD-001."""
    value, mask = plain_mark(state.mark)
    filed_source, filed_destination = state.filed_under or (state.source, state.destination)
    return AssociationTerm(
        identity=identity,
        installed=True,
        source=address_number(state.source),
        destination=address_number(state.destination),
        care_of=0 if state.care_of is None else address_number(state.care_of),
        filed_source=address_number(filed_source),
        filed_destination=address_number(filed_destination),
        protocol=int(state.protocol),
        family=int(state.family),
        mode=int(state.mode),
        lifecycle=int(state.lifecycle),
        spi=state.spi,
        reqid=state.reqid,
        if_id=state.if_id,
        mark_value=value,
        mark_mask=mask,
        sequence=sequence,
        place=identity,
        added=state.added,
        wildrecv=StateFlag.WILDRECV in state.flags,
        dying=state.dying,
        internal=state.internal,
        has_selector=state.selector is not None,
        in_first_bucket=in_first_bucket,
        in_open_bucket=in_open_bucket,
        in_own_bucket=in_own_bucket,
        selector=_NO_SELECTOR if state.selector is None else plain_selector(state.selector),
    )


def is_ipsec(protocol: Number) -> Truth:
    """Tell whether a protocol is AH, ESP or IPComp."""
    return among(protocol, sorted(IPSEC_PROTOCOLS))


def is_route_optimisation(protocol: Number) -> Truth:
    """Tell whether a protocol is that of a home address option or a type 2 routing header."""
    return among(protocol, ROUTE_OPTIMISATION)


@dataclass(frozen=True, slots=True)
class StateKey:
    """What a request or a packet names a state by; `mark` is compared with the marks of states.

    `mark_mask` is the mask that came with a request's mark, all ones for the mark of a packet.
    """

    destination: Number
    source: Number
    protocol: Number
    family: Number
    spi: Number
    mark: Number
    mark_mask: Number = 0xFFFFFFFF


def key_of(state: AssociationTerm) -> StateKey:
    """Return the key by which an operation locates a state like this one, its own mark included."""
    return StateKey(
        state.destination,
        state.source,
        state.protocol,
        state.family,
        state.spi,
        state.mark_value,
        state.mark_mask,
    )


@clause("XFRM-SAD-002")
def named_by_spi(state: AssociationTerm, key: StateKey) -> Truth:
    """Tell whether a state has family, SPI, protocol and destination of a key, marks aside.

    A state without SPI is in no such table. Source: XFRM-SAD-002.
    """
    parts = ("family", "spi", "protocol", "destination")
    agrees = all_of(same(getattr(state, part), getattr(key, part)) for part in parts)
    return both(negate(same(state.spi, 0)), agrees)


@clause("XFRM-SAD-003")
def stands_in_place(state: AssociationTerm) -> Truth:
    """Tell whether a search of the table for a state's own addresses meets it. Source: XFRM-SAD-003."""
    addresses = both(same(state.filed_source, state.source), same(state.filed_destination, state.destination))
    return either(addresses, state.in_own_bucket)


@clause("XFRM-SAD-003")
def named_by_address(state: AssociationTerm, key: StateKey) -> Truth:
    """Tell whether a state has family, protocol and both addresses of a key and is met by them, marks aside.

    Source: XFRM-SAD-003.
    """
    parts = ("family", "protocol", "destination", "source")
    agrees = all_of(same(getattr(state, part), getattr(key, part)) for part in parts)
    return both(agrees, stands_in_place(state))


@clause("XFRM-SAD-004")
def named(state: AssociationTerm, key: StateKey) -> Truth:
    """Tell whether a key names a state in the way of its protocol, marks aside. Source: XFRM-SAD-004."""
    return choose_truth(is_ipsec(key.protocol), named_by_spi(state, key), named_by_address(state, key))


@clause("XFRM-SAD-004")
def marks_collide(state: AssociationTerm, key: StateKey, profile: Profile) -> Truth:
    """Tell whether the marks of a state and of a key that names it keep them from standing side by side.

    They do if some packet mark satisfies both. Where the profile compares one way only, the key's mark value
    is taken as a packet mark. Source: XFRM-SAD-004.
    """
    if profile.mark_locate_asymmetric:
        return mark_matches(state.mark_value, state.mark_mask, key.mark)
    common = bit_and(state.mark_mask, key.mark_mask)
    return same(bit_and(bit_xor(state.mark_value, key.mark), common), 0)


def has_lifecycle(state: AssociationTerm, *values: Lifecycle) -> Truth:
    """Tell whether a state's lifecycle value is one of some."""
    return among(state.lifecycle, values)
