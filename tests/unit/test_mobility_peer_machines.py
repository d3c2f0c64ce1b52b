"""Every transition of the machines of chapters 11 and 12 is taken by the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from ipaddress import IPv6Address

import pytest
from mobility_peers import (
    AGENT,
    CARE_A,
    CARE_B,
    COOKIE,
    CORRESPONDENT,
    ELSE_HOME,
    HOME,
    HOME_AGENT,
    HOME_LINK,
    Tokens,
    Wish,
    agent,
    both_tests,
    correspondent,
    message_heard,
    registered,
    registration_heard,
    unprotected,
    update_heard,
    updated,
    without,
)

from xfrmspec.mipv6.correspondent_node import step
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode, CorrespondentSettings, Willingness
from xfrmspec.mipv6.course import UnknownTransitionError, taken
from xfrmspec.mipv6.home_agent import step as agent_step
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings
from xfrmspec_terms.daemon import DaemonEvent, Heard, Moved, Probed, Step, Unbound, Uniqueness, Used, Woke
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machine import Machine, Transition
from xfrmspec_terms.machines_correspondent import CORRESPONDENT_MACHINES
from xfrmspec_terms.machines_home_agent import HOME_AGENT_MACHINES
from xfrmspec_terms.mobility import (
    BindingRefreshRequest,
    BindingUpdate,
    CareOfTestInit,
    HomeTestInit,
    UnknownMessage,
)

LINK_LOCAL = IPv6Address("fe80::1")
REPORT = Unbound(CARE_A, HOME, CORRESPONDENT)
SHORT = Wish(lifetime=10)
MESSAGES = (HomeTestInit(COOKIE), CareOfTestInit(COOKIE), UnknownMessage(77), BindingRefreshRequest())
MOVES = (Wish(2), Wish(2, care_of=CARE_B), Wish(2, lifetime=0))
AT_CORRESPONDENT = (*MOVES, Wish(2, alternate=CORRESPONDENT))
UNIQUE, DUPLICATE = Probed(HOME, Uniqueness.UNIQUE), Probed(HOME, Uniqueness.DUPLICATE)
FULL = CorrespondentSettings(capacity=0)
DECLINING = CorrespondentSettings(willingness=Willingness.DECLINES)
OF_2004 = CorrespondentSettings(without(Defence.STATELESS))


def bound(*then: tuple[int, DaemonEvent], wish: Wish = SHORT) -> CorrespondentNode:
    """Return a correspondent with a binding made at 0, after events at their times."""
    node = updated(correspondent(), 0, wish).node
    for now, event in then:
        node = step(node, event, now).node
    return node


def correspondents() -> Iterator[tuple[CorrespondentNode, DaemonEvent, int]]:
    """Yield nodes and the event that takes a transition of messages, questions or reports."""
    fresh = correspondent()
    for message in (
        HomeTestInit(COOKIE),
        CareOfTestInit(COOKIE),
        UnknownMessage(77),
        BindingRefreshRequest(),
    ):
        for source, care_of in ((HOME, None), (HOME, CARE_A), (LINK_LOCAL, None)):
            yield fresh, message_heard(message, source, care_of), 0
    yield both_tests(fresh, 0)[0], message_heard(HomeTestInit(COOKIE), HOME), 1
    kept = correspondent(OF_2004)
    for number in range(65):
        event = message_heard(HomeTestInit(COOKIE), HOME + number)
        yield kept, event, 0
        kept = step(kept, event, 0).node
    complained = step(fresh, REPORT, 0).node
    yield from ((fresh, REPORT, 0), (complained, REPORT, 1), (bound(), REPORT, 1), (fresh, Moved(CARE_A), 0))
    home_update = message_heard(BindingUpdate(1, home_registration=True, lifetime=1), HOME, CARE_A)
    yield from ((fresh, home_update, 0), (bound(), home_update, 1))
    yield fresh, message_heard(BindingUpdate(1, lifetime=1), HOME, CARE_A), 0
    yield from questioned(fresh)


def questioned(fresh: CorrespondentNode) -> Iterator[tuple[CorrespondentNode, DaemonEvent, int]]:
    ready, tokens = both_tests(fresh, 0)
    for home, care_of in ((9, 0), (0, 9), (9, 9), (0, 0)):
        given = Tokens(replace(tokens.home, nonce_index=home), replace(tokens.care_of, nonce_index=care_of))
        yield ready, update_heard(given, Wish()), 0
    yield ready, update_heard(tokens, Wish(proven_by=("home",))), 0
    for node in (fresh, correspondent(FULL), correspondent(DECLINING), bound(), bound((1, Used(HOME)))):
        asked = both_tests(node, 2)[0]
        wishes = (
            SHORT,
            Wish(1),
            Wish(2),
            Wish(2, lifetime=0),
            Wish(2, care_of=CARE_B),
            Wish(2, alternate=CORRESPONDENT),
        )
        for wish in wishes:
            there, its_tokens = both_tests(asked, 2, HOME, wish.bound_address)
            yield there, update_heard(its_tokens, wish), 2


def bindings() -> Iterator[tuple[CorrespondentNode, DaemonEvent, int]]:
    """Yield every state of a binding with every event."""
    used = bound((1, Used(HOME)))
    asked = step(used, Woke(), 35_000).node
    remembered = step(asked, Woke(), 40_000).node
    for node, now in ((correspondent(), 0), (bound(), 1), (used, 2), (asked, 35_001), (remembered, 40_001)):
        yield node, Used(HOME), now
        yield node, Woke(), now
        for wish in (
            Wish(2),
            Wish(2, care_of=CARE_B),
            Wish(2, lifetime=0),
            Wish(0),
            Wish(2, alternate=CORRESPONDENT),
        ):
            ready, tokens = both_tests(node, now, HOME, wish.bound_address)
            yield ready, update_heard(tokens, wish), now
    yield from (
        (bound(), Woke(), 40_000),
        (used, Woke(), 35_000),
        (used, Woke(), 40_000),
        (asked, Woke(), 40_000),
    )
    yield from ((remembered, Woke(), 240_000), (bound(wish=Wish()), Woke(), 420_000))
    long_used = bound((1, Used(HOME)), wish=Wish())
    long_asked = step(long_used, Woke(), 400_000).node
    yield from ((long_used, Woke(), 420_000), (long_asked, Woke(), 420_000))


def registrations() -> Iterator[tuple[HomeAgent, DaemonEvent, int]]:
    """Yield every state of a registration with every event, and every question with every answer."""
    probing = agent_step(agent(), registration_heard(SHORT), 0).node
    idle = registered(agent(), 1000, SHORT).node
    used = agent_step(idle, Used(HOME), 1001).node
    asked = agent_step(used, Woke(), 36_000).node
    remembered = agent_step(asked, Woke(), 41_000).node
    for node, now in (
        (agent(), 0),
        (probing, 1000),
        (idle, 1000),
        (used, 1001),
        (asked, 36_000),
        (remembered, 41_000),
    ):
        for event in (Used(HOME), UNIQUE, DUPLICATE, Woke()):
            yield node, event, now
        for wish in (
            Wish(2),
            Wish(2, care_of=CARE_B),
            Wish(2, lifetime=0),
            Wish(1),
            Wish(0),
            Wish(2, alternate=AGENT),
        ):
            yield node, registration_heard(wish), now
        yield node, Heard(BindingUpdate(9, lifetime=9), HOME, AGENT, CARE_A), now
    yield from ((node, Woke(), 41_000) for node in (idle, used, asked))
    yield used, Woke(), 36_000
    dying = HomeAgentSettings((replace(HOME_LINK, valid_until=4000),))
    yield agent_step(agent(dying), registration_heard(SHORT), 0).node, UNIQUE, 1000
    for wish in (
        Wish(home=LINK_LOCAL),
        Wish(at_home=True, alternate=CARE_A),
        Wish(home=IPv6Address("2001:db8:2::1")),
    ):
        yield agent(), registration_heard(wish, wish.home), 0
    yield agent(), unprotected(registration_heard(SHORT)), 0
    closed = replace(HOME_AGENT, prohibited=frozenset({HOME}))
    for settings in (HomeAgentSettings(), closed, replace(HOME_AGENT, capacity=0)):
        yield agent(settings), registration_heard(SHORT), 0
    yield idle, registration_heard(Wish(home=ELSE_HOME, care_of=HOME), ELSE_HOME), 1000


@cache
def steps_taken() -> frozenset[Step]:
    found: set[Step] = set()
    for node, event, now in (*correspondents(), *bindings()):
        found |= set(step(node, event, now).steps)
    for node_at_home, event, now in registrations():
        found |= set(agent_step(node_at_home, event, now).steps)
    return frozenset(found)


def is_along(step_taken: Step, machine: Machine, transition: Transition) -> bool:
    same = (step_taken.machine, step_taken.source, step_taken.event, step_taken.target, step_taken.clause)
    drawn = (machine.name, transition.source, transition.event, transition.target, transition.clause)
    return same == drawn and step_taken.because.startswith(transition.guard)


MACHINES = (*CORRESPONDENT_MACHINES, *HOME_AGENT_MACHINES)
DRAWN = [(machine, transition) for machine in MACHINES for transition in machine.transitions]


@pytest.mark.clause("XFRM-CN-022", "XFRM-HA-012")
@pytest.mark.parametrize(
    ("machine", "transition"),
    DRAWN,
    ids=lambda one: one.name if isinstance(one, Machine) else "-".join((one.source, one.event, one.guard)),
)
def test_every_transition_is_taken(machine: Machine, transition: Transition) -> None:
    assert any(is_along(step_taken, machine, transition) for step_taken in steps_taken())


def test_every_step_is_along_a_transition() -> None:
    for step_taken in steps_taken():
        assert any(is_along(step_taken, machine, transition) for machine, transition in DRAWN), step_taken


def test_a_step_that_the_table_lacks_cannot_be_taken() -> None:
    machine = MACHINES[0]
    with pytest.raises(UnknownTransitionError, match=machine.name):
        taken(machine, machine.initial, "mobility message", "on a Sunday")
