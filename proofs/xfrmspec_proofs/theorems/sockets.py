"""Theorems about socket policies and default actions: what stands before and behind the databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.tables import DefaultActions, SocketPolicies, XfrmTables
from xfrmspec_model.entries import Entry, Placement
from xfrmspec_model.folding import (
    Number,
    Truth,
    choose,
    choose_truth,
    either,
    negate,
    same,
)
from xfrmspec_model.pairs import Decider, Verdict, decider_of_output, output_without_policy
from xfrmspec_model.policies import Pairing, pairing
from xfrmspec_model.rules import Rules
from xfrmspec_model.selectors import FlowTerm, well_formed_selector
from xfrmspec_model.smt import Expression, Model
from xfrmspec_proofs.databases import (
    Policies,
    added_in_turn,
    existing_flow,
    installed_only,
    policies_of,
    printable_policies,
    read_members,
    stored_policy,
)
from xfrmspec_proofs.facts import flow_facts, policies_facts, policy_facts
from xfrmspec_proofs.lookups import instance_of
from xfrmspec_proofs.replay import installed
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, theorem
from xfrmspec_proofs.witness import printable_selector, read_flow
from xfrmspec_terms.outcome import Decision
from xfrmspec_terms.policy import DefaultAction, Direction, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow

_NO_AGE = -1
"""The age of a policy that is in no database; a mutant tells socket policies by it."""

_VERDICT_BITS = 4


def _socket_entry(database: Placement, policy: Expression) -> Entry:
    """Return the outbound policy of a socket."""
    return replace(
        database.entry(policy),
        installed=True,
        direction=int(Direction.OUT),
        type=int(PolicyType.MAIN),
        age=_NO_AGE,
    )


def _printable_socket_policy(entry: Entry) -> list[Truth]:
    wildcards = (entry.mark_value, entry.mark_mask, entry.if_id)
    return [
        well_formed_selector(entry.selector),
        *printable_selector(entry.selector),
        *(same(part, 0) for part in wildcards),
    ]


def _blocked(policies: Policies, database: Placement, flow: FlowTerm, own: Entry) -> Truth:
    """Tell whether a flow that is sent is blocked, by its socket's policy or by the databases."""
    profile = policies.scene.profile
    matches = policies.rules.policy_matches(own, flow, int(Direction.OUT), int(PolicyType.MAIN), profile)
    exist = database.some(lambda entry: either(False, _is_outbound(entry)))
    decider = decider_of_output(matches, exist, flow.if_id, False)
    by_databases = pairing(database, flow, int(Direction.OUT), profile, policies.rules).blocks()
    asked = choose_truth(same(decider, Decider.DATABASES), by_databases, False)
    return choose_truth(same(decider, Decider.SOCKET), negate(own.allows), asked)


def _is_outbound(entry: Entry) -> Truth:
    return choose_truth(entry.installed, same(entry.direction, Direction.OUT), False)


def _matches_by_clause(policies: Policies, own: Entry, flow: FlowTerm) -> Truth:
    matches = policies.clause_matches
    return matches(own, flow, int(Direction.OUT), int(PolicyType.MAIN), policies.scene.profile)


def _socket_answer(answer: bool) -> Mutation:
    """Let every socket policy match, or none."""

    def mutate(rules: Rules) -> Rules:
        def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
            if isinstance(entry.age, int) and entry.age == _NO_AGE:
                return answer
            return rules.policy_matches(entry, flow, direction, kind, profile)

        return replace(rules, policy_matches=matches)

    return mutate


def _decision(members: Sequence[Policy], socket: Policy | None, flow: Flow, profile: Profile) -> Decision:
    tables = XfrmTables(policies=installed(members, profile))
    return decide_output(tables, flow, SocketPolicies(outbound=socket)).decision


