"""Scenarios about remembered decisions: sockets that stay, and changes that should end what they remember."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from xfrmspec.conform.cache_drawing import (
    FLOWS,
    POLICY_KINDS,
    STATE_KINDS,
    Kinds,
    Stage,
    drawn_change,
    drawn_policy,
    drawn_stage,
)
from xfrmspec.conform.drawing import any_policy, any_templates
from xfrmspec.conform.raw import states_for
from xfrmspec.scenario.terms import AddPolicy, AddState, Open, Scenario, Send, SendOn, Step
from xfrmspec.xfrm.policies import refusal_of
from xfrmspec_terms.policy import ANY_MARK, Direction, Policy, PolicyType
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.selector import Flow

_MOST_CHANGES = 6
_FRESH_PORT = 4021
_SECOND_PORT = 4010


def cache_scenario(random: Random) -> Scenario:
    """Return changes of policies and states among packets of a socket that stays and of fresh ones."""
    stage = drawn_stage(random)
    kept = [AddState(state) for state in stage.states if random.random() < 0.85]
    steps: list[Step] = [*map(AddPolicy, stage.policies), *kept]
    random.shuffle(steps)
    return _scenario(random, stage, steps, POLICY_KINDS + STATE_KINDS)


def policy_cache_scenario(random: Random) -> Scenario:
    """Return the same with policies that transform nothing: what a kernel without states can do."""
    plain = tuple(replace(drawn_policy(random), templates=()) for _ in range(random.randint(1, 3)))
    stage = Stage(plain, ())
    return _scenario(random, stage, list(map(AddPolicy, plain)), POLICY_KINDS)


def raw_cached_policies(random: Random) -> Scenario:
    """Return the same with selectors, marks and types drawn from whole types."""
    drawn = [any_policy(random, Direction.OUT) for _ in range(random.randint(1, 3))]
    stored = tuple(policy for policy in drawn if refusal_of(policy, CLEAN) is None)
    stage = Stage(stored or (replace(drawn_policy(random), templates=()),), ())
    return _scenario(random, stage, list(map(AddPolicy, stage.policies)), POLICY_KINDS)


def _scenario(random: Random, stage: Stage, before: list[Step], kinds: Kinds) -> Scenario:
    flow = FLOWS[0] if random.random() < 0.9 else FLOWS[1]
    own = _own_policy(random, stage) if random.random() < 0.12 else None
    steps: list[Step] = [*before, Open(1, flow, outbound=own)]
    if random.random() < 0.7:
        steps.append(SendOn(1))
    for _ in range(random.randint(1, _MOST_CHANGES)):
        steps.append(drawn_change(random, stage, kinds))
        steps += _packets(random, own)
    return Scenario((*steps, SendOn(1)), listeners=random.random() < 0.9, watched=random.random() < 0.3)


def _packets(random: Random, own: Policy | None) -> list[Step]:
    kind = random.random()
    if kind < 0.55:
        return [SendOn(1)]
    if kind < 0.65:
        return [SendOn(1), Send(_from_port(FLOWS[0], _FRESH_PORT), outbound=own)]
    if kind < 0.72:
        return [Send(_from_port(random.choice(FLOWS), _FRESH_PORT))]
    if kind < 0.78:
        number = random.choice((1, 2))
        return [Open(number, _from_port(random.choice(FLOWS), _SECOND_PORT + number)), SendOn(number)]
    return []


def _from_port(flow: Flow, port: int) -> Flow:
    """No two sockets have the same port."""
    return replace(flow, source_slot=port)


def _own_policy(random: Random, stage: Stage) -> Policy:
    """Return what of a policy the socket option can say."""
    policy = random.choice(stage.policies)
    return replace(policy, type=PolicyType.MAIN, priority=0, mark=ANY_MARK, if_id=0, index=0)


def raw_caches(random: Random) -> Scenario:
    """Return changes of a stage whose policies and states are drawn from whole types."""
    flow = replace(random.choice(FLOWS), mark=random.choice((0, 0, 1)))
    templates = any_templates(random, random.choice((0, 1, 1, 2, 3)))
    cut = random.randint(0, len(templates))
    policies = [any_policy(random, Direction.OUT, part) for part in (templates[:cut], templates[cut:])]
    stored = tuple(policy for policy in policies if refusal_of(policy, CLEAN) is None) or (
        drawn_policy(random),
    )
    states = tuple(states_for(random, flow, templates, 0x1001))
    steps: list[Step] = [*map(AddPolicy, stored), *map(AddState, states)]
    return _scenario(random, Stage(stored, states), steps, POLICY_KINDS + STATE_KINDS)
