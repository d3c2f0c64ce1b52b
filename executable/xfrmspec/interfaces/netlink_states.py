"""Netlink as commands on the state database: add, update, delete, flush, allocate, expire, migrate, read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_state import KeyStateTables
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.spi import SpiChoice, allocate_spi, spi_choice
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import StateOutcome, add, declare_expiry, delete, flush, named, update
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.state import SpiRequest, StateEvent, StateKey, StateRefusal, StateRequest

Draw = Callable[[SpiChoice], int | None]
"""How an SPI is drawn from those that are allowed: None for a draw that found none."""


@dataclass(frozen=True, slots=True)
class NewState:
    """NEWSA: insert a state unless it collides with a stored one."""

    request: StateRequest


@dataclass(frozen=True, slots=True)
class UpdateState:
    """UPDSA: replace a larval state, or change what may change of a valid one."""

    request: StateRequest


@dataclass(frozen=True, slots=True)
class DeleteState:
    """DELSA: remove the state that a key names."""

    key: StateKey


@dataclass(frozen=True, slots=True)
class GetState:
    """GETSA: read the state that a key names; ESRCH when there is none."""

    key: StateKey


@dataclass(frozen=True, slots=True)
class DumpStates:
    """GETSA as a dump: read every state, oldest object first."""


@dataclass(frozen=True, slots=True)
class FlushStates:
    """FLUSHSA: remove the states of a protocol; 0 for all, 255 for AH, ESP and IPComp."""

    protocol: int = 0


@dataclass(frozen=True, slots=True)
class AllocateSpi:
    """ALLOCSPI: give a larval state an SPI of a range, and make the state if there is none."""

    request: SpiRequest


@dataclass(frozen=True, slots=True)
class ExpireState:
    """EXPIRE: a key manager declares that a valid state has reached a limit; a hard one removes it."""

    key: StateKey
    hard: bool


@dataclass(frozen=True, slots=True)
class Migrate:
    """MIGRATE: move the states and templates of one policy to other addresses."""

    request: MigrationRequest


_Operation = NewState | UpdateState | DeleteState | FlushStates | ExpireState
NetlinkStateCommand = _Operation | GetState | DumpStates | AllocateSpi | Migrate


@dataclass(frozen=True, slots=True)
class NetlinkStateAnswer:
    """What a command left behind: the tables, its error number, the states it shows, and events.

    An allocation shows the larval state with its SPI.
    """

    tables: KeyStateTables
    errno: Errno = Errno.OK
    states: tuple[SecurityAssociation, ...] = ()
    events: tuple[StateEvent, ...] = ()


@clause("XFRM-ARCH-002")
def carry_out(
    command: NetlinkStateCommand, tables: KeyStateTables, now: int = 0, draw: Draw = SpiChoice.smallest
) -> NetlinkStateAnswer:
    """Carry out one netlink command about states; `now` is in seconds.

    Source: chapter 4, kernel xfrm_user_rcv_msg.
    """
    match command:
        case AllocateSpi(request):
            return _allocated(tables, request, now, draw)
        case Migrate(request):
            return _migrated(tables, request, now)
        case GetState(key):
            return _read(tables, key)
        case DumpStates():
            oldest_first = sorted(tables.states, key=lambda entry: entry.age)
            return NetlinkStateAnswer(tables, states=tuple(entry.association for entry in oldest_first))
        case _:
            return _changed(tables, _operate(command, tables.states, now))


def _operate(command: _Operation, states: StateDatabase, now: int) -> StateOutcome:
    match command:
        case NewState(request):
            return add(states, request, now)
        case UpdateState(request):
            return update(states, request, now)
        case DeleteState(key):
            return delete(states, key)
        case FlushStates(protocol):
            return flush(states, protocol)
        case ExpireState(key, hard):
            return declare_expiry(states, key, hard=hard)


def _changed(tables: KeyStateTables, outcome: StateOutcome) -> NetlinkStateAnswer:
    return NetlinkStateAnswer(replace(tables, states=outcome.database), outcome.errno, events=outcome.events)


@clause("XFRM-SPI-001", "XFRM-SPI-002")
def _allocated(tables: KeyStateTables, request: SpiRequest, now: int, draw: Draw) -> NetlinkStateAnswer:
    choice = spi_choice(tables.states, request, now)
    spi = None if isinstance(choice, StateRefusal) else draw(choice)
    outcome = allocate_spi(tables.states, request, spi, now)
    answer = _changed(tables, outcome)
    if outcome.refusal is not None or outcome.found is None:
        return answer
    return replace(answer, states=(outcome.found.association,))


def _migrated(tables: KeyStateTables, request: MigrationRequest, now: int) -> NetlinkStateAnswer:
    outcome = migrate(tables.policies, tables.states, request, now)
    moved = replace(tables, policies=outcome.policies, states=outcome.states)
    return NetlinkStateAnswer(moved, outcome.errno, events=outcome.events)


def _read(tables: KeyStateTables, key: StateKey) -> NetlinkStateAnswer:
    found = named(tables.states, key)
    if found is None:
        return NetlinkStateAnswer(tables, Errno.ESRCH)
    return NetlinkStateAnswer(tables, states=(found.association,))
