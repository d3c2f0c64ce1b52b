"""Theorems about the whole inbound decision: blocks, state selectors, no policy at all, a single policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.tables import DefaultActions, XfrmTables
from xfrmspec_model import matching
from xfrmspec_model.check import (
    Check,
    PolicyTerm,
    accepts,
    judged,
    judged_with_states,
    judged_without_policy,
)
from xfrmspec_model.folding import (
    Truth,
    alike,
    all_of,
    among,
    any_of,
    at_most,
    bits,
    both,
    choose_truth,
    implies,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.matching import SecPathTerm
from xfrmspec_model.rules import Rules
from xfrmspec_model.selectors import FlowTerm, unknown_flow, well_formed_flow, well_formed_selector
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import (
    StateTerm,
    instantiable,
    storable_template,
    unknown_state,
    unknown_template,
)
from xfrmspec_proofs.facts import flow_facts, policy_facts, selector_facts, state_facts
from xfrmspec_proofs.replay import installed
from xfrmspec_proofs.theorem import Claim, Json, Scene, Witness, theorem
from xfrmspec_proofs.witness import (
    number,
    printable_flow,
    printable_selector,
    printable_state,
    printable_template,
    read_flow,
    read_selector,
    read_state,
    read_template,
    truth,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, DefaultAction, Direction, Mode, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow, Protocol, Selector

_TEMPLATES = 2
_STATES = 3
_MOST_STATES = 6
_ONE_LIST = 4
_LENGTH_BITS = 4
_ACTION_BITS = 2
_ANYONE = Selector.between("::/0", "::/0")
_ANY_FLOW = Flow(_ANYONE.source.address, _ANYONE.destination.address, Protocol.UDP)
_KINDS = (PolicyType.SUB, PolicyType.MAIN)

Parts = tuple[list[Truth], list[Truth]]
"""That the parts of a claim exist, and that they print well."""


def _policy(scene: Scene, name: str, templates: int = _TEMPLATES) -> tuple[PolicyTerm, Parts]:
    wanted = tuple(unknown_template(scene.context, f"{name}{index}") for index in range(templates))
    exist = [storable_template(template) for template in wanted]
    small = [part for template in wanted for part in printable_template(template)]
    return PolicyTerm(unknown_truth(scene.context, f"{name}.allows"), wanted), (exist, small)


def _path(scene: Scene, states: int, with_selector: bool = False) -> tuple[SecPathTerm, Parts]:
    used = tuple(unknown_state(scene.context, f"s{index}", with_selector) for index in range(states))
    length = bits(scene.context, "length", _LENGTH_BITS)
    exist = [*map(_exists, used), at_most(length, states)]
    small = [part for state in used for part in printable_state(state)]
    return SecPathTerm(used, length), (exist, small)


def _exists(state: StateTerm) -> Truth:
    """Tell whether a state can exist; the kernel's own ones are tunnels."""
    tunnel = same(state.mode, Mode.TUNNEL)
    return both(instantiable(state.protocol, state.mode), implies(state.internal, tunnel))


def _read_policy(model: Model, policy: PolicyTerm, kind: PolicyType) -> Policy:
    action = Action.ALLOW if truth(model, policy.allows) else Action.BLOCK
    templates = tuple(read_template(model, template) for template in policy.templates)
    return Policy(_ANYONE, Direction.IN, kind, action, templates=templates)


def _read_path(model: Model, path: SecPathTerm) -> list[SecurityAssociation]:
    states = path.states[: number(model, path.length)]
    return [_with_selector(model, state) for state in states]


def _with_selector(model: Model, state: StateTerm) -> SecurityAssociation:
    selector = None if state.selector is None else read_selector(model, state.selector)
    return replace(read_state(model, state), selector=selector)


def _path_facts(path: Sequence[SecurityAssociation]) -> list[Json]:
    return [
        state_facts(state) | ({"selector": selector_facts(state.selector)} if state.selector else {})
        for state in path
    ]


def _refusal(
    policies: Sequence[tuple[PolicyTerm, PolicyType]], path: SecPathTerm, flow: FlowTerm | None = None
) -> Callable[[Model], Witness]:
    """Replay a packet at installed policies; the claim's conclusion is that it is refused."""

    def read(model: Model) -> Witness:
        stored = [_read_policy(model, policy, kind) for policy, kind in policies]
        states = _read_path(model, path)
        packet = _ANY_FLOW if flow is None else read_flow(model, flow)

        def holds(profile: Profile) -> bool:
            tables = XfrmTables(policies=installed(stored, profile))
            return not decide_input(tables, packet, states).accepted

        facts = {
            "policies": [policy_facts(policy) for policy in stored],
            "sec_path": _path_facts(states),
            "flow": flow_facts(packet),
        }
        return Witness(facts, holds)

    return read


