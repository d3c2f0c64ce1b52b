"""Bundles: the chain of transformations that a flow gets, with everything it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode
from xfrmspec_terms.selector import Address, Protocol

ROUTE_OPTIMISATION_OCTETS = 24
"""A destination options header with a home address, and a type 2 routing header, are of this size."""


@dataclass(frozen=True, slots=True)
class Route:
    """The addresses that a plain route is looked up with."""

    source: Address
    destination: Address


@dataclass(frozen=True, slots=True)
class StateStamp:
    """Which state object a bundle was made of, by its age in the database, and its generation then."""

    age: int
    generation: int


@dataclass(frozen=True, slots=True)
class PolicyStamp:
    """Which policy object a decision was made by, by its age in the database, and its generation then."""

    age: int
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Stamped:
    """A state that was found for a template, with its stamp."""

    state: SecurityAssociation
    stamp: StateStamp


@clause("XFRM-BUNDLE-001", "XFRM-ARCH-003")
@dataclass(frozen=True, slots=True)
class Element:
    """One stackable destination: the state it applies, and the route that stands behind it."""

    state: SecurityAssociation
    stamp: StateStamp
    route: Route


@clause("XFRM-BUNDLE-001", "XFRM-ARCH-003")
@dataclass(frozen=True, slots=True)
class Bundle:
    """A chain of elements in application order: the first is innermost, the last leads to the plain route.

    `policies` are the stamps of the policies that asked for it, SUB before MAIN.
    """

    elements: tuple[Element, ...]
    policies: tuple[PolicyStamp, ...]

    @property
    def states(self) -> tuple[SecurityAssociation, ...]:
        """The states in application order."""
        return tuple(element.state for element in self.elements)


@dataclass(frozen=True, slots=True)
class BundleError:
    """A route behind a state that cannot be found: what the sender sees, and what is counted."""

    errno: Errno
    counter: Counter = Counter.OUT_BUNDLE_GENERATION_ERROR


@clause("XFRM-BUNDLE-001", "XFRM-BUNDLE-002", "XFRM-EMIT-003")
def make_bundle(
    states: Sequence[Stamped],
    policies: Sequence[PolicyStamp],
    route: Route,
    reachable: Callable[[Route], Errno],
) -> Bundle | BundleError:
    """Chain states in application order; `route` is the flow's own, `reachable` the routing table.

    Source: XFRM-BUNDLE-001, -002; kernel xfrm_bundle_create.
    """
    elements: list[Element] = []
    for found in states:
        behind = route_behind(found.state, route)
        if behind != route and (error := reachable(behind)) is not Errno.OK:
            return BundleError(error)
        route = behind
        elements.append(Element(found.state, found.stamp, route))
    return Bundle(tuple(elements), tuple(policies))


@clause("XFRM-BUNDLE-002")
def route_behind(state: SecurityAssociation, route: Route) -> Route:
    """Return the route that a packet needs once a state has been applied. Source: kernel xfrm_dst_lookup."""
    if state.mode in ENDPOINT_MODES:
        return Route(state.source, state.destination)
    if state.mode is not Mode.RO or state.care_of is None:
        return route
    if state.protocol is Protocol.DESTINATION_OPTIONS:
        return Route(state.care_of, route.destination)
    return Route(route.source, state.care_of)


@dataclass(frozen=True, slots=True)
class Room:
    """Octets that a transformation puts in front of and behind what it is applied to, at most."""

    header: int
    trailer: int = 0


@clause("XFRM-BUNDLE-003")
def reserved_room(rooms: Sequence[Room]) -> tuple[Room, ...]:
    """Return what each element reserves: its own room and that of everything applied later.

    Source: XFRM-BUNDLE-003; kernel xfrm_bundle_create.
    """
    reserved: list[Room] = []
    header = trailer = 0
    for room in reversed(rooms):
        header, trailer = header + room.header, trailer + room.trailer
        reserved.append(Room(header, trailer))
    return tuple(reversed(reserved))


@clause("XFRM-BUNDLE-003")
def octets_in_every_fragment(states: Sequence[SecurityAssociation]) -> int:
    """Return the octets of headers that every fragment repeats. Source: kernel xfrm_init_path."""
    repeated = (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING)
    return ROUTE_OPTIMISATION_OCTETS * sum(state.protocol in repeated for state in states)
