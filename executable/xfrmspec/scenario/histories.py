"""Random scenarios about policies: histories of operations, then packets that look the result up."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from xfrmspec.scenario.choices import (
    PRIORITIES,
    Way,
    random_flow,
    random_policy,
)
from xfrmspec.scenario.terms import (
    AddPolicy,
    DeletePolicy,
    FlushPolicies,
    Operation,
    Receive,
    Scenario,
    Send,
    SetDefaults,
    SetThresholds,
    Stimulus,
    UpdatePolicy,
)
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Action, DefaultAction, Policy, PolicyType, identity_of
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Flow, Protocol

_MOST_OPERATIONS = 12
_EXTENSIONS: tuple[tuple[Header, ...], ...] = (
    (),
    (),
    (),
    (Header.HOP_BY_HOP,),
    (Header.DESTINATION_OPTIONS,),
    (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS),
)


def lookup_scenario(random: Random) -> Scenario:
    """Return a history of policy operations and one or two packets, all ways through the node."""
    way = random.choice(tuple(Way))
    flow = random_flow(random, way)
    pool = [random_policy(random, way, flow) for _ in range(random.randint(1, 6))]
    steps: list[Operation | Stimulus] = []
    for _ in range(random.randint(1, _MOST_OPERATIONS)):
        steps.append(_operation(random, random.choice(pool)))
    if random.random() < 0.1:
        steps.insert(random.randrange(len(steps) + 1), _defaults(random))
    steps.append(_stimulus(random, way, flow))
    if random.random() < 0.3:
        steps.append(_operation(random, random.choice(pool)))
        steps.append(_stimulus(random, way, flow))
    return Scenario(tuple(steps))


def lookup_scenarios(seed: int) -> Iterator[Scenario]:
    """Return an endless sequence of lookup scenarios that a seed determines."""
    random = Random(seed)
    while True:
        yield lookup_scenario(random)


def _operation(random: Random, policy: Policy) -> Operation:
    draw = random.random()
    if draw < 0.45:
        return AddPolicy(
            replace(policy, priority=random.choice((policy.priority, random.choice(PRIORITIES))))
        )
    if draw < 0.75:
        changed = replace(policy, priority=random.choice(PRIORITIES), action=random.choice(tuple(Action)))
        return UpdatePolicy(changed)
    if draw < 0.93:
        return _deletion(random, policy)
    if draw < 0.98:
        return FlushPolicies(random.choice(tuple(PolicyType)))
    bits = random.choice((128, 64, 48, 0))
    return SetThresholds(Thresholds(32, 32, bits, random.choice((bits, 128, 32))))


def _deletion(random: Random, policy: Policy) -> Operation:
    identity = identity_of(policy)
    if random.random() < 0.1:
        identity = replace(identity, type=PolicyType(1 - identity.type))
    return DeletePolicy(identity, policy.index if random.random() < 0.7 else 0)


def _defaults(random: Random) -> Operation:
    actions = (random.choice(tuple(DefaultAction)) for _ in range(3))
    return SetDefaults(DefaultActions(*actions))


def _stimulus(random: Random, way: Way, flow: Flow) -> Stimulus:
    other = flow if random.random() < 0.8 else random_flow(random, way)
    if way is Way.OUT:
        return Send(other)
    extensions = random.choice(_EXTENSIONS)
    if other.protocol == Protocol.MOBILITY and random.random() < 0.5:
        extensions = ()
    return Receive(other, extensions)
