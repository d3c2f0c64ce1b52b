"""Histories of stages as the machines say them, and what a node's tables are after each operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from hypothesis import strategies as st

from xfrmspec.host.node import AddressKind, Node
from xfrmspec.mipv6.recipes.carrying_out import carry_out
from xfrmspec.mipv6.recipes.recipe import Recipe, operations
from xfrmspec.mipv6.recipes.terms import (
    NOTHING,
    Memory,
    Protection,
    RecipeOperation,
    Reqid,
    Settings,
    remember,
    tunnel_reqid,
)
from xfrmspec.scenario.terms import DeleteState
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Address, Protocol
from xfrmspec_terms.state import StateRequest

HOME, AGENT = IPv6Address("2001:db8:1::1234"), IPv6Address("2001:db8:1::1")
PEERS = tuple(IPv6Address(f"2001:db8:c::{host}") for host in (2, 3))
PLACES = tuple(IPv6Address(f"2001:db8:{link}::5") for link in "ab")
OTHER_HOME = IPv6Address("2001:db8:1::5678")
MOBILE = Settings(HOME, frozenset({Role.MOBILE_NODE, Role.CORRESPONDENT_NODE}), AGENT)
KEEPER = Settings(AGENT, frozenset({Role.HOME_AGENT, Role.CORRESPONDENT_NODE}), None, (HOME, OTHER_HOME))
_K = StageKind
AWAY = ("registering", "registered", "refused")


def associations(home: IPv6Address, reqid: int) -> tuple[SecurityAssociation, ...]:
    """The four associations of a mobile node and its home agent, as they are before any registration."""
    pairs = ((home, AGENT), (AGENT, home))
    kinds = ((Mode.TRANSPORT, Reqid.SIGNALLING), (Mode.TUNNEL, reqid))
    return tuple(
        SecurityAssociation(
            *ends, Protocol.ESP, mode, 0x1000 + 16 * number + place + (int(home) & 0xF00), number
        )
        for mode, number in kinds
        for place, ends in enumerate(pairs)
    )


def kernel(settings: Settings, profile: Profile = CLEAN) -> Node:
    """A node without policies that has its associations, if anything is protected."""
    states = StateDatabase(profile)
    homes = (HOME,) if Role.MOBILE_NODE in settings.roles else settings.mobile_nodes
    if settings.protection is not Protection.NONE:
        for state in (state for home in homes for state in associations(home, tunnel_reqid(settings, home))):
            states = add(states, StateRequest(state), 0).database
    kinds: dict[Address, AddressKind] = {
        settings.address: AddressKind.HOME if settings.address == HOME else AddressKind.PLAIN
    }
    return Node(XfrmTables(PolicyDatabase(profile)), states, {}, kinds)


@dataclass(frozen=True, slots=True)
class Moment:
    """The node after one operation of a stage; `rest` counts the operations that are still to come."""

    stage: Stage
    operation: RecipeOperation
    errno: Errno
    node: Node
    memory: Memory
    rest: int


def moments(
    settings: Settings, stages: Sequence[Stage], profile: Profile = CLEAN, recipe: Recipe = Recipe.CLEAN
) -> Iterator[Moment]:
    """Carry out the operations of stages one after the other."""
    node, memory = kernel(settings, profile), NOTHING
    for stage in stages:
        asked = operations(recipe, settings, stage, memory)
        for place, operation in enumerate(asked):
            done = carry_out(node, operation)
            node, memory = done.node, remember(memory, operation)
            yield Moment(stage, operation, done.errno, node, memory, len(asked) - place - 1)


def expected_error(moment: Moment) -> bool:
    """Tell whether an error belongs to the recipe: the trigger may have left no state (XFRM-DAEMON-030)."""
    return isinstance(moment.operation, DeleteState) and moment.errno is Errno.ESRCH


def starts(settings: Settings) -> tuple[Stage, ...]:
    """The first stages of a node, one for each of its roles."""
    return tuple(Stage(_K.STARTED, role) for role in sorted(settings.roles, key=lambda role: role.value))


@dataclass
class _Mobile:
    """What the machine of a mobile node may say next."""

    place: str = "home"
    care_of: IPv6Address = PLACES[0]
    routes: dict[IPv6Address, str] = field(default_factory=dict)
    bound: set[IPv6Address] = field(default_factory=set)
    said: list[Stage] = field(default_factory=list)

    def say(self, kind: StageKind, peer: IPv6Address, care_of: IPv6Address | None) -> None:
        self.said.append(Stage(kind, Role.MOBILE_NODE, HOME, peer, care_of))

    def fall_back(self) -> None:
        for peer in sorted(self.routes):
            self.say(_K.FELL_BACK, peer, None if self.place in ("returning", "home") else self.care_of)
        self.routes.clear()

    def choices(self) -> list[tuple[str, IPv6Address | None]]:
        found: list[tuple[str, IPv6Address | None]] = [("keep", peer) for peer in PEERS]
        if self.place in AWAY or self.place in ("home", "returning"):
            found += [("move", place) for place in PLACES if self.place not in AWAY or place != self.care_of]
        if self.place == "registering":
            found += [("accept", None), ("refuse", None)]
        if self.place in AWAY:
            found.append(("return", None))
        if self.place == "refused":
            found.append(("again", None))
        if self.place == "registered":
            found += [("test", peer) for peer in PEERS] + [("lose", None)]
        if self.place == "returning":
            found.append(("end", None))
        return found + [("fall back", peer) for peer in sorted(self.routes)]

    def take(self, choice: str, argument: IPv6Address | None) -> None:
        match choice, argument:
            case "move", IPv6Address() as place:
                self.place, self.care_of = "registering", place
                self.say(_K.REGISTERING, AGENT, place)
                self.fall_back()
            case "again" | "lose", _:
                self.place = "registering"
                self.say(_K.REGISTERING, AGENT, self.care_of)
            case "accept", _:
                self.place = "registered"
                self.say(_K.REGISTERED, AGENT, self.care_of)
            case "refuse", _:
                self.place = "refused"
                self.say(_K.REFUSED, AGENT, self.care_of)
            case "return", _:
                self.place = "returning"
                self.say(_K.RETURNING, AGENT, None)
                self.fall_back()
            case "end", _:
                self.place = "home"
                self.say(_K.RETURNED, AGENT, None)
            case _, IPv6Address() as peer:
                self._towards(choice, peer)

    def _towards(self, choice: str, peer: IPv6Address) -> None:
        if choice == "fall back":
            del self.routes[peer]
            self.say(_K.FELL_BACK, peer, self.care_of)
        elif choice == "test":
            kind = _K.OPTIMISED if self.routes.get(peer) == "testing" else _K.TESTING
            self.routes[peer] = "testing" if kind is _K.TESTING else "optimised"
            self.say(kind, peer, self.care_of)
        else:
            kind = _K.RELEASED if peer in self.bound else _K.BOUND
            self.bound ^= {peer}
            care_of = PLACES[1] if kind is _K.BOUND else None
            self.said.append(Stage(kind, Role.CORRESPONDENT_NODE, peer, peer, care_of, own=HOME))


@st.composite
def mobile_histories(draw: st.DrawFn, length: int = 12) -> tuple[Stage, ...]:
    """Draw what a mobile node that is also a correspondent node may say, from its start on."""
    machine = _Mobile()
    for _ in range(draw(st.integers(0, length))):
        machine.take(*draw(st.sampled_from(machine.choices())))
    return (*starts(MOBILE), *machine.said)


@st.composite
def round_trips(draw: st.DrawFn) -> tuple[Stage, ...]:
    """Draw a history that ends at home, without a binding that the node keeps for others."""
    machine = _Mobile()
    for _ in range(draw(st.integers(1, 10))):
        machine.take(*draw(st.sampled_from(machine.choices())))
    for peer in sorted(machine.bound):
        machine.take("keep", peer)
    if machine.place in AWAY:
        machine.take("return", None)
    if machine.place == "returning":
        machine.take("end", None)
    return (*starts(MOBILE), *machine.said)


@st.composite
def keeper_histories(draw: st.DrawFn, length: int = 10) -> tuple[Stage, ...]:
    """Draw what a home agent may say of two mobile nodes."""
    where: dict[IPv6Address, IPv6Address] = {}
    said: list[Stage] = []
    for _ in range(draw(st.integers(0, length))):
        home = draw(st.sampled_from((HOME, OTHER_HOME)))
        place = draw(st.sampled_from((None, *PLACES)))
        if place is None and home not in where:
            said.append(Stage(_K.PROBING, Role.HOME_AGENT, home, home, own=AGENT))
        elif place is None:
            said.append(Stage(_K.RELEASED, Role.HOME_AGENT, home, home, previous=where.pop(home), own=AGENT))
        else:
            kind = _K.REBOUND if home in where else _K.BOUND
            said.append(Stage(kind, Role.HOME_AGENT, home, home, place, where.get(home), AGENT))
            where[home] = place
    return (*starts(KEEPER), *said)


def with_protection(settings: Settings, protection: Protection) -> Settings:
    """Return settings with another protection."""
    return replace(settings, protection=protection)
