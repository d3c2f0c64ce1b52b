"""The machine of a state's lifecycle values: which value follows on which event."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, either, first_of, same
from xfrmspec_model.limits import LifeTerm
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause


class LifeEvent(IntEnum):
    """What can happen to a state object once it is in the database."""

    PACKET = 0
    TIMER = 1
    UPDATE = 2
    DELETE = 3
    FLUSH = 4
    SUPERSEDED = 5
    REFUSED = 6
    EXPIRE_HARD = 7
    EXPIRE_SOFT = 8
    MIGRATED = 9


_ENDS = (LifeEvent.DELETE, LifeEvent.FLUSH, LifeEvent.MIGRATED)


@clause("XFRM-LIFE-002", "XFRM-LIFE-003")
def lifecycle_after(life: LifeTerm, event: Number, spent: Truth, over: Truth, accepted: Truth) -> Number:
    """Return the lifecycle value after any event of the machine.

    `spent` says that a hard limit of octets or packets is reached, `over` that one of time is, `accepted`
    that the event concerns this state (a flush its protocol, a refusal or an expiry message its number).
    Source: XFRM-LIFE-002, XFRM-LIFE-003.
    """
    is_dead = same(life.lifecycle, Lifecycle.DEAD)
    is_valid = same(life.lifecycle, Lifecycle.VALID)
    is_larval = same(life.lifecycle, Lifecycle.ACQ)
    is_expired = same(life.lifecycle, Lifecycle.EXPIRED)
    ends = both(accepted, any_of(same(event, each) for each in _ENDS))
    times_out = both(same(event, LifeEvent.TIMER), either(is_expired, over))
    answered = either(same(event, LifeEvent.UPDATE), same(event, LifeEvent.SUPERSEDED))
    merged = both(same(event, LifeEvent.UPDATE), spent)
    cases: list[tuple[Truth, Number]] = [
        (is_dead, Lifecycle.DEAD),
        (either(ends, times_out), Lifecycle.DEAD),
        (all_of((same(event, LifeEvent.EXPIRE_HARD), accepted, is_valid)), Lifecycle.DEAD),
        (all_of((answered, accepted, is_larval)), Lifecycle.DEAD),
        (both(is_valid, either(merged, both(same(event, LifeEvent.PACKET), spent))), Lifecycle.EXPIRED),
        (all_of((same(event, LifeEvent.REFUSED), accepted, is_larval)), Lifecycle.ERROR),
    ]
    return first_of(cases, life.lifecycle)


Machine = Callable[[LifeTerm, Number, Truth, Truth, Truth], Number]
