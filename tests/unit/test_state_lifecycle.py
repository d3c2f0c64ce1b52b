"""The life of a state as drawn is its life in the reference: every transition is carried out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.policies import add as add_policy
from xfrmspec.xfrm.spi import allocate_spi
from xfrmspec.xfrm.state_acquire import ManagerAnswer, raise_acquire, refuse_acquire
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import ask_to_use, fire_state_timer
from xfrmspec.xfrm.state_operations import add, declare_expiry, delete, flush, key_of, update
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_states import DEAD, STATE_LIFECYCLE
from xfrmspec_terms.migration import Migration, MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Limits, Mode, Policy, Template
from xfrmspec_terms.selector import Protocol, Selector
from xfrmspec_terms.state import InstalledState, SpiRequest, StateEvent, StateRequest

HERE, THERE, MOVED = (IPv6Address(f"2001:db8::{end}") for end in (1, 2, 3))
LIMITS = Limits(
    soft_packets=1, hard_packets=3, soft_add_seconds=50, hard_add_seconds=100, soft_use_seconds=80
)
ESP = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x100, 7, limits=LIMITS)
HAO = SecurityAssociation(HERE, THERE, Protocol.DESTINATION_OPTIONS, Mode.RO, reqid=7, care_of=MOVED)
QUESTION = replace(ESP, spi=0)
SEQUENCE = 41
EVERYWHERE = Selector.between("::/0", "::/0")


@dataclass(frozen=True)
class Step:
    """What a transition did: the database, its error number and its events."""

    database: StateDatabase
    errno: Errno
    events: tuple[StateEvent, ...]


def larval(wanted: SecurityAssociation) -> StateDatabase:
    return raise_acquire(StateDatabase(), wanted, (ManagerAnswer(SEQUENCE),), 0).database


def valid(used: int = 0) -> StateDatabase:
    """Return a database with one VALID state that has carried packets and was not asked for its limits."""
    database = add(StateDatabase(), StateRequest(ESP), 0).database
    if not used:
        return database
    (entry,) = database
    return database.with_entry(replace(entry, used=1, packets=used))


def dying(used: int = 0) -> StateDatabase:
    (entry,) = valid(used)
    return valid(used).with_entry(replace(entry, association=replace(entry.association, dying=True)))


def expired() -> StateDatabase:
    return ask_to_use(valid(3), valid(3).entries[0], 2).database


def failed(wanted: SecurityAssociation = QUESTION) -> StateDatabase:
    return refuse_acquire(larval(wanted), SEQUENCE).database


def start(transition: Transition) -> StateDatabase:
    """Return a database with one state in the transition's source, ready for its guard."""
    carried = {"soft limit": 1, "hard limit": 3} if transition.event == "packet" else {}
    used = carried.get(transition.guard, 2 if "passed" in transition.guard else 0)
    # An operation on a larval state by its key needs one that has a key: route optimisation.
    by_key = transition.event in ("delete", "update") or "route" in transition.guard
    question = HAO if by_key else QUESTION
    return {
        "absent": StateDatabase,
        "ACQ": lambda: larval(question),
        "VALID": lambda: valid(used),
        "VALID, dying": lambda: dying(used),
        "ERROR": lambda: failed(question),
        "EXPIRED": expired,
    }[transition.source]()


def requested(database: StateDatabase, guard: str) -> SecurityAssociation:
    """Return the state that an add or update names, for the guard."""
    if guard == "not acceptable":
        return replace(ESP, protocol=Protocol.TCP)
    if guard == "used, soft limit passed":
        return replace(ESP, limits=Limits(soft_packets=2))
    if guard == "used, hard limit passed":
        return replace(ESP, limits=Limits(hard_packets=2))
    route_optimisation = any(entry.association.protocol == HAO.protocol for entry in database)
    return HAO if route_optimisation or "route" in guard else replace(ESP, limits=Limits())


SECONDS = {
    "hard limit": 100,
    "nothing due": 10,
    "soft limit": 50,
    "the clock jumped": 1000,
    "after acq_expires": 30,
    "at once": 2,
}


def timer(database: StateDatabase, guard: str) -> Step:
    (entry,) = database
    if guard == "the clock jumped":
        database = fire_state_timer(database, entry, 1).database
    fired = fire_state_timer(database, entry, SECONDS[guard])
    return Step(fired.database, Errno.OK, fired.events)


