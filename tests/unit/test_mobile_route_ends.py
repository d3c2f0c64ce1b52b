"""The route to a correspondent node: what becomes of a binding when the mobile node comes home."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mobile_nodes import (
    AGENT,
    HOME,
    HOME_TOKEN,
    ON_A,
    PEER,
    Scene,
)
from mobile_scenes import (
    STATES,
    closing,
    closing_test,
    leaving,
    optimised,
)

from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec_terms.daemon import (
    CameHome,
    Heard,
    Path,
    Role,
    Say,
    Stage,
    StageKind,
)
from xfrmspec_terms.machines_mobile_node import (
    BARRED,
    BINDING,
    CLOSING,
    CLOSING_TEST,
    LEAVING,
    OPTIMISED,
    REBINDING,
    RETESTING,
    TESTING,
    UNOPTIMISED,
    WAITING,
)
from xfrmspec_terms.mobility import (
    BindingUpdate,
    HomeTest,
    HomeTestInit,
    NonceIndices,
)


@pytest.mark.clause("XFRM-MN-043")
@pytest.mark.parametrize("state", [UNOPTIMISED, BINDING, OPTIMISED, RETESTING, REBINDING, BARRED])
def test_whoever_may_hold_a_binding_waits_for_the_home_agent(state: str) -> None:
    played = STATES[state]()
    effects = played.tell(CameHome())
    assert played.route().state == LEAVING
    fell_back = Stage(StageKind.FELL_BACK, Role.MOBILE_NODE, HOME, PEER, None, ON_A)
    assert (fell_back in effects) == (state not in (UNOPTIMISED, BARRED))
    assert effects[1] == Say(played.last_update(AGENT), HOME, AGENT)


@pytest.mark.clause("XFRM-MN-043")
@pytest.mark.parametrize("state", [WAITING, TESTING])
def test_whoever_holds_nothing_is_left_alone_at_home(state: str) -> None:
    played = STATES[state]()
    played.tell(CameHome())
    assert played.route().state == UNOPTIMISED
    before = played.said(BindingUpdate, PEER)
    played.agent_says()
    assert played.said(BindingUpdate, PEER) == before


@pytest.mark.clause("XFRM-MN-044")
def test_bindings_are_ended_after_the_home_registration_with_the_home_token_alone() -> None:
    played = optimised()
    assert all(say.destination == AGENT for say in played.tell(CameHome()) if isinstance(say, Say))
    _, say = played.agent_says()
    assert isinstance(say, Say)
    assert (say.source, say.destination, say.care_of, say.path) == (HOME, PEER, None, Path.DIRECT)
    plain = BindingUpdate(2, True, options=(NonceIndices(7, 0),))
    assert say.message == authorised(plain, binding_management_key(HOME_TOKEN), HOME, PEER)
    assert played.route().state == CLOSING


@pytest.mark.clause("XFRM-MN-044")
def test_without_a_home_token_the_end_begins_with_a_test_from_home() -> None:
    played = closing_test()
    asked = played.said(HomeTestInit, PEER)[-1]
    assert (asked.source, asked.path) == (HOME, Path.DIRECT)
    assert isinstance(asked.message, HomeTestInit)
    tunnelled = Heard(HomeTest(7, asked.message.cookie, HOME_TOKEN), PEER, HOME, path=Path.TUNNEL)
    assert played.tell(tunnelled) == []
    (say,) = played.home_test()
    assert isinstance(say, Say)
    assert played.last_update(PEER).lifetime == 0
    assert played.route().state == CLOSING


@pytest.mark.clause("XFRM-MN-045", "XFRM-MN-048")
@pytest.mark.parametrize("status", [0, 1, 133])
def test_an_acknowledged_end_leaves_nothing(status: int) -> None:
    played = closing()
    assert played.peer_acknowledges(status) == []
    assert played.route().state == UNOPTIMISED
    assert played.route().entry.held_until is None
    assert deadline(played.node) is None


@pytest.mark.clause("XFRM-MN-045")
@pytest.mark.parametrize("status", [136, 138])
def test_an_expired_nonce_at_the_end_is_tested_anew_as_often_as_needed(status: int) -> None:
    played = closing()
    for _ in range(5):
        played.now += 900
        (say,) = played.peer_acknowledges(status)
        assert isinstance(say, Say)
        assert isinstance(say.message, HomeTestInit)
        assert played.route().state == CLOSING_TEST
        played.home_test()
    played.peer_acknowledges()
    assert played.route().state == UNOPTIMISED


@pytest.mark.clause("XFRM-MN-013", "XFRM-MN-045")
def test_other_refusals_of_an_end_are_passed_over_and_numbers_are_taken_up() -> None:
    played = closing()
    for status in (129, 130, 137, 139, 174):
        assert played.peer_acknowledges(status) == []
        assert played.route().state == CLOSING
    played.peer_acknowledges(135, sequence=77)
    assert played.last_update(PEER).sequence == 78
    before = played.node
    assert played.peer_acknowledges(135, sequence=77) == []
    assert played.node == before
    assert (played.route().state, played.route().failures) == (CLOSING, 0)


@pytest.mark.clause("XFRM-MN-046", "XFRM-MN-048")
@pytest.mark.parametrize("begin", [closing, closing_test, leaving])
def test_the_end_is_tried_until_the_binding_has_ended(begin: Callable[[], Scene]) -> None:
    played = begin()
    played.wait(419_999 - played.now)
    assert played.route().state in (CLOSING, CLOSING_TEST, LEAVING)
    played.wait(1)
    assert played.route().state == UNOPTIMISED
    sent = len(played.sent)
    played.wait(1_000_000)
    assert [say for _, say in played.sent[sent:] if say.destination == PEER] == []


@pytest.mark.clause("XFRM-MN-046")
def test_an_end_whose_token_is_over_goes_back_to_the_test() -> None:
    played = closing()
    played.wait(210_000 + 32_000)
    assert played.route().state == CLOSING_TEST
