"""The route to a correspondent node: renewals, bindings that are forgotten, errors, and movement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from mobile_nodes import (
    AGENT,
    HOME,
    ON_A,
    ON_B,
    OTHER,
    PEER,
    Scene,
    scene,
)
from mobile_scenes import (
    BRR,
    STATES,
    in_tests,
    optimised,
    rebinding,
    renewing,
    waiting,
)

from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec_terms.daemon import (
    CameHome,
    Heard,
    Moved,
    Role,
    Say,
    Stage,
    StageKind,
    Unsupported,
    Wanted,
)
from xfrmspec_terms.machines_mobile_node import (
    BARRED,
    BINDING,
    CLOSING,
    CLOSING_TEST,
    LEAVING,
    OPTIMISED,
    REBINDING,
    REFUSED,
    RETESTING,
    TESTING,
    UNOPTIMISED,
    WAITING,
)
from xfrmspec_terms.mobility import (
    UNSPECIFIED,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
    CareOfTestInit,
    HomeTestInit,
)


@pytest.mark.clause("XFRM-MN-036")
def test_a_renewal_leaves_the_route_in_use() -> None:
    played = renewing()
    assert played.route().state == RETESTING
    played.home_test()
    played.care_of_test()
    assert played.route().state == REBINDING
    assert played.peer_acknowledges() == []
    assert played.route().state == OPTIMISED
    assert played.stages(PEER) == [StageKind.TESTING, StageKind.OPTIMISED]
    played.wait(419_999)
    assert played.route().state == OPTIMISED


@pytest.mark.clause("XFRM-MN-036", "XFRM-MN-037")
def test_a_renewal_without_answer_ends_with_the_binding() -> None:
    played = renewing()
    played.wait(63_000)
    assert played.route().state == OPTIMISED
    played.wait(420_000 - 363_000)
    assert played.route().state == UNOPTIMISED
    assert played.route().entry.acknowledged_until is None


@pytest.mark.clause("XFRM-MN-036")
@pytest.mark.parametrize("state", [UNOPTIMISED, WAITING, TESTING, BINDING, RETESTING, REBINDING, BARRED])
def test_nobody_else_renews_on_request(state: str) -> None:
    played = STATES[state]()
    before = played.node
    assert played.tell(BRR) == []
    assert played.node == before
    assert optimised().tell(Heard(BindingRefreshRequest(), PEER, ON_A)) == []
    assert optimised().tell(Heard(BindingRefreshRequest(), OTHER, HOME)) == []


@pytest.mark.clause("XFRM-MN-037")
@pytest.mark.parametrize(("begin", "goes_on"), [(renewing, TESTING), (rebinding, BINDING)])
def test_a_binding_that_ends_during_its_renewal_falls_back_and_the_attempt_goes_on(
    begin: Callable[[], Scene], goes_on: str
) -> None:
    played = scene(peer_lifetime=80)
    played.optimise()
    played.now = 319_000
    played.tell(BRR)
    if begin is rebinding:
        played.home_test()
        played.care_of_test()
    played.wait(1000)
    assert played.route().state == goes_on
    assert played.stages(PEER)[2:] == [StageKind.FELL_BACK, StageKind.TESTING]
    sent = BindingUpdate if goes_on == BINDING else HomeTestInit
    assert played.times(sent, PEER)[-2:] == [319_000, 320_000]


@pytest.mark.clause("XFRM-MN-038", "XFRM-MN-048")
@pytest.mark.parametrize(
    ("state", "after"), [(OPTIMISED, UNOPTIMISED), (RETESTING, TESTING), (REBINDING, BINDING)]
)
def test_a_forgotten_binding_falls_back_to_the_tunnel(state: str, after: str) -> None:
    played = STATES[state]()
    assert played.complains(1, OTHER) == []
    assert played.complains(1, home=OTHER) == []
    assert played.complains(9) == []
    assert played.tell(Heard(BindingError(1, HOME), PEER, OTHER)) == []
    assert played.tell(Heard(BindingError(2, HOME), PEER, OTHER)) == []
    played.complains(1)
    assert played.route().state == after
    expected = [StageKind.FELL_BACK] + ([StageKind.TESTING] if after != UNOPTIMISED else [])
    assert played.stages(PEER)[2:] == expected
    held = played.route().entry.held_until
    assert (held is None) == (state != REBINDING)


@pytest.mark.clause("XFRM-MN-038")
@pytest.mark.parametrize(
    "state", [UNOPTIMISED, WAITING, TESTING, BINDING, BARRED, LEAVING, CLOSING_TEST, CLOSING]
)
def test_where_nothing_is_optimised_nothing_is_forgotten(state: str) -> None:
    played = STATES[state]()
    before = played.node
    assert played.complains(1) == []
    assert played.node == before


@pytest.mark.clause("XFRM-MN-039")
@pytest.mark.parametrize("state", [TESTING, BINDING, OPTIMISED, RETESTING, REBINDING])
@pytest.mark.parametrize("how", ["error", "error without home address", "parameter problem"])
def test_a_peer_that_does_not_speak_is_barred(state: str, how: str) -> None:
    played = STATES[state]()
    if how == "parameter problem":
        played.tell(Unsupported(PEER))
    else:
        played.complains(2, home=HOME if how == "error" else UNSPECIFIED)
    assert played.route().state == BARRED
    assert played.stages(PEER)[-1] is StageKind.FELL_BACK
    assert deadline(played.node) == played.now + 420_000


@pytest.mark.clause("XFRM-MN-039")
@pytest.mark.parametrize("state", [UNOPTIMISED, WAITING, BARRED, LEAVING, CLOSING_TEST, CLOSING])
def test_nothing_is_barred_that_does_not_speak(state: str) -> None:
    played = STATES[state]()
    before = played.node
    assert played.tell(Unsupported(PEER)) == []
    assert played.complains(2) == []
    assert played.tell(Unsupported(OTHER)) == []
    assert played.node == before


@pytest.mark.clause("XFRM-MN-026")
def test_traffic_waits_for_the_home_registration() -> None:
    played = waiting()
    assert played.route().state == WAITING
    assert played.said(HomeTestInit) == []
    effects = played.agent_says()
    assert played.route().state == TESTING
    kinds = [effect.kind for effect in effects if isinstance(effect, Stage)]
    assert kinds == [StageKind.REGISTERED, StageKind.TESTING]


@pytest.mark.clause("XFRM-MN-025", "XFRM-MN-026")
def test_traffic_at_home_and_with_odd_peers_is_passed_over() -> None:
    played = Scene()
    assert played.tell(Wanted(PEER)) == []
    played.register()
    played.tell(CameHome())
    assert played.tell(Wanted(PEER)) == []
    assert played.node.routes == ()
    played = Scene()
    played.register()
    for peer in ("::", "::1", "ff02::1", "fe80::1", str(HOME), str(AGENT)):
        assert played.tell(Wanted(IPv6Address(peer))) == []
        assert played.steps[-1].clause == "XFRM-MN-025"
    assert played.node.routes == ()


@pytest.mark.clause("XFRM-MN-041")
@pytest.mark.parametrize("state", [UNOPTIMISED, WAITING, TESTING, BINDING, OPTIMISED, RETESTING, REBINDING])
def test_after_a_movement_every_route_waits_and_is_tested_anew(state: str) -> None:
    played = STATES[state]()
    in_use = state in (OPTIMISED, RETESTING, REBINDING)
    played.now += 1000
    effects = played.tell(Moved(ON_B))
    assert played.route().state == WAITING
    assert played.route().evidence.care_of is None
    fallen_back = [e for e in effects if isinstance(e, Stage) and e.kind is StageKind.FELL_BACK]
    assert bool(fallen_back) == (in_use or state in (TESTING, BINDING))
    if fallen_back:
        assert fallen_back == [Stage(StageKind.FELL_BACK, Role.MOBILE_NODE, HOME, PEER, ON_B, ON_A)]
    played.agent_says()
    assert played.route().state == TESTING
    assert played.said(CareOfTestInit, PEER)[-1].source == ON_B
    if played.route().evidence.home_cookie is not None:
        played.home_test()
    played.care_of_test()
    played.peer_acknowledges()
    assert played.route().state == OPTIMISED


@pytest.mark.clause("XFRM-MN-041", "XFRM-MN-029")
def test_a_home_token_outlives_a_movement_and_a_care_of_token_does_not() -> None:
    played = optimised()
    played.now = 100_000
    played.tell(Moved(ON_B))
    said = played.agent_says()
    assert [type(say.message) for say in said if isinstance(say, Say)] == [CareOfTestInit]
    (say,) = played.care_of_test()
    assert isinstance(say, Say)
    assert say.care_of == ON_B


@pytest.mark.clause("XFRM-MN-041")
@pytest.mark.parametrize("state", [LEAVING, CLOSING_TEST, CLOSING, BARRED])
def test_whoever_may_hold_a_binding_is_visited_again_after_a_movement(state: str) -> None:
    played = STATES[state]()
    played.tell(Moved(ON_B))
    assert played.route().state == WAITING


@pytest.mark.clause("XFRM-MN-041", "XFRM-MN-043")
def test_a_barred_peer_that_holds_nothing_stays_barred() -> None:
    played = in_tests()
    played.tell(Unsupported(PEER))
    played.tell(Moved(ON_B))
    assert played.route().state == BARRED
    played.tell(CameHome())
    assert played.route().state == BARRED


@pytest.mark.clause("XFRM-MN-042")
def test_a_lost_registration_stops_tests_only() -> None:
    played = scene(home_lifetime=100)
    played.optimise()
    played.now = 299_000
    played.tell(BRR)
    played.tell(Wanted(OTHER))
    played.wait(1000)
    assert played.agent_says(130)
    assert played.state == REFUSED
    assert (played.route().state, played.route(OTHER).state) == (OPTIMISED, WAITING)
    assert played.stages(OTHER) == [StageKind.TESTING, StageKind.FELL_BACK]


@pytest.mark.clause("XFRM-MN-042")
@pytest.mark.parametrize("state", [BINDING, REBINDING])
def test_a_binding_goes_on_without_the_home_registration(state: str) -> None:
    played = scene(home_lifetime=76)
    played.optimise()
    if state == BINDING:
        played.complains(1)
        played.tell(Wanted(PEER))
        played.care_of_test()
    else:
        played.tell(BRR)
        played.care_of_test()
    registration = played.node.registration
    played.node = replace(played.node, registration=replace(registration, wait=played.now + 1))
    played.wait(1)
    played.agent_says(130)
    assert (played.state, played.route().state) == (REFUSED, state)
    played.peer_acknowledges()
    assert played.route().state == OPTIMISED