def packet(database: StateDatabase, guard: str) -> Step:
    use = ask_to_use(database, database.entries[0], 2)
    return Step(use.database, Errno.OK if use.refusal is None else use.refusal.errno, use.events)


def migration(database: StateDatabase, guard: str) -> Step:
    ro = bool(guard)
    protocol, mode = (HAO.protocol, HAO.mode) if ro else (ESP.protocol, ESP.mode)
    policy = Policy(EVERYWHERE, Direction.OUT, templates=(Template(protocol, mode, reqid=7),))
    policies = add_policy(PolicyDatabase(), policy).database
    entry = Migration(HERE, THERE, HERE, MOVED, protocol, mode, 7)
    done = migrate(policies, database, MigrationRequest(EVERYWHERE, Direction.OUT, (entry,)), 5)
    return Step(done.states, done.errno, done.events)


def acquire(database: StateDatabase, guard: str) -> Step:
    outcome = raise_acquire(database, QUESTION, (ManagerAnswer(1, "a manager" in guard),))
    return Step(outcome.database, outcome.errno, outcome.events)


def operation(name: str) -> Callable[[StateDatabase, str], Step]:
    def carried_out(database: StateDatabase, guard: str) -> Step:
        named = database.entries[0].association if database.entries else ESP
        outcome = {
            "add": lambda: add(database, StateRequest(requested(database, guard)), 3),
            "update": lambda: update(database, StateRequest(requested(database, guard)), 3),
            "delete": lambda: delete(database, key_of(named)),
            "flush": lambda: flush(database, named.protocol),
            "declared soft": lambda: declare_expiry(database, key_of(ESP), hard=False),
            "declared hard": lambda: declare_expiry(database, key_of(ESP), hard=True),
            "refusal of the manager": lambda: refuse_acquire(database, SEQUENCE),
            "allocate an SPI": lambda: allocate_spi(
                database, SpiRequest(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 9, 9, 7), 9
            ),
        }[name]()
        return Step(outcome.database, outcome.errno, outcome.events)

    return carried_out


SPECIAL = {"timer": timer, "packet": packet, "migrate": migration, "acquire": acquire}


def standing(entry: InstalledState | None, *, existed: bool) -> str:
    if entry is None:
        return DEAD if existed else "absent"
    state = entry.association
    dying = state.dying and state.lifecycle is Lifecycle.VALID
    return "VALID, dying" if dying else state.lifecycle.name


@pytest.mark.clause("XFRM-LIFE-001", "XFRM-LIFE-002", "XFRM-LIFE-003", "XFRM-EVENT-002")
@pytest.mark.parametrize(
    "transition", STATE_LIFECYCLE.transitions, ids=lambda t: f"{t.source}--{t.event}--{t.guard}"
)
def test_the_reference_makes_every_transition_as_drawn(transition: Transition) -> None:
    before = start(transition)
    old = before.entries[0] if before.entries else None
    if old is not None:
        assert standing(old, existed=True) == transition.source
    step = SPECIAL.get(transition.event, operation(transition.event))(before, transition.guard)
    new = step.database.entries[0] if old is None and step.database.entries else None
    now = step.database.entry(old.age) if old is not None else new
    assert standing(now, existed=old is not None) == transition.target
    told = [event.kind.value for event in step.events]
    for kind in ("NEWSA", "UPDSA", "DELSA", "FLUSHSA", "ACQUIRE", "MIGRATE", "EXPIRE soft", "EXPIRE hard"):
        assert (kind in told) == (kind in transition.effect), kind
    for errno in (Errno.EINVAL, Errno.EEXIST, Errno.ESRCH, Errno.ENODATA):
        refused = errno.name in transition.effect or (
            transition.effect == "refused" and errno == Errno.EINVAL
        )
        assert (step.errno is errno) == refused, errno


def test_no_transition_leaves_a_dead_state() -> None:
    assert all(transition.source != DEAD for transition in STATE_LIFECYCLE.transitions)
    assert {state for state in Lifecycle if state.name not in "VOID DEAD"} == {
        Lifecycle[name] for name in STATE_LIFECYCLE.states if name in Lifecycle.__members__
    }
