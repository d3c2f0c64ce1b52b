"""The reference's kernel under a recipe: operations about policies and states on the tables of a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec.host.node import Node
from xfrmspec.mipv6.recipes.terms import RecipeOperation
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    Migrate,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.xfrm import policies, state_operations
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.policies import PolicyOutcome
from xfrmspec.xfrm.state_operations import StateOutcome, key_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.state import StateRequest


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """The node after an operation, and the error number of the request; OK for what is no request."""

    node: Node
    errno: Errno = Errno.OK


@clause("XFRM-DAEMON-002")
def carry_out(node: Node, operation: RecipeOperation, now: int = 0) -> CarriedOut:
    """Carry out one operation at `now` (seconds); devices and neighbours are no part of a node's tables."""
    database, states = node.tables.policies, node.states
    match operation:
        case AddPolicy(policy):
            return _with_policies(node, policies.add(database, policy, now))
        case UpdatePolicy(policy):
            return _with_policies(node, policies.update(database, policy, now))
        case DeletePolicy(identity, index):
            return _with_policies(node, policies.delete(database, identity, index))
        case AddState(state):
            return _with_states(node, state_operations.add(states, StateRequest(state), now))
        case UpdateState(state):
            return _with_states(node, state_operations.update(states, StateRequest(state), now))
        case DeleteState(state):
            return _with_states(node, state_operations.delete(states, key_of(state)))
        case Migrate():
            return _migrated(node, operation, now)
        case _:
            return CarriedOut(node)


def carry_out_all(node: Node, operations: Sequence[RecipeOperation], now: int = 0) -> Node:
    """Carry out operations in order and pass over their error numbers, as a daemon does."""
    for operation in operations:
        node = carry_out(node, operation, now).node
    return node


def _with_policies(node: Node, outcome: PolicyOutcome) -> CarriedOut:
    tables = replace(node.tables, policies=outcome.database)
    return CarriedOut(replace(node, tables=tables), outcome.errno)


def _with_states(node: Node, outcome: StateOutcome) -> CarriedOut:
    return CarriedOut(replace(node, states=outcome.database), outcome.errno)


def _migrated(node: Node, operation: Migrate, now: int) -> CarriedOut:
    identity = operation.identity
    request = MigrationRequest(identity.selector, identity.direction, operation.entries, identity.type)
    outcome = migrate(node.tables.policies, node.states, request, now)
    tables = replace(node.tables, policies=outcome.policies)
    return CarriedOut(replace(node, tables=tables, states=outcome.states), outcome.errno)
