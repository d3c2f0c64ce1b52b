"""What theorems about lookups share: the search, instances that can be replayed, and mutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec_model.entries import Entry, Placement, policy_matches
from xfrmspec_model.folding import Number, Truth, all_of, both, either, negate, same
from xfrmspec_model.policies import Lookup
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs.databases import (
    Policies,
    added_in_turn,
    installed_only,
    printable_policies,
    read_members,
)
from xfrmspec_proofs.facts import flow_facts, policies_facts
from xfrmspec_proofs.replay import owner
from xfrmspec_proofs.theorem import Mutation, Scene, Witness
from xfrmspec_proofs.witness import read_flow
from xfrmspec_terms.policy import CandidateList, Direction, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow

Made = Callable[[Placement, Sequence[Expression], Profile], Truth]
Change = tuple[PolicyDatabase, PolicyDatabase]


def search_in(policies: Policies, database: Placement, flow: FlowTerm) -> Lookup:
    """Return the search for an outbound flow in MAIN, by the rules of the scene."""
    profile = policies.scene.profile
    return Lookup(database, flow, Direction.OUT, PolicyType.MAIN, profile, policies.rules)


def database_witness(
    policies: Policies,
    database: Placement,
    flow: FlowTerm,
    replay: Callable[[list[Policy], Flow, Profile], bool],
) -> Callable[[Model], Witness]:
    """Read a database and a flow; every member must be installed."""

    def read(model: Model) -> Witness:
        members = installed_only(read_members(model, policies, database))
        packet = read_flow(model, flow)
        facts = {"policies": policies_facts(members), "flow": flow_facts(packet)}
        return Witness(facts, lambda profile: replay(members, packet, profile))

    return read


def all_installed(policies: Policies, database: Placement) -> Truth:
    """Assume that every member is in a database."""
    return all_of(database.entry(member).installed for member in policies.members)


def instance_of(
    scene: Scene,
    policies: Policies,
    database: Placement,
    made: Made = added_in_turn,
    *,
    made_with_gaps: bool = False,
) -> list[Truth]:
    """Assume a printable database that a replay can make: of all members, or with gaps."""
    return [
        printable_policies(policies, database),
        *([] if made_with_gaps else [all_installed(policies, database)]),
        made(database, policies.members, scene.profile),
    ]


def change_witness(
    policies: Policies,
    databases: tuple[Placement, Placement],
    flow: FlowTerm,
    change: Callable[[list[Policy], list[Policy], Profile], Change],
) -> Callable[[Model], Witness]:
    """Read a database before and after a change, replay the change, and compare the owners of the flow."""

    def read(model: Model) -> Witness:
        before, after = (installed_only(read_members(model, policies, each)) for each in databases)
        packet = read_flow(model, flow)

        def holds(profile: Profile) -> bool:
            old, new = (owner(database, packet) for database in change(before, after, profile))
            return old == new

        facts = {
            "before": policies_facts(before),
            "after": policies_facts(after),
            "flow": flow_facts(packet),
        }
        return Witness(facts, holds)

    return read


def matching(change: Callable[[Entry], Entry]) -> Mutation:
    """Return a mutant that matches a changed policy instead of the policy."""

    def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
        return policy_matches(change(entry), flow, direction, kind, profile)

    return lambda rules: replace(rules, policy_matches=matches)


def preferring(preferred: Callable[[Entry, Entry], Truth]) -> Mutation:
    """Return a mutant with another preference between the first matches of two lists."""
    return lambda rules: replace(rules, preferred=preferred)


def first_matches(
    policies: Policies, database: Placement, search: Lookup, *, finite: bool | None = None
) -> list[Truth]:
    """Assume that each list in which something matches has a first match.

    Ranks are natural numbers, so this always holds, but it takes an induction that no solver makes. A
    finite database (by default that of a small scene) needs no such help.
    """
    if policies.scene.small if finite is None else finite:
        return []
    return [
        either(_is_first(policies, database, search, number), _none_matches(search, number))
        for number in CandidateList
    ]


def first_name(database: Placement, number: CandidateList) -> str:
    """Return how the first match of a list is named."""
    return f"first.{database.name}.{number.name}"


def _is_first(policies: Policies, database: Placement, search: Lookup, number: CandidateList) -> Truth:
    entry = database.entry(policies.policy(first_name(database, number)))
    return both(search.is_first_of_its_list(entry), same(entry.list, number))


def _none_matches(search: Lookup, number: CandidateList) -> Truth:
    return search.database.every(lambda entry: negate(both(same(entry.list, number), search.matches(entry))))
