"""States and databases of them that the unit tests of operations share."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.xfrm.state_acquire import ManagerAnswer
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet
from xfrmspec.xfrm.state_operations import add, update
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Protocol, Selector
from xfrmspec_terms.state import (
    InstalledState,
    StateRequest,
)

A, B, C, D = (IPv6Address(f"2001:db8::{end:x}") for end in (0xA, 0xB, 0xC, 0xD))
ESP = SecurityAssociation(A, B, Protocol.ESP, Mode.TRANSPORT, 0x100, 7)
HAO = SecurityAssociation(A, B, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=C)
EVERYWHERE = Selector.between("::/0", "::/0")
ASKED = (ManagerAnswer(5),)


def holding(*states: SecurityAssociation, profile: Profile = CLEAN) -> StateDatabase:
    """Return a database to which states were added one after the other."""
    database = StateDatabase(profile)
    for state in states:
        outcome = add(database, StateRequest(state), state.added)
        assert outcome.errno is Errno.OK, outcome.refusal
        database = outcome.database
    return database


def added(database: StateDatabase, state: SecurityAssociation) -> Errno:
    """Return the error number of adding a state."""
    return add(database, StateRequest(state)).errno


def updated(database: StateDatabase, state: SecurityAssociation, now: int = 0) -> InstalledState:
    """Return the newest entry after an update that succeeds."""
    outcome = update(database, StateRequest(state), now)
    assert outcome.errno is Errno.OK, outcome.refusal
    return outcome.database.entries[0]


def used(database: StateDatabase, packets: int, octets: int = 100, now: int = 1) -> StateDatabase:
    """Return a database after packets went through its newest state."""
    for _ in range(packets):
        asked = ask_to_use(database, database.entries[0], now)
        assert asked.refusal is None
        database = count_packet(asked.database, database.entries[0], octets)
    return database
