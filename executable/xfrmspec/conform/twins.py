"""Random scenarios about identity: policies that differ in one part of it, or in nothing but their index."""

from __future__ import annotations

from ipaddress import IPv6Address
from random import Random

from xfrmspec.conform.raw import stimulus
from xfrmspec.scenario.choices import DIRECTIONS, Way, random_flow
from xfrmspec.scenario.terms import AddPolicy, DeletePolicy, Scenario, Step, UpdatePolicy
from xfrmspec_terms.policy import ANY_MARK, Action, Mark, Policy, PolicyType, identity_of
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import ANY_PROTOCOL, Prefix, Selector

_FIRST_INDEX = 1 << 30


def twin_scenario(random: Random) -> Scenario:
    """Return operations on a policy and on near copies of it, named by identity and by index."""
    way = random.choice(tuple(Way))
    flow = random_flow(random, way)
    source, destination = (Prefix(IPv6Address(int(end)), 64) for end in (flow.source, flow.destination))
    direction = random.choice(DIRECTIONS[way])
    mark = random.choice((ANY_MARK, Mark(1, 1)))
    action, index = random.choice(tuple(Action)), random.choice((0, _FIRST_INDEX + direction))
    first = Policy(
        Selector(source, destination, ANY_PROTOCOL),
        direction,
        PolicyType.MAIN,
        action,
        1,
        mark=mark,
        index=index,
    )
    pool = [first, *(_twin(random, first) for _ in range(random.randint(1, 3)))]
    steps: list[Step] = [AddPolicy(policy) for policy in pool]
    steps += [_operation(random, pool) for _ in range(random.randint(1, 3))]
    return Scenario((*steps, stimulus(random, way, flow)))


def _twin(random: Random, policy: Policy) -> Policy:
    """Return a policy that differs in one part; parts that are no part of the identity are among them."""
    selector, mark = policy.selector, policy.mark
    host = Prefix(IPv6Address(int(selector.source.address) ^ 1), selector.source.length)
    changes: tuple[Policy, ...] = (
        replace(policy, selector=replace(selector, source=host)),
        replace(policy, selector=replace(selector, destination=replace(selector.destination, length=48))),
        replace(policy, selector=replace(selector, ifindex=2)),
        replace(policy, selector=replace(selector, user=1000)),
        replace(policy, mark=Mark(mark.value | 0x100, mark.mask)),
        replace(policy, mark=Mark(mark.value, mark.mask | 2)),
        replace(policy, if_id=1),
        replace(policy, type=PolicyType.SUB),
        replace(policy, priority=2, action=Action(1 - policy.action)),
        replace(policy, index=_FIRST_INDEX + 8 + policy.direction),
    )
    return random.choice(changes)


def _operation(random: Random, pool: list[Policy]) -> Step:
    """Return an update, or a deletion in which index and identity need not be of the same policy."""
    policy, other = random.choice(pool), random.choice(pool)
    if random.random() < 0.4:
        return UpdatePolicy(replace(policy, index=other.index, action=Action(1 - policy.action)))
    return DeletePolicy(identity_of(policy), random.choice((0, other.index, other.index)))
