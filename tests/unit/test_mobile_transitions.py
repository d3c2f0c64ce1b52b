"""Every transition of the mobile node's tables is taken by the code, and no step is taken outside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
from mobile_nodes import AGENT, HOME, ON_B, PEER, SETTINGS, Scene, scene
from mobile_scenes import BRR, STATES, in_state

from xfrmspec.mipv6.choosing import chosen
from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec.mipv6.registration import HomeRegistration
from xfrmspec_terms.daemon import CameHome, Moved, Step, Unsupported, Wanted, Woke
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machine import Machine, Transition
from xfrmspec_terms.machines_mobile_node import (
    AT_HOME,
    CORRESPONDENT_ROUTE,
    HOME_REGISTRATION,
    REFRESHING,
    REFUSED,
    REGISTERED,
    REGISTERING,
    RETURNING,
)
from xfrmspec_terms.mobility import BindingUpdate, CareOfTestInit, HomeTestInit

PASSED_OVER = {"XFRM-MN-024", "XFRM-MN-025", "XFRM-MN-050"}
Act = Callable[[Scene], object]


def sleeps(times: int) -> Act:
    def act(played: Scene) -> None:
        for _ in range(times):
            due = deadline(played.node)
            if due is None:
                return
            played.now = due
            played.tell(Woke())

    return act


def when_asked(kind: type, act: Act) -> Act:
    def acts(played: Scene) -> None:
        if played.said(kind, PEER):
            act(played)

    return acts


def after_agent(act: Act) -> Act:
    def acts(played: Scene) -> None:
        if played.said(BindingUpdate, AGENT):
            act(played)

    return acts


def comes_home(played: Scene) -> None:
    played.tell(CameHome())
    after_agent(lambda there: there.agent_says())(played)


def token_ended(played: Scene) -> None:
    evidence = replace(played.route().evidence, home=None)
    played.node = played.node.with_route(replace(played.route(), evidence=evidence))
    sleeps(3)(played)


ACTS: dict[str, Act] = {
    "moves": lambda played: played.tell(Moved(ON_B)),
    "comes home": lambda played: played.tell(CameHome()),
    "comes home and is acknowledged": comes_home,
    "wants": lambda played: played.tell(Wanted(PEER)),
    "sleeps once": sleeps(1),
    "sleeps long": sleeps(60),
    "loses a token": token_ended,
    "holds no longer": lambda played: sleeps(1)(with_entry(played, held_until=played.now + 1)),
    "hears a request": lambda played: played.tell(BRR),
    "hears an error": lambda played: played.complains(1),
    "hears an error of the agent": lambda played: played.complains(1, AGENT),
    "hears of a type": lambda played: played.complains(2),
    "hears a problem": lambda played: played.tell(Unsupported(PEER)),
    "home test": when_asked(HomeTestInit, lambda played: played.home_test()),
    "both tests": when_asked(
        CareOfTestInit, lambda played: (played.care_of_test(), played.home_test(), played.agent_says())
    ),
    "care-of test": when_asked(CareOfTestInit, lambda played: played.care_of_test()),
    **{
        f"agent {status}": after_agent(lambda played, status=status: played.agent_says(status))  # type: ignore[misc]
        for status in (0, 130, 133, 135)
    },
    **{
        f"peer {status}": when_asked(
            BindingUpdate,
            lambda played, status=status: played.peer_acknowledges(status),  # type: ignore[misc]
        )
        for status in (0, 130, 133, 135, 136, 137)
    },
}


def hurried(played: Scene) -> Scene:
    """Let every pace be used up, so that whatever is to be sent is put off."""
    times = (played.now,) * 3
    route = played.route()
    paces = replace(route.paces, home_tests=times, care_of_tests=times, updates=times)
    registration = replace(played.node.registration, pace=times)
    played.node = replace(played.node.with_route(replace(route, paces=paces)), registration=registration)
    return played


def failing(played: Scene) -> Scene:
    played.node = played.node.with_route(replace(played.route(), failures=2))
    return played


def late() -> Scene:
    played = scene(first_registration_timeout=30_000)
    played.tell(Moved(ON_B))
    played.now = 3500
    played.agent_says(lifetime=1)
    return played


def unrefreshed() -> Scene:
    played = Scene(replace(SETTINGS, defences=SETTINGS.defences - {Defence.REFRESH}))
    played.optimise()
    played.now = 10_000_000
    return played


def refused_while_testing(state: str) -> Scene:
    played = STATES[state]()
    registration = played.node.registration
    played.node = replace(played.node, registration=replace(registration, wait=played.now + 1))
    played.wait(1)
    return played


def forgetful(played: Scene) -> Scene:
    """Let nobody hold a binding any more."""
    registration = played.node.registration
    forgot = replace(registration, entry=replace(registration.entry, held_until=None))
    return with_entry(replace_registration(played, forgot), held_until=None)


def holding(played: Scene) -> Scene:
    return with_entry(played, held_until=played.now + 500_000)


def ending(played: Scene) -> Scene:
    """Let the acknowledged binding of the peer end in a millisecond, and be held longer."""
    return with_entry(holding(played), acknowledged_until=played.now + 1)


def with_entry(played: Scene, **change: int | None) -> Scene:
    route = played.route()
    played.node = played.node.with_route(replace(route, entry=replace(route.entry, **change)))  # type: ignore[arg-type]
    return played


def replace_registration(played: Scene, registration: HomeRegistration) -> Scene:
    played.node = replace(played.node, registration=registration)
    return played


MOODS: tuple[Callable[[Scene], Scene], ...] = (
    lambda played: played,
    hurried,
    failing,
    forgetful,
    holding,
    ending,
)


def begins() -> Iterator[Callable[[], Scene]]:
    """Return how a scene may begin."""
    yield from STATES.values()
    yield from (late, unrefreshed)
    for state in (AT_HOME, REGISTERING, REGISTERED, REFRESHING, REFUSED, RETURNING):
        yield partial(in_state, state)


def tales() -> Iterator[Scene]:
    """Return scenes that were played to their end: every state, every act, in several moods."""
    for begin, mood, act in product(begins(), MOODS, ACTS.values()):
        played = mood(begin())
        act(played)
        sleeps(2)(played)
        yield played
    for state in STATES:
        played = refused_while_testing(state)
        ACTS["agent 130"](played)
        yield played


@pytest.fixture(scope="module")
def steps() -> frozenset[Step]:
    return frozenset(step for played in tales() for step in played.steps)


def is_taken(step: Step, transition: Transition) -> bool:
    named = (step.source, step.event, step.target, step.clause)
    wanted = (transition.source, transition.event, transition.target, transition.clause)
    return named == wanted and (not transition.guard or step.because.split("; ")[0] == transition.guard)


@pytest.mark.clause("XFRM-MN-024", "XFRM-MN-050")
def test_no_step_is_taken_outside_the_tables(steps: frozenset[Step]) -> None:
    machines = {machine.name: machine for machine in (HOME_REGISTRATION, CORRESPONDENT_ROUTE)}
    for step in steps:
        if step.source == step.target and step.clause in PASSED_OVER:
            continue
        assert any(is_taken(step, transition) for transition in machines[step.machine].transitions), step


@pytest.mark.parametrize(
    "machine", [HOME_REGISTRATION, CORRESPONDENT_ROUTE], ids=lambda machine: machine.name
)
def test_every_transition_is_taken(machine: Machine, steps: frozenset[Step]) -> None:
    missing = [
        transition
        for transition in machine.transitions
        if not any(step.machine == machine.name and is_taken(step, transition) for step in steps)
    ]
    assert missing == []


def test_the_table_is_asked_in_its_order_and_unknown_guards_never_hold() -> None:
    first = chosen(HOME_REGISTRATION, REGISTERING, "came home", {"holds none": True}, lambda _: True)
    assert first is not None
    assert first.target == AT_HOME
    assert chosen(HOME_REGISTRATION, REGISTERING, "came home", {"another": True}, lambda _: True) is None
    assert chosen(HOME_REGISTRATION, REGISTERING, "came home", {"holds none": True}, lambda _: False) is None
    assert HOME not in (AGENT, PEER)
