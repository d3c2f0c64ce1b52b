"""A node as a value: tables, states with what they share and count, and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from xfrmspec.wire.applying import StateKeys
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address


class AddressKind(Enum):
    """What an address of the node is to Mobile IPv6."""

    PLAIN = "plain"
    HOME = "home address"


class RoutingHeaders(Enum):
    """What a node does with a type 2 routing header to an address that is not its own home address."""

    OWN_HOME_ADDRESS = "drops the packet"
    ANY_ADDRESS = "sends the packet on to that address"


@dataclass(frozen=True, slots=True)
class Secured:
    """What a state has beside the database: keys, and the sequence numbers of both directions."""

    keys: StateKeys = None
    numbers: ReplayState = field(default_factory=ReplayState)


@dataclass(frozen=True, slots=True)
class Node:
    """One network namespace.

    `secured` maps the age of a state to what it shares and counts. `tables` holds policies and settings; its
    states are those of the database. `accepts_source_routes` is whether the sysctl accept_source_route, the
    smaller of all and of the interface, is not negative. `routing_headers` is the defence ROUTING_HEADER as a
    switch, which no kernel has. Source: XFRM-ARCH-001, XFRM-WORLD-011.
    """

    tables: XfrmTables
    states: StateDatabase
    secured: Mapping[int, Secured] = field(default_factory=dict)
    addresses: Mapping[Address, AddressKind] = field(default_factory=dict)
    accepts_source_routes: bool = True
    routing_headers: RoutingHeaders = RoutingHeaders.OWN_HOME_ADDRESS

    @property
    def profile(self) -> Profile:
        """The profile whose rules the node follows."""
        return self.tables.profile

    @clause("XFRM-ARCH-001")
    def view(self) -> XfrmTables:
        """Return the tables as decisions about packets look at them."""
        return replace(self.tables, states=self.states.associations)

    def of(self, age: int) -> Secured:
        """Return what a state shares and counts; nothing for one that has no keys."""
        return self.secured.get(age, Secured())

    def with_secured(self, age: int, secured: Secured) -> Node:
        """Return the node with other sequence numbers or keys for one state."""
        return replace(self, secured={**self.secured, age: secured})