def _main_never_asked(rules: Rules) -> Rules:
    return replace(rules, main_is_consulted=lambda direction, primary_allows: False)


@theorem(
    name="a_block_refuses_whatever_is_received_up_to_two_templates_each_and_three_states",
    statement="A received packet whose SUB or MAIN policy blocks is refused, whatever their templates ask "
    "for and whatever was done to it.",
    clauses=("XFRM-CHECK-005", "XFRM-CHECK-001"),
    mutants={"main_is_not_asked_behind_sub": _main_never_asked},
)
def _block(scene: Scene) -> Sequence[Claim]:
    (sub, of_sub), (main, of_main) = _policy(scene, "sub"), _policy(scene, "main")
    path, of_path = _path(scene, _STATES)
    exist, small = ([*a, *b, *c] for a, b, c in zip(of_sub, of_main, of_path, strict=True))
    verified, if_id = bits(scene.context, "verified", _LENGTH_BITS), bits(scene.context, "if_id", 32)
    pair = Check(sub, main, path, verified, if_id, scene.profile, rules=scene.rules)
    asked = scene.rules.main_is_consulted(Direction.IN, sub.allows)
    accepted = choose_truth(asked, accepts(judged(pair)), accepts(judged(replace(pair, main=None))))
    blocked = negate(both(sub.allows, main.allows))
    small = [*small, sub.allows, same(verified, 0), same(if_id, 0)]
    witness = _refusal(list(zip((sub, main), _KINDS, strict=True)), path)
    return [Claim([*exist, blocked], negate(accepted), small, witness)]


def _state_selectors_ignored(rules: Rules) -> Rules:
    return replace(rules, state_selector_fits=lambda state, flow, profile: True)


@theorem(
    name="a_state_used_for_a_flow_outside_its_selector_refuses_up_to_three_states",
    statement="A packet is refused when one of its states has a selector that does not match the flow, "
    "whatever the policies say, and when there are none.",
    clauses=("XFRM-CHECK-003",),
    mutants={"state_selectors_are_ignored": _state_selectors_ignored},
)
def _state_selector(scene: Scene) -> Sequence[Claim]:
    return [_with_policies(scene, count) for count in (2, 1, 0)]


def _with_policies(scene: Scene, count: int) -> Claim:
    made = [_policy(scene, kind.name, 1) for kind in _KINDS[len(_KINDS) - count :]]
    path, (exist, small) = _path(scene, _STATES, with_selector=True)
    flow = unknown_flow(scene.context)
    for _, (more, print_well) in made:
        exist, small = exist + more, small + print_well
    selectors = [state.selector for state in path.states if state.selector is not None]
    exist += [well_formed_flow(flow), *map(well_formed_selector, selectors)]
    small += [*printable_flow(flow), *(part for each in selectors for part in printable_selector(each))]
    small += [policy.allows for policy, _ in made]
    outside = any_of(
        both(path.holds(index), negate(matching.state_selector_fits(state, flow, scene.profile)))
        for index, state in enumerate(path.states)
    )
    policies = [policy for policy, _ in made]
    sub, main = ([None, None, *policies])[-2:]
    verified = bits(scene.context, "verified", _LENGTH_BITS)
    small += [same(verified, 0)]
    check = Check(sub, main, path, verified, flow.if_id, scene.profile, rules=scene.rules)
    refused = negate(accepts(judged_with_states(check, flow)))
    witness = _refusal(list(zip(policies, _KINDS[len(_KINDS) - count :], strict=True)), path, flow)
    return Claim([*exist, outside], refused, small, witness)


def _every_state_is_welcome(rules: Rules) -> Rules:
    verdict = rules.input_without_policy
    return replace(rules, input_without_policy=lambda default_action, suspect: verdict(default_action, False))


def _default_action_ignored(rules: Rules) -> Rules:
    verdict, accept = rules.input_without_policy, int(DefaultAction.ACCEPT)
    return replace(rules, input_without_policy=lambda default_action, suspect: verdict(accept, suspect))


