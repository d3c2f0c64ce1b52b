"""Running recipes in the executable specification: nodes after stages, for the witnesses of theorems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.host.node import Node
from xfrmspec.mipv6.recipes.carrying_out import carry_out_all
from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations
from xfrmspec.mipv6.recipes.terms import (
    NOTHING,
    Memory,
    Optimisation,
    Protection,
    Reqid,
    Settings,
)
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_model import recipe_policies
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.policy import Mode, Policy
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import StateRequest

HOME, AGENT, PEER, OTHER = (IPv6Address(f"2001:db8::{place}") for place in (1, 2, 3, 4))
CARE_OF, NEXT, LAST = (IPv6Address(f"2001:db8::{place}") for place in (5, 6, 7))
MN, HA, CN = Role.MOBILE_NODE, Role.HOME_AGENT, Role.CORRESPONDENT_NODE
ADDRESS_OF = {1: HOME, 2: CARE_OF, 3: NEXT, 4: LAST}
"""The addresses that the integers of a small history stand for."""

_K = StageKind


def protection_of(number: int) -> Protection:
    """Return what the settings protect by its number in the model."""
    return Protection[recipe_policies.Protection(number).name]


def settings_of(
    role: Role, protection: Protection, *, optimises: bool = True, keeps: bool = True
) -> Settings:
    """Return the settings of a node that plays a role; a mobile node may keep bindings too."""
    wish = Optimisation.WANTED if optimises else Optimisation.UNWANTED
    if role is MN:
        roles = frozenset({MN, CN} if keeps else {MN})
        return Settings(HOME, roles, AGENT, (), protection, wish)
    if role is HA:
        return Settings(AGENT, frozenset({HA}), None, (HOME, OTHER), protection, wish)
    return Settings(PEER, frozenset({CN}), None, (), Protection.NONE, wish)


def _esp(source: IPv6Address, destination: IPv6Address, mode: Mode, reqid: int) -> SecurityAssociation:
    return SecurityAssociation(source, destination, Protocol.ESP, mode, 0x1000 + reqid, reqid)


def _associations(settings: Settings) -> list[SecurityAssociation]:
    if settings.protection is Protection.NONE:
        return []
    pairs = ((HOME, AGENT), (AGENT, HOME))
    kinds = ((Mode.TRANSPORT, Reqid.SIGNALLING), (Mode.TUNNEL, Reqid.TUNNEL))
    return [_esp(*pair, mode, reqid) for pair in pairs for mode, reqid in kinds]


@dataclass(frozen=True, slots=True)
class Standing:
    """A node and what its recipe remembers, between two operations."""

    node: Node
    memory: Memory

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies of the kernel, their indexes cleared."""
        return tuple(
            replace(stored.policy, index=0) for order in self.node.tables.policies.orders for stored in order
        )

    @property
    def contents(self) -> tuple[frozenset[Policy], frozenset[SecurityAssociation], Memory]:
        """Return everything that the recipe can change, without its order."""
        held = frozenset(self.node.states.associations)
        memory = replace(self.memory, policies=(), states=())
        return frozenset(self.policies), held, memory

    @property
    def care_of_addresses(self) -> frozenset[IPv6Address]:
        """Return every care-of address of the small scenes that a state, template or tunnel holds."""
        held = {state.care_of for state in self.node.states.associations}
        held |= {end for state in self.node.states.associations for end in (state.source, state.destination)}
        held |= {end for p in self.policies for t in p.templates for end in (t.source, t.destination)}
        held |= {end for tunnel in self.memory.tunnels for end in (tunnel.local, tunnel.remote)}
        return frozenset(address for address in (CARE_OF, NEXT, LAST) if address in held)


def first_standing(settings: Settings, profile: Profile) -> Standing:
    """Return a node of which the user has set the associations and nothing else."""
    states = StateDatabase(profile)
    for state in _associations(settings):
        states = add(states, StateRequest(state), 0).database
    return Standing(Node(XfrmTables(PolicyDatabase(profile)), states), NOTHING)


def worked(standing: Standing, recipe: Recipe, settings: Settings, stage: Stage) -> Standing:
    """Return the node after a stage."""
    asked = operations(recipe, settings, stage, standing.memory)
    return Standing(carry_out_all(standing.node, asked), after(standing.memory, asked))


def lived(recipe: Recipe, settings: Settings, stages: Sequence[Stage], profile: Profile) -> Standing:
    """Return the node after stages."""
    standing = first_standing(settings, profile)
    for stage in stages:
        standing = worked(standing, recipe, settings, stage)
    return standing


def starts(settings: Settings) -> list[Stage]:
    """Return the start of every role of a node."""
    return [Stage(_K.STARTED, role) for role in sorted(settings.roles, key=lambda role: role.value)]


def mobile(kind: StageKind, peer: IPv6Address = AGENT, care_of: IPv6Address | None = CARE_OF) -> Stage:
    """Return a stage of the mobile node."""
    return Stage(kind, MN, HOME, peer, care_of)


def kept(
    kind: StageKind,
    role: Role,
    own: IPv6Address,
    home: IPv6Address = HOME,
    care_of: IPv6Address | None = CARE_OF,
) -> Stage:
    """Return a stage of a binding at home agent or correspondent node."""
    return Stage(kind, role, home, home, care_of, own=own)


def full_life(role: Role, settings: Settings, *, pending: bool = False) -> list[Stage]:
    """Return the stages after which everything stands that a role can have, with two peers."""
    stages = starts(settings)
    if role is not MN:
        own = AGENT if role is HA else PEER
        return [*stages, *(kept(_K.BOUND, role, own, home, NEXT) for home in (HOME, OTHER))]
    stages += [mobile(_K.REGISTERING), mobile(_K.REGISTERED), mobile(_K.TESTING, PEER)]
    stages += [mobile(_K.OPTIMISED, PEER), mobile(_K.TESTING, OTHER)]
    if CN in settings.roles:
        stages.append(kept(_K.BOUND, CN, HOME, OTHER, LAST))
    return [*stages, mobile(_K.REGISTERING, care_of=NEXT)] if pending else stages
