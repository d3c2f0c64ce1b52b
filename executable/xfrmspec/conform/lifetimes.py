"""Scenarios about limits: states that packets use up, and objects whose time runs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from xfrmspec.conform.state_drawing import Cast, draw_cast, policies_of, received, within_room
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    Scenario,
    Send,
    Step,
    UpdatePolicy,
    UpdateState,
    Wait,
)
from xfrmspec_terms.policy import Limits, Policy

_PACKETS = (None, None, 0, 1, 2, 3)
_OCTETS = (None, None, None, 0, 1, 320, 321, 340, 360, 641, 720, 1000)
_SECONDS = (0, 0, 1, 2, 3)


def lifetime_scenario(random: Random) -> Scenario:
    """Return states with limits of packets and octets, and more packets than some of them carry."""
    cast = draw_cast(random)
    states = [*cast.outbound, *cast.inbound]
    steps = policies_of(random, cast)
    limited: list[Step] = [
        AddState(replace(state, limits=_sizes(random))) for state in states if random.random() < 0.95
    ]
    packets = list(_packets(random, cast, random.randint(3, 6)))
    if random.random() < 0.3:
        state = random.choice(states)
        place = random.randint(1, len(packets))
        packets.insert(place, UpdateState(replace(state, limits=_sizes(random))))
    listeners = random.random() < 0.8
    steps += limited + packets
    return Scenario(_fitted(steps, cast), listeners=listeners, watched=True)


def _sizes(random: Random) -> Limits:
    if random.random() < 0.3:
        return Limits()
    soft_octets, hard_octets = random.choice(_OCTETS), random.choice(_OCTETS)
    return Limits(soft_octets, hard_octets, random.choice(_PACKETS), random.choice(_PACKETS))


def _packets(random: Random, cast: Cast, count: int) -> Iterator[Step]:
    for _ in range(count):
        yield Send(cast.out) if random.random() < 0.6 else received(random, cast)


def _fitted(steps: list[Step], cast: Cast) -> tuple[Step, ...]:
    """Every packet that finds its states used up may leave a larval state for each template."""
    policies = [step for step in steps if isinstance(step, AddPolicy)]
    others: list[Step] = [step for step in steps if not isinstance(step, AddPolicy)]
    return (*policies, *within_room(others, 1 if len(cast.templates) == 1 else 2))


def raw_lifetimes(random: Random) -> Scenario:
    """Return one kind of state with limits of all kinds at once, updated and used in any order."""
    cast = draw_cast(random, 1)
    state = random.choice((*cast.outbound, *cast.inbound))
    steps = policies_of(random, cast)
    for _ in range(random.randint(3, 6)):
        drawn = random.random()
        if drawn < 0.5:
            steps += _packets(random, cast, 1)
        else:
            kind = AddState if drawn < 0.75 else UpdateState
            steps.append(kind(replace(state, limits=_any_limits(random))))
    return Scenario(_fitted(steps, cast), watched=True)


def _any_limits(random: Random) -> Limits:
    sizes = tuple(random.choice((None, 0, 1, 2, 320, 1 << 40)) for _ in range(4))
    seconds = tuple(random.choice((0, 0, 1000, 2000)) for _ in range(4))
    return _limits(sizes, seconds)


def _limits(sizes: tuple[int | None, ...], seconds: tuple[int, ...]) -> Limits:
    soft_octets, hard_octets, soft_packets, hard_packets = sizes
    soft_add, hard_add, soft_use, hard_use = seconds
    return Limits(
        soft_octets, hard_octets, soft_packets, hard_packets, soft_add, hard_add, soft_use, hard_use
    )


def time_scenario(random: Random) -> Scenario:
    """Return policies, states and questions with limits of seconds, packets, and one or two waits."""
    cast = draw_cast(random)
    steps = [_timed_policy(random, step) for step in policies_of(random, cast)]
    for state in (*cast.outbound, *cast.inbound):
        if random.random() < 0.85:
            steps.append(AddState(replace(state, limits=_seconds(random))))
    later = [*_packets(random, cast, random.randint(0, 2)), _wait(random)]
    later += _packets(random, cast, random.randint(1, 2))
    if random.random() < 0.5:
        later += _changes(random, cast, steps)
        later += [_wait(random), *_packets(random, cast, 1)]
    fitted = _fitted([*steps, *later], cast)
    if not any(isinstance(step, Wait) for step in fitted):
        fitted = (*fitted, _wait(random))
    seconds = random.choice((1, 2, 3, 3600))
    return Scenario(fitted, listeners=random.random() < 0.9, watched=True, acquire_seconds=seconds)


def _wait(random: Random) -> Wait:
    return Wait(random.choice((1, 1, 2, 2, 3)))


def _seconds(random: Random) -> Limits:
    sizes = (None, None, None, random.choice((None, None, 1, 2)))
    return _limits(sizes, tuple(random.choice(_SECONDS) for _ in range(4)))


def _timed_policy(random: Random, step: Step) -> Step:
    if not isinstance(step, AddPolicy) or random.random() < 0.3:
        return step
    return AddPolicy(replace(step.policy, limits=_seconds(random)))


def _changes(random: Random, cast: Cast, steps: list[Step]) -> Iterator[Step]:
    if random.random() < 0.5:
        state = random.choice((*cast.outbound, *cast.inbound))
        yield UpdateState(replace(state, limits=_seconds(random)))
    policies: list[Policy] = [step.policy for step in steps if isinstance(step, AddPolicy)]
    if random.random() < 0.3:
        yield UpdatePolicy(replace(random.choice(policies), limits=_seconds(random)))


def raw_time(random: Random) -> Scenario:
    """Return objects whose limits of all kinds are drawn without thought, and a wait behind every change."""
    cast = draw_cast(random, 1)
    state = random.choice((*cast.outbound, *cast.inbound))
    steps = [_timed_policy(random, step) for step in policies_of(random, cast)]
    for kind in (AddState, UpdateState):
        sizes = tuple(random.choice((None, 0, 1, 320)) for _ in range(4))
        seconds = tuple(random.choice((0, 1, 2, 3, 4)) for _ in range(4))
        steps.append(kind(replace(state, limits=_limits(sizes, seconds))))
        steps += [*_packets(random, cast, 1), _wait(random)]
    return Scenario(tuple(steps), watched=True, acquire_seconds=random.choice((1, 2)))
