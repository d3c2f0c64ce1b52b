"""What theorems about the policies of recipes share: addresses, one chosen policy, flows, and mutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.xfrm.match import policy_mismatch
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    bits,
    first_of,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.recipe_policies import Ends, Meaning, Pattern, patterns_of
from xfrmspec_model.recipe_rules import RecipeRules
from xfrmspec_model.rules import Rules
from xfrmspec_model.selectors import FlowTerm, address_number, unknown_flow, well_formed_flow
from xfrmspec_model.smt import Model
from xfrmspec_proofs.facts import flow_facts
from xfrmspec_proofs.recipe_runs import (
    AGENT,
    HA,
    HOME,
    MN,
    OTHER,
    PEER,
    Standing,
    full_life,
    lived,
    protection_of,
    settings_of,
)
from xfrmspec_proofs.theorem import Mutation, Scene, Witness
from xfrmspec_proofs.witness import number, printable_flow, read_flow
from xfrmspec_terms.daemon import Role
from xfrmspec_terms.policy import Direction, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow, Protocol

_INDEX_BITS = 6
_OWN = {Role.MOBILE_NODE: HOME, Role.HOME_AGENT: AGENT, Role.CORRESPONDENT_NODE: PEER}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One policy of a role that nothing is known of, with a peer of its own: `index` says which."""

    index: Number
    ends: Ends
    patterns: Sequence[Pattern]
    rules: RecipeRules

    def is_at(self, place: int) -> Truth:
        """Tell whether it is the pattern at a place."""
        return same(self.index, place)

    def exists(self) -> Truth:
        """Tell that it is one of the patterns."""
        return less(self.index, len(self.patterns))

    def every(self, body: Callable[[Pattern], Truth]) -> Truth:
        """Tell whether what it is satisfies a body."""
        return all_of(implies(self.is_at(i), body(pattern)) for i, pattern in enumerate(self.patterns))

    def stands_in(self, direction: Direction, kind: PolicyType) -> Truth:
        """Tell whether it is of a direction and a type."""
        return self.every(lambda pattern: (pattern.direction, pattern.type) == (direction, kind))

    def matches(self, flow: FlowTerm, profile: Profile) -> Truth:
        """Tell whether it is for a flow."""
        return self.every(lambda pattern: pattern.matches(flow, self.ends, profile))

    def part(self, of: Callable[[Pattern], Number], width: int) -> Number:
        """Return a number of what it is."""
        cases = [(self.is_at(i), of(pattern)) for i, pattern in enumerate(self.patterns)]
        return first_of(cases[:-1], cases[-1][1], width)

    def priority(self) -> Number:
        """Return its priority."""
        return self.part(lambda pattern: self.rules.priorities[pattern.meaning], 8)


def unknown_choice(scene: Scene, name: str, role: Role, ends: Ends) -> Chosen:
    """Declare a policy of a role, between a node's own addresses and a peer of its own."""
    index = bits(scene.context, f"{name}.index", _INDEX_BITS)
    peer = bits(scene.context, f"{name}.peer", 128)
    return Chosen(index, replace(ends, peer=peer), patterns_of(role), scene.rules.recipes)


def unknown_ends(scene: Scene, role: Role) -> Ends:
    """Declare the addresses of a node; in a small scene they are the same in every witness."""
    if scene.small:
        return Ends(*(address_number(address) for address in (_OWN[role], AGENT, small_peers(role)[0])))
    own, agent, peer = (bits(scene.context, name, 128) for name in ("own", "agent", "peer"))
    return Ends(own, own if role is HA else agent, peer)


def small_peers(role: Role) -> tuple[IPv6Address, IPv6Address]:
    """Return the two peers of a node in a small scene."""
    return (PEER, OTHER) if role is MN else (HOME, OTHER)


def some_flow(scene: Scene) -> tuple[FlowTerm, list[Truth], list[Truth]]:
    """Declare an IPv6 flow of a packet without mark, and what makes it printable."""
    flow = unknown_flow(scene.context)
    plain = [same(part, 0) for part in (flow.oif, flow.mark, flow.if_id)]
    return flow, [well_formed_flow(flow), same(flow.family, 10), *plain], printable_flow(flow)


def is_message(flow: FlowTerm, source: Number, destination: Number, kind: int) -> list[Truth]:
    """Tell that a flow is a mobility message of a type between two addresses."""
    ends = [same(flow.source, source), same(flow.destination, destination)]
    return [*ends, same(flow.protocol, Protocol.MOBILITY), same(flow.source_slot, kind)]


Judged = Callable[[Standing, Flow], bool]


def standing_witness(
    role: Role,
    flow: FlowTerm,
    protection: Number,
    holds: Judged,
    *,
    pending: bool = False,
) -> Callable[[Model], Witness]:
    """Read a flow and a protection; judge it at a node of the recipe clean where everything stands."""

    def read(model: Model) -> Witness:
        packet, protects = read_flow(model, flow), protection_of(number(model, protection))
        facts = {"role": role.value, "protection": protects.value, "flow": flow_facts(packet)}

        def holding(profile: Profile) -> bool:
            settings = settings_of(role, protects)
            stages = full_life(role, settings, pending=pending)
            return holds(lived(Recipe.CLEAN, settings, stages, profile), packet)

        return Witness(facts, holding)

    return read


def matching(standing: Standing, flow: Flow, direction: Direction, kind: PolicyType) -> list[Policy]:
    """Return the policies of a node that match a flow, the strongest first."""
    found = [
        policy
        for policy in standing.policies
        if (policy.direction, policy.type) == (direction, kind)
        and policy_mismatch(policy, flow, standing.node.profile) is None
    ]
    return sorted(found, key=lambda policy: policy.priority)


def with_recipes(**changes: object) -> Mutation:
    """Return a mutant of the rules of recipes."""
    return lambda rules: replace(rules, recipes=replace(rules.recipes, **changes))  # type: ignore[arg-type]


def with_priority(meaning: Meaning, priority: int) -> Mutation:
    """Return a mutant of clean with one other priority."""

    def mutate(rules: Rules) -> Rules:
        priorities = {**rules.recipes.priorities, meaning: priority}
        return replace(rules, recipes=replace(rules.recipes, priorities=priorities))

    return mutate


def selector_parts(pattern: Pattern, ends: Ends) -> list[Number]:
    """Return the parts of a selector that patterns differ in."""
    selector = pattern.selector(ends)
    prefixes = [selector.source, selector.source_mask, selector.destination, selector.destination_mask]
    return [*prefixes, selector.protocol, selector.source_port, selector.source_port_mask]


def differ(first: Sequence[Number], second: Sequence[Number]) -> Truth:
    """Tell whether two lists of numbers differ somewhere."""
    return any_of(negate(same(*pair)) for pair in zip(first, second, strict=True))
