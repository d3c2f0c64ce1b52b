"""The life of a binding at a correspondent node: use, refresh, end, and what is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mobility_peers import (
    CARE_A,
    CARE_B,
    COOKIE,
    CORRESPONDENT,
    ELSE_HOME,
    HOME,
    Wish,
    correspondent,
    message_heard,
    said,
    updated,
    without,
)

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import Binding, Remembered, Use
from xfrmspec.mipv6.correspondent_node import deadline, step
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode, CorrespondentSettings
from xfrmspec_terms.daemon import Role, Say, Stage, StageKind, Used, Woke
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingRefreshRequest, HomeTestInit

SHORT = Wish(lifetime=10)
RELEASED = Stage(StageKind.RELEASED, Role.CORRESPONDENT_NODE, HOME, HOME, CARE_A, None, CORRESPONDENT)
REQUEST = Say(BindingRefreshRequest(), CORRESPONDENT, HOME)


def bound(wish: Wish = SHORT, *off: Defence) -> CorrespondentNode:
    return updated(correspondent(CorrespondentSettings(without(*off))), 0, wish).node


def woken(node: CorrespondentNode, now: int) -> Answer[CorrespondentNode]:
    return step(node, Woke(), now)


@pytest.mark.clause("XFRM-CN-030", "XFRM-CN-024", "XFRM-CN-026")
def test_a_binding_ends_when_its_lifetime_is_over_and_not_before() -> None:
    node = bound()
    assert deadline(node) == 40_000
    assert woken(node, 39_999).node == node
    ended = woken(node, 40_000)
    assert ended.effects == (RELEASED,)
    assert ended.node.entries == (Remembered(HOME, 1, 0),)
    assert deadline(ended.node) == 240_000
    assert woken(ended.node, 239_999).node == ended.node
    assert woken(ended.node, 240_000).node.entries == ()


@pytest.mark.clause("XFRM-CN-026")
def test_a_binding_that_outlives_its_nonces_leaves_nothing() -> None:
    ended = woken(bound(Wish()), 420_000)
    assert (ended.effects, ended.node.entries, deadline(ended.node)) == ((RELEASED,), (), None)


@pytest.mark.clause("XFRM-CN-026")
def test_without_lifetimes_what_ended_is_remembered_for_good() -> None:
    ended = woken(bound(SHORT, Defence.LIFETIMES), 10**9).node
    assert (ended.entries, deadline(ended)) == ((Remembered(HOME, 1, 0),), None)


@pytest.mark.clause("XFRM-CN-030")
def test_without_refresh_a_binding_stands_and_nobody_is_asked() -> None:
    node = step(bound(SHORT, Defence.REFRESH), Used(HOME), 1).node
    assert deadline(node) is None
    assert woken(node, 10**9).node == node
    assert woken(node, 10**9).effects == ()


@pytest.mark.clause("XFRM-CN-031")
def test_a_used_binding_is_asked_for_once_when_seven_eighths_are_over() -> None:
    node = step(bound(), Used(HOME), 1).node
    assert deadline(node) == 35_000
    assert woken(node, 34_999).effects == ()
    asked = woken(node, 35_000)
    assert asked.effects == (REQUEST,)
    again = step(asked.node, Used(HOME), 36_000)
    assert (again.effects, deadline(again.node)) == ((), 40_000)
    refreshed = updated(again.node, 37_000, replace(SHORT, sequence=2)).node
    assert deadline(refreshed) == 77_000
    assert woken(step(refreshed, Used(HOME), 40_000).node, 72_000).effects == (REQUEST,)


@pytest.mark.clause("XFRM-CN-031")
def test_an_idle_binding_is_not_asked_for_and_a_late_use_asks_at_once() -> None:
    assert woken(bound(), 38_000).effects == ()
    late = step(bound(), Used(HOME), 38_000).node
    assert deadline(late) == 35_000
    assert woken(late, 38_000).effects == (REQUEST,)
    assert step(correspondent(), Used(HOME), 0).node == correspondent()


@pytest.mark.clause("XFRM-CN-031")
def test_the_use_of_one_binding_is_not_that_of_another() -> None:
    node = updated(bound(), 0, replace(SHORT, home=ELSE_HOME, care_of=CARE_B)).node
    used = step(node, Used(ELSE_HOME), 1).node
    assert [entry.use for entry in used.entries if isinstance(entry, Binding)] == [Use.UNUSED, Use.USED]
    asked = woken(used, 35_000)
    assert said(asked).destination == ELSE_HOME


@pytest.mark.clause("XFRM-CN-030")
def test_what_is_due_is_done_before_a_message_is_looked_at() -> None:
    late = step(bound(), message_heard(HomeTestInit(COOKIE), HOME), 40_000)
    assert late.effects[0] == RELEASED
    assert isinstance(late.effects[1], Say)
    assert late.steps[0].event == "lifetime over"


@pytest.mark.clause("XFRM-CN-026", "XFRM-CN-018")
def test_a_remembered_number_bars_old_updates_until_it_is_forgotten() -> None:
    ended = woken(bound(Wish(9, lifetime=10)), 40_000).node
    assert isinstance(updated(ended, 50_000, Wish(9)).node.entries[0], Remembered)
    assert isinstance(updated(ended, 50_000, Wish(10)).node.entries[0], Binding)
    assert isinstance(updated(ended, 240_000, Wish(9)).node.entries[0], Binding)


@pytest.mark.clause("XFRM-CN-001")
def test_neither_node_nor_answer_shows_a_key_a_nonce_or_a_token() -> None:
    answer = updated(correspondent(), 0)
    text = repr(answer) + repr(answer.node)
    assert repr(answer.node.node_key.reveal()) not in text
    assert "keygen_token" not in text
    assert "Secret(...)" in text
