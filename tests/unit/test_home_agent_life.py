"""A registration at the home agent: refreshes, movements, ends, and the answers to them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from home_agents import DUPLICATE, NOW, acknowledgement, asked, home_agent, stage
from mobility_peers import (
    AGENT,
    CARE_A,
    CARE_B,
    COOKIE,
    HOME,
    HOME_AGENT,
    Wish,
    agent,
    registered,
    registration_heard,
    said,
    status_of,
    without,
)

from xfrmspec.mipv6.binding_cache import Remembered
from xfrmspec.mipv6.home_agent import deadline, step
from xfrmspec_terms.daemon import (
    DaemonEvent,
    Heard,
    Path,
    Say,
    StageKind,
    Unbound,
    Used,
    Woke,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    HomeTestInit,
    UnknownMessage,
)


@pytest.mark.clause("XFRM-HA-020")
def test_a_refresh_and_a_movement_are_answered_at_once() -> None:
    refreshed = asked(home_agent(), Wish(2, lifetime=10), NOW + 500)
    assert refreshed.effects == (said(refreshed),)
    assert deadline(refreshed.node) == NOW + 40_500
    moved = asked(refreshed.node, Wish(3, care_of=CARE_B), NOW + 600)
    assert moved.effects == (stage(StageKind.REBOUND, CARE_B, CARE_A), said(moved))
    assert said(moved).routed_by == CARE_B


@pytest.mark.clause("XFRM-HA-021", "XFRM-HA-024")
@pytest.mark.parametrize(
    ("wish", "routed_by"),
    [(Wish(2, lifetime=0), CARE_A), (Wish(2, at_home=True), None), (Wish(2, lifetime=0, at_home=True), None)],
)
def test_a_deletion_releases_before_it_answers(wish: Wish, routed_by: IPv6Address | None) -> None:
    answer = asked(home_agent(), wish)
    done = Say(BindingAcknowledgement(0, False, 2, 0), AGENT, HOME, routed_by=routed_by)
    assert answer.effects == (stage(StageKind.RELEASED), done)
    assert answer.node.entries == (Remembered(HOME, 2, NOW),)


@pytest.mark.clause("XFRM-HA-023")
def test_success_is_acknowledged_on_request_and_refusal_always() -> None:
    quiet = Wish(acknowledge=False)
    assert registered(agent(), NOW, quiet).effects == (stage(StageKind.BOUND),)
    assert status_of(asked(home_agent(), quiet)) == 135
    assert status_of(step(asked(agent(), quiet).node, DUPLICATE, NOW)) == 134


@pytest.mark.clause("XFRM-HA-024")
def test_an_answer_takes_the_path_of_the_update() -> None:
    heard = replace(registration_heard(Wish(2)), path=Path.TUNNEL)
    assert said(step(home_agent(), heard, NOW)).path is Path.TUNNEL


@pytest.mark.clause("XFRM-HA-025")
@pytest.mark.parametrize(("wanted", "moves", "told"), [(1, 1, 1), (1, 0, 0), (0, 1, 0)])
def test_flag_k_says_that_both_ends_can_move_their_keys(wanted: int, moves: int, told: int) -> None:
    wish = Wish(flags={"key_management_mobility": bool(wanted)})
    settings = replace(HOME_AGENT, moves_keys=bool(moves))
    assert acknowledgement(registered(agent(settings), NOW, wish)).key_management_mobility is bool(told)
    assert not acknowledgement(asked(home_agent(settings=settings), wish)).key_management_mobility


@pytest.mark.clause("XFRM-HA-026")
@pytest.mark.parametrize(("advice", "options"), [(None, ()), (199, (BindingRefreshAdvice(199),)), (200, ())])
def test_advice_is_given_if_it_is_shorter_than_what_is_granted(
    advice: int | None, options: tuple[BindingRefreshAdvice, ...]
) -> None:
    settings = replace(HOME_AGENT, advice=advice)
    assert acknowledgement(registered(agent(settings), NOW)).options == options
    assert acknowledgement(asked(home_agent(settings=settings), Wish(2, lifetime=0))).options == ()


@pytest.mark.clause("XFRM-HA-028", "XFRM-HA-031")
def test_a_registration_ends_when_its_lifetime_is_over_and_not_before() -> None:
    node = home_agent(Wish(lifetime=10))
    assert deadline(node) == NOW + 40_000
    assert step(node, Woke(), NOW + 39_999).node == node
    ended = step(node, Woke(), NOW + 40_000)
    assert (ended.effects, ended.node.entries) == (
        (stage(StageKind.RELEASED),),
        (Remembered(HOME, 1, NOW),),
    )
    endless = home_agent(settings=replace(HOME_AGENT, defences=without(Defence.REFRESH)))
    assert step(endless, Woke(), 10**12).node == endless


@pytest.mark.clause("XFRM-HA-029")
def test_a_used_registration_is_asked_for_once_at_its_care_of_address() -> None:
    node = step(home_agent(Wish(lifetime=10)), Used(HOME), NOW).node
    assert deadline(node) == NOW + 35_000
    request = step(node, Woke(), NOW + 35_000)
    assert request.effects == (Say(BindingRefreshRequest(), AGENT, HOME, routed_by=CARE_A),)
    again = step(request.node, Used(HOME), NOW + 36_000)
    assert step(again.node, Woke(), NOW + 36_000).effects == ()
    assert step(home_agent(Wish(lifetime=10)), Woke(), NOW + 39_000).effects == ()


@pytest.mark.clause("XFRM-HA-030")
@pytest.mark.parametrize(
    "event",
    [
        Heard(HomeTestInit(COOKIE), HOME, AGENT),
        Heard(UnknownMessage(77), HOME, AGENT),
        Unbound(CARE_A, HOME, AGENT),
        Woke(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_no_update_is_passed_over(event: DaemonEvent) -> None:
    node = home_agent()
    answer = step(node, event, NOW)
    assert (answer.node, answer.effects, answer.steps[-1].clause) == (node, (), "XFRM-HA-030")
