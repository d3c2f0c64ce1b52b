"""The route to a correspondent node: tests, binding, renewal, errors, and the end of a binding at home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address

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
    bound,
    closing,
    closing_test,
    in_tests,
    leaving,
    optimised,
    rebinding,
    renewing,
    waiting,
)

from xfrmspec.mipv6.binding_update_list import UpdateEntry
from xfrmspec.mipv6.correspondent_route import Surroundings
from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec.mipv6.return_routability import Ends
from xfrmspec.mipv6.route_machine import timers
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec.wire.mobility import option_of, without_padding
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Path,
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
    BARRED,
    BINDING,
    CLOSING,
    CLOSING_TEST,
    CORRESPONDENT_ROUTE,
    HOME_REGISTRATION,
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
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    NonceIndices,
)


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_played(state: str) -> None:
    assert STATES[state]().route().state == state


@pytest.mark.clause("XFRM-MN-027", "XFRM-MN-047")
def test_an_attempt_sends_one_test_through_the_tunnel_and_one_directly() -> None:
    played = Scene()
    played.register()
    stage, home, care_of = played.tell(Wanted(PEER))
    assert stage == Stage(StageKind.TESTING, Role.MOBILE_NODE, HOME, PEER, ON_A)
    assert isinstance(home, Say)
    assert isinstance(home.message, HomeTestInit)
    assert (home.source, home.destination, home.path) == (HOME, PEER, Path.TUNNEL)
    assert isinstance(care_of, Say)
    assert isinstance(care_of.message, CareOfTestInit)
    assert (care_of.source, care_of.destination, care_of.path) == (ON_A, PEER, Path.DIRECT)
    assert home.message.cookie != care_of.message.cookie
    assert len(home.message.cookie) == len(care_of.message.cookie) == 8


@pytest.mark.clause("XFRM-MN-028", "XFRM-MN-030")
@pytest.mark.parametrize("first", ["home", "care-of"])
def test_both_tokens_in_either_order_make_a_signed_update(first: str) -> None:
    played = in_tests()
    answers = [played.home_test, played.care_of_test]
    early, late = answers if first == "home" else reversed(answers)
    assert early() == []
    assert played.route().state == TESTING
    (say,) = late()
    assert isinstance(say, Say)
    update = say.message
    assert isinstance(update, BindingUpdate)
    assert (update.sequence, update.acknowledge, update.home_registration) == (1, True, False)
    assert update.lifetime == 105
    kinds = [type(option) for option in without_padding(update).options]
    assert kinds == [NonceIndices, BindingAuthorizationData]
    assert option_of(update, NonceIndices) == NonceIndices(7, 8)
    key = binding_management_key(HOME_TOKEN, CARE_OF_TOKEN)
    plain = replace(update, options=(NonceIndices(7, 8),))
    assert update == authorised(plain, key, ON_A, PEER)
    assert (say.source, say.destination, say.care_of, say.path) == (HOME, PEER, ON_A, Path.DIRECT)


@pytest.mark.clause("XFRM-MN-028", "XFRM-MN-050")
@pytest.mark.parametrize(
    "change",
    [
        {"source": OTHER},
        {"destination": ON_A},
        {"path": Path.DIRECT},
        {"message": HomeTest(7, b"\0" * 8, HOME_TOKEN)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_home_test_is_believed_only_as_it_was_asked_for(change: dict[str, object]) -> None:
    played = in_tests()
    asked = played.said(HomeTestInit)[-1].message
    assert isinstance(asked, HomeTestInit)
    right = Heard(HomeTest(7, asked.cookie, HOME_TOKEN), PEER, HOME, path=Path.TUNNEL)
    before = played.node
    assert played.tell(replace(right, **change)) == []  # type: ignore[arg-type]
    assert played.node == before
    played.tell(right)
    assert played.node != before
    before = played.node
    played.now += 10
    played.tell(right)
    assert played.node == before


@pytest.mark.clause("XFRM-MN-028", "XFRM-MN-050")
@pytest.mark.parametrize(
    "change",
    [
        {"source": OTHER},
        {"destination": HOME},
        {"destination": ON_B},
        {"path": Path.TUNNEL},
        {"message": CareOfTest(8, b"\0" * 8, CARE_OF_TOKEN)},
    ],
    ids=str,
)
def test_a_care_of_test_is_believed_only_as_it_was_asked_for(change: dict[str, object]) -> None:
    played = in_tests()
    asked = played.said(CareOfTestInit)[-1].message
    assert isinstance(asked, CareOfTestInit)
    right = Heard(CareOfTest(8, asked.cookie, CARE_OF_TOKEN), PEER, ON_A)
    before = played.node
    assert played.tell(replace(right, **change)) == []  # type: ignore[arg-type]
    assert played.node == before
    played.tell(right)
    assert played.node != before


@pytest.mark.clause("XFRM-MN-005", "XFRM-MN-028")
def test_a_cookie_of_an_earlier_test_is_no_longer_believed() -> None:
    played = in_tests()
    early = [say.message.cookie for say in played.said(HomeTestInit)]  # type: ignore[union-attr]
    played.wait(1000)
    assert played.tell(Heard(HomeTest(7, early[0], HOME_TOKEN), PEER, HOME, path=Path.TUNNEL)) == []
    assert played.route().evidence.home is None
    played.home_test()
    assert played.route().evidence.home is not None


@pytest.mark.clause("XFRM-MN-004", "XFRM-MN-035")
def test_unanswered_tests_stop_after_six_and_bar_the_peer() -> None:
    played = in_tests()
    played.wait(62_999)
    expected = [0, 1000, 3000, 7000, 15_000, 31_000]
    assert played.times(HomeTestInit, PEER) == played.times(CareOfTestInit, PEER) == expected
    cookies = [say.message.cookie for say in played.said(HomeTestInit)]  # type: ignore[union-attr]
    assert len(set(cookies)) == 6
    (stage,) = played.wait(1)
    assert isinstance(stage, Stage)
    assert stage.kind is StageKind.FELL_BACK
    assert played.route().state == BARRED
    assert deadline(played.node) == 63_000 + 420_000
    played.wait(420_000)
    assert played.route().state == UNOPTIMISED


@pytest.mark.clause("XFRM-MN-035")
def test_only_the_missing_test_is_repeated() -> None:
    played = in_tests()
    played.care_of_test()
    played.wait(1000)
    assert len(played.said(HomeTestInit)) == 2
    assert len(played.said(CareOfTestInit)) == 1


@pytest.mark.clause("XFRM-MN-003", "XFRM-MN-035")
def test_an_unacknowledged_update_stops_after_six_and_bars_the_peer() -> None:
    played = bound()
    played.wait(63_000)
    assert played.times(BindingUpdate, PEER) == [0, 1000, 3000, 7000, 15_000, 31_000]
    numbers = [say.message.sequence for say in played.said(BindingUpdate, PEER)]  # type: ignore[union-attr]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert played.route().state == BARRED


@pytest.mark.clause("XFRM-MN-031", "XFRM-MN-032")
def test_a_signed_acknowledgement_makes_the_route_optimised() -> None:
    played = bound()
    assert played.peer_acknowledges(lifetime=50) == [
        Stage(StageKind.OPTIMISED, Role.MOBILE_NODE, HOME, PEER, ON_A)
    ]
    assert played.route().state == OPTIMISED
    played.wait(199_999)
    assert played.route().state == OPTIMISED
    played.wait(1)
    assert played.route().state == UNOPTIMISED
    assert played.stages(PEER) == [StageKind.TESTING, StageKind.OPTIMISED, StageKind.FELL_BACK]


@pytest.mark.clause("XFRM-MN-031", "XFRM-MN-050")
def test_an_acknowledgement_that_is_not_signed_for_this_binding_is_not_read() -> None:
    played = bound()
    before = played.node
    plain = BindingAcknowledgement(0, sequence=1, lifetime=105)
    key = binding_management_key(HOME_TOKEN, CARE_OF_TOKEN)
    forged = [
        (plain, PEER, HOME),
        (authorised(plain, binding_management_key(HOME_TOKEN), ON_A, PEER), PEER, HOME),
        (authorised(plain, key, ON_B, PEER), PEER, HOME),
        (authorised(plain, key, ON_A, OTHER), PEER, HOME),
        (replace(played.signed(plain), lifetime=104), PEER, HOME),
        (played.signed(plain), OTHER, HOME),
        (played.signed(plain), PEER, ON_A),
        (played.signed(replace(plain, sequence=2)), PEER, HOME),
        (BindingAcknowledgement(130, sequence=1), PEER, HOME),
        (BindingAcknowledgement(135, sequence=9), PEER, HOME),
        (BindingAcknowledgement(136, sequence=2), PEER, HOME),
    ]
    for message, source, destination in forged:
        assert played.tell(Heard(message, source, destination)) == []
        assert played.node == before
    played.tell(Heard(played.signed(plain), PEER, HOME))
    assert played.route().state == OPTIMISED


@pytest.mark.clause("XFRM-MN-033")
@pytest.mark.parametrize(("status", "homes"), [(136, 1), (137, 0), (138, 1)])
def test_an_expired_nonce_begins_an_attempt_with_the_tokens_that_are_left(status: int, homes: int) -> None:
    played = bound()
    update = played.last_update(PEER)
    said = played.tell(Heard(BindingAcknowledgement(status, sequence=update.sequence), PEER, HOME))
    kinds = [type(say.message) for say in said if isinstance(say, Say)]
    assert kinds == [HomeTestInit] * homes + [CareOfTestInit]
    assert played.route().state == TESTING
    assert played.route().failures == 1


@pytest.mark.clause("XFRM-MN-013", "XFRM-MN-034")
def test_the_third_failure_bars_the_peer() -> None:
    played = bound()
    played.peer_acknowledges(135, sequence=10)
    assert played.last_update(PEER).sequence == 11
    played.peer_acknowledges(137)
    played.care_of_test()
    assert played.route().state == BINDING
    assert played.peer_acknowledges(138) == [Stage(StageKind.FELL_BACK, Role.MOBILE_NODE, HOME, PEER, ON_A)]
    assert played.route().state == BARRED


@pytest.mark.clause("XFRM-MN-034")
def test_an_accepted_binding_forgives_failures() -> None:
    played = bound()
    played.peer_acknowledges(135, sequence=10)
    played.peer_acknowledges(137)
    assert played.route().failures == 2
    played.care_of_test()
    played.peer_acknowledges()
    assert (played.route().state, played.route().failures) == (OPTIMISED, 0)


@pytest.mark.clause("XFRM-MN-034", "XFRM-MN-040")
@pytest.mark.parametrize("status", [128, 129, 130, 131, 133, 139, 174])
def test_any_other_refusal_bars_the_peer_for_seven_minutes(status: int) -> None:
    played = bound()
    played.peer_acknowledges(status)
    assert played.route().state == BARRED
    assert played.tell(Wanted(PEER)) == []
    played.wait(419_999)
    assert played.route().state == BARRED
    played.wait(1)
    assert played.route().state == UNOPTIMISED
    assert played.tell(Wanted(PEER)) != []


@pytest.mark.clause("XFRM-MN-013", "XFRM-MN-050")
def test_an_old_answer_about_numbers_is_passed_over() -> None:
    played = bound()
    played.wait(1000)
    assert played.peer_acknowledges(135, sequence=1) == []
    assert played.last_update(PEER).sequence == 2


@pytest.mark.clause("XFRM-MN-029")
def test_tokens_serve_for_210_seconds() -> None:
    played = optimised()
    played.now = 209_999
    said = played.tell(BRR)
    assert [type(say.message) for say in said if isinstance(say, Say)] == [CareOfTestInit]
    played = optimised()
    played.now = 210_000
    said = played.tell(BRR)
    assert [type(say.message) for say in said if isinstance(say, Say)] == [HomeTestInit, CareOfTestInit]


@pytest.mark.clause("XFRM-MN-029", "XFRM-MN-034")
def test_an_update_whose_token_has_ended_becomes_an_attempt() -> None:
    played = optimised()
    played.now = 209_000
    played.tell(BRR)
    played.care_of_test()
    said = played.wait(1000)
    assert [type(say.message) for say in said if isinstance(say, Say)] == [HomeTestInit, CareOfTestInit]
    assert (played.route().state, played.route().failures) == (RETESTING, 1)


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
