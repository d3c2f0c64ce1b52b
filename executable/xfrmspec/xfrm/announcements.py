"""When the changed sequence numbers of a state are announced to whoever listens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec.xfrm.replay import ReplayState
from xfrmspec_terms.clauses import clause

DEFAULT_THRESHOLD = 2
DEFAULT_INTERVAL_TENTHS = 10
_HALF = 0xFFFFFFFF


class Cause(Enum):
    """Why numbers are announced."""

    UPDATE = "the threshold was reached"
    TIMEOUT = "the timer fired, or had stopped before the change"


@dataclass(frozen=True, slots=True)
class Announcer:
    """What a state remembers about announcements.

    `announced` are the numbers last announced. `threshold` counts numbers and `interval` tenths of a second;
    0 switches either off. `running` says that the timer runs, `deferred` that it fired without news and that
    the next change is announced at once.
    """

    announced: ReplayState
    threshold: int = DEFAULT_THRESHOLD
    interval: int = DEFAULT_INTERVAL_TENTHS
    running: bool = True
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """The announcer after an event, and what it announces; None for nothing."""

    announcer: Announcer
    cause: Cause | None = None


@clause("XFRM-REPLAY-010")
def numbers_changed(announcer: Announcer, now: ReplayState, listeners: bool) -> Announcement:
    """Decide whether numbers that a packet just changed are announced.

    Source: XFRM-REPLAY-010; kernel xfrm_replay_notify with XFRM_REPLAY_UPDATE.
    """
    if not listeners:
        return Announcement(announcer)
    if announcer.threshold and _largest_step(announcer.announced, now) >= announcer.threshold:
        return _announce(announcer, now, Cause.UPDATE)
    return _announce(announcer, now, Cause.TIMEOUT) if announcer.deferred else Announcement(announcer)


@clause("XFRM-REPLAY-010")
def timer_fired(announcer: Announcer, now: ReplayState, listeners: bool) -> Announcement:
    """Decide whether the timer of a valid state announces; it stops when it does not.

    Source: XFRM-REPLAY-010; kernel xfrm_replay_timer_handler.
    """
    stopped = replace(announcer, running=False)
    if not listeners or _record(now) == _record(announcer.announced):
        return Announcement(replace(stopped, deferred=True))
    return _announce(stopped, now, Cause.TIMEOUT)


def _announce(announcer: Announcer, now: ReplayState, cause: Cause) -> Announcement:
    """Only starting a stopped timer ends the deferral."""
    told = replace(announcer, announced=now)
    if not announcer.interval:
        return Announcement(told, cause)
    deferred = announcer.deferred and announcer.running
    return Announcement(replace(told, running=True, deferred=deferred), cause)


def _largest_step(before: ReplayState, now: ReplayState) -> int:
    """How far the top or the sent counter went, in 32 bits: a step back is a large one forward."""
    return max((now.top - before.top) & _HALF, (now.sent - before.sent) & _HALF)


def _record(state: ReplayState) -> ReplayState:
    return replace(state, too_old=0, seen=0)
