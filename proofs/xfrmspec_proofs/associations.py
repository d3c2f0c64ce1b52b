"""State databases as theorems state them: unboundedly many states, or a few for an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import z3

from xfrmspec.xfrm.state_hash import bucket
from xfrmspec_model.association_rules import AssociationRules
from xfrmspec_model.associations import (
    Associations,
    AssociationTerm,
    AssociationTheory,
    association_theory,
    is_ipsec,
)
from xfrmspec_model.candidates import Search
from xfrmspec_model.finding import Finding
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    bits,
    both,
    either,
    first_of,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import FlowTerm, address_number, unknown_flow, well_formed_flow
from xfrmspec_model.smt import Expression, Model
from xfrmspec_model.templates import instantiable
from xfrmspec_proofs.theorem import Scene
from xfrmspec_proofs.witness import (
    number,
    printable_flow,
    printable_selector,
    read_address,
    read_selector,
    truth,
)
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.policy import Mark, Mode, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Family, Protocol

_FEW = 8
_BUCKET_BITS = 4
SMALL_TABLE = 8
"""The buckets of a hash table of at most seven states; an eighth doubles them."""

_DOCUMENTATION = 0x20010DB8 << 96
OPEN = read_address(0, Family.INET6)
SOURCES = tuple(read_address(_DOCUMENTATION + host, Family.INET6) for host in (1, 2, 11, 12))
"""Small pools, of which ::b shares the bucket of the unspecified address in a table of eight, not sixteen."""

DESTINATIONS = tuple(read_address(_DOCUMENTATION + host, Family.INET6) for host in (0x101, 0x102))
REQIDS = (0, 1)


@dataclass(frozen=True, slots=True)
class SmallAssociations:
    """A database whose states are exactly the members, as long as they are installed."""

    theory: AssociationTheory
    members: tuple[Expression, ...]

    def every(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether all installed members satisfy a body."""
        entries = (self.theory.entry(member) for member in self.members)
        return all_of(either(negate(entry.installed), body(entry)) for entry in entries)

    def some(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether an installed member satisfies a body."""
        entries = (self.theory.entry(member) for member in self.members)
        return any_of(both(entry.installed, body(entry)) for entry in entries)


@dataclass(frozen=True, slots=True)
class States:
    """The states of a scene: a sort without bound, of which a small scene has only the members.

    Members are listed as a replay lists them, the most recently inserted first.
    """

    scene: Scene
    theory: AssociationTheory
    members: tuple[Expression, ...]

    @property
    def entries(self) -> tuple[AssociationTerm, ...]:
        """The members' records."""
        return tuple(self.theory.entry(member) for member in self.members)

    @property
    def database(self) -> Associations:
        """What can be quantified over: everything of the sort, in a small scene the members."""
        return SmallAssociations(self.theory, self.members) if self.scene.small else self.theory

    @property
    def rules(self) -> AssociationRules:
        """The rules of the scene; without a bound, which flows a state's selector covers is left open."""
        rules = self.scene.rules.associations
        return rules if self.scene.small else replace(rules, covers=self._covers_somehow)

    def _covers_somehow(self, state: AssociationTerm, flow: FlowTerm, _: Profile) -> Truth:
        context = self.theory.context
        covered = z3.Function(f"covers.{flow.source}", self.theory.sort, z3.BoolSort(ctx=context))
        return covered(state.identity)

    def finding(
        self, search: Search, listeners: Truth = True, database: Associations | None = None
    ) -> Finding:
        """Return a search in the database, or in another one of the same states, by the scene's rules."""
        there = self.database if database is None else database
        return Finding(there, search, listeners, self.scene.profile, self.rules)


@dataclass(frozen=True, slots=True)
class Before:
    """A database before its last state was added, its hash table perhaps of another size then."""

    states: States
    added: Expression
    resized: bool = False

    def entry(self, entry: AssociationTerm) -> AssociationTerm:
        """Return the record of a state with the buckets it stood in before."""
        if not (self.resized and self.states.scene.profile.find_second_pass_ignores_source):
            return entry
        first, opened = self._stood("first", entry), self._stood("open", entry)
        return replace(entry, in_first_bucket=first, in_open_bucket=opened)

    def _stood(self, where: str, entry: AssociationTerm) -> Truth:
        context = self.states.scene.context
        sort = self.states.theory.sort
        stood = z3.Function(f"stood.{where}", sort, z3.BoolSort(ctx=context))
        return stood(entry.identity)

    def every(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether all states but the added one satisfy a body."""
        return self.states.database.every(
            lambda entry: either(same(entry.identity, self.added), body(self.entry(entry)))
        )

    def some(self, body: Callable[[AssociationTerm], Truth]) -> Truth:
        """Tell whether a state other than the added one satisfies a body."""
        return self.states.database.some(
            lambda entry: both(negate(same(entry.identity, self.added)), body(self.entry(entry)))
        )


def states_of(scene: Scene, members: int = 2) -> States:
    """Declare the states of a scene; `members` is their number in a small one."""
    theory = association_theory(scene.context)
    return States(scene, theory, tuple(theory.element(f"state{index}") for index in range(members)))


def unknown_search(scene: Scene, name: str = "search") -> tuple[Search, list[Truth]]:
    """Declare a search of which nothing is known, with the flow behind it, and that both exist."""
    flow = unknown_flow(scene.context, f"{name}.flow")
    widths = {"source": 128, "destination": 128, "protocol": 8, "family": 8, "mode": 3}
    widths |= {"spi": 32, "reqid": 32, "if_id": 32, "mark": 32}
    parts = {part: bits(scene.context, f"{name}.{part}", width) for part, width in widths.items()}
    return Search(flow=flow, **parts), [well_formed_flow(flow)]


def printable_search(search: Search) -> list[Truth]:
    """Assume an IPv6 search between addresses of the pools, without mark, interface or if_id."""
    return [
        *printable_flow(search.flow),
        same(search.flow.protocol, Protocol.UDP),
        same(search.family, Family.INET6),
        among(search.source, map(address_number, SOURCES)),
        among(search.destination, map(address_number, DESTINATIONS)),
        among(search.reqid, REQIDS),
        instantiable(search.protocol, search.mode),
        less(search.spi, _FEW),
        same(search.if_id, 0),
        same(search.mark, 0),
    ]


def printable_states(states: States, search: Search, buckets: int = SMALL_TABLE) -> list[Truth]:
    """Assume installed members that print well, in the buckets of a hash table of a size."""
    parts = [part for entry in states.entries for part in printable_association(entry)]
    return [
        *parts,
        *(stands_in_its_buckets(entry, search, buckets, states.scene.profile) for entry in states.entries),
    ]


def printable_association(entry: AssociationTerm, *, unmarked: bool = True) -> list[Truth]:
    """Assume an installed IPv6 state that a user made, between addresses of the pools, with a small mark."""
    marks = (entry.mark_value, entry.mark_mask)
    return [
        entry.installed,
        same(entry.family, Family.INET6),
        among(entry.source, map(address_number, (OPEN, *SOURCES))),
        among(entry.destination, map(address_number, DESTINATIONS)),
        same(entry.filed_source, entry.source),
        same(entry.filed_destination, entry.destination),
        among(entry.reqid, REQIDS),
        instantiable(entry.protocol, entry.mode),
        less(entry.spi, _FEW),
        implies(negate(is_ipsec(entry.protocol)), same(entry.spi, 0)),
        less(entry.added, _FEW),
        same(entry.if_id, 0),
        *((same(part, 0) for part in marks) if unmarked else (less(part, _FEW) for part in marks)),
        among(entry.lifecycle, (Lifecycle.ACQ, Lifecycle.VALID, Lifecycle.ERROR, Lifecycle.EXPIRED)),
        negate(entry.internal),
        *printable_selector(entry.selector),
    ]


@cache
def _table(buckets: int) -> Mapping[tuple[Address, Address, int], int]:
    combinations = product(DESTINATIONS, (OPEN, *SOURCES), REQIDS)
    return {combination: bucket(*combination, buckets) for combination in combinations}


def _bucket_term(destination: Number, source: Number, reqid: Number, buckets: int) -> Number:
    cases: list[tuple[Truth, Number]] = []
    for (there, here, wanted), place in _table(buckets).items():
        addresses = both(same(destination, address_number(there)), same(source, address_number(here)))
        cases.append((both(addresses, same(reqid, wanted)), place))
    return first_of(cases, 0, _BUCKET_BITS)


def stands_in_its_buckets(entry: AssociationTerm, search: Search, buckets: int, profile: Profile) -> Truth:
    """Assume the buckets that the kernel's hash gives to a state and a search of the pools."""
    if not profile.find_second_pass_ignores_source:
        return True
    own = _bucket_term(entry.filed_destination, entry.filed_source, entry.reqid, buckets)
    first = _bucket_term(search.destination, search.source, search.reqid, buckets)
    opened = _bucket_term(search.destination, 0, search.reqid, buckets)
    return both(
        alike(entry.in_first_bucket, same(own, first)), alike(entry.in_open_bucket, same(own, opened))
    )


def read_association(model: Model, entry: AssociationTerm) -> SecurityAssociation:
    """Return the state that a model assigns to a term."""
    family = Family(number(model, entry.family))
    care_of = number(model, entry.care_of)
    protocol = Protocol(number(model, entry.protocol))
    return SecurityAssociation(
        read_address(number(model, entry.source), family),
        read_address(number(model, entry.destination), family),
        protocol,
        Mode(number(model, entry.mode)),
        number(model, entry.spi),
        number(model, entry.reqid),
        family,
        read_selector(model, entry.selector) if truth(model, entry.has_selector) else None,
        Mark(number(model, entry.mark_value), number(model, entry.mark_mask)),
        number(model, entry.if_id),
        StateFlag.WILDRECV if truth(model, entry.wildrecv) else StateFlag.NONE,
        care_of=None if truth(model, is_ipsec(entry.protocol)) else read_address(care_of, family),
        lifecycle=Lifecycle(number(model, entry.lifecycle)),
        dying=truth(model, entry.dying),
        added=number(model, entry.added),
        internal=truth(model, entry.internal),
    )


def read_template_of(model: Model, search: Search) -> Template:
    """Return the template whose search a model assigns to a term."""
    return Template(
        Protocol(number(model, search.protocol)),
        Mode(number(model, search.mode)),
        read_address(number(model, search.source), Family.INET6),
        read_address(number(model, search.destination), Family.INET6),
        number(model, search.spi),
        number(model, search.reqid),
    )


def state_record(state: SecurityAssociation) -> dict[str, object]:
    """Return a state of a database as plain data; what is at its default is left out."""
    facts: dict[str, object] = {
        "protocol": state.protocol.name.lower(),
        "mode": state.mode.name.lower(),
        "source": str(state.source),
        "destination": str(state.destination),
        "lifecycle": state.lifecycle.name.lower(),
    }
    numbers = {"spi": state.spi, "reqid": state.reqid, "added": state.added}
    facts |= {name: value for name, value in numbers.items() if value}
    if state.mark != Mark():
        facts["mark"] = f"{state.mark.value:#x}/{state.mark.mask:#x}"
    flags = {"dying": state.dying, "wildrecv": StateFlag.WILDRECV in state.flags}
    return facts | {name: True for name, held in flags.items() if held}
