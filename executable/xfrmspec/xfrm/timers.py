"""The time limits of policies: when the timer fires, what it announces, what it deletes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import PolicyEvent, PolicyEventKind, without
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import InstalledPolicy

FIRST_CHECK_SECONDS = 1
SOFT_REPEAT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class TimerResult:
    """The database after a policy's timer fired, what was announced, and the next time in seconds.

    `next_check` is None when the policy is gone or has no time limit left to watch.
    """

    database: PolicyDatabase
    events: tuple[PolicyEvent, ...] = ()
    next_check: int | None = None


def first_check(entry: InstalledPolicy) -> int:
    """Return when, in seconds, a new policy's timer fires for the first time, whatever its limits."""
    return entry.added + FIRST_CHECK_SECONDS


@clause("XFRM-TIMER-001", "XFRM-TIMER-002", "XFRM-POL-003")
def fire_timer(database: PolicyDatabase, entry: InstalledPolicy, now: int) -> TimerResult:
    """Check the time limits of one policy at `now` (seconds); byte and packet limits are never looked at.

    `entry` names the object: its times are those that the database holds for it by now.
    A reached hard limit deletes the policy and announces it; a reached soft limit is announced again
    every 30 s for as long as it stays reached. Source: XFRM-TIMER-001, -002; kernel xfrm_policy_timer.
    """
    current = next((other for other in database if other.age == entry.age), None)
    if current is None:
        return TimerResult(database)
    if any(deadline <= now for deadline in _hard_deadlines(current)):
        event = PolicyEvent(PolicyEventKind.EXPIRE_HARD, current.policy)
        return TimerResult(without(database, current), (event,))
    reached = any(deadline <= now for deadline in _soft_deadlines(current))
    events = (PolicyEvent(PolicyEventKind.EXPIRE_SOFT, current.policy),) if reached else ()
    return TimerResult(database, events, _next_check(current, now))


@clause("XFRM-TIMER-003")
def mark_used(database: PolicyDatabase, entry: InstalledPolicy, now: int) -> PolicyDatabase:
    """Note that a policy decided a packet at `now` (seconds), whatever it decided.

    Source: XFRM-TIMER-003; kernel xfrm_lookup_with_ifid, __xfrm_policy_check.
    """
    direction = entry.policy.direction
    order = tuple(replace(e, used=now) if e.age == entry.age else e for e in database.orders[direction])
    return database.with_order(direction, order)


def _hard_deadlines(entry: InstalledPolicy) -> tuple[int, ...]:
    limits = entry.policy.limits
    return _deadlines(entry, limits.hard_add_seconds, limits.hard_use_seconds)


def _soft_deadlines(entry: InstalledPolicy) -> tuple[int, ...]:
    limits = entry.policy.limits
    return _deadlines(entry, limits.soft_add_seconds, limits.soft_use_seconds)


def _deadlines(entry: InstalledPolicy, since_add: int, since_use: int) -> tuple[int, ...]:
    """Limits of zero set no deadline; the use of an unused policy counts from when it was added."""
    last_use = entry.added if entry.used is None else entry.used
    deadlines = []
    if since_add:
        deadlines.append(entry.added + since_add)
    if since_use:
        deadlines.append(last_use + since_use)
    return tuple(deadlines)


def _next_check(entry: InstalledPolicy, now: int) -> int | None:
    soft = [d if d > now else now + SOFT_REPEAT_SECONDS for d in _soft_deadlines(entry)]
    return min((*_hard_deadlines(entry), *soft), default=None)
