"""The route to a correspondent node: tests, the update that they sign, and its acknowledgement."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mobile_nodes import (
    CARE_OF_TOKEN,
    HOME,
    HOME_TOKEN,
    ON_A,
    ON_B,
    OTHER,
    PEER,
    Scene,
)
from mobile_scenes import (
    BRR,
    STATES,
    bound,
    in_tests,
    optimised,
)

from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec.wire.mobility import option_of, without_padding
from xfrmspec_terms.daemon import (
    Heard,
    Path,
    Role,
    Say,
    Stage,
    StageKind,
    Wanted,
)
from xfrmspec_terms.machines_mobile_node import (
    BARRED,
    BINDING,
    OPTIMISED,
    RETESTING,
    TESTING,
    UNOPTIMISED,
)
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingAuthorizationData,
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
