"""Scenarios about migration: policies and states whose ends move, and packets before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv6Address
from random import Random

from xfrmspec.conform.state_drawing import (
    OPEN,
    Cast,
    draw_cast,
    policies_of,
    variant,
    within_room,
)
from xfrmspec.scenario.choices import LOCAL, REMOTE
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    Migrate,
    Receive,
    Scenario,
    Send,
    Step,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyIdentity, PolicyType, identity_of
from xfrmspec_terms.selector import Protocol, Selector

_HERE = (*LOCAL[:3],)
_THERE = (*REMOTE[:3],)


def migration_scenario(random: Random) -> Scenario:
    """Return policies and states, one or two migrations of them, and packets after each.

    Once packets were sent no route optimisation state is moved: a copy of a larval one has no care-of
    address, and a kernel that sends a packet through it dies.
    """
    cast = draw_cast(random)
    policies = [step for step in policies_of(random, cast) if isinstance(step, AddPolicy)]
    states: list[Step] = [AddState(s) for s in (*cast.outbound, *cast.inbound) if random.random() < 0.9]
    if random.random() < 0.2:
        states.append(AddState(variant(random, random.choice(cast.outbound))))
    steps: list[Step] = [*states]
    movable = (*cast.outbound, *cast.inbound)
    for _ in range(random.choice((1, 1, 2))):
        policy = random.choice(policies).policy
        steps += [_migrate(random, movable, policy), *_packets(random, cast)]
        movable = tuple(state for state in movable if state.mode is not Mode.RO)
        if not movable:
            break
    return Scenario((*policies, *within_room(steps, len(cast.templates))), watched=True)


def _migrate(random: Random, states: Sequence[SecurityAssociation], policy: Policy) -> Step:
    drawn = random.sample(states, random.randint(1, min(3, len(states))))
    entries = tuple(_entry(random, state) for state in drawn)
    if random.random() < 0.1:
        entries = (*entries, *entries[:1])
    return Migrate(_identity(random, policy), entries)


def _identity(random: Random, policy: Policy) -> PolicyIdentity:
    identity = identity_of(policy)
    drawn = random.random()
    if drawn < 0.1:
        return replace(identity, selector=replace(identity.selector, protocol=255))
    if drawn < 0.15:
        return replace(identity, selector=Selector.between("::/0", "::/0", Protocol.UDP))
    return replace(identity, type=random.choice(tuple(PolicyType))) if drawn < 0.2 else identity


def _entry(random: Random, state: SecurityAssociation) -> Migration:
    """Return an entry that moves one end or both, now and then of something that is not there."""
    here, there = (_HERE, _THERE) if state.source in LOCAL else (_THERE, _HERE)
    source = random.choice(here) if random.random() < 0.6 else IPv6Address(int(state.source))
    destination = random.choice(there) if random.random() < 0.5 else IPv6Address(int(state.destination))
    entry = Migration(
        state.source,
        state.destination,
        source,
        destination,
        state.protocol,
        state.mode,
        state.reqid if random.random() < 0.7 else 0,
    )
    return _spoilt(random, entry) if random.random() < 0.15 else entry


def _spoilt(random: Random, entry: Migration) -> Migration:
    kind = random.randrange(4)
    if kind == 0:
        return replace(entry, new_source=IPv6Address(0))
    if kind == 1:
        return replace(entry, mode=random.choice((Mode.TRANSPORT, Mode.TUNNEL)))
    if kind == 2:
        return replace(entry, reqid=7)
    return replace(entry, old_source=random.choice((*_HERE, *_THERE)))


def _packets(random: Random, cast: Cast) -> list[Step]:
    """Return packets of the old flows: what moved does not carry them all any more."""
    if random.random() < 0.7:
        return [Send(cast.out)]
    return [Receive(cast.inward, cast.inbound)]


def raw_migrations(random: Random) -> Scenario:
    """Return migrations drawn with no thought of what there is to migrate."""
    cast = draw_cast(random)
    policy = Policy(OPEN, random.choice((Direction.OUT, Direction.IN)), templates=cast.templates)
    entries = tuple(
        Migration(
            random.choice(_HERE),
            random.choice(_THERE),
            random.choice(_HERE) if random.random() < 0.9 else IPv6Address(0),
            random.choice(_THERE),
            random.choice((Protocol.ESP, Protocol.AH, Protocol.DESTINATION_OPTIONS)),
            random.choice((Mode.TRANSPORT, Mode.TUNNEL, Mode.RO)),
            random.choice((0, 0, 1)),
        )
        for _ in range(random.choice((1, 2, 3, 6, 7)))
    )
    states: list[Step] = [AddState(state) for state in cast.outbound]
    return Scenario((AddPolicy(policy), *states, Migrate(identity_of(policy), entries)), watched=True)
