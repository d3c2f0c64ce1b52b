"""Policy databases as theorems state them: unboundedly many policies, or a few for an instance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import z3

from xfrmspec_model.entries import Entry, Placement, PolicyTheory, placement, policy_theory
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    as_formula,
    at_most,
    both,
    either,
    implies,
    negate,
    same,
    smaller_key,
)
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.selectors import (
    FlowTerm,
    candidate_list,
    unknown_flow,
    well_formed_flow,
    well_formed_selector,
)
from xfrmspec_model.seniority import is_exact
from xfrmspec_model.smt import Context, Expression, Model, model_truth
from xfrmspec_proofs.theorem import Scene
from xfrmspec_proofs.witness import number, printable_flow, printable_selector, read_selector, truth
from xfrmspec_terms.policy import Action, CandidateList, Direction, Mark, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

PolicyMatches = Callable[[Entry, FlowTerm, Number, Number, Profile], Truth]

HOST_BITS = 128


@dataclass(frozen=True, slots=True)
class SmallPlacement(Placement):
    """A database whose policies are exactly the members; quantifiers run over them."""

    members: tuple[Expression, ...]
    known: dict[int, Entry] = field(init=False, default_factory=dict, compare=False)

    def entry(self, policy: Expression) -> Entry:
        """Return the entry of a policy, the same object for the same term."""
        key = policy.get_id()
        if key not in self.known:
            self.known[key] = Placement.entry(self, policy)
        return self.known[key]

    def every(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether all members satisfy a body."""
        return all_of(body(self.entry(member)) for member in self.members)

    def some(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether a member satisfies a body."""
        return any_of(body(self.entry(member)) for member in self.members)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a scene: a sort without bound, of which a small scene has only the members.

    Members are listed from the senior to the junior, in the order in which a replay adds them.
    """

    scene: Scene
    theory: PolicyTheory
    members: tuple[Expression, ...]
    met: dict[tuple[int, int, Number, Number], tuple[Entry, FlowTerm, Truth]] = field(
        init=False, default_factory=dict, compare=False
    )

    @property
    def rules(self) -> Rules:
        """The rules of the scene; without a bound, which flows a selector matches is left open.

        The clauses' own rule is one way to fill it in: installed, of the direction and type, and a test of
        what never changes about the policy. So a proof for every such test covers it.
        """
        matches = self._matches_once if self.scene.small else self._matches_somehow
        return replace(self.scene.rules, policy_matches=matches)

    @property
    def clause_matches(self) -> PolicyMatches:
        """What the clauses say a match is, whatever the rules of the scene were changed to."""
        return RULES.policy_matches if self.scene.small else self._matches_somehow

    def _matches_once(
        self, entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile
    ) -> Truth:
        """Build the scene's own match once for the same objects, which are kept so that ids stay theirs."""
        key = (id(entry), id(flow), direction, kind)
        if key not in self.met:
            truth = self.scene.rules.policy_matches(entry, flow, direction, kind, profile)
            self.met[key] = (entry, flow, truth)
        return self.met[key][2]

    def _matches_somehow(
        self, entry: Entry, flow: FlowTerm, direction: Number, kind: Number, _: Profile
    ) -> Truth:
        meets = z3.Function(f"meets.{flow.source}", self.theory.sort, z3.BoolSort(ctx=self.theory.context))
        framed = (entry.installed, same(entry.direction, direction), same(entry.type, kind))
        return all_of((*framed, meets(entry.identity)))

    def database(self, name: str = "db") -> Placement:
        """Declare a database over the policies."""
        unbounded = placement(self.theory, name)
        if not self.scene.small:
            return unbounded
        return SmallPlacement(self.theory, name, unbounded.functions, self.members)

    def policy(self, name: str) -> Expression:
        """Declare a policy of which nothing is known."""
        return self.theory.policy(name)

    def distinct(self) -> Truth:
        """Assume that members are different policies: objects, and identities of the database."""
        pairs = [(one, two) for i, one in enumerate(self.members) for two in self.members[i + 1 :]]
        return both(z3.Distinct(*self.members), all_of(negate(self._same_identity(*pair)) for pair in pairs))

    def _same_identity(self, one: Expression, two: Expression) -> Truth:
        names = sorted(set(self.theory.fields) - {"allows"})
        return all_of(self.theory.fields[name](one) == self.theory.fields[name](two) for name in names)

    def among_members(self, *policies: Expression) -> Truth:
        """Assume that policies are members."""
        return all_of(any_of(policy == member for member in self.members) for policy in policies)


def policies_of(scene: Scene, members: int = 3) -> Policies:
    """Declare the policies of a scene; `members` is their number in a small one."""
    theory = policy_theory(scene.context)
    return Policies(scene, theory, tuple(theory.policy(f"member{index}") for index in range(members)))


def printable_policies(policies: Policies, database: Placement) -> Truth:
    """Assume that the members of a small scene are different policies that can be stored and print well.

    Lists follow from selectors with the default thresholds.
    """
    return both(policies.distinct(), all_of(_printable(database.entry(m)) for m in policies.members))


def _printable(entry: Entry) -> Truth:
    return all_of(
        (
            well_formed_selector(entry.selector),
            *printable_selector(entry.selector),
            *(same(part, 0) for part in (entry.mark_value, entry.mark_mask, entry.if_id)),
            at_most(entry.direction, Direction.FWD),
            at_most(0, entry.priority),
            among(entry.selector.protocol, (0, Protocol.UDP, Protocol.MOBILITY)),
            same(entry.selector.source_port_mask, 0),
            listed_by_thresholds(entry),
        )
    )


def listed_by_thresholds(entry: Entry, bits: int = HOST_BITS) -> Truth:
    """Assume that a policy is in the list that its selector and thresholds (both `bits`) give."""
    found = candidate_list(entry.selector, bits, bits)
    return all_of(implies(same(found, number), same(entry.list, number)) for number in CandidateList)


def added_in_turn(database: Placement, members: Sequence[Expression], profile: Profile) -> Truth:
    """Assume that adding the members one after the other, those that are installed, made a database."""
    entries = [database.entry(member) for member in members]
    ages = (same(entry.age, index) for index, entry in enumerate(entries))
    return both(all_of(ages), placed_by_seniority(database.theory.context, entries, profile))


def added_then_updated(database: Placement, members: Sequence[Expression], profile: Profile) -> Truth:
    """Assume that adding all members in turn and then updating the first at its priority made a database."""
    entries = [database.entry(member) for member in members]
    ages = [same(entries[0].age, len(entries))]
    ages += [same(entry.age, index) for index, entry in enumerate(entries) if index]
    placed = placed_by_seniority(database.theory.context, entries, profile)
    if profile.update_keeps_seniority_cross_list:
        return both(all_of(ages), placed)
    ranks = [same(entry.rank, _rank(database.theory.context, entries, i)) for i, entry in enumerate(entries)]
    positions = [same(entry.position, entry.age) for entry in entries]
    return all_of((*ages, *ranks, *positions))


def placed_by_seniority(context: Context, entries: Sequence[Entry], profile: Profile) -> Truth:
    """Assume the ranks and positions that priorities and the order of the entries, senior first, give."""
    return all_of(_place(context, entries, index, profile) for index in range(len(entries)))


def _rank(context: Context, entries: Sequence[Entry], index: int) -> Expression:
    return _count(context, [_precedes(entries, o, index) for o in range(len(entries)) if o != index])


def _place(context: Context, entries: Sequence[Entry], index: int, profile: Profile) -> Truth:
    entry = entries[index]
    earlier = [_precedes(entries, other, index) for other in range(len(entries)) if other != index]
    ranked = same(entry.rank, _count(context, earlier))
    if not profile.exact_pos_zero:
        older = [other.installed for other in entries[:index]]
        return both(ranked, same(entry.position, _count(context, older)))
    inexact = [negate(is_exact(other)) for place, other in enumerate(entries) if place != index]
    numbered = _count(context, [both(*pair) for pair in zip(earlier, inexact, strict=True)])
    zero_if_exact = implies(is_exact(entry), same(entry.position, 0))
    return all_of((ranked, zero_if_exact, either(is_exact(entry), same(entry.position, numbered))))


def _precedes(entries: Sequence[Entry], other: int, index: int) -> Truth:
    first, second = entries[other], entries[index]
    keys = ((first.priority, other), (second.priority, index))
    return all_of((first.installed, same(first.direction, second.direction), smaller_key(*keys)))


def _count(context: Context, truths: Sequence[Truth]) -> Expression:
    one, zero = z3.IntVal(1, ctx=context), z3.IntVal(0, ctx=context)
    return z3.Sum([zero, *(z3.If(as_formula(context, truth), one, zero) for truth in truths)])


def read_members(model: Model, policies: Policies, database: Placement) -> list[Policy | None]:
    """Return the members in order; None for one that is not installed."""
    return [read_policy(model, database.entry(member)) for member in policies.members]


def read_policy(model: Model, entry: Entry) -> Policy | None:
    """Return the policy that a model assigns to an entry, or None when it is not installed."""
    return stored_policy(model, entry) if truth(model, entry.installed) else None


def stored_policy(model: Model, entry: Entry) -> Policy:
    """Return the policy that a model assigns to an entry, installed or not."""
    return Policy(
        read_selector(model, entry.selector),
        Direction(number(model, entry.direction)),
        PolicyType(number(model, entry.type)),
        Action.ALLOW if truth(model, entry.allows) else Action.BLOCK,
        number(model, entry.priority),
        mark=Mark(number(model, entry.mark_value), number(model, entry.mark_mask)),
        if_id=number(model, entry.if_id),
    )


def installed_only(members: Sequence[Policy | None]) -> list[Policy]:
    """Return the policies that are installed."""
    return [policy for policy in members if policy is not None]


def existing_flow(scene: Scene, name: str = "flow") -> tuple[FlowTerm, list[Truth]]:
    """Declare a flow that exists; in a small scene one that prints well."""
    flow = unknown_flow(scene.context, name)
    if not scene.small:
        return flow, [well_formed_flow(flow)]
    common = among(flow.protocol, (Protocol.UDP, Protocol.MOBILITY))
    return flow, [well_formed_flow(flow), *printable_flow(flow), common]


def member_of(model: Model, policies: Policies, policy: Expression) -> int:
    """Return which member a policy is in a model; ValueError when it is none."""
    for index, member in enumerate(policies.members):
        if model_truth(model, policy == member):
            return index
    raise ValueError("the policy is no member")
