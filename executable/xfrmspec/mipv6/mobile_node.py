"""The mobile node: its home registration and its routes, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6 import registration as home
from xfrmspec.mipv6 import route_machine, route_occasions
from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.choosing import passed_over
from xfrmspec.mipv6.correspondent_route import Route, RouteTurn, Surroundings
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec.mipv6.registration import HomeRegistration, RegistrationTurn
from xfrmspec.mipv6.return_routability import Ends
from xfrmspec.mipv6.route_machine import Occasion
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Unsupported,
    Wanted,
    Woke,
)
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_mobile_node import (
    AT_HOME,
    CAME_HOME,
    CORRESPONDENT_ROUTE,
    HOME_REGISTERED,
    HOME_REGISTRATION,
    MOVED,
    REGISTERED,
    REGISTERING,
    REGISTRATION_LOST,
    RETURNED_HOME,
    UNOPTIMISED,
)
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingError


@clause("XFRM-MN-001")
@dataclass(frozen=True, slots=True)
class MobileNode:
    """A mobile node: settings, entropy, home registration, and routes by ascending address of the peer.

    Source: RFC 6275 11.1.
    """

    settings: MobileSettings
    entropy: Entropy
    registration: HomeRegistration = field(default_factory=HomeRegistration)
    routes: tuple[Route, ...] = ()

    def route_to(self, peer: IPv6Address) -> Route | None:
        """Return the route to a peer, or None if there was never traffic with it."""
        return next((route for route in self.routes if route.peer == peer), None)

    def with_route(self, route: Route) -> MobileNode:
        """Return the node with a route in the place of the one to the same peer."""
        others = [other for other in self.routes if other.peer != route.peer]
        return replace(self, routes=tuple(sorted((*others, route), key=lambda entry: entry.peer)))


@dataclass(frozen=True, slots=True)
class _Due:
    """A transition that comes by itself, of the home registration or of the route to a peer."""

    at: int
    transition: Transition
    peer: IPv6Address | None = None


NodeAnswer = Answer[MobileNode]


@clause("XFRM-MN-023")
def step(node: MobileNode, event: DaemonEvent, now: int) -> NodeAnswer:
    """Answer an event at a time (milliseconds, never going back), after the timers that are due.

    Source: RFC 6275 11.
    """
    worked = _work_off(node, now)
    if isinstance(event, Woke):
        return worked if worked.steps else _nothing(node, "woke")
    return _answer(worked.node, event, now).after(worked)


def deadline(node: MobileNode) -> int | None:
    """Return when the node wants to be woken (milliseconds), or None."""
    return min((due.at for due in _timers(node, 0)), default=None)


def _answer(node: MobileNode, event: DaemonEvent, now: int) -> NodeAnswer:
    if isinstance(event, Moved | CameHome):
        return _registration_answers(node, event, now)
    if isinstance(event, Heard):
        return _hear(node, event, now)
    if isinstance(event, Wanted):
        return _want(node, event.peer, now)
    if isinstance(event, Unsupported):
        return _route_answers(node, event.peer, route_occasions.unsupported(), now)
    return _nothing(node, type(event).__name__.lower())


@clause("XFRM-MN-024")
def _nothing(node: MobileNode, event: str) -> NodeAnswer:
    state = node.registration.state
    return Answer(node, (), (passed_over(HOME_REGISTRATION, state, event, home.PASSED_OVER),))


def _hear(node: MobileNode, heard: Heard, now: int) -> NodeAnswer:
    if heard.source == node.settings.home_agent:
        ours = isinstance(heard.message, BindingAcknowledgement | BindingError)
        name = type(heard.message).__name__
        return _registration_answers(node, heard, now) if ours else _nothing(node, name)
    route = node.route_to(heard.source) or Route(heard.source)
    occasion = route_occasions.heard_from_peer(route, heard, _around(node, route.peer, now))
    if occasion is None:
        return _nothing(node, type(heard.message).__name__)
    return _route_answers(node, heard.source, occasion, now)


@clause("XFRM-MN-025")
def _want(node: MobileNode, peer: IPv6Address, now: int) -> NodeAnswer:
    own = peer in (node.settings.home_agent, node.settings.home_address)
    if own or peer.is_unspecified or peer.is_loopback or peer.is_multicast or peer.is_link_local:
        step = passed_over(CORRESPONDENT_ROUTE, UNOPTIMISED, "wanted", "XFRM-MN-025", f"peer {peer}")
        return Answer(node, (), (step,))
    return _route_answers(node, peer, route_occasions.wanted(_around(node, peer, now)), now)


def _around(node: MobileNode, peer: IPv6Address, now: int) -> Surroundings:
    registration, settings = node.registration, node.settings
    ends = Ends(settings.home_address, peer, registration.care_of)
    return Surroundings(settings, now, ends, home.is_registered(registration), home.is_away(registration))


def _route_answers(node: MobileNode, peer: IPv6Address, occasion: Occasion, now: int) -> NodeAnswer:
    known = node.route_to(peer)
    route = known or Route(peer)
    turn = route_machine.answer(route, occasion, _around(node, peer, now), node.entropy)
    if known is None and turn.route == route:
        return Answer(node, turn.effects, turn.steps)
    return _with_turn(node, turn)


def _with_turn(node: MobileNode, turn: RouteTurn) -> NodeAnswer:
    moved = replace(node.with_route(turn.route), entropy=turn.entropy)
    return Answer(moved, turn.effects, turn.steps)


def _registration_answers(node: MobileNode, event: Moved | CameHome | Heard, now: int) -> NodeAnswer:
    return _with_registration(node, home.answer(node.registration, event, node.settings, now), now)


@clause("XFRM-MN-049")
def _with_registration(node: MobileNode, turn: RegistrationTurn, now: int) -> NodeAnswer:
    """Tell the routes, by ascending address, what became of the home registration."""
    answered: NodeAnswer = Answer(replace(node, registration=turn.registration), turn.effects, turn.steps)
    for name in _news(turn.transition):
        for route in answered.node.routes:
            answered = _told(answered.node, route, name, now).after(answered)
    return answered


def _told(node: MobileNode, route: Route, name: str, now: int) -> NodeAnswer:
    around = _around(node, route.peer, now)
    turn = route_machine.answer(route, route_occasions.told(name, route, around), around, node.entropy)
    return Answer(node) if turn.route == route else _with_turn(node, turn)


def _news(transition: Transition | None) -> tuple[str, ...]:
    """Return what a transition of the home registration means to routes."""
    if transition is None:
        return ()
    if transition.event == CAME_HOME:
        return (CAME_HOME, RETURNED_HOME) if transition.target == AT_HOME else (CAME_HOME,)
    if transition.event == MOVED:
        return (MOVED,)
    if transition.target == AT_HOME:
        return (RETURNED_HOME,)
    if (transition.source, transition.target) == (REGISTERING, REGISTERED):
        return (HOME_REGISTERED,)
    lost = transition.clause in ("XFRM-MN-014", "XFRM-MN-018")
    return (REGISTRATION_LOST,) if lost else ()


def _timers(node: MobileNode, now: int) -> Iterator[_Due]:
    for at, transition in home.timers(node.registration, node.settings):
        yield _Due(at, transition)
    for route in node.routes:
        for at, transition in route_machine.timers(route, _around(node, route.peer, now)):
            yield _Due(at, transition, route.peer)


@clause("XFRM-MN-023")
def _work_off(node: MobileNode, now: int) -> NodeAnswer:
    """Take every transition that is due, the earliest first and between equals in the order of `_timers`."""
    worked: NodeAnswer = Answer(node, (), ())
    while due := _next_due(worked.node, now):
        worked = _take_due(worked.node, due, now).after(worked)
    return worked


def _next_due(node: MobileNode, now: int) -> _Due | None:
    ready = [due for due in _timers(node, now) if due.at <= now]
    return min(ready, key=lambda due: due.at, default=None)


def _take_due(node: MobileNode, due: _Due, now: int) -> NodeAnswer:
    if due.peer is None:
        turn = home.wake(node.registration, due.transition, node.settings, now)
        return _with_registration(node, turn, now)
    route = node.route_to(due.peer) or Route(due.peer)
    around = _around(node, due.peer, now)
    occasion = Occasion(due.transition.event, {})
    return _with_turn(node, route_machine.take(route, due.transition, occasion, around, node.entropy))
