"""An operation of a recipe on a station's kernel: policies, states, tunnels, proxies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xfrmspec.host.node import Node, Secured
from xfrmspec.interfaces.netlink_commands import operate
from xfrmspec.mipv6.recipes.terms import (
    CloseTunnel,
    MoveTunnel,
    OpenTunnel,
    RecipeOperation,
    StandAside,
    StandIn,
)
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    Migrate,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.world.station import Station, Tunnel, TunnelEnd
from xfrmspec.xfrm import state_operations
from xfrmspec.xfrm.migrate import migrate
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.state import StateRequest


@dataclass(frozen=True, slots=True)
class Configured:
    """The station after an operation, and how the kernel answered it."""

    station: Station
    errno: Errno = Errno.OK


@clause("XFRM-DAEMON-002", "XFRM-ARCH-002")
def configure(station: Station, operation: RecipeOperation, now: int) -> Configured:
    """Carry out one operation at `now` (seconds); one that the kernel refuses changes nothing."""
    match operation:
        case OpenTunnel() | MoveTunnel():
            return Configured(_with_tunnel(station, operation))
        case CloseTunnel(home):
            tunnels = {known: tunnel for known, tunnel in station.tunnels.items() if known != home}
            return Configured(replace(station, tunnels=tunnels))
        case StandIn(home):
            return Configured(replace(station, proxies=station.proxies | {home}))
        case StandAside(home):
            return Configured(replace(station, proxies=station.proxies - {home}))
        case Migrate():
            return _migrated(station, operation, now)
        case AddState() | UpdateState() | DeleteState():
            return _with_state(station, operation, now)
        case _:
            return _with_policy(station, operation, now)


def _with_tunnel(station: Station, operation: OpenTunnel | MoveTunnel) -> Station:
    at_home_agent = operation.home_address not in station.node.addresses
    end = TunnelEnd.HOME_AGENT if at_home_agent else TunnelEnd.MOBILE_NODE
    tunnel = Tunnel(operation.local, operation.remote, end)
    return replace(station, tunnels={**station.tunnels, operation.home_address: tunnel})


def _with_policy(
    station: Station, operation: AddPolicy | UpdatePolicy | DeletePolicy, now: int
) -> Configured:
    database = station.node.tables.policies
    outcome = operate(operation, database, now)
    tables = replace(station.node.tables, policies=outcome.database)
    return Configured(_with_node(station, replace(station.node, tables=tables)), outcome.errno)


def _with_state(station: Station, operation: AddState | UpdateState | DeleteState, now: int) -> Configured:
    states = station.node.states
    match operation:
        case AddState(state):
            outcome = state_operations.add(states, StateRequest(state), now)
        case UpdateState(state):
            outcome = state_operations.update(states, StateRequest(state), now)
        case DeleteState(state):
            outcome = state_operations.delete(states, state_operations.key_of(state))
    return Configured(_with_node(station, replace(station.node, states=outcome.database)), outcome.errno)


@clause("XFRM-DAEMON-027")
def _migrated(station: Station, operation: Migrate, now: int) -> Configured:
    """Move templates and states; what a state shares and counts goes with it."""
    node = station.node
    request = MigrationRequest(
        operation.identity.selector,
        int(operation.identity.direction),
        operation.entries,
        operation.identity.type,
    )
    outcome = migrate(node.tables.policies, node.states, request, now)
    tables = replace(node.tables, policies=outcome.policies)
    moved = replace(node, tables=tables, states=outcome.states)
    return Configured(_with_node(station, _with_keys_moved(node, moved)), outcome.errno)


def _with_keys_moved(before: Node, after: Node) -> Node:
    """Give each copy of a migration the keys and numbers of the state that it replaced, which had its SPI."""
    by_key: dict[tuple[int, int], Secured] = {
        (entry.association.protocol, entry.association.spi): before.secured[entry.age]
        for entry in before.states
        if entry.age in before.secured
    }
    secured = dict(after.secured)
    for entry in after.states:
        key = (entry.association.protocol, entry.association.spi)
        if entry.age not in secured and key in by_key:
            secured[entry.age] = by_key[key]
    return replace(after, secured=secured)


def _with_node(station: Station, node: Node) -> Station:
    return replace(station, node=node)


Configure = Callable[[Station, RecipeOperation, int], Configured]
"""How an operation reaches a kernel."""
