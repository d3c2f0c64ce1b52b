"""Migration of policies and states, by example."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from state_builders import ESP, EVERYWHERE, HAO, A, B, C, D, holding, used

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.migrate import MigrationOutcome, migrate
from xfrmspec.xfrm.policies import add as add_policy
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.migration import Migration, MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Limits, Mode, Policy, Template
from xfrmspec_terms.selector import PortMatch, Protocol
from xfrmspec_terms.state import (
    StateEventKind,
)

TUNNEL = replace(ESP, mode=Mode.TUNNEL, spi=0x200)
MOVE = Migration(A, B, A, C, Protocol.ESP, Mode.TUNNEL, 7)
TUNNELLED = Policy(EVERYWHERE, Direction.OUT, templates=(Template(Protocol.ESP, Mode.TUNNEL, A, B, reqid=7),))


def migrated(states: StateDatabase, *entries: Migration, **changes: object) -> MigrationOutcome:
    policies = add_policy(PolicyDatabase(), TUNNELLED).database
    request = MigrationRequest(EVERYWHERE, Direction.OUT, entries or (MOVE,))
    return migrate(policies, states, replace(request, **changes), 50)  # type: ignore[arg-type]


@pytest.mark.clause("XFRM-MIGR-001", "XFRM-MIGR-004", "XFRM-MIGR-006")
def test_a_migration_moves_tunnel_ends_and_states_and_nothing_else() -> None:
    states = used(holding(replace(TUNNEL, limits=Limits(soft_packets=1))), 3)
    outcome = migrated(states)
    (policy,), (copy,) = outcome.policies, outcome.states
    assert policy.policy.templates[0].destination == C
    assert policy.generation == 1
    assert policy.policy.selector == EVERYWHERE
    assert copy.association == replace(states.entries[0].association, destination=C, dying=False)
    assert (copy.packets, copy.octets, copy.generation) == (3, 300, 0)
    assert [event.kind for event in outcome.events] == [StateEventKind.MIGRATE]


@pytest.mark.clause("XFRM-MIGR-002")
def test_malformed_migrations_are_refused() -> None:
    assert migrated(holding(), direction=3).errno is Errno.EINVAL
    assert migrated(holding(), entries=()).errno is Errno.EINVAL
    assert migrated(holding(), *(replace(MOVE, reqid=n) for n in range(7))).errno is Errno.EINVAL
    assert migrated(holding(), MOVE, replace(MOVE, new_source=D)).errno is Errno.EINVAL
    assert migrated(holding(), replace(MOVE, new_source=IPv6Address(0))).errno is Errno.EINVAL


@pytest.mark.clause("XFRM-MIGR-003")
def test_protocol_255_names_a_policy_of_any_protocol_and_0_only_one_without() -> None:
    udp = replace(TUNNELLED, selector=replace(EVERYWHERE, protocol=17, destination_port=PortMatch.exactly(9)))
    policies = add_policy(PolicyDatabase(), udp).database
    request = MigrationRequest(EVERYWHERE, Direction.OUT, (MOVE,))
    assert migrate(policies, StateDatabase(), request).errno is Errno.ENOENT
    any_upper = replace(request, selector=replace(EVERYWHERE, protocol=255))
    assert migrate(policies, StateDatabase(), any_upper).errno is Errno.OK
    assert migrate(policies, StateDatabase(), replace(any_upper, direction=0)).errno is Errno.ENOENT


@pytest.mark.clause("XFRM-MIGR-004")
def test_a_copy_that_collides_undoes_the_migration() -> None:
    states = holding(TUNNEL, replace(TUNNEL, destination=C))
    outcome = migrated(states)
    assert outcome.errno is Errno.ENODATA
    assert outcome.states.entries == states.entries
    assert outcome.policies.orders[1][0].policy.templates == TUNNELLED.templates
    same_destination = replace(MOVE, new_source=D, new_destination=B)
    assert migrated(holding(TUNNEL), same_destination).errno is Errno.OK


@pytest.mark.clause("XFRM-MIGR-005")
def test_route_optimisation_templates_never_migrate() -> None:
    template = Template(HAO.protocol, Mode.RO)
    policies = add_policy(PolicyDatabase(), replace(TUNNELLED, templates=(template,))).database
    entry = Migration(A, B, A, C, HAO.protocol, Mode.RO)
    states = holding(HAO)
    outcome = migrate(policies, states, MigrationRequest(EVERYWHERE, Direction.OUT, (entry,)))
    assert (outcome.errno, outcome.events) == (Errno.ENODATA, ())
    assert [e.association for e in outcome.states] == [HAO]
