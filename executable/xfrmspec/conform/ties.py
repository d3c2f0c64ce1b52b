"""Random scenarios about seniority: policies that all match one packet, most of them of the same priority."""

from __future__ import annotations

from ipaddress import IPv6Address
from random import Random

from xfrmspec.conform.raw import stimulus
from xfrmspec.scenario.choices import Way, random_flow
from xfrmspec.scenario.terms import (
    AddPolicy,
    DeletePolicy,
    Scenario,
    SetThresholds,
    Step,
    UpdatePolicy,
)
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec_terms.policy import ANY_MARK, Action, Direction, Mark, Policy, PolicyType, identity_of
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import ANY_PROTOCOL, Address, Flow, Prefix, Selector

_DIRECTION = {Way.OUT: Direction.OUT, Way.IN: Direction.IN, Way.THROUGH: Direction.FWD}
_LENGTHS = (0, 0, 32, 64, 128, 128, 128)
_PRIORITIES = (1, 1, 1, 1, 0, 2)
_THRESHOLDS = (0, 32, 64, 65, 128)


def tie_scenario(random: Random) -> Scenario:
    """Return a history of matching policies and packets that show who was senior."""
    way = random.choice(tuple(Way))
    flow = random_flow(random, way)
    types = random.sample(tuple(PolicyType), 2)
    pool = [_policy(random, way, flow, types) for _ in range(random.randint(2, 6))]
    steps: list[Step] = [AddPolicy(policy) for policy in pool]
    for _ in range(random.choice((0, 0, 1, 2, 3))):
        steps.append(_change(random, random.choice(pool)))
    if random.random() < 0.25:
        steps.insert(random.randint(0, len(steps)), _thresholds(random))
    steps.append(stimulus(random, way, flow))
    if random.random() < 0.3:
        steps += [_change(random, random.choice(pool)), stimulus(random, way, flow)]
    return Scenario(tuple(steps))


def _policy(random: Random, way: Way, flow: Flow, types: list[PolicyType]) -> Policy:
    """Return a policy that matches; three in four are of the first type, all stand in one order."""
    selector = Selector(
        _around(random, flow.source),
        _around(random, flow.destination),
        random.choice((ANY_PROTOCOL, ANY_PROTOCOL, flow.protocol)),
        user=random.choice((0, 0, 0, 1000)),
    )
    mask = random.choice((0, 0, 0, 1, 0xFF))
    mark = Mark(flow.mark & mask, mask) if mask else ANY_MARK
    action = random.choice((Action.ALLOW, Action.ALLOW, Action.BLOCK))
    type_ = types[random.random() > 0.75]
    return Policy(selector, _DIRECTION[way], type_, action, random.choice(_PRIORITIES), mark=mark)


def _around(random: Random, address: Address) -> Prefix:
    length = random.choice(_LENGTHS)
    return Prefix(IPv6Address(int(address) >> (128 - length) << (128 - length)), length)


def _change(random: Random, policy: Policy) -> Step:
    kind = random.choices(range(4), (5, 2, 2, 1))[0]
    if kind == 0:
        return UpdatePolicy(replace(policy, priority=random.choice(_PRIORITIES)))
    if kind == 1:
        return DeletePolicy(identity_of(policy))
    if kind == 2:
        return AddPolicy(policy)
    return _thresholds(random)


def _thresholds(random: Random) -> SetThresholds:
    return SetThresholds(Thresholds(32, 32, random.choice(_THRESHOLDS), random.choice(_THRESHOLDS)))
