"""Figure 6 as data: what each node of a home registration sets up, part by part, in every recipe."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations
from xfrmspec.mipv6.recipes.terms import (
    NOTHING,
    Memory,
    OpenTunnel,
    Protection,
    RecipeOperation,
    Settings,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.policy import Policy

HOME = IPv6Address("2001:db8:1::1234")
AGENT = IPv6Address("2001:db8:1::1")
CARE_OF = IPv6Address("2001:db8:a::505")
PEER = IPv6Address("2001:db8:c::2")
NAMES = {HOME: "HoA", AGENT: "HA", CARE_OF: "CoA", PEER: "CN", IPv6Address(0): "ANY"}
"""How the figure names the addresses of its tables."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the figure adds or changes on one node: objects as they stand after it.

    `operations` are the requests in their order; `gone` counts policies that were deleted.
    """

    title: str
    policies: tuple[Policy, ...]
    states: tuple[SecurityAssociation, ...]
    tunnels: tuple[OpenTunnel, ...]
    operations: tuple[RecipeOperation, ...]
    gone: int = 0


@dataclass(frozen=True, slots=True)
class NodeTable:
    """The parts of one node of the figure, in order of time."""

    node: str
    parts: tuple[Part, ...]
    memory: Memory


def _settings(node: str, protection: Protection) -> Settings:
    match node:
        case "MN":
            return Settings(HOME, frozenset({Role.MOBILE_NODE}), AGENT, (), protection)
        case "HA":
            return Settings(AGENT, frozenset({Role.HOME_AGENT}), None, (HOME,), protection)
        case _:
            return Settings(PEER, frozenset({Role.CORRESPONDENT_NODE}), protection=Protection.NONE)


_MOBILE, _AGENT, _PEER = Role.MOBILE_NODE, Role.HOME_AGENT, Role.CORRESPONDENT_NODE
_PARTS: dict[str, tuple[tuple[str, tuple[Stage, ...]], ...]] = {
    "MN": (
        (
            "INITIALIZE",
            (
                Stage(StageKind.STARTED, _MOBILE, HOME, AGENT),
                Stage(StageKind.REGISTERING, _MOBILE, HOME, AGENT, CARE_OF),
            ),
        ),
        ("HOME REGISTRATION", (Stage(StageKind.REGISTERED, _MOBILE, HOME, AGENT, CARE_OF),)),
        (
            "ROUTE OPTIMIZATION",
            (
                Stage(StageKind.TESTING, _MOBILE, HOME, PEER, CARE_OF),
                Stage(StageKind.OPTIMISED, _MOBILE, HOME, PEER, CARE_OF),
            ),
        ),
    ),
    "HA": (
        ("INITIALIZE", (Stage(StageKind.STARTED, _AGENT),)),
        ("HOME REGISTRATION", (Stage(StageKind.BOUND, _AGENT, HOME, HOME, CARE_OF),)),
    ),
    "CN": (
        ("INITIALIZE", (Stage(StageKind.STARTED, _PEER),)),
        ("ROUTE OPTIMIZATION", (Stage(StageKind.BOUND, _PEER, HOME, HOME, CARE_OF),)),
    ),
}


@clause("XFRM-DAEMON-005", "XFRM-DAEMON-006", "XFRM-DAEMON-007")
def figure_tables(recipe: Recipe, protection: Protection) -> tuple[NodeTable, ...]:
    """Return the tables of mobile node, home agent and correspondent node."""
    return tuple(_node_table(recipe, node, protection) for node in _PARTS)


def _node_table(recipe: Recipe, node: str, protection: Protection) -> NodeTable:
    settings, memory, parts = _settings(node, protection), NOTHING, []
    for title, stages in _PARTS[node]:
        before, done = memory, list[RecipeOperation]()
        for stage in stages:
            asked = operations(recipe, settings, stage, memory)
            memory, done = after(memory, asked), [*done, *asked]
        parts.append(_part(title, before, memory, tuple(done)))
    return NodeTable(node, tuple(parts), memory)


def _part(title: str, before: Memory, memory: Memory, done: tuple[RecipeOperation, ...]) -> Part:
    return Part(
        title,
        tuple(policy for policy in memory.policies if policy not in before.policies),
        tuple(state for state in memory.states if state not in before.states),
        tuple(tunnel for tunnel in memory.tunnels if tunnel not in before.tunnels),
        done,
        sum(1 for policy in before.policies if policy not in memory.policies),
    )
