"""What recipes are given and what they answer: settings, memory, and operations on a kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from ipaddress import IPv6Address

from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    Migrate,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.xfrm.state_operations import key_of
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role, Stage
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import ENDPOINT_MODES, Policy, PolicyIdentity, Template, identity_of
from xfrmspec_terms.state import StateKey


class Protection(Enum):
    """What IPsec protects between a mobile node and its home agent (XFRM-DAEMON-023, -026)."""

    NONE = "none"
    SIGNALLING = "signalling"
    TESTS = "tests"
    PAYLOAD = "payload"


class Optimisation(Enum):
    """Whether a mobile node looks for direct routes to its correspondent nodes."""

    WANTED = "wanted"
    UNWANTED = "unwanted"


class Reqid(IntEnum):
    """The reqids by which ESP templates find their associations; TUNNEL is the first of many."""

    SIGNALLING = 1
    TUNNEL = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What a recipe knows of its node.

    `address` is its own end of bindings: the home address of a mobile node, else the address of the home
    agent or correspondent node. `home_agent` is known to mobile nodes; `mobile_nodes` are the home addresses
    that a home agent has associations for. `defences` are those that are on (XFRM-WORLD-010).
    """

    address: IPv6Address
    roles: frozenset[Role]
    home_agent: IPv6Address | None = None
    mobile_nodes: tuple[IPv6Address, ...] = ()
    protection: Protection = Protection.NONE
    optimisation: Optimisation = Optimisation.WANTED
    defences: frozenset[Defence] = EVERY_DEFENCE


@clause("XFRM-DAEMON-027")
def tunnel_reqid(settings: Settings, home: IPv6Address) -> int:
    """Return the reqid of the tunnel associations of one mobile node, which no other mobile node shares.

    With a shared one a MIGRATE for a mobile node would move the association of another that claims the same
    care-of address. ValueError for a mobile node that the settings do not name.
    """
    return Reqid.TUNNEL + (0 if home == settings.address else settings.mobile_nodes.index(home))


def own_end(settings: Settings, stage: Stage) -> IPv6Address:
    """Return the node's own end of the binding that a stage is about."""
    return settings.address if stage.own is None else stage.own


@dataclass(frozen=True, slots=True)
class OpenTunnel:
    """Make an IPv6-in-IPv6 device for the home address; the route of `home_address` leads through it."""

    home_address: IPv6Address
    local: IPv6Address
    remote: IPv6Address


@dataclass(frozen=True, slots=True)
class MoveTunnel:
    """Give the device for the home address other ends."""

    home_address: IPv6Address
    local: IPv6Address
    remote: IPv6Address


@dataclass(frozen=True, slots=True)
class CloseTunnel:
    """Remove the device for the home address."""

    home_address: IPv6Address


@dataclass(frozen=True, slots=True)
class StandIn:
    """Answer neighbour solicitations for the home address on the home link, and take its packets."""

    home_address: IPv6Address


@dataclass(frozen=True, slots=True)
class StandAside:
    """Answer for the home address no longer."""

    home_address: IPv6Address


XfrmOperation = AddPolicy | UpdatePolicy | DeletePolicy | AddState | UpdateState | DeleteState | Migrate
HostOperation = OpenTunnel | MoveTunnel | CloseTunnel | StandIn | StandAside
RecipeOperation = XfrmOperation | HostOperation
"""Netlink requests about policies and states, and what the daemon does to devices and neighbours."""


@clause("XFRM-DAEMON-004")
@dataclass(frozen=True, slots=True)
class Memory:
    """What a recipe has installed and not taken away again, in order of installation."""

    policies: tuple[Policy, ...] = ()
    states: tuple[SecurityAssociation, ...] = ()
    tunnels: tuple[OpenTunnel, ...] = ()
    stands_in_for: tuple[IPv6Address, ...] = ()

    def policy(self, identity: PolicyIdentity) -> Policy | None:
        """Return the policy of an identity, None when there is none."""
        return next((policy for policy in self.policies if identity_of(policy) == identity), None)

    def state(self, key: StateKey) -> SecurityAssociation | None:
        """Return the state of a key, None when there is none."""
        return next((state for state in self.states if key_of(state) == key), None)

    def tunnel(self, home_address: IPv6Address) -> OpenTunnel | None:
        """Return the tunnel device for a home address, None when there is none."""
        return next((tunnel for tunnel in self.tunnels if tunnel.home_address == home_address), None)


NOTHING = Memory()


def remember(memory: Memory, operation: RecipeOperation) -> Memory:
    """Return the memory after an operation that the kernel has carried out."""
    match operation:
        case AddPolicy(policy) | UpdatePolicy(policy):
            return replace(memory, policies=_with_policy(memory.policies, policy))
        case DeletePolicy(identity):
            return replace(memory, policies=_without_policy(memory.policies, identity))
        case AddState(state) | UpdateState(state):
            return replace(memory, states=_with_state(memory.states, state))
        case DeleteState(state):
            return replace(memory, states=_without_state(memory.states, key_of(state)))
        case Migrate(identity, entries):
            return replace(memory, policies=_migrated(memory.policies, identity, entries))
        case _:
            return _remember_host(memory, operation)


def _remember_host(memory: Memory, operation: HostOperation) -> Memory:
    home = operation.home_address
    tunnels = tuple(tunnel for tunnel in memory.tunnels if tunnel.home_address != home)
    match operation:
        case OpenTunnel(_, local, remote) | MoveTunnel(_, local, remote):
            return replace(memory, tunnels=(*tunnels, OpenTunnel(home, local, remote)))
        case CloseTunnel():
            return replace(memory, tunnels=tunnels)
        case StandIn():
            return replace(memory, stands_in_for=(*memory.stands_in_for, home))
        case StandAside():
            return replace(memory, stands_in_for=tuple(one for one in memory.stands_in_for if one != home))


def _with_policy(policies: tuple[Policy, ...], policy: Policy) -> tuple[Policy, ...]:
    identity = identity_of(policy)
    if all(identity_of(other) != identity for other in policies):
        return (*policies, policy)
    return tuple(policy if identity_of(other) == identity else other for other in policies)


def _without_policy(policies: tuple[Policy, ...], identity: PolicyIdentity) -> tuple[Policy, ...]:
    return tuple(policy for policy in policies if identity_of(policy) != identity)


def _with_state(
    states: tuple[SecurityAssociation, ...], state: SecurityAssociation
) -> tuple[SecurityAssociation, ...]:
    key = key_of(state)
    if all(key_of(other) != key for other in states):
        return (*states, state)
    return tuple(state if key_of(other) == key else other for other in states)


def _without_state(states: tuple[SecurityAssociation, ...], key: StateKey) -> tuple[SecurityAssociation, ...]:
    return tuple(state for state in states if key_of(state) != key)


def _migrated(
    policies: tuple[Policy, ...], identity: PolicyIdentity, entries: tuple[Migration, ...]
) -> tuple[Policy, ...]:
    return tuple(
        replace(policy, templates=tuple(_moved(template, entries) for template in policy.templates))
        if identity_of(policy) == identity
        else policy
        for policy in policies
    )


def _moved(template: Template, entries: tuple[Migration, ...]) -> Template:
    for entry in entries:
        ends = (template.source, template.destination)
        same = (template.protocol, template.mode) == (entry.protocol, entry.mode)
        if same and template.mode in ENDPOINT_MODES and ends == (entry.old_source, entry.old_destination):
            return replace(template, source=entry.new_source, destination=entry.new_destination)
    return template
