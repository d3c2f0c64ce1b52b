"""The route to a correspondent node: how often it speaks, what it passes over, what it shows and keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mobile_nodes import (
    AGENT,
    CARE_OF_TOKEN,
    HOME,
    HOME_TOKEN,
    ON_A,
    ON_B,
    OTHER,
    PEER,
    SETTINGS,
    Scene,
    scene,
)
from mobile_scenes import (
    BRR,
    STATES,
    in_tests,
    optimised,
)

from xfrmspec.mipv6.binding_update_list import UpdateEntry
from xfrmspec.mipv6.correspondent_route import Surroundings
from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec.mipv6.return_routability import Ends
from xfrmspec.mipv6.route_machine import timers
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Role,
    Say,
    Stage,
    StageKind,
    Unsupported,
    Wanted,
    Woke,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_mobile_node import (
    BINDING,
    CLOSING,
    CLOSING_TEST,
    CORRESPONDENT_ROUTE,
    HOME_REGISTRATION,
    OPTIMISED,
    REBINDING,
    RETESTING,
    TESTING,
    UNOPTIMISED,
)
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingRefreshRequest,
    CareOfTest,
    CareOfTestInit,
    HomeTestInit,
)


@pytest.mark.clause("XFRM-MN-006")
def test_no_message_type_goes_to_a_peer_more_than_three_times_in_a_second() -> None:
    played = in_tests()
    for number in range(6):
        played.now += 10
        played.tell(Moved((ON_B, ON_A)[number % 2]))
    played.wait(1000)
    played.agent_says()
    for _ in range(8):
        played.now += 1
        played.complains(1)
        played.tell(Unsupported(PEER))
    times = played.times(CareOfTestInit, PEER)
    assert all(times[n + 3] - times[n] >= 1000 for n in range(len(times) - 3))


@pytest.mark.clause("XFRM-MN-006")
def test_a_put_off_test_awaits_nothing_and_goes_when_its_turn_comes() -> None:
    played = optimised()
    for _ in range(3):
        played.complains(1)
        assert played.route().state == UNOPTIMISED
        played.tell(Wanted(PEER))
        if played.route().evidence.care_of_cookie is None:
            break
        played.care_of_test()
        played.peer_acknowledges()
    assert len(played.said(CareOfTestInit)) == 3
    assert played.route().state == TESTING
    assert deadline(played.node) == 1000
    assert played.care_of_test() == []
    (say,) = played.wait(1000)
    assert isinstance(say, Say)
    assert deadline(played.node) == 2000


@pytest.mark.clause("XFRM-MN-036", "XFRM-MN-037", "XFRM-MN-038")
def test_without_the_defence_a_route_stands_until_the_node_moves() -> None:
    played = Scene(replace(SETTINGS, defences=SETTINGS.defences - {Defence.REFRESH}))
    played.optimise()
    assert played.complains(1) == []
    assert played.tell(BRR) == []
    assert played.wait(10_000_000) == []
    assert played.route().state == OPTIMISED
    played.tell(CameHome())
    assert played.route().state == UNOPTIMISED


@pytest.mark.clause("XFRM-MN-049")
def test_routes_are_told_in_the_order_of_their_addresses() -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    for peer in (OTHER, PEER):
        played.tell(Wanted(peer))
    effects = played.agent_says()
    stages = [effect.peer for effect in effects if isinstance(effect, Stage)]
    assert stages == [AGENT, PEER, OTHER]


@pytest.mark.clause("XFRM-MN-050")
@pytest.mark.parametrize("state", STATES)
def test_what_a_route_passes_over_leaves_a_step_and_no_trace(state: str) -> None:
    played = STATES[state]()
    before = played.node
    events: list[DaemonEvent] = [
        Heard(CareOfTest(1, b"cookie??", b"token???"), PEER, HOME),
        Heard(BindingAcknowledgement(0, sequence=99, lifetime=9), PEER, HOME),
        Heard(BindingRefreshRequest(), OTHER, HOME),
        Unsupported(OTHER),
    ]
    for event in events:
        assert played.tell(event) == []
        last = played.steps[-1]
        assert (last.source, last.clause) == (last.target, "XFRM-MN-050")
        assert played.node == before


def test_no_cookie_token_or_key_is_shown() -> None:
    for begin in STATES.values():
        played = begin()
        text = repr(played.node) + repr(played.steps) + repr(played.node.entropy)
        for secret in (HOME_TOKEN, CARE_OF_TOKEN, b"seed"):
            assert repr(secret)[2:-1] not in text
            assert secret.hex() not in text


@pytest.mark.clause("XFRM-MN-002", "XFRM-MN-007", "XFRM-MN-048")
def test_the_binding_update_list_keeps_what_was_asked_and_what_may_be_held() -> None:
    played = Scene()
    played.register()
    played.now = 500
    played.tell(Wanted(PEER))
    played.home_test()
    played.care_of_test()
    asked = UpdateEntry(1, ON_A, 105, 500, True, None, 420_500)
    assert played.route().entry == asked
    assert played.route(OTHER).entry == UpdateEntry()
    played.now = 700
    played.peer_acknowledges(lifetime=100)
    assert played.route().entry == replace(
        asked, awaited=False, acknowledged_until=400_500, held_until=400_500
    )
    assert played.node.registration.entry == UpdateEntry(1, ON_A, 900, 0, False, 3_600_000, 3_600_000)


@pytest.mark.clause("XFRM-MN-005", "XFRM-MN-006")
def test_while_a_repeated_test_is_put_off_the_last_cookie_is_not_believed() -> None:
    played = scene(initial_timeout=100)
    played.test()
    played.wait(999)
    assert played.times(HomeTestInit, PEER) == [0, 100, 300]
    assert played.home_test() == []
    assert played.route().evidence.home is None
    played.wait(1)
    assert played.times(HomeTestInit, PEER)[-1] == 1000
    played.home_test()
    assert played.route().evidence.home is not None


@pytest.mark.clause("XFRM-MN-047")
def test_after_falling_back_no_stage_names_the_former_address() -> None:
    played = optimised()
    played.complains(1)
    played.register(ON_B)
    stage = played.tell(Wanted(PEER))[0]
    assert stage == Stage(StageKind.TESTING, Role.MOBILE_NODE, HOME, PEER, ON_B)


@pytest.mark.clause("XFRM-MN-023", "XFRM-MN-029", "XFRM-MN-035")
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("failures", [0, 2])
def test_a_silence_has_one_meaning(state: str, failures: int) -> None:
    played = STATES[state]()
    route = replace(played.route(), failures=failures)
    care_of = played.node.registration.care_of
    for now in (played.now, played.now + 300_000):
        around = Surroundings(SETTINGS, now, Ends(HOME, PEER, care_of), registered=True, away=True)
        silent = [entry for _, entry in timers(route, around) if entry.guard.startswith("no answer")]
        assert len(silent) == (state in (TESTING, BINDING, RETESTING, REBINDING, CLOSING_TEST, CLOSING))


@pytest.mark.clause("XFRM-MN-023")
def test_of_two_things_that_are_due_the_earlier_is_done_first() -> None:
    played = optimised()
    played.now = 2_800_000
    played.tell(Woke())
    assert [(step.machine, step.clause) for step in played.steps[-2:]] == [
        (CORRESPONDENT_ROUTE.name, "XFRM-MN-037"),
        (HOME_REGISTRATION.name, "XFRM-MN-017"),
    ]
