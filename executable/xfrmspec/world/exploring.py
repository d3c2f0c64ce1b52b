"""Every order of events of a small scope: one mobile node, its home agent, a correspondent node, and a bad network.

Messages are values here, without octets: whatever is under way may arrive in any order, be lost or be copied as
often as the scope allows, and time passes only when a machine waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6 import correspondent_node, home_agent, mobile_node
from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.home_agent_settings import HomeAgent
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.world.outcomes import PROBE_MILLISECONDS
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEffect,
    DaemonEvent,
    Heard,
    Moved,
    Path,
    Probe,
    Probed,
    Say,
    Uniqueness,
    Wanted,
    Woke,
)
from xfrmspec_terms.machines_mobile_node import AT_HOME, OPTIMISED, REGISTERED

_AGENT, _PEER, _MOBILE = "HA", "CN", "MN"


@dataclass(frozen=True, slots=True)
class Scope:
    """How much may happen: moves and the places they lead to, losses, copies, and until when (ms)."""

    places: tuple[IPv6Address | None, ...]
    moves: int = 2
    losses: int = 1
    copies: int = 0
    until: int = 8000


@dataclass(frozen=True, slots=True)
class Scene:
    """One state of the small world; `left` is what of moves, losses and copies may still happen.

    `flying` are the messages under way with their addressees, sorted by their words. `probing` is when a probe
    of the home address ends (ms), None without one.
    """

    mobile: MobileNode
    agent: HomeAgent
    correspondent: CorrespondentNode
    left: tuple[int, int, int]
    now: int = 0
    flying: tuple[tuple[str, Heard], ...] = ()
    probing: int | None = None
    asked: bool = False

    @property
    def home(self) -> IPv6Address:
        """The home address."""
        return self.mobile.settings.home_address


@dataclass(frozen=True, slots=True)
class Explored:
    """How many states and events there were, and the first scene that broke something, with what it broke."""

    states: int
    events: int
    broken: tuple[str, Scene] | None = None


def explore(start: Scene, scope: Scope, most: int) -> Explored:
    """Visit every scene that can come to be, at most so many, breadth first; stop at the first broken one."""
    known, frontier, events = {start}, [start], 0
    while frontier:
        following: list[Scene] = []
        for scene in frontier:
            for later in successors(scene, scope):
                events += 1
                if later in known:
                    continue
                what = broken(later)
                if what:
                    return Explored(len(known), events, (what, later))
                known.add(later)
                following.append(later)
                if len(known) >= most:
                    return Explored(len(known), events)
        frontier = following
    return Explored(len(known), events)


@clause("XFRM-WORLD-003")
def successors(scene: Scene, scope: Scope) -> Iterator[Scene]:
    """Yield what can happen next: an arrival, a loss, a copy, a move, traffic, or the next deadline."""
    moves, losses, copies = scene.left
    for index, (addressee, heard) in enumerate(scene.flying):
        without = (*scene.flying[:index], *scene.flying[index + 1 :])
        yield _told(replace(scene, flying=without), addressee, heard)
        if losses:
            yield replace(scene, flying=without, left=(moves, losses - 1, copies))
        if copies:
            again = replace(scene, left=(moves, losses, copies - 1))
            yield _told(again, addressee, heard)
    if moves:
        for place in scope.places:
            arrived = replace(scene, left=(moves - 1, losses, copies))
            yield _told(arrived, _MOBILE, CameHome() if place is None else Moved(place))
    if not scene.asked and scene.mobile.registration.state == REGISTERED:
        wanted = replace(scene, asked=True)
        yield from (_told(wanted, _MOBILE, Wanted(peer)) for peer in _peers(scene))
    yield from _later(scene, scope)


def _peers(scene: Scene) -> tuple[IPv6Address, ...]:
    return tuple(address for address, name in _ADDRESSES.items() if name == _PEER)


_ADDRESSES: dict[IPv6Address, str] = {
    IPv6Address("2001:db8:1::1"): _AGENT,
    IPv6Address("2001:db8:c::2"): _PEER,
}


def _later(scene: Scene, scope: Scope) -> Iterator[Scene]:
    """Let time pass to the next deadline, if it is within the scope."""
    due = {
        _MOBILE: mobile_node.deadline(scene.mobile),
        _AGENT: home_agent.deadline(scene.agent),
        _PEER: correspondent_node.deadline(scene.correspondent),
        "probe": scene.probing,
    }
    waits = sorted((at, name) for name, at in due.items() if at is not None)
    if not waits or waits[0][0] > scope.until:
        return
    at, name = waits[0]
    scene = replace(scene, now=max(at, scene.now))
    if name == "probe":
        ended = replace(scene, probing=None)
        yield _told(ended, _AGENT, Probed(scene.home, Uniqueness.UNIQUE))
    else:
        yield _told(scene, name, Woke())


def _told(scene: Scene, name: str, event: DaemonEvent) -> Scene:
    """Return the scene after a machine heard of an event; what it says is under way then."""
    if name == _MOBILE:
        moved = mobile_node.step(scene.mobile, event, scene.now)
        return _saying(replace(scene, mobile=moved.node), moved.effects)
    if name == _AGENT:
        agreed = home_agent.step(scene.agent, event, scene.now)
        return _saying(replace(scene, agent=agreed.node), agreed.effects)
    answered = correspondent_node.step(scene.correspondent, event, scene.now)
    return _saying(replace(scene, correspondent=answered.node), answered.effects)


def _saying(scene: Scene, effects: tuple[DaemonEffect, ...]) -> Scene:
    flying = list(scene.flying)
    for effect in effects:
        if isinstance(effect, Probe):
            scene = replace(scene, probing=scene.now + PROBE_MILLISECONDS)
        if isinstance(effect, Say):
            flying += _carried(scene, effect)
    return replace(scene, flying=tuple(sorted(flying, key=repr)))


def _carried(scene: Scene, say: Say) -> list[tuple[str, Heard]]:
    """Return a message as its addressee will hear it; none where no way leads there now."""
    addressee = _ADDRESSES.get(say.destination, _MOBILE)
    away = scene.mobile.registration.care_of
    path = say.path
    if path is Path.TUNNEL and not _tunnel_stands(scene):
        return []
    if addressee == _MOBILE and say.destination == scene.home and say.routed_by is None and away is not None:
        if not _tunnel_stands(scene):
            return []
        path = Path.TUNNEL
    ends = {say.source, say.destination}
    between = scene.home in ends and any(_ADDRESSES.get(end) == _AGENT for end in ends)
    association = scene.home if between else None
    came_by = Path.TUNNEL if addressee == _MOBILE and path is Path.TUNNEL else Path.DIRECT
    heard = Heard(say.message, say.source, say.destination, say.care_of, association, came_by)
    return [(addressee, heard)]


def _tunnel_stands(scene: Scene) -> bool:
    held = _held(scene.agent.entries, scene.home)
    return held is not None and held == scene.mobile.registration.care_of


def _held(entries: tuple[object, ...], home: IPv6Address) -> IPv6Address | None:
    bindings = (one for one in entries if isinstance(one, Binding) and one.home_address == home)
    return next((one.care_of for one in bindings), None)


@clause("XFRM-SAFE-004", "XFRM-CN-036", "XFRM-HA-031")
def broken(scene: Scene) -> str:
    """Return what does not hold in a scene in which nothing is under way, empty when all does."""
    if scene.flying or scene.probing is not None:
        return ""
    registration = scene.mobile.registration
    held = _held(scene.agent.entries, scene.home)
    if registration.state == REGISTERED and held != registration.care_of:
        return f"registered from {registration.care_of}, and the home agent has {held}"
    if registration.state == AT_HOME and held is not None:
        return f"at home, and the home agent has {held}"
    for route in scene.mobile.routes:
        bound = _held(scene.correspondent.entries, scene.home)
        if route.state == OPTIMISED and bound != registration.care_of:
            return f"optimised from {registration.care_of}, and the correspondent node has {bound}"
    return ""
