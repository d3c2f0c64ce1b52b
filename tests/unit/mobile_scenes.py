"""Scenes of a mobile node that were played up to a state of its registration or of one route."""

from __future__ import annotations

from collections.abc import Callable

from mobile_nodes import HOME, ON_A, PEER, Scene

from xfrmspec_terms.daemon import CameHome, Heard, Moved, Wanted
from xfrmspec_terms.machines_mobile_node import (
    AT_HOME,
    BARRED,
    BINDING,
    CLOSING,
    CLOSING_TEST,
    LEAVING,
    OPTIMISED,
    REBINDING,
    REFRESHING,
    REFUSED,
    REGISTERED,
    RETESTING,
    RETURNING,
    TESTING,
    UNOPTIMISED,
    WAITING,
)
from xfrmspec_terms.mobility import BindingRefreshRequest

BRR = Heard(BindingRefreshRequest(), PEER, HOME)


def in_tests() -> Scene:
    played = Scene()
    played.test()
    return played


def bound() -> Scene:
    played = Scene()
    played.bind()
    return played


def optimised() -> Scene:
    played = Scene()
    played.optimise()
    return played


def renewing() -> Scene:
    played = optimised()
    played.now = 300_000
    played.tell(BRR)
    return played


def rebinding() -> Scene:
    played = renewing()
    played.home_test()
    played.care_of_test()
    return played


def waiting() -> Scene:
    played = Scene()
    played.tell(Moved(ON_A))
    played.tell(Wanted(PEER))
    return played


def barred() -> Scene:
    played = bound()
    played.peer_acknowledges(130)
    return played


def fallen() -> Scene:
    """Return a route out of use whose peer may hold a binding: its last update was refused unsigned."""
    played = rebinding()
    played.peer_acknowledges(137)
    played.wait(100_000)
    played.wait(420_000 - played.now)
    return played


def leaving() -> Scene:
    played = optimised()
    played.tell(CameHome())
    return played


def closing_test() -> Scene:
    played = optimised()
    played.now = 220_000
    played.tell(CameHome())
    played.agent_says()
    return played


def closing() -> Scene:
    played = leaving()
    played.agent_says()
    return played


STATES: dict[str, Callable[[], Scene]] = {
    UNOPTIMISED: fallen,
    WAITING: waiting,
    TESTING: in_tests,
    BINDING: bound,
    OPTIMISED: optimised,
    RETESTING: renewing,
    REBINDING: rebinding,
    BARRED: barred,
    LEAVING: leaving,
    CLOSING_TEST: closing_test,
    CLOSING: closing,
}


def in_state(state: str) -> Scene:
    """Return a scene whose registration is in a state, on link A where it is away."""
    played = Scene()
    if state == AT_HOME:
        return played
    played.tell(Moved(ON_A))
    if state in (REGISTERED, REFRESHING, RETURNING):
        played.agent_says()
    if state == REFRESHING:
        played.wait(2_700_000)
    if state == REFUSED:
        played.agent_says(130)
    if state == RETURNING:
        played.tell(CameHome())
    assert played.state == state
    return played
