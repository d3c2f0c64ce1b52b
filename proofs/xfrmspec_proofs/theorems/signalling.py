"""Theorems about Mobile IPv6 signalling beside a tunnel policy: which priorities keep it apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec_model.entries import Entry
from xfrmspec_model.folding import Truth, all_of, at_most, both, either, implies, less, negate, same
from xfrmspec_model.policies import Lookup
from xfrmspec_model.seniority import is_exact, well_placed
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs import replay as run
from xfrmspec_proofs.databases import Policies, existing_flow, member_of, policies_of
from xfrmspec_proofs.lookups import database_witness, instance_of, preferring, search_in
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_terms.policy import Policy
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow, Protocol

_ALL_BITS = (1 << 128) - 1


def _is_signalling(entry: Entry) -> Truth:
    """Tell whether a policy is for the mobility headers between two single addresses."""
    selector = entry.selector
    return all_of(
        (
            same(selector.protocol, Protocol.MOBILITY),
            same(selector.source_mask, _ALL_BITS),
            same(selector.destination_mask, _ALL_BITS),
            is_exact(entry),
        )
    )


def _is_tunnel_beside(tunnel: Entry, signalling: Entry) -> Truth:
    """Tell whether a policy is for everything from the same address to anywhere."""
    return all_of(
        (
            same(tunnel.selector.source, signalling.selector.source),
            same(tunnel.selector.source_mask, _ALL_BITS),
            same(tunnel.selector.destination_mask, 0),
            same(tunnel.selector.protocol, 0),
            same(tunnel.selector.destination_port_mask, 0),
        )
    )


def _longest_prefix_first(first: Entry, second: Entry) -> Truth:
    return less(first.list, second.list)


def _weakest_first(first: Entry, second: Entry) -> Truth:
    return either(
        less(second.priority, first.priority),
        both(same(first.priority, second.priority), less(first.position, second.position)),
    )


@theorem(
    name="signalling_is_kept_apart_exactly_by_a_strictly_smaller_priority",
    statement="A transport policy for the mobility headers between two addresses wins each of its flows if "
    "its priority number is smaller than that of every other match, and loses to a match whose number is "
    "smaller or equal and which stands first in the database.",
    clauses=("XFRM-LOOKUP-001", "XFRM-LOOKUP-010"),
    mutants={
        "the_more_specific_list_wins": preferring(_longest_prefix_first),
        "the_larger_number_wins": preferring(_weakest_first),
    },
)
def _signalling(scene: Scene) -> Sequence[Claim]:
    return [_sufficient(scene), _necessary(scene)]


def _setting(scene: Scene) -> tuple[Policies, Lookup, list[Truth], Expression, Expression, list[Truth]]:
    policies = policies_of(scene)
    database = policies.database()
    flow, exists = existing_flow(scene)
    search = search_in(policies, database, flow)
    signalling, other = policies.policy("signalling"), policies.policy("other")
    own, rival = database.entry(signalling), database.entry(other)
    hypotheses = [
        *exists,
        well_placed(database, scene.profile),
        _is_signalling(own),
        search.matches(own),
        negate(same(signalling, other)),
        search.matches(rival),
    ]
    instance = [
        *instance_of(scene, policies, database),
        policies.among_members(signalling, other),
        _is_tunnel_beside(rival, own),
    ]
    return policies, search, hypotheses, signalling, other, instance


def _owner_witness(
    policies: Policies, search: Lookup, policy: Expression, *, wins: bool
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        index = member_of(model, policies, policy)

        def replay(members: list[Policy], packet: Flow, profile: Profile) -> bool:
            return (run.owner(run.installed(members, profile), packet) == members[index]) is wins

        return database_witness(policies, policies.database(), search.flow, replay)(model)

    return read


def _sufficient(scene: Scene) -> Claim:
    policies, search, hypotheses, signalling, _, instance = _setting(scene)
    own = policies.database().entry(signalling)

    def is_weaker(entry: Entry) -> Truth:
        other = both(search.matches(entry), negate(same(entry.identity, signalling)))
        return implies(other, less(own.priority, entry.priority))

    witness = _owner_witness(policies, search, signalling, wins=True)
    hypotheses = [*hypotheses, search.database.every(is_weaker)]
    return Claim(hypotheses, search.wins(own), instance, witness)


def _necessary(scene: Scene) -> Claim:
    """The other policy stands first: at position 0, before every match of its own list."""
    policies, search, hypotheses, signalling, other, instance = _setting(scene)
    database = policies.database()
    own, rival = database.entry(signalling), database.entry(other)
    ahead = implies(same(rival.list, own.list), less(rival.rank, own.rank))
    first = (same(rival.position, 0), search.is_first_of_its_list(rival), ahead)
    witness = _owner_witness(policies, search, signalling, wins=False)
    hypotheses = [*hypotheses, at_most(rival.priority, own.priority), *first]
    equal = same(rival.priority, own.priority)
    return Claim(hypotheses, negate(search.wins(own)), [*instance, equal], witness)
