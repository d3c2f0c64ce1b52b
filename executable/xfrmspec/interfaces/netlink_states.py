"""Netlink as commands on the state database: add, update, delete, flush, allocate, expire, migrate, read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_state import KeyStateTables
from xfrmspec.interfaces.netlink_terms import (
    ChangeState,
    DumpStates,
    ExpireState,
    FlushStates,
    GetState,
    MovePolicy,
    NewState,
    RemoveState,
    RequestSpi,
    StateOperation,
)
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.spi import SpiChoice, allocate_spi, spi_choice
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import StateOutcome, add, declare_expiry, delete, flush, named, update
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.state import SpiRequest, StateEvent, StateKey, StateRefusal

Draw = Callable[[SpiChoice], int | None]
"""How an SPI is drawn from those that are allowed: None for a draw that found none."""


NetlinkStateCommand = StateOperation | GetState | DumpStates | RequestSpi | MovePolicy


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
        case RequestSpi(request):
            return _allocated(tables, request, now, draw)
        case MovePolicy(request):
            return _migrated(tables, request, now)
        case GetState(key):
            return _read(tables, key)
        case DumpStates():
            oldest_first = sorted(tables.states, key=lambda entry: entry.age)
            return NetlinkStateAnswer(tables, states=tuple(entry.association for entry in oldest_first))
        case _:
            return _changed(tables, operate(command, tables.states, now))


def operate(command: StateOperation, states: StateDatabase, now: int = 0) -> StateOutcome:
    """Carry out a command that writes states and nothing else; `now` is in seconds."""
    match command:
        case NewState(request):
            return add(states, request, now)
        case ChangeState(request):
            return update(states, request, now)
        case RemoveState(key):
            return delete(states, key)
        case FlushStates(protocol):
            return flush(states, protocol)
        case ExpireState(key, hard):
            return declare_expiry(states, key, hard=hard)


def _changed(tables: KeyStateTables, outcome: StateOutcome) -> NetlinkStateAnswer:
    return NetlinkStateAnswer(replace(tables, states=outcome.database), outcome.errno, events=outcome.events)


@clause("XFRM-SPI-001", "XFRM-SPI-002")
def allocate(states: StateDatabase, request: SpiRequest, now: int, draw: Draw) -> StateOutcome:
    """Allocate an SPI that is drawn from those allowed; the outcome shows the larval state that has it."""
    choice = spi_choice(states, request, now)
    spi = None if isinstance(choice, StateRefusal) else draw(choice)
    return allocate_spi(states, request, spi, now)


def _allocated(tables: KeyStateTables, request: SpiRequest, now: int, draw: Draw) -> NetlinkStateAnswer:
    outcome = allocate(tables.states, request, now, draw)
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
