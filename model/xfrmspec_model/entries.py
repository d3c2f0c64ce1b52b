"""Installed policies as terms: one record, over a few known policies or over an unbounded sort of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import z3

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    as_formula,
    at_most,
    both,
    for_every,
    implies,
    less,
    same,
    smaller_key,
)
from xfrmspec_model.selectors import (
    SELECTOR_WIDTHS,
    FlowTerm,
    SelectorTerm,
    mark_matches,
    plain_mark,
    plain_selector,
    selector_matches,
)
from xfrmspec_model.smt import Context, Expression, Function, Sort
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Action, InstalledPolicy
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class Entry:
    """One installed policy whose parts may be unknown.

    `identity` is its number in a finite database and its element in an unbounded one. `direction`, `type`
    and `list` are the numbers of the closed enumerations. `rank`, `position` and `age` are as in
    `InstalledPolicy`. Source: XFRM-POL-001, XFRM-LOOKUP-004.
    """

    identity: Number
    installed: Truth
    selector: SelectorTerm
    mark_value: Number
    mark_mask: Number
    if_id: Number
    direction: Number
    type: Number
    allows: Truth
    priority: Number
    list: Number
    rank: Number
    position: Number
    age: Number


class Universe(Protocol):
    """A set of policies that can be quantified over."""

    def every(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether all entries satisfy a body."""
        ...

    def some(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether an entry satisfies a body."""
        ...


@dataclass(frozen=True, slots=True)
class FiniteDatabase:
    """As many entries as the caller lists; quantifiers are conjunctions and disjunctions."""

    entries: tuple[Entry, ...]

    def every(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether all entries satisfy a body."""
        return all_of(body(entry) for entry in self.entries)

    def some(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether an entry satisfies a body."""
        return any_of(body(entry) for entry in self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


@clause("XFRM-POL-001")
def plain_entry(identity: int, installed: InstalledPolicy) -> Entry:
    """Return a known policy as an entry with the given number. Source: XFRM-POL-001."""
    policy = installed.policy
    value, mask = plain_mark(policy.mark)
    return Entry(
        identity=identity,
        installed=True,
        selector=plain_selector(policy.selector),
        mark_value=value,
        mark_mask=mask,
        if_id=policy.if_id,
        direction=int(policy.direction),
        type=int(policy.type),
        allows=policy.action is Action.ALLOW,
        priority=policy.priority,
        list=int(installed.list),
        rank=installed.rank,
        position=installed.position,
        age=installed.age,
    )


def plain_database(installed: Sequence[InstalledPolicy]) -> FiniteDatabase:
    """Return known policies as a database whose identities are their indexes."""
    return FiniteDatabase(tuple(plain_entry(index, policy) for index, policy in enumerate(installed)))


_FIELD_WIDTHS = {"mark_value": 32, "mark_mask": 32, "if_id": 32, "direction": 2, "type": 1}
_PLACE_FIELDS = ("priority", "list", "rank", "position", "age")


@dataclass(frozen=True, slots=True)
class PolicyTheory:
    """An unbounded sort of policies and what never changes about one: selector, mark, if_id, direction, type.

    Directions have 2 bits and types 1 bit. Priorities, lists, ranks, positions and ages belong to a
    `Placement`, because theorems compare placements.
    """

    context: Context
    sort: Sort
    fields: Mapping[str, Function]

    def policy(self, name: str) -> Expression:
        """Declare a policy of which nothing is known."""
        return z3.Const(name, self.sort)


@dataclass(frozen=True, slots=True)
class Placement:
    """An unbounded database: which policies are installed, and where. It is a `Universe`.

    Priorities, lists, ranks, positions and ages are integers that `well_placed` (in seniority) constrains.
    """

    theory: PolicyTheory
    name: str
    functions: Mapping[str, Function]

    def entry(self, policy: Expression) -> Entry:
        """Return the entry of a policy in this database."""
        fields = {name: function(policy) for name, function in self.theory.fields.items()}
        selector = SelectorTerm(**{part: fields.pop(f"selector.{part}") for part in SELECTOR_WIDTHS})
        places = {name: function(policy) for name, function in self.functions.items()}
        return Entry(identity=policy, selector=selector, **fields, **places)

    def every(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether all policies of the sort satisfy a body."""
        return for_every(self.theory.sort, "p", lambda policy: body(self.entry(policy)))

    def some(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether a policy of the sort satisfies a body."""
        element = z3.FreshConst(self.theory.sort, "p")
        return z3.Exists([element], as_formula(self.theory.context, body(self.entry(element))))


def policy_theory(context: Context, name: str = "Policy") -> PolicyTheory:
    """Declare an unbounded sort of policies."""
    sort = z3.DeclareSort(name, ctx=context)
    widths = {f"selector.{part}": width for part, width in SELECTOR_WIDTHS.items()} | _FIELD_WIDTHS
    fields = {
        part: z3.Function(f"{name}.{part}", sort, z3.BitVecSort(width, ctx=context))
        for part, width in widths.items()
    }
    fields["allows"] = z3.Function(f"{name}.allows", sort, z3.BoolSort(ctx=context))
    return PolicyTheory(context, sort, fields)


def placement(theory: PolicyTheory, name: str = "db") -> Placement:
    """Declare one database over a sort of policies; two names give two unrelated databases."""
    functions = {
        part: z3.Function(f"{name}.{part}", theory.sort, z3.IntSort(ctx=theory.context))
        for part in _PLACE_FIELDS
    }
    functions["installed"] = z3.Function(f"{name}.installed", theory.sort, z3.BoolSort(ctx=theory.context))
    return Placement(theory, name, functions)


@clause("XFRM-LOOKUP-001", "XFRM-SEL-006")
def policy_matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
    """Tell whether an installed policy of a direction and type matches a flow.

    Source: XFRM-LOOKUP-001, XFRM-SEL-001, XFRM-SEL-005, XFRM-SEL-006.
    """
    framed = all_of(
        (
            entry.installed,
            same(entry.direction, direction),
            same(entry.type, kind),
            same(entry.selector.family, flow.family),
            same(entry.if_id, flow.if_id),
            mark_matches(entry.mark_value, entry.mark_mask, flow.mark),
        )
    )
    return False if framed is False else both(framed, selector_matches(entry.selector, flow, profile))


@clause("XFRM-LOOKUP-002", "XFRM-LOOKUP-003")
def searched_before(first: Entry, second: Entry) -> Truth:
    """Tell whether of two entries of one candidate list the first is met earlier.

    Source: XFRM-LOOKUP-002, XFRM-LOOKUP-003.
    """
    return less(first.rank, second.rank)


@clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002", "XFRM-LOOKUP-004")
def preferred(first: Entry, second: Entry) -> Truth:
    """Tell whether of the first matches of two lists the first is kept.

    A match that comes later replaces an equal one, so the later list wins when priority and position tie.
    Source: XFRM-LOOKUP-001, XFRM-LOOKUP-002, XFRM-LOOKUP-004.
    """
    return smaller_key(
        (first.priority, first.position, second.list), (second.priority, second.position, first.list)
    )


Matches = Callable[[Entry, FlowTerm, Number, Number, Profile], Truth]


def any_matching(theory: PolicyTheory, name: str = "matches") -> Matches:
    """Return a match with one flow of which nothing is known but installation, direction and type.

    A theorem that holds for it holds for every selector, mark, if_id and flow, and is proved a thousand
    times faster than one with 128-bit addresses under a quantifier. One name stands for one flow.
    """
    unknown = z3.Function(name, theory.sort, z3.BoolSort(ctx=theory.context))

    def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
        framed = (entry.installed, same(entry.direction, direction), same(entry.type, kind))
        return all_of((*framed, unknown(entry.identity)))

    return matches


def firsts_exist(database: Placement, matches: Callable[[Entry], Truth]) -> Truth:
    """Tell that each candidate list with a match has a first match, as every finite database does.

    The least-number principle is no consequence of first-order axioms, so theorems that need it assume it.
    """
    context = database.theory.context
    first = z3.Function(f"{database.name}.first", z3.IntSort(ctx=context), database.theory.sort)

    def has_first(entry: Entry) -> Truth:
        head = database.entry(first(entry.list))
        earliest = all_of((matches(head), same(head.list, entry.list), at_most(head.rank, entry.rank)))
        return implies(matches(entry), earliest)

    return database.every(has_first)


def only(theory: PolicyTheory, policies: Sequence[Expression]) -> Truth:
    """Tell that there are no policies but these; for small witnesses, never for a proof."""
    return for_every(theory.sort, "p", lambda policy: any_of(same(policy, known) for known in policies))
