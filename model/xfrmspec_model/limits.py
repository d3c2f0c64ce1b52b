"""Lifetimes of one state as terms: its counters and limits, and when a limit is reached."""

from __future__ import annotations

from dataclasses import dataclass, replace

import z3

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    at_most,
    both,
    choose,
    either,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.smt import Context
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Limits
from xfrmspec_terms.profile import Profile

INFINITE = (1 << 64) - 1
"""The limit of octets or packets that stands for none."""

NEVER = 0
"""The time of use of a state that no packet has used yet."""

LIFE_NUMBERS = (
    "lifecycle",
    "added",
    "used",
    "bytes",
    "packets",
    "soft_bytes",
    "hard_bytes",
    "soft_packets",
    "hard_packets",
    "soft_add",
    "hard_add",
    "soft_use",
    "hard_use",
)
LIMIT_PARTS = LIFE_NUMBERS[5:]
"""The parts that an update installs anew."""


@dataclass(frozen=True, slots=True)
class LifeTerm:
    """The lifetime of a state whose parts may be unknown; all numbers are natural.

    `added` and `used` (first use, 0 for never) are seconds of the host's clock, `bytes` and `packets` what
    was counted so far. `awaits_soft` tells that the timer waits for the soft limit since addition, and
    `soft_wait` how many seconds were left to it then. Limits of octets and packets are `INFINITE` for none,
    limits of seconds 0.
    Source: XFRM-LIFE-001, XFRM-LIFE-005, XFRM-LIFE-006.
    """

    lifecycle: Number
    added: Number
    used: Number
    bytes: Number
    packets: Number
    soft_bytes: Number
    hard_bytes: Number
    soft_packets: Number
    hard_packets: Number
    soft_add: Number
    hard_add: Number
    soft_use: Number
    hard_use: Number
    dying: Truth
    awaits_soft: Truth = False
    soft_wait: Number = 0


def plain_limits(limits: Limits) -> dict[str, int]:
    """Return known limits by the names of a `LifeTerm`."""
    return {
        "soft_bytes": INFINITE if limits.soft_bytes is None else limits.soft_bytes,
        "hard_bytes": INFINITE if limits.hard_bytes is None else limits.hard_bytes,
        "soft_packets": INFINITE if limits.soft_packets is None else limits.soft_packets,
        "hard_packets": INFINITE if limits.hard_packets is None else limits.hard_packets,
        "soft_add": limits.soft_add_seconds,
        "hard_add": limits.hard_add_seconds,
        "soft_use": limits.soft_use_seconds,
        "hard_use": limits.hard_use_seconds,
    }


def unknown_life(context: Context, name: str = "life") -> LifeTerm:
    """Declare a lifetime of which nothing is known; `natural` says which ones exist."""
    numbers = {part: z3.Int(f"{name}.{part}", ctx=context) for part in LIFE_NUMBERS}
    truths = {part: unknown_truth(context, f"{name}.{part}") for part in ("dying", "awaits_soft")}
    return LifeTerm(**numbers, **truths, soft_wait=z3.Int(f"{name}.soft_wait", ctx=context))


def natural(life: LifeTerm) -> Truth:
    """Tell that the numbers are natural and the lifecycle value is one there is."""
    positive = all_of(at_most(0, getattr(life, part)) for part in LIFE_NUMBERS)
    return all_of((positive, at_most(0, life.soft_wait), at_most(life.lifecycle, max(Lifecycle))))


@clause("XFRM-LIFE-005")
def hard_limit_reached(life: LifeTerm) -> Truth:
    """Tell whether octets or packets counted so far have reached a hard limit. Source: XFRM-LIFE-005."""
    return either(at_most(life.hard_bytes, life.bytes), at_most(life.hard_packets, life.packets))


@clause("XFRM-LIFE-005")
def soft_limit_reached(life: LifeTerm) -> Truth:
    """Tell whether octets or packets counted so far have reached a soft limit. Source: XFRM-LIFE-005."""
    return either(at_most(life.soft_bytes, life.bytes), at_most(life.soft_packets, life.packets))


@clause("XFRM-LIFE-006")
def hard_time_reached(life: LifeTerm, now: Number) -> Truth:
    """Tell whether a hard limit of time has passed; `now` in seconds.

    That the hard limit since addition is due while the soft one is awaited means that the clock jumped.
    Source: XFRM-LIFE-006.
    """
    old = both(_is_old(life, life.hard_add, now), negate(life.awaits_soft))
    return either(old, _is_worn(life, life.hard_use, now))


@clause("XFRM-LIFE-006")
def soft_time_reached(life: LifeTerm, now: Number) -> Truth:
    """Tell whether a soft limit of time has passed; `now` in seconds. Source: XFRM-LIFE-006."""
    since = replace(life, added=added_after(life, now))
    return either(_is_old(since, life.soft_add, now), _is_worn(life, life.soft_use, now))


@clause("XFRM-LIFE-006")
def clock_jumped(life: LifeTerm, now: Number) -> Truth:
    """Tell whether the timer takes the clock to have jumped. Source: XFRM-LIFE-006."""
    return both(life.awaits_soft, _is_old(life, life.hard_add, now))


@clause("XFRM-LIFE-006")
def added_after(life: LifeTerm, now: Number) -> Number:
    """Return the time of addition once the timer has fired: moved, if the clock jumped.

    The wait that was chosen, one second more for the timer itself, is taken to have passed just now.
    Source: XFRM-LIFE-006.
    """
    return choose(clock_jumped(life, now), now - life.soft_wait - 1, life.added)


def _is_old(life: LifeTerm, limit: Number, now: Number) -> Truth:
    return both(negate(same(limit, 0)), at_most(life.added + limit, now))


def _is_worn(life: LifeTerm, limit: Number, now: Number) -> Truth:
    unused = same(life.used, NEVER)
    return all_of((negate(same(limit, 0)), negate(unused), at_most(life.used + limit, now)))


@clause("XFRM-LIFE-004")
def warns(dying: Truth, reached: Truth) -> Truth:
    """Tell whether a soft limit that is reached is reported: once, while not dying. Source: XFRM-LIFE-004."""
    return both(negate(dying), reached)


@clause("XFRM-LIFE-002", "XFRM-LIFE-005")
def may_transform(life: LifeTerm) -> Truth:
    """Tell whether a state may transform a packet at all. Source: XFRM-LIFE-002."""
    return same(life.lifecycle, Lifecycle.VALID)


@clause("XFRM-LIFE-005")
def packets_after(life: LifeTerm) -> Number:
    """Return the packets counted after one more was let through. Source: XFRM-LIFE-005."""
    return life.packets + 1


@clause("XFRM-LIFE-004", "XFRM-SAD-007")
def dying_after_update(life: LifeTerm) -> Truth:
    """Tell whether a state is dying right after an update, before limits are tested: never.

    Source: XFRM-LIFE-004, XFRM-SAD-007.
    """
    return False


@clause("XFRM-LIFE-006", "XFRM-SAD-007")
def awaits_soft_after_update(life: LifeTerm, profile: Profile) -> Truth:
    """Tell whether the timer still awaits the soft limit since addition after an update.

    Source: XFRM-LIFE-006.
    """
    return life.awaits_soft if profile.update_keeps_soft_wait else False


@clause("XFRM-LIFE-006")
def used_after(life: LifeTerm, now: Number) -> Number:
    """Return the time of first use after a packet met the state. Source: XFRM-LIFE-006."""
    return choose(same(life.used, NEVER), now, life.used)
