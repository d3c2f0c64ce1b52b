"""The reference's kernel under a recipe: operations about policies and states on the tables of a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec.host.node import Node
from xfrmspec.interfaces.netlink_commands import operate as operate_on_policies
from xfrmspec.interfaces.netlink_states import operate as operate_on_states
from xfrmspec.mipv6.recipes.terms import RecipeOperation
from xfrmspec.scenario.requests import command_of, migration_of
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    Migrate,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.xfrm.migrate import migrate
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """The node after an operation, and the error number of the request; OK for what is no request."""

    node: Node
    errno: Errno = Errno.OK


@clause("XFRM-DAEMON-002")
def carry_out(node: Node, operation: RecipeOperation, now: int = 0) -> CarriedOut:
    """Carry out one operation at `now` (seconds); devices and neighbours are no part of a node's tables."""
    match operation:
        case AddPolicy() | UpdatePolicy() | DeletePolicy():
            outcome = operate_on_policies(operation, node.tables.policies, now)
            tables = replace(node.tables, policies=outcome.database)
            return CarriedOut(replace(node, tables=tables), outcome.errno)
        case AddState() | UpdateState() | DeleteState():
            changed = operate_on_states(command_of(operation), node.states, now)
            return CarriedOut(replace(node, states=changed.database), changed.errno)
        case Migrate():
            return _migrated(node, operation, now)
        case _:
            return CarriedOut(node)


def carry_out_all(node: Node, operations: Sequence[RecipeOperation], now: int = 0) -> Node:
    """Carry out operations in order and pass over their error numbers, as a daemon does."""
    for operation in operations:
        node = carry_out(node, operation, now).node
    return node


def _migrated(node: Node, operation: Migrate, now: int) -> CarriedOut:
    outcome = migrate(node.tables.policies, node.states, migration_of(operation), now)
    tables = replace(node.tables, policies=outcome.policies)
    return CarriedOut(replace(node, tables=tables, states=outcome.states), outcome.errno)