def _socket_witness(
    policies: Policies,
    databases: Sequence[Placement],
    own: Entry,
    flow: FlowTerm,
    verdict: Callable[[Sequence[Sequence[Policy]], Policy, Flow, Profile], bool],
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        concrete = [installed_only(read_members(model, policies, each)) for each in databases]
        socket, packet = stored_policy(model, own), read_flow(model, flow)
        facts = {
            "socket": policy_facts(socket),
            "databases": [policies_facts(members) for members in concrete],
            "flow": flow_facts(packet),
        }
        return Witness(facts, lambda profile: verdict(concrete, socket, packet, profile))

    return read


@theorem(
    name="a_matching_socket_policy_hides_the_databases",
    statement="When the policy of a socket matches, what it sends does not depend on the databases.",
    clauses=("XFRM-SOCK-001", "XFRM-OUT-001"),
    mutants={"socket_policies_are_not_asked": _socket_answer(False)},
)
def _hidden(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene, 2)
    one, two = policies.database("one"), policies.database("two")
    flow, exists = existing_flow(scene)
    own = _socket_entry(one, policies.policy("socket"))
    verdicts = [_blocked(policies, database, flow, own) for database in (one, two)]
    hypotheses = [*exists, _matches_by_clause(policies, own, flow)]
    by_databases = pairing(one, flow, int(Direction.OUT), scene.profile, scene.rules).blocks()
    instance = [
        *instance_of(scene, policies, one),
        *_printable_socket_policy(own),
        printable_policies(policies, two),
        added_in_turn(two, policies.members, scene.profile),
        negate(two.entry(policies.members[0]).installed),
        by_databases,
    ]

    def verdict(
        databases: Sequence[Sequence[Policy]], socket: Policy, packet: Flow, profile: Profile
    ) -> bool:
        first, second = (_decision(members, socket, packet, profile) for members in databases)
        return first is second

    conclusion = same(verdicts[0], verdicts[1])
    return [
        Claim(hypotheses, conclusion, instance, _socket_witness(policies, (one, two), own, flow, verdict))
    ]


@theorem(
    name="a_socket_policy_that_does_not_match_changes_nothing",
    statement="When the policy of a socket does not match, what it sends fares as that of a socket without "
    "a policy.",
    clauses=("XFRM-SOCK-001", "XFRM-OUT-001"),
    mutants={"every_socket_policy_matches": _socket_answer(True)},
)
def _not_matching(scene: Scene) -> Sequence[Claim]:
    policies = policies_of(scene, 2)
    database = policies.database()
    flow, exists = existing_flow(scene)
    own = _socket_entry(database, policies.policy("socket"))
    decided: Pairing = pairing(database, flow, int(Direction.OUT), scene.profile, policies.rules)
    exist = database.some(_is_outbound)
    hypotheses = [*exists, negate(_matches_by_clause(policies, own, flow)), exist]
    instance = [*instance_of(scene, policies, database), *_printable_socket_policy(own), decided.blocks()]

    def verdict(
        databases: Sequence[Sequence[Policy]], socket: Policy, packet: Flow, profile: Profile
    ) -> bool:
        with_policy = _decision(databases[0], socket, packet, profile)
        return with_policy is _decision(databases[0], None, packet, profile)

    conclusion = same(_blocked(policies, database, flow, own), decided.blocks())
    return [
        Claim(hypotheses, conclusion, instance, _socket_witness(policies, (database,), own, flow, verdict))
    ]


def _sub_never_searched(rules: Rules) -> Rules:
    return replace(rules, sub_is_searched=lambda profile: False)


@theorem(
    name="the_default_action_applies_only_without_a_match",
    statement="The default action decides what is sent exactly if no policy of SUB and none of MAIN matches.",
    clauses=("XFRM-DEFAULT-001", "XFRM-PAIR-001"),
    mutants={"sub_is_never_searched": _sub_never_searched},
)
def _default(scene: Scene) -> Sequence[Claim]:
    return [_with_match(scene), _without_match(scene)]


def _fate(pair: Pairing, default: DefaultAction) -> Number:
    by_policies = choose(pair.blocks(), Verdict.POLICY_BLOCK, Verdict.ACCEPT, _VERDICT_BITS)
    by_default = output_without_policy(int(default), False)
    return choose(pair.finds_nothing(), by_default, by_policies, _VERDICT_BITS)


def _default_witness(
    policies: Policies, database: Placement, flow: FlowTerm, *, matters: bool
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        members = installed_only(read_members(model, policies, database))
        packet = read_flow(model, flow)

        def holds(profile: Profile) -> bool:
            fates = [_fate_of(members, packet, profile, default) for default in DefaultAction]
            return (fates[0] is not fates[1]) is matters

        return Witness({"policies": policies_facts(members), "flow": flow_facts(packet)}, holds)

    return read


def _fate_of(members: Sequence[Policy], flow: Flow, profile: Profile, default: DefaultAction) -> Decision:
    tables = XfrmTables(installed(members, profile), defaults=DefaultActions(outbound=default))
    return decide_output(tables, flow).decision


def _with_match(scene: Scene) -> Claim:
    policies = policies_of(scene, 2)
    database = policies.database()
    flow, exists = existing_flow(scene)
    pair = pairing(database, flow, int(Direction.OUT), scene.profile, policies.rules)
    match = database.entry(policies.policy("match"))
    matching = either(pair.sub.matches(match), pair.main.matches(match))
    fates = [_fate(pair, default) for default in DefaultAction]
    instance = [*instance_of(scene, policies, database), policies.among_members(policies.policy("match"))]
    witness = _default_witness(policies, database, flow, matters=False)
    return Claim([*exists, matching], same(fates[0], fates[1]), instance, witness)


def _without_match(scene: Scene) -> Claim:
    policies = policies_of(scene, 2)
    database = policies.database()
    flow, exists = existing_flow(scene)
    pair = pairing(database, flow, int(Direction.OUT), scene.profile, policies.rules)

    def foreign(entry: Entry) -> Truth:
        return negate(either(pair.sub.matches(entry), pair.main.matches(entry)))

    fates = [_fate(pair, default) for default in DefaultAction]
    instance = instance_of(scene, policies, database)
    witness = _default_witness(policies, database, flow, matters=True)
    return Claim([*exists, database.every(foreign)], negate(same(fates[0], fates[1])), instance, witness)
