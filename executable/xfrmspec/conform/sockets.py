"""Random scenarios about socket policies and default actions: who decides, and what is left to others."""

from __future__ import annotations

from random import Random

from xfrmspec.conform.drawing import any_policy, any_templates
from xfrmspec.conform.raw import any_defaults, sent_headers, states_for, stimulus
from xfrmspec.scenario.choices import Way, random_flow, random_policy, random_selector
from xfrmspec.scenario.protection import Numbers, random_templates
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send, SetDefaults, Step
from xfrmspec.xfrm.policies import refusal_of
from xfrmspec_terms.policy import ANY_MARK, Action, Direction, Policy, PolicyType, Template
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Flow, Selector

_FIRST_SPI = 0x1001


def socket_scenario(random: Random) -> Scenario:
    """Return a packet with socket policies, or one under default actions, beside policies that may fit."""
    if random.random() < 0.35:
        return _default_scenario(random)
    flow = random_flow(random, Way.OUT)
    templates = random_templates(random, random.choice((0, 0, 1, 1, 2, 3, 6)), Numbers())
    steps = _around(random, flow)
    steps += [AddState(state) for state in states_for(random, flow, templates, _FIRST_SPI)]
    own = _own_policy(random, flow, Direction.OUT, templates)
    inbound = _own_policy(random, flow, Direction.IN, ()) if random.random() < 0.2 else None
    return Scenario((*steps, Send(flow, inbound, _accepted(own))), listeners=random.random() < 0.7)


def raw_sockets(random: Random) -> Scenario:
    """Return socket policies of any kind, default actions, and policies of any kind."""
    flow = random_flow(random, Way.OUT)
    steps: list[Step] = [SetDefaults(any_defaults(random))] if random.random() < 0.3 else []
    steps += [AddPolicy(any_policy(random, Direction.OUT)) for _ in range(random.randrange(3))]
    templates = any_templates(random, random.choice((0, 0, 1, 2, 6)))
    steps += [AddState(state) for state in states_for(random, flow, templates, _FIRST_SPI)]
    own = [_accepted(_expressible(any_policy(random, d, templates))) for d in (Direction.IN, Direction.OUT)]
    sending = Send(flow, own[0], own[1], sent_headers(random, flow))
    return Scenario((*steps, sending), listeners=random.random() < 0.7)


def _default_scenario(random: Random) -> Scenario:
    """Return a packet of any way under random default actions; every second has a policy that may fit."""
    way = random.choice(tuple(Way))
    flow = random_flow(random, way)
    steps: list[Step] = [SetDefaults(any_defaults(random))]
    if random.random() < 0.5:
        steps.append(AddPolicy(random_policy(random, way, flow)))
    return Scenario((*steps, stimulus(random, way, flow)))


def _around(random: Random, flow: Flow) -> list[Step]:
    """Return what the databases say to the flow, in case the socket's policy leaves it to them."""
    steps: list[Step] = [SetDefaults(any_defaults(random))] if random.random() < 0.2 else []
    for _ in range(random.randrange(3)):
        steps.append(
            AddPolicy(replace(random_policy(random, Way.OUT, flow), direction=Direction.OUT, index=0))
        )
    return steps


def _own_policy(random: Random, flow: Flow, direction: Direction, templates: tuple[Template, ...]) -> Policy:
    selector = Selector.between("::/0", "::/0")
    if random.random() < 0.5:
        selector = random_selector(random, Way.OUT, flow)
    action = Action.BLOCK if random.random() < 0.15 else Action.ALLOW
    return Policy(selector, direction, PolicyType.MAIN, action, 0, templates)


def _expressible(policy: Policy) -> Policy:
    """Return what of a policy the socket option can say: no type, mark, interface id or index."""
    return replace(policy, type=PolicyType.MAIN, mark=ANY_MARK, if_id=0, index=0)


def _accepted(policy: Policy | None) -> Policy | None:
    """Return the policy if a socket takes it: the socket option refuses what netlink refuses."""
    if policy is None or refusal_of(policy, CLEAN) is not None:
        return None
    return policy
