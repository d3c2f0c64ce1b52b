"""Operations on the state database: add, update, delete, flush, and an expiry that a key manager declares."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.xfrm.state_database import (
    StateDatabase,
    Stored,
    bump_generations,
    is_route_optimisation,
)
from xfrmspec.xfrm.state_limits import check_limits
from xfrmspec.xfrm.state_validity import refusal_of, stored_selector
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import ANY_MARK, IPSEC_PROTOCOLS
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.state import (
    FIRST_CHECK_SECONDS,
    InstalledState,
    StateEvent,
    StateEventKind,
    StateKey,
    StateRefusal,
    StateRequest,
)

_ALL_PROTOCOLS = 0
_ONLY_IPSEC = 255


@clause("XFRM-EVENT-001", "XFRM-EVENT-002")
@dataclass(frozen=True, slots=True)
class StateOutcome:
    """The database after an operation, why it was refused, and what was announced, in order.

    `found` is the state the operation was about: as it was before, or as it was made.
    A refused operation announces nothing.
    """

    database: StateDatabase
    refusal: StateRefusal | None = None
    events: tuple[StateEvent, ...] = ()
    found: InstalledState | None = None

    @property
    def errno(self) -> Errno:
        """The error number that the caller sees."""
        return Errno.OK if self.refusal is None else self.refusal.errno


@clause("XFRM-SAD-005", "XFRM-SAD-006")
def add(database: StateDatabase, request: StateRequest, now: int = 0) -> StateOutcome:
    """Store a state as VALID; EEXIST when it collides with any stored one. `now` in seconds.

    Source: XFRM-SAD-005; kernel xfrm_add_sa with XFRM_MSG_NEWSA, xfrm_state_add.
    """
    reason = refusal_of(request)
    if reason is not None:
        return StateOutcome(database, reason)
    collision = database.located(request.state)
    if collision is not None:
        return StateOutcome(database, StateRefusal.COLLIDES, found=collision)
    event = StateEvent(StateEventKind.NEW, request.state, request.sequence)
    stored = supersede_entry(database, _new_entry(request, now))
    return StateOutcome(stored.database, events=(event,), found=stored.entry)


@clause("XFRM-SAD-012")
def supersede_entry(database: StateDatabase, entry: InstalledState) -> Stored:
    """Link a state that collides with none, in the place of the larval one that it answers, if there is one.

    Source: XFRM-SAD-012; kernel xfrm_state_add.
    """
    larval = _answered(database, entry) if entry.association.protocol in IPSEC_PROTOCOLS else None
    stored = bump_generations(database, entry.association).linked(entry)
    return stored if larval is None else replace(stored, database=stored.database.without(larval))


@clause("XFRM-SAD-012")
def _answered(database: StateDatabase, entry: InstalledState) -> InstalledState | None:
    new = entry.association
    asked = database.larval_of_sequence(entry.sequence, new.mark.masked().value)
    if asked is not None and (asked.association.protocol, asked.association.destination) == (
        new.protocol,
        new.destination,
    ):
        return asked
    return database.larval_of_key(new)


def _new_entry(request: StateRequest, now: int) -> InstalledState:
    state = replace(
        request.state,
        lifecycle=Lifecycle.VALID,
        selector=stored_selector(request.state),
        mark=request.state.mark.masked(),
        dying=False,
        added=now,
    )
    return InstalledState(state, 0, sequence=request.sequence, next_check=now + FIRST_CHECK_SECONDS)


@clause("XFRM-SAD-006", "XFRM-SAD-007")
def update(database: StateDatabase, request: StateRequest, now: int = 0) -> StateOutcome:
    """Replace a larval state, or change a VALID one in place; ESRCH when there is none. `now` in seconds.

    Source: XFRM-SAD-007; kernel xfrm_add_sa with XFRM_MSG_UPDSA, xfrm_state_update.
    """
    reason = refusal_of(request)
    if reason is not None:
        return StateOutcome(database, reason)
    old = database.located(request.state)
    if old is None:
        return StateOutcome(database, StateRefusal.NOT_FOUND)
    reason = _unchangeable(old.association, request.state)
    if reason is not None:
        return StateOutcome(database, reason, found=old)
    event = StateEvent(StateEventKind.UPDATE, request.state, request.sequence)
    if old.association.lifecycle is Lifecycle.ACQ:
        stored = database.linked(_new_entry(request, now)).database
        return StateOutcome(stored.without(old), events=(event,), found=old)
    changed, announced = _changed(old, request.state, now)
    if not database.profile.update_keeps_soft_wait:
        changed = replace(changed, soft_wait=None)
    merged = database.with_entry(changed)
    if request.state.if_id or request.state.output_mark != ANY_MARK:
        merged = bump_generations(merged, changed.association)
    return StateOutcome(merged, events=(*announced, event), found=old)


def _unchangeable(old: SecurityAssociation, new: SecurityAssociation) -> StateRefusal | None:
    if old.internal:
        return StateRefusal.INTERNAL_UPDATE
    if old.lifecycle is Lifecycle.ACQ:
        return None
    if old.lifecycle is not Lifecycle.VALID:
        return StateRefusal.NOT_VALID
    return None if old.encapsulation is new.encapsulation else StateRefusal.OTHER_ENCAPSULATION


@clause("XFRM-SAD-007", "XFRM-SAD-008", "XFRM-LIFE-002")
def _changed(
    old: InstalledState, new: SecurityAssociation, now: int
) -> tuple[InstalledState, tuple[StateEvent, ...]]:
    """Return a VALID state with what it takes from an update, and what its limits announce at once."""
    state = old.association
    merged = replace(
        state,
        limits=new.limits,
        dying=False,
        care_of=new.care_of if state.care_of is not None and new.care_of is not None else state.care_of,
        selector=stored_selector(new) if is_route_optimisation(state.protocol) else state.selector,
        if_id=new.if_id or state.if_id,
        output_mark=state.output_mark if new.output_mark == ANY_MARK else new.output_mark,
    )
    entry = replace(old, association=merged, next_check=now + FIRST_CHECK_SECONDS)
    if entry.used is None:
        return entry, ()
    checked = check_limits(entry, now)
    return checked.entry, checked.events


@clause("XFRM-SAD-009")
def delete(database: StateDatabase, key: StateKey) -> StateOutcome:
    """Remove the state that a key names; ESRCH when there is none, EINVAL for a key without a source.

    Source: XFRM-SAD-009; kernel xfrm_del_sa.
    """
    if key.protocol not in IPSEC_PROTOCOLS and key.source is None:
        return StateOutcome(database, StateRefusal.NO_SOURCE)
    found = named(database, key)
    if found is None:
        return StateOutcome(database, StateRefusal.NOT_FOUND)
    if found.association.internal:
        return StateOutcome(database, StateRefusal.INTERNAL_DELETE, found=found)
    event = StateEvent(StateEventKind.DELETE, found.association)
    return StateOutcome(database.without(found), events=(event,), found=found)


def named(database: StateDatabase, key: StateKey) -> InstalledState | None:
    """Return the state that a key names, or None."""
    mark = key.mark.masked().value
    if key.protocol in IPSEC_PROTOCOLS:
        return database.by_spi(key.destination, key.spi, key.protocol, mark, key.family)
    if key.source is None:
        return None
    return database.by_addresses(key.source, key.destination, key.protocol, mark, key.family)


def key_of(state: SecurityAssociation) -> StateKey:
    """Return the key that names a state in a request."""
    return StateKey(state.destination, state.protocol, state.spi, state.source, state.mark, state.family)


@clause("XFRM-SAD-010")
def flush(database: StateDatabase, protocol: int = _ALL_PROTOCOLS) -> StateOutcome:
    """Remove every state of a protocol; 0 takes all, 255 AH, ESP and IPComp. Internal states stay.

    Source: XFRM-SAD-010; kernel xfrm_flush_sa.
    """
    kept = tuple([e for e in database.entries if not _is_flushed(e.association, protocol)])
    if len(kept) == len(database.entries):
        return StateOutcome(database)
    event = StateEvent(StateEventKind.FLUSH, protocol=protocol)
    return StateOutcome(replace(database, entries=kept), events=(event,))


def _is_flushed(state: SecurityAssociation, protocol: int) -> bool:
    if state.internal:
        return False
    if protocol == _ONLY_IPSEC:
        return state.protocol in IPSEC_PROTOCOLS
    return protocol in (_ALL_PROTOCOLS, state.protocol)


@clause("XFRM-LIFE-002")
def declare_expiry(database: StateDatabase, key: StateKey, *, hard: bool) -> StateOutcome:
    """Announce that a VALID state has expired, and remove it if the limit was hard; SPIs only.

    ENOENT when no SPI fits, EINVAL when the state is not VALID. Source: kernel xfrm_add_sa_expire.
    """
    found = database.by_spi(key.destination, key.spi, key.protocol, key.mark.masked().value, key.family)
    if found is None:
        return StateOutcome(database, StateRefusal.NOTHING_TO_EXPIRE)
    if found.association.lifecycle is not Lifecycle.VALID:
        return StateOutcome(database, StateRefusal.NOT_VALID, found=found)
    kind = StateEventKind.EXPIRE_HARD if hard else StateEventKind.EXPIRE_SOFT
    events = (StateEvent(kind, found.association),)
    return StateOutcome(database.without(found) if hard else database, events=events, found=found)
