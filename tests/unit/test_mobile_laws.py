"""Laws of the mobile node, for whatever happens: friends, forgers, silence and movement in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mobile_nodes import AGENT, HOME, ON_A, ON_B, OTHER, PEER, Scene
from test_mobile_transitions import PASSED_OVER, is_taken

from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Path,
    Probed,
    StageKind,
    Unbound,
    Uniqueness,
    Unsupported,
    Wanted,
    Woke,
)
from xfrmspec_terms.machines_mobile_node import (
    AT_HOME,
    BARRED,
    BINDING,
    CLOSING,
    CLOSING_TEST,
    CORRESPONDENT_ROUTE,
    HOME_REGISTRATION,
    LEAVING,
    OPTIMISED,
    REBINDING,
    REFRESHING,
    REGISTERED,
    RETESTING,
    RETURNING,
    TESTING,
    UNOPTIMISED,
    WAITING,
)
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    NonceIndices,
    UnknownMessage,
)
from xfrmspec_terms.options import Pad1

SIXTEEN = st.integers(0, 0xFFFF)
EIGHT = st.integers(0, 0xFF)
ADDRESSES = st.sampled_from((HOME, AGENT, PEER, OTHER, ON_A, ON_B))
OCTETS = st.binary(min_size=8, max_size=8)
OPTIONS = st.lists(
    st.one_of(
        st.builds(BindingRefreshAdvice, SIXTEEN),
        st.builds(AlternateCareOfAddress, ADDRESSES),
        st.builds(NonceIndices, SIXTEEN, SIXTEEN),
        st.just(Pad1()),
    ),
    max_size=2,
).map(tuple)
SIGNATURE = st.binary(min_size=12, max_size=12).map(lambda octets: (BindingAuthorizationData(octets),))
MESSAGES = st.one_of(
    st.builds(BindingRefreshRequest, OPTIONS),
    st.builds(HomeTestInit, OCTETS),
    st.builds(CareOfTestInit, OCTETS),
    st.builds(HomeTest, SIXTEEN, OCTETS, OCTETS),
    st.builds(CareOfTest, SIXTEEN, OCTETS, OCTETS),
    st.builds(BindingUpdate, SIXTEEN, st.booleans(), st.booleans()),
    st.builds(
        BindingAcknowledgement,
        st.one_of(st.sampled_from((0, 1, 130, 133, 135, 136, 137, 138)), EIGHT),
        sequence=st.one_of(st.integers(0, 20), SIXTEEN),
        lifetime=st.one_of(st.integers(0, 200), SIXTEEN),
        options=st.one_of(OPTIONS, SIGNATURE),
    ),
    st.builds(BindingError, EIGHT, ADDRESSES),
    st.just(UnknownMessage(99)),
)
EVENTS = st.one_of(
    st.builds(
        Heard,
        MESSAGES,
        ADDRESSES,
        ADDRESSES,
        association=st.sampled_from((None, HOME, OTHER)),
        path=st.sampled_from(Path),
    ),
    st.builds(Moved, st.sampled_from((ON_A, ON_B, HOME))),
    st.just(CameHome()),
    st.just(Woke()),
    st.builds(Wanted, ADDRESSES),
    st.builds(Unsupported, ADDRESSES),
    st.builds(Unbound, ADDRESSES, ADDRESSES, ADDRESSES),
    st.builds(Probed, ADDRESSES, st.sampled_from(Uniqueness)),
)

Act = Callable[[Scene], object]


def tells(event: DaemonEvent) -> Act:
    return lambda played: played.tell(event)


def agent(status: int, lifetime: int) -> Act:
    return lambda played: played.said(BindingUpdate, AGENT) and played.agent_says(status, lifetime)


def peer(status: int, lifetime: int) -> Act:
    return lambda played: played.said(BindingUpdate, PEER) and played.peer_acknowledges(status, lifetime)


def both_tests(played: Scene) -> None:
    if played.said(CareOfTestInit, PEER):
        played.care_of_test()
    if played.said(HomeTestInit, PEER):
        played.home_test()


STATUSES = st.sampled_from((0, 0, 0, 130, 133, 135, 136, 137))
ACTS = st.one_of(
    st.builds(tells, EVENTS),
    st.just(tells(Wanted(PEER))),
    st.just(tells(Heard(BindingRefreshRequest(), PEER, HOME))),
    st.builds(tells, st.builds(Moved, st.sampled_from((ON_A, ON_B)))),
    st.builds(agent, STATUSES, st.sampled_from((900, 100, 1))),
    st.builds(peer, STATUSES, st.sampled_from((105, 2))),
    st.just(both_tests),
    st.integers(1, 500_000).map(lambda time: lambda played: played.wait(time)),
    st.integers(1, 900).map(lambda time: lambda played: played.wait(time)),
)
STORIES = st.lists(ACTS, max_size=40)


def told(story: Sequence[Act]) -> Scene:
    played = Scene()
    for act in story:
        act(played)
        assert_consistent(played)
    return played


def assert_consistent(played: Scene) -> None:
    """Compare every route with the registration, and with the last stage that the kernel heard of it."""
    registration = played.node.registration
    at_home = played.state in (AT_HOME, RETURNING)
    assert (registration.care_of is None) == at_home
    allowed = {
        AT_HOME: {UNOPTIMISED, BARRED, CLOSING_TEST, CLOSING},
        RETURNING: {UNOPTIMISED, BARRED, LEAVING},
    }.get(played.state, {UNOPTIMISED, WAITING, BINDING, OPTIMISED, REBINDING, BARRED})
    if played.state in (REGISTERED, REFRESHING):
        allowed = (allowed - {WAITING}) | {TESTING, RETESTING}
    for route in played.node.routes:
        assert route.state in allowed
        stages = played.stages(route.peer)
        last = stages[-1] if stages else StageKind.FELL_BACK
        assert last is kernel_stage(route.state)
        assert route.entry.awaited is False or route.state in (BINDING, REBINDING, CLOSING)


def kernel_stage(state: str) -> StageKind:
    if state in (OPTIMISED, RETESTING, REBINDING):
        return StageKind.OPTIMISED
    return StageKind.TESTING if state in (TESTING, BINDING) else StageKind.FELL_BACK


@pytest.mark.clause("XFRM-MN-023", "XFRM-MN-042", "XFRM-MN-043", "XFRM-MN-047", "XFRM-MN-049")
@given(story=STORIES)
@settings(max_examples=200, deadline=None)
def test_routes_registration_and_kernel_agree_whatever_happens(story: list[Act]) -> None:
    told(story)


@pytest.mark.clause("XFRM-MN-024", "XFRM-MN-050")
@given(story=STORIES)
@settings(max_examples=100, deadline=None)
def test_every_step_is_in_the_tables_or_changes_nothing(story: list[Act]) -> None:
    machines = {machine.name: machine for machine in (HOME_REGISTRATION, CORRESPONDENT_ROUTE)}
    for step in told(story).steps:
        if step.source == step.target and step.clause in PASSED_OVER:
            continue
        assert any(is_taken(step, transition) for transition in machines[step.machine].transitions)


@pytest.mark.clause("XFRM-MN-003", "XFRM-MN-013")
@given(story=STORIES, first=SIXTEEN)
@settings(max_examples=150, deadline=None)
def test_numbers_only_go_forward(story: list[Act], first: int) -> None:
    played = Scene()
    played.number_from(first)
    for act in story:
        act(played)
    for destination in (AGENT, PEER):
        numbers = [
            say.message.sequence
            for say in played.said(BindingUpdate, destination)
            if isinstance(say.message, BindingUpdate)
        ]
        start = first if destination == AGENT else 0
        assert all(1 <= (late - early) % 65_536 <= 32_769 for early, late in pairwise([start, *numbers]))


@pytest.mark.clause("XFRM-MN-006")
@given(story=STORIES)
@settings(max_examples=150, deadline=None)
def test_no_message_type_goes_more_than_three_times_a_second(story: list[Act]) -> None:
    played = told(story)
    for destination in {say.destination for _, say in played.sent}:
        for kind in (BindingUpdate, HomeTestInit, CareOfTestInit):
            times = played.times(kind, destination)
            assert all(late - early >= 1000 for early, late in zip(times, times[3:], strict=False))


@pytest.mark.clause("XFRM-MN-005")
@given(story=STORIES)
@settings(max_examples=50, deadline=None)
def test_no_cookie_is_used_twice_and_a_seed_decides_everything(story: list[Act]) -> None:
    played = told(story)
    asked = [*played.said(HomeTestInit), *played.said(CareOfTestInit)]
    cookies = [say.message.cookie for say in asked if isinstance(say.message, HomeTestInit | CareOfTestInit)]
    assert len(set(cookies)) == len(cookies)
    again = told(story)
    assert (again.node, again.effects, again.steps) == (played.node, played.effects, played.steps)


@pytest.mark.clause("XFRM-MN-035", "XFRM-MN-046")
@given(story=STORIES)
@settings(max_examples=50, deadline=None)
def test_in_silence_no_peer_is_bothered_for_long(story: list[Act]) -> None:
    played = told(story)
    played.wait(1_000_000)
    before = len(played.sent)
    played.wait(1_000_000)
    assert {say.destination for _, say in played.sent[before:]} <= {AGENT}


@pytest.mark.clause("XFRM-MN-028", "XFRM-MN-031")
@given(events=st.lists(EVENTS, max_size=30))
@settings(max_examples=100, deadline=None)
def test_who_cannot_answer_brings_about_no_binding(events: list[DaemonEvent]) -> None:
    played = Scene()
    played.optimise()
    sent = len(played.said(BindingUpdate, PEER))
    for event in events:
        played.tell(event)
        played.wait(300)
    assert all(
        say.message.lifetime == 0
        for say in played.said(BindingUpdate, PEER)[sent:]
        if isinstance(say.message, BindingUpdate)
    )


@pytest.mark.clause("XFRM-MN-027", "XFRM-MN-030", "XFRM-MN-044")
@given(story=STORIES)
@settings(max_examples=100, deadline=None)
def test_every_message_has_the_addresses_of_its_place(story: list[Act]) -> None:
    played = told(story)
    for _, say in played.sent:
        if isinstance(say.message, CareOfTestInit):
            assert say.source in (ON_A, ON_B)
            assert say.path is Path.DIRECT
        if isinstance(say.message, BindingUpdate):
            assert say.source == HOME
            assert (say.care_of is None) == (say.message.lifetime == 0)
            assert say.message.home_registration == (say.destination == AGENT)
        assert say.destination != HOME
