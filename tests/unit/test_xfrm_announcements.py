"""When changed sequence numbers are announced."""

from __future__ import annotations

import pytest

from xfrmspec.xfrm.announcements import Announcer, Cause, numbers_changed, timer_fired
from xfrmspec.xfrm.replay import ReplayMode, ReplayState

START = ReplayState(ReplayMode.ESN, 64, 100, 0, sent=50)
RUNNING = Announcer(START)
LARGEST = 0xFFFFFFFF


@pytest.mark.clause("XFRM-REPLAY-010")
@pytest.mark.parametrize(
    ("top", "sent", "cause"),
    [(101, 50, None), (100, 51, None), (102, 50, Cause.UPDATE), (100, 52, Cause.UPDATE), (101, 51, None)],
)
def test_a_change_of_the_threshold_is_announced_at_once(top: int, sent: int, cause: Cause | None) -> None:
    now = ReplayState(ReplayMode.ESN, 64, top, 0, sent=sent)
    result = numbers_changed(RUNNING, now, listeners=True)
    assert result.cause is cause
    assert result.announcer == (Announcer(now) if cause else RUNNING)


@pytest.mark.clause("XFRM-REPLAY-010")
def test_the_step_over_a_wrap_is_a_small_one() -> None:
    before = Announcer(ReplayState(ReplayMode.ESN, 64, LARGEST, 0))
    assert numbers_changed(before, ReplayState(ReplayMode.ESN, 64, 0, 1), listeners=True).cause is None
    assert (
        numbers_changed(before, ReplayState(ReplayMode.ESN, 64, 1, 1), listeners=True).cause is Cause.UPDATE
    )


@pytest.mark.clause("XFRM-REPLAY-010")
def test_the_timer_announces_any_change_and_runs_on() -> None:
    marked = ReplayState(ReplayMode.ESN, 64, 100, 0, bitmap=1, sent=50)
    result = timer_fired(RUNNING, marked, listeners=True)
    assert (result.cause, result.announcer) == (Cause.TIMEOUT, Announcer(marked))


@pytest.mark.clause("XFRM-REPLAY-010")
def test_a_timer_without_news_stops_and_the_next_change_is_announced_at_once() -> None:
    counted = ReplayState(ReplayMode.ESN, 64, 100, 0, sent=50, seen=3)
    quiet = timer_fired(RUNNING, counted, listeners=True)
    assert (quiet.cause, quiet.announcer.running, quiet.announcer.deferred) == (None, False, True)
    one_more = ReplayState(ReplayMode.ESN, 64, 101, 0, sent=50)
    result = numbers_changed(quiet.announcer, one_more, listeners=True)
    assert (result.cause, result.announcer) == (Cause.TIMEOUT, Announcer(one_more))


@pytest.mark.clause("XFRM-REPLAY-010")
def test_without_listeners_nothing_is_announced_but_the_first_change_with_one_is() -> None:
    far = ReplayState(ReplayMode.ESN, 64, 900, 0, sent=50)
    assert numbers_changed(RUNNING, far, listeners=False).announcer is RUNNING
    fired = timer_fired(RUNNING, far, listeners=False)
    assert (fired.cause, fired.announcer.deferred) == (None, True)
    assert numbers_changed(fired.announcer, far, listeners=True).cause is Cause.UPDATE


@pytest.mark.clause("XFRM-REPLAY-010")
def test_without_threshold_only_the_timer_announces() -> None:
    announcer = Announcer(START, threshold=0)
    far = ReplayState(ReplayMode.ESN, 64, 900, 0, sent=50)
    assert numbers_changed(announcer, far, listeners=True).cause is None
    assert timer_fired(announcer, far, listeners=True).cause is Cause.TIMEOUT


@pytest.mark.clause("XFRM-REPLAY-010")
def test_without_interval_the_timer_is_not_started_again() -> None:
    announcer = Announcer(START, interval=0, running=False)
    far = ReplayState(ReplayMode.ESN, 64, 900, 0, sent=50)
    result = numbers_changed(announcer, far, listeners=True)
    assert (result.cause, result.announcer.running) == (Cause.UPDATE, False)
