"""What key managers are told of a state that leaves the database: one event by the way in which it left."""

from __future__ import annotations

from enum import IntEnum

from xfrmspec_model.folding import Number, Truth, all_of, either, negate, same
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.state import StateEventKind


class Departure(IntEnum):
    """The requests and the timer that may take a state out of the database (XFRM-EVENT-002)."""

    DELETION = 0
    FLUSH = 1
    TIMER = 2
    UPDATE = 3
    ADDITION = 4


_OWN_KINDS = {
    StateEventKind.DELETE: Departure.DELETION,
    StateEventKind.FLUSH: Departure.FLUSH,
    StateEventKind.EXPIRE_HARD: Departure.TIMER,
    StateEventKind.UPDATE: Departure.UPDATE,
    StateEventKind.NEW: Departure.ADDITION,
}


@clause("XFRM-EVENT-002")
def tells(kind: StateEventKind, departure: Number, succeeded: Truth, removed: Truth) -> Truth:
    """Tell whether an event of a kind is sent once for what a request or a timer did.

    `removed` says that it took a state away; only a flush is silent when it did not. Source: XFRM-EVENT-002.
    """
    own = _OWN_KINDS.get(kind)
    if own is None:
        return False
    worth_telling = either(negate(same(departure, Departure.FLUSH)), removed)
    return all_of((same(departure, own), succeeded, worth_telling))