@theorem(
    name="without_a_policy_exactly_transport_states_pass_up_to_six_states",
    statement="A received packet that no policy matches is accepted exactly if the default action accepts "
    "and every state of its sec_path is of mode transport.",
    clauses=("XFRM-CHECK-004", "XFRM-DEFAULT-001"),
    mutants={
        "every_state_is_welcome": _every_state_is_welcome,
        "the_default_action_is_ignored": _default_action_ignored,
    },
)
def _no_policy(scene: Scene) -> Sequence[Claim]:
    path, (exist, small) = _path(scene, _MOST_STATES)
    default = bits(scene.context, "default", _ACTION_BITS)
    check = Check(None, None, path, 0, 0, scene.profile, default_action=default, rules=scene.rules)
    harmless = all_of(
        implies(path.holds(index), same(state.mode, Mode.TRANSPORT))
        for index, state in enumerate(path.states)
    )
    expected = both(same(default, DefaultAction.ACCEPT), harmless)

    def read(model: Model) -> Witness:
        states, action = _read_path(model, path), DefaultAction(number(model, default))

        def holds(profile: Profile) -> bool:
            tables = XfrmTables(policies=installed([], profile), defaults=DefaultActions(inbound=action))
            transport_only = all(state.mode is Mode.TRANSPORT for state in states)
            wanted = action is DefaultAction.ACCEPT and transport_only
            return decide_input(tables, _ANY_FLOW, states).accepted is wanted

        return Witness({"default_action": action.name.lower(), "sec_path": _path_facts(states)}, holds)

    hypotheses = [*exist, among(default, sorted(DefaultAction))]
    conclusion = alike(accepts(judged_without_policy(check)), expected)
    return [Claim(hypotheses, conclusion, [*small, less(1, path.length)], read)]


def _everything_is_a_barrier(rules: Rules) -> Rules:
    return replace(rules, is_final_barrier=lambda state, index, start: True)


@theorem(
    name="a_single_policy_is_checked_from_its_last_template_up_to_four_templates",
    statement="A policy that is not one of a pair accepts states that satisfy its required templates from "
    "the last to the first, whatever their kinds.",
    clauses=("XFRM-SORT-001", "XFRM-CHECK-006", "XFRM-CHECK-010"),
    mutants={"states_that_were_met_are_barriers": _everything_is_a_barrier},
)
def _single(scene: Scene) -> Sequence[Claim]:
    return [_reverse_order(scene, count) for count in range(_ONE_LIST, 0, -1)]


def _reverse_order(scene: Scene, count: int) -> Claim:
    policy, check, exist, small = _single_policy(scene, count)
    wanted, used = policy.templates, check.path.states
    met = [matching.satisfies(*pair, 0) for pair in zip(reversed(wanted), used, strict=True)]
    varied = [negate(same(wanted[0].mode, wanted[-1].mode))] if count > 1 else []
    witness = _acceptance(policy, check.path, accepted=True)
    return Claim([*exist, *met], accepts(judged(check)), [*small, *varied], witness)


def _transport_templates_skipped(rules: Rules) -> Rules:
    return replace(rules, consumes_nothing=lambda template: same(template.mode, Mode.TRANSPORT))


@theorem(
    name="a_single_policy_of_two_templates_is_not_sorted",
    statement="A policy that is not one of a pair, of two required templates, refuses an outer state of "
    "another mode than transport that satisfies its first template only.",
    clauses=("XFRM-SORT-001", "XFRM-CHECK-010"),
    mutants={"transport_templates_consume_nothing": _transport_templates_skipped},
)
def _stored_order(scene: Scene) -> Sequence[Claim]:
    policy, check, exist, small = _single_policy(scene, 2)
    first, last = policy.templates
    outer, inner = check.path.states
    met = [matching.satisfies(first, outer, 0), negate(matching.satisfies(last, outer, 0))]
    small = [*small, matching.satisfies(last, inner, 0), same(last.mode, Mode.TRANSPORT)]
    witness = _acceptance(policy, check.path, accepted=False)
    hypotheses = [*exist, *met, negate(same(outer.mode, Mode.TRANSPORT))]
    return [Claim(hypotheses, negate(accepts(judged(check))), small, witness)]


def _single_policy(scene: Scene, count: int) -> tuple[PolicyTerm, Check, list[Truth], list[Truth]]:
    """Return an allowing MAIN policy of required templates, and a packet with as many states."""
    policy, (exist, small) = _policy(scene, "main", count)
    path, (more, print_well) = _path(scene, count)
    required = [negate(template.optional) for template in policy.templates]
    all_there = same(path.length, count)
    check = Check(None, policy, path, 0, 0, scene.profile, rules=scene.rules)
    return policy, check, [*exist, *more, *required, policy.allows, all_there], small + print_well


def _acceptance(policy: PolicyTerm, path: SecPathTerm, *, accepted: bool) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        refusal = _refusal([(policy, PolicyType.MAIN)], path)(model)
        return replace(refusal, holds=lambda profile: refusal.holds(profile) is not accepted)

    return read
