"""The route to one correspondent node: what the mobile node keeps about it, and what it sends there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.binding_update_list import UpdateEntry, with_update
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec.mipv6.repetition import Pace, Repetition, free_at, paced
from xfrmspec.mipv6.return_routability import Ends, Evidence, is_valid, signed_update
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEffect, Role, Say, Stage, StageKind, Step
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_mobile_node import (
    BINDING,
    CLOSING,
    CLOSING_TEST,
    OPTIMISED,
    REBINDING,
    RETESTING,
    TESTING,
    UNOPTIMISED,
)
from xfrmspec_terms.mobility import COOKIE_OCTETS, CareOfTestInit, HomeTestInit

TESTS_RUN = (TESTING, RETESTING, CLOSING_TEST)
_TRYING = (TESTING, BINDING)
_IN_USE = (OPTIMISED, RETESTING, REBINDING)

Effects = tuple[DaemonEffect, ...]


@dataclass(frozen=True, slots=True)
class Paces:
    """When the last messages of each type went to the peer."""

    home_tests: Pace = ()
    care_of_tests: Pace = ()
    updates: Pace = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One peer: the state of its route, the entry of the binding update list, and what is under way.

    `key` signed the last update, `bar` is the end of a bar (milliseconds), `staged` the care-of address that
    the kernel was told of last.
    """

    peer: IPv6Address
    state: str = UNOPTIMISED
    entry: UpdateEntry = field(default_factory=UpdateEntry)
    evidence: Evidence = field(default_factory=Evidence)
    key: Secret | None = None
    repetition: Repetition | None = None
    paces: Paces = field(default_factory=Paces)
    failures: int = 0
    bar: int | None = None
    staged: IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class RouteTurn:
    """What became of a route, in which order what is done, and the node's entropy after it."""

    route: Route
    entropy: Entropy
    effects: Effects = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a route knows of its node: settings, time (milliseconds), addresses, and where it is."""

    settings: MobileSettings
    now: int
    ends: Ends
    registered: bool
    away: bool


@clause("XFRM-MN-003", "XFRM-MN-006", "XFRM-MN-030", "XFRM-MN-044")
def send_update(route: Route, around: Surroundings, repetition: Repetition) -> tuple[Route, Effects]:
    """Send an update that binds the care-of address, or at home one that ends the binding, or put it off."""
    settings, now, ends = around.settings, around.now, around.ends
    free = free_at(route.paces.updates, settings, now)
    if free > now:
        entry = replace(route.entry, awaited=False)
        return replace(route, entry=entry, repetition=repetition.put_off_until(free)), ()
    lifetime = settings.peer_lifetime if ends.care_of else 0
    entry = with_update(route.entry, ends.bound, lifetime, now)
    update, key = signed_update(route.evidence, ends, entry.sequence, lifetime)
    sent = replace(
        route,
        entry=entry,
        key=key,
        evidence=route.evidence.without_cookies(),
        repetition=repetition.sent_at(now, settings.longest_timeout),
        paces=replace(route.paces, updates=paced(route.paces.updates, settings, now)),
    )
    return sent, (Say(update, ends.home_address, ends.peer, care_of=ends.care_of),)


@clause("XFRM-MN-005", "XFRM-MN-006", "XFRM-MN-027", "XFRM-MN-035")
def send_tests(route: Route, around: Surroundings, repetition: Repetition, entropy: Entropy) -> RouteTurn:
    """Send the tests whose token is missing, with new cookies, or put them off together."""
    settings, now, ends = around.settings, around.now, around.ends
    evidence = route.evidence.without_cookies()
    entry = replace(route.entry, awaited=False)
    wants_home = not is_valid(evidence.home, settings, now)
    wants_care_of = ends.care_of is not None and not is_valid(evidence.care_of, settings, now)
    paces = route.paces
    free = max(
        free_at(paces.home_tests, settings, now) if wants_home else now,
        free_at(paces.care_of_tests, settings, now) if wants_care_of else now,
    )
    if free > now:
        later = replace(route, entry=entry, evidence=evidence, repetition=repetition.put_off_until(free))
        return RouteTurn(later, entropy)
    effects: Effects = ()
    if wants_home:
        cookie, entropy = entropy.take(COOKIE_OCTETS)
        evidence = replace(evidence, home_cookie=Secret(cookie))
        paces = replace(paces, home_tests=paced(paces.home_tests, settings, now))
        effects = (Say(HomeTestInit(cookie), ends.home_address, ends.peer, path=ends.path_home),)
    if wants_care_of and ends.care_of is not None:
        cookie, entropy = entropy.take(COOKIE_OCTETS)
        evidence = replace(evidence, care_of_cookie=Secret(cookie))
        paces = replace(paces, care_of_tests=paced(paces.care_of_tests, settings, now))
        effects = (*effects, Say(CareOfTestInit(cookie), ends.care_of, ends.peer))
    again = repetition.sent_at(now, settings.longest_timeout)
    sent = replace(route, entry=entry, evidence=evidence, repetition=again, paces=paces)
    return RouteTurn(sent, entropy, effects)


@clause("XFRM-MN-027")
def begin_attempt(route: Route, around: Surroundings, entropy: Entropy) -> RouteTurn:
    """Begin with tests and a new back-off: the care-of token is fetched anew."""
    fresh = replace(route, evidence=route.evidence.without_care_of())
    return send_tests(fresh, around, Repetition(around.settings.initial_timeout), entropy)


@clause("XFRM-MN-047")
def staged(route: Route, around: Surroundings, transition: Transition) -> tuple[Route, Effects]:
    """Return the stages that a transition passes, before anything is sent."""
    before, after = _group(transition.source), _group(transition.target)
    if before == after:
        return route, ()
    kinds = []
    if before is StageKind.OPTIMISED or after is StageKind.FELL_BACK:
        kinds.append(StageKind.FELL_BACK)
    if after is not StageKind.FELL_BACK:
        kinds.append(after)
    effects: Effects = ()
    for kind in kinds:
        route, stage = _stage(route, around, kind)
        effects = (*effects, stage)
    return route, effects


def _group(state: str) -> StageKind:
    if state in _IN_USE:
        return StageKind.OPTIMISED
    return StageKind.TESTING if state in _TRYING else StageKind.FELL_BACK


def _stage(route: Route, around: Surroundings, kind: StageKind) -> tuple[Route, Stage]:
    ends = around.ends
    previous = route.staged if route.staged != ends.care_of else None
    stage = Stage(kind, Role.MOBILE_NODE, ends.home_address, ends.peer, ends.care_of, previous)
    return replace(route, staged=None if kind is StageKind.FELL_BACK else ends.care_of), stage


def in_update(state: str) -> bool:
    """Tell whether what a state repeats is an update."""
    return state in (BINDING, REBINDING, CLOSING)
