"""Larval states: what an acquire leaves in the database, whose number it keeps, and how it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.xfrm.state_database import StateDatabase, Stored
from xfrmspec.xfrm.state_operations import StateOutcome
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Limits
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.state import InstalledState, StateEvent, StateEventKind, StateRefusal


@dataclass(frozen=True, slots=True)
class ManagerAnswer:
    """What one key manager does with an acquire: the 32-bit number it drew, and whether somebody took it."""

    sequence: int
    taken: bool = True


@clause("XFRM-ACQ-001", "XFRM-ACQ-002", "XFRM-ARCH-005")
def raise_acquire(
    database: StateDatabase, wanted: SecurityAssociation, answers: Sequence[ManagerAnswer], now: int = 0
) -> StateOutcome:
    """Store the larval state that stands for a question; ESRCH when no manager takes it.

    `wanted` is what the search found missing (XFRM-FIND-005), `answers` come from every manager in the order
    in which they are asked, `now` is in seconds. Source: XFRM-ACQ-001, -002; kernel km_query.
    """
    if not any(answer.taken for answer in answers):
        return StateOutcome(database, StateRefusal.NO_MANAGER)
    events = tuple(
        StateEvent(StateEventKind.ACQUIRE, wanted, answer.sequence) for answer in answers if answer.taken
    )
    stored = store_larval(database, wanted, now, answers[-1].sequence)
    return StateOutcome(stored.database, events=events, found=stored.entry)


@clause("XFRM-ACQ-003", "XFRM-SPI-001")
def store_larval(database: StateDatabase, wanted: SecurityAssociation, now: int, sequence: int = 0) -> Stored:
    """Store a state as ACQ that lives `acquire_seconds` from `now` on and has its first timer then."""
    lifetime = database.acquire_seconds
    larval = replace(
        wanted,
        lifecycle=Lifecycle.ACQ,
        limits=Limits(hard_add_seconds=lifetime),
        mark=wanted.mark.masked(),
        added=now,
    )
    entry = InstalledState(larval, 0, sequence=sequence, next_check=now + lifetime)
    return database.linked(entry)


@clause("XFRM-LIFE-002")
def refuse_acquire(database: StateDatabase, sequence: int) -> StateOutcome:
    """Let a key manager say that its negotiation failed: the larval state of its number becomes ERROR.

    Succeeds also when there is none. Source: XFRM-LIFE-002; kernel pfkey_acquire.
    """
    larval = database.larval_of_sequence(sequence, 0)
    if larval is None:
        return StateOutcome(database)
    failed = replace(larval, association=replace(larval.association, lifecycle=Lifecycle.ERROR))
    return StateOutcome(database.with_entry(failed), found=larval)
