"""Limits of states: octets and packets at each use, seconds by the timer, soft and hard."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.state import InstalledState, StateEvent, StateEventKind, StateRefusal


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """A state after its limits were looked at, why a packet is refused, and what was announced."""

    entry: InstalledState
    refusal: StateRefusal | None = None
    events: tuple[StateEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """The database after a packet asked to use a state, why it may not, and what was announced."""

    database: StateDatabase
    refusal: StateRefusal | None = None
    events: tuple[StateEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class StateTimerResult:
    """The database after a state's timer fired, what was announced, and the second in which it fires again.

    `next_check` is None when the state is DEAD or its timer stands still.
    """

    database: StateDatabase
    events: tuple[StateEvent, ...] = ()
    next_check: int | None = None


@clause("XFRM-LIFE-004", "XFRM-LIFE-005")
def check_limits(entry: InstalledState, now: int) -> LimitCheck:
    """Compare what a state has carried with its limits of octets and packets, hard ones first.

    A state never used before counts as used since `now` (seconds) from here on. EXPIRED at a hard limit,
    dying at a soft one. Source: XFRM-LIFE-005; kernel xfrm_state_check_expire.
    """
    state = entry.association
    used = entry if entry.used is not None else replace(entry, used=now)
    if _reached(entry, state.limits.hard_bytes, state.limits.hard_packets):
        expired = replace(state, lifecycle=Lifecycle.EXPIRED)
        ended = replace(used, association=expired, next_check=now)
        return LimitCheck(ended, StateRefusal.LIMIT_REACHED)
    if state.dying or not _reached(entry, state.limits.soft_bytes, state.limits.soft_packets):
        return LimitCheck(used)
    dying = replace(used, association=replace(state, dying=True))
    return LimitCheck(dying, events=(_expiry(dying, hard=False),))


def _reached(entry: InstalledState, octets: int | None, packets: int | None) -> bool:
    return (octets is not None and entry.octets >= octets) or (
        packets is not None and entry.packets >= packets
    )


def _expiry(entry: InstalledState, *, hard: bool) -> StateEvent:
    kind = StateEventKind.EXPIRE_HARD if hard else StateEventKind.EXPIRE_SOFT
    return StateEvent(kind, entry.association, entry.sequence)


@clause("XFRM-LIFE-005")
def ask_to_use(database: StateDatabase, entry: InstalledState, now: int) -> Use:
    """Ask for one more packet at `now` (seconds), before it is counted; EINVAL at a hard limit.

    `entry` names the object, whose counts are those that the database holds by now.
    Source: XFRM-LIFE-005; kernel xfrm_output_one, xfrm_input.
    """
    current = database.entry(entry.age)
    if current is None:
        return Use(database, StateRefusal.NOT_FOUND)
    if current.association.lifecycle is not Lifecycle.VALID:
        return Use(database, StateRefusal.NOT_VALID)
    checked = check_limits(current, now)
    changed = database if checked.entry is current else database.with_entry(checked.entry)
    return Use(changed, checked.refusal, checked.events)


@clause("XFRM-LIFE-005")
def count_packet(database: StateDatabase, entry: InstalledState, octets: int) -> StateDatabase:
    """Count one packet that the state has carried, `octets` long; nothing happens to a DEAD state."""
    current = database.entry(entry.age)
    if current is None:
        return database
    return database.with_entry(replace(current, octets=current.octets + octets, packets=current.packets + 1))


@clause("XFRM-LIFE-002", "XFRM-LIFE-006", "XFRM-LIFE-007", "XFRM-ACQ-003")
def fire_state_timer(database: StateDatabase, entry: InstalledState, now: int) -> StateTimerResult:
    """Look at the limits of one state at `now` (seconds); nothing happens to a DEAD one.

    `entry` names the object. Source: XFRM-LIFE-006; kernel xfrm_timer_handler.
    """
    current = database.entry(entry.age)
    if current is None:
        return StateTimerResult(database)
    left = None if current.association.lifecycle is Lifecycle.EXPIRED else _hard_limits(current, now)
    if left is None:
        return StateTimerResult(database.without(current), (_expiry(current, hard=True),))
    waiting, soft_reached = _soft_limits(left.entry, left.seconds, now)
    events = (_expiry(waiting, hard=False),) if soft_reached else ()
    return StateTimerResult(database.with_entry(waiting), events, waiting.next_check)


@dataclass(frozen=True, slots=True)
class _Left:
    """A state no hard limit of which is due, and the seconds left to the nearest one, if it has any."""

    entry: InstalledState
    seconds: int | None


@clause("XFRM-LIFE-006")
def _hard_limits(entry: InstalledState, now: int) -> _Left | None:
    """Return what is left to the hard limits of time, None when one is due.

    A limit since addition that is due before the soft one the timer waited for means that the clock jumped.
    """
    limits = entry.association.limits
    seconds: list[int] = []
    if limits.hard_add_seconds:
        left = limits.hard_add_seconds + entry.association.added - now
        if left <= 0 and entry.soft_wait is None:
            return None
        if left <= 0 and entry.soft_wait is not None:
            left = limits.hard_add_seconds - entry.soft_wait
            moved = replace(entry.association, added=now - entry.soft_wait - 1)
            entry = replace(entry, association=moved)
        seconds.append(left)
    if limits.hard_use_seconds:
        left = limits.hard_use_seconds + _first_use(entry, now) - now
        if left <= 0:
            return None
        seconds.append(left)
    return _Left(entry, min(seconds, default=None))


@clause("XFRM-LIFE-004", "XFRM-LIFE-006")
def _soft_limits(entry: InstalledState, nearest: int | None, now: int) -> tuple[InstalledState, bool]:
    """Return the state with its next timer, and whether a soft limit is to be reported.

    `nearest` is the seconds left to the hard limits; only a timer that waits for the soft limit since
    addition remembers for how long.
    """
    state, limits = entry.association, entry.association.limits
    reached = False
    if limits.soft_add_seconds and not state.dying:
        left = limits.soft_add_seconds + state.added - now
        if left <= 0:
            reached, entry = True, replace(entry, soft_wait=None)
        elif nearest is None or left < nearest:
            nearest, entry = left, replace(entry, soft_wait=left)
    if limits.soft_use_seconds and not state.dying:
        left = limits.soft_use_seconds + _first_use(entry, now) - now
        reached = reached or left <= 0
        nearest = left if left > 0 and (nearest is None or left < nearest) else nearest
    following = None if nearest is None else now + max(nearest, 0)
    dying = replace(state, dying=state.dying or reached)
    return replace(entry, association=dying, next_check=following), reached


def _first_use(entry: InstalledState, now: int) -> int:
    return now if entry.used is None else entry.used


@clause("XFRM-LIFE-006")
def run_state_timers(
    database: StateDatabase, until: int
) -> tuple[StateDatabase, tuple[tuple[int, StateEvent], ...]]:
    """Fire every timer that is due up to a second, in the order of time and then of age.

    Returns the database and each event with its second. A timer that asks to fire again in the same second
    gets its turn in the next one.
    """
    events: list[tuple[int, StateEvent]] = []
    while True:
        due = [e for e in database.entries if e.next_check is not None and e.next_check <= until]
        if not due:
            return database, tuple(events)
        entry = min(due, key=lambda e: (e.next_check or 0, e.age))
        second = entry.next_check or 0
        fired = fire_state_timer(database, entry, second)
        database = fired.database
        events += [(second, event) for event in fired.events]
        again = database.entry(entry.age)
        if again is not None and again.next_check is not None and again.next_check <= second:
            database = database.with_entry(replace(again, next_check=second + 1))
