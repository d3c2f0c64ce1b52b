"""Operations on states: reference and model, written without sight of each other, give the same answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import HOSTS, Choices, choices

from xfrmspec.xfrm.migrate import migrated_templates, state_to_migrate
from xfrmspec.xfrm.spi import SpiChoice, spi_choice
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_hash import bucket
from xfrmspec.xfrm.state_operations import add, delete, flush, key_of, update
from xfrmspec_model import evaluate_states
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, Mode, Template
from xfrmspec_terms.profile import PROFILES, Profile
from xfrmspec_terms.selector import UINT32_MAX, Address, Protocol, Selector
from xfrmspec_terms.state import InstalledState, SpiRequest, StateRequest

EVERY_PROFILE = [pytest.param(profile, id=name) for name, profile in sorted(PROFILES.items())]
_PAIRS = (
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
)
_MARKS = (Mark(), Mark(), Mark(), Mark(1, 1), Mark(2, 2), Mark(1, 3), Mark(0, 1))
_LIFECYCLES = (
    *(Lifecycle.VALID,) * 2,
    *(Lifecycle.ACQ,) * 2,
    Lifecycle.ERROR,
    Lifecycle.EXPIRED,
)
_PLACES = (*(None,) * 4, *product(HOSTS[:2], HOSTS))
"""Where larval states stand: under their own addresses, or under others, some of them in the same bucket."""
_ESP = SecurityAssociation(HOSTS[0], HOSTS[2], Protocol.ESP, Mode.TRANSPORT, 1)
_WIDE = Selector.between("::/0", "::/0")
_FLUSHED = (0, 255, Protocol.ESP, Protocol.AH, Protocol.DESTINATION_OPTIONS, Protocol.ROUTING, 17)
many = st.lists(choices, max_size=5)


def _state(take: Choices, *, larval: bool = True) -> SecurityAssociation:
    """Return one of few different states, so that keys often meet."""
    protocol, mode = take.among(_PAIRS)
    optimised = mode is Mode.RO
    lifecycle = take.among(_LIFECYCLES) if larval else Lifecycle.VALID
    spis = (0, 1, 2) if lifecycle is Lifecycle.ACQ else (1, 2, 3)
    return SecurityAssociation(
        take.among(HOSTS[:2]),
        take.among((HOSTS[2], HOSTS[2], HOSTS[3])),
        protocol,
        mode,
        0 if optimised else take.among(spis),
        take.among((0, 1)),
        selector=_WIDE if optimised and take.among((False, True)) else None,
        mark=take.among(_MARKS).masked(),
        if_id=take.among((0, 0, 0, 1)),
        care_of=take.among(HOSTS) if optimised else None,
        lifecycle=lifecycle,
        dying=take.among((False, True)),
        internal=take.among((False,) * 9 + (True,)),
        filed_under=take.among(_PLACES) if lifecycle is Lifecycle.ACQ else None,
    )


def _database(taken: Sequence[Choices], profile: Profile) -> StateDatabase:
    database = StateDatabase(profile)
    for take in taken:
        entry = InstalledState(_state(take), age=0, sequence=take.among((0, 0, 7)))
        database = database.linked(entry).database
    return database


def _shared(database: StateDatabase) -> set[int]:
    """Return the indexes of states that a kernel meets elsewhere, in the bucket of their own addresses."""
    if not database.profile.find_second_pass_ignores_source:
        return set()
    return {
        index
        for index, state in enumerate(database.associations)
        if state.filed_under is not None
        and _bucket(database, *state.filed_under) == _bucket(database, state.source, state.destination)
    }


def _bucket(database: StateDatabase, source: Address, destination: Address) -> int:
    return bucket(destination, source, 0, database.buckets)


def _without(entries: Sequence[InstalledState], *gone: int | None) -> list[int]:
    return [entry.age for index, entry in enumerate(entries) if index not in gone]


def _ages(database: StateDatabase) -> list[int]:
    return [entry.age for entry in database.entries]


def _request(take: Choices) -> StateRequest:
    state = replace(_state(take, larval=False), internal=False, dying=False, added=5)
    return StateRequest(state, sequence=take.among((0, 0, 7)))


def _awaiting(take: Choices, request: StateRequest, database: StateDatabase) -> StateDatabase:
    """Put in front, most of the time, a larval state that nearly waits for a requested one."""
    if take.among((False, True, True)):
        larval = replace(
            request.state,
            spi=take.among((0, 0, 0, 9)),
            reqid=take.among((request.state.reqid, request.state.reqid, 1)),
            mark=take.among((request.state.mark, Mark(), Mark(1, 1))),
            lifecycle=take.among((Lifecycle.ACQ, Lifecycle.ACQ, Lifecycle.ERROR)),
            filed_under=take.among(_PLACES),
        )
        return database.linked(InstalledState(larval, age=0, sequence=take.among((0, 7)))).database
    return database


@pytest.mark.clause(
    "XFRM-SAD-003", "XFRM-SAD-004", "XFRM-SAD-005", "XFRM-SAD-006", "XFRM-SAD-012", "XFRM-CACHE-003"
)
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_adding_agrees(profile: Profile) -> None:
    seen: Counter[object] = Counter()

    @given(many, choices)
    @settings(max_examples=300, deadline=None)
    def law(taken: list[Choices], take: Choices) -> None:
        request = _request(take)
        database = _awaiting(take, request, _database(taken, profile))
        told = add(database, request, now=5)
        refused, superseded, raised = evaluate_states.added(
            database.entries, request, profile, _shared(database)
        )
        assert (told.errno is Errno.EEXIST) == refused
        seen[told.errno] += 1
        if not refused:
            seen["superseded"] += superseded is not None
            seen["raised"] += bool(raised)
            assert _ages(told.database)[1:] == _without(database.entries, superseded)
            after = [told.database.entry(entry.age) for entry in database.entries]
            grown = {
                index
                for index, (old, new) in enumerate(zip(database.entries, after, strict=True))
                if new is not None and new.generation != old.generation
            }
            assert grown == raised - {superseded}

    law()
    assert set(seen) >= {Errno.OK, Errno.EEXIST}
    assert min(seen["superseded"], seen["raised"]) > 3


@pytest.mark.clause("XFRM-SAD-003", "XFRM-SAD-004", "XFRM-SAD-006", "XFRM-SAD-007", "XFRM-SAD-008")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_updating_agrees(profile: Profile) -> None:
    seen: Counter[object] = Counter()

    @given(many, choices)
    @settings(max_examples=300, deadline=None)
    def law(taken: list[Choices], take: Choices) -> None:
        database, request = _database(taken, profile), _request(take)
        told = update(database, request, now=5)
        errno, replaced, merged = evaluate_states.updated(
            database.entries, request, profile, _shared(database)
        )
        assert told.errno is errno
        seen[errno] += 1
        if replaced is not None:
            seen["replaced"] += 1
            assert sorted(_ages(told.database))[:-1] == sorted(_without(database.entries, replaced))
        if merged is not None:
            seen["merged"] += 1
            old = database.entries[merged]
            new = told.database.entry(old.age)
            assert new is not None
            assert evaluate_states.agrees_with_merge(old.association, request.state, new.association)

    law()
    assert set(seen) >= {Errno.OK, Errno.ESRCH, Errno.EINVAL, "replaced", "merged"}


@pytest.mark.clause("XFRM-SAD-002", "XFRM-SAD-003", "XFRM-SAD-009")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_deleting_agrees(profile: Profile) -> None:
    seen: Counter[Errno] = Counter()

    @given(many, choices)
    @settings(max_examples=300, deadline=None)
    def law(taken: list[Choices], take: Choices) -> None:
        database = _database(taken, profile)
        key = replace(key_of(_state(take)), mark=Mark(take.among((0, 1, 2, 3)), UINT32_MAX))
        told = delete(database, key)
        seen[told.errno] += 1
        gone = evaluate_states.deleted(database.entries, key, profile, _shared(database))
        assert (told.errno is Errno.OK) == (gone is not None)
        assert _ages(told.database) == _without(database.entries, gone)

    law()
    assert {Errno.OK, Errno.ESRCH} <= set(seen)


@pytest.mark.clause("XFRM-SAD-010")
@given(many, st.sampled_from(_FLUSHED))
@settings(max_examples=200, deadline=None)
def test_flushing_agrees(taken: list[Choices], protocol: int) -> None:
    database = _database(taken, PROFILES["clean"])
    told = flush(database, protocol)
    gone = evaluate_states.flushed(database.entries, protocol)
    assert _ages(told.database) == _without(database.entries, *gone)


@pytest.mark.clause("XFRM-SAD-003", "XFRM-SPI-001", "XFRM-SPI-002")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_allocating_agrees(profile: Profile) -> None:
    seen: Counter[object] = Counter()

    @given(many, choices, st.integers(0, 2), st.integers(1, 5))
    @settings(max_examples=400, deadline=None)
    def law(taken: list[Choices], take: Choices, low: int, width: int) -> None:
        wanted = replace(_ESP, source=take.among(HOSTS[:2]))
        database = _awaiting(take, StateRequest(wanted), _database(taken, profile))
        request = SpiRequest(
            wanted.source, wanted.destination, Protocol.ESP, Mode.TRANSPORT, low, low + width
        )
        choice = spi_choice(database, request)
        assert isinstance(choice, SpiChoice)
        completed = evaluate_states.completed(database.entries, wanted, _shared(database))
        seen["completed"] += completed is not None
        assert choice.entry.age == (database.next_age if completed is None else _ages(database)[completed])
        larval, bounds = choice.entry.association, (low, low + width)
        for spi in range(low + width + 1):
            expected = evaluate_states.may_allocate(choice.database.entries, larval, spi, bounds, profile)
            seen[expected] += 1
            assert choice.admits(spi) == expected

    law()
    assert min(seen[True], seen[False]) > 50
    assert seen["completed"] > 0


def _migration(take: Choices) -> Migration:
    protocol, mode = take.among((*_PAIRS, (Protocol.ESP, Mode.BEET)))
    ends = (take.among(HOSTS[:2]), HOSTS[2], HOSTS[3], HOSTS[0])
    return Migration(*ends, protocol, mode, take.among((0, 0, 1)))


@pytest.mark.clause("XFRM-SAD-003", "XFRM-MIGR-001", "XFRM-MIGR-004", "XFRM-MIGR-005", "XFRM-MIGR-006")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_migration_agrees(profile: Profile) -> None:
    seen: Counter[str] = Counter()

    @given(many, choices, st.sampled_from((0, 0, 1)))
    @settings(max_examples=300, deadline=None)
    def law(taken: list[Choices], take: Choices, if_id: int) -> None:
        database, entry = _database(taken, profile), _migration(take)
        told = state_to_migrate(database, entry, if_id)
        shared = _shared(database)
        named = [
            evaluate_states.state_migrates(state, entry, if_id, in_own_bucket=index in shared)
            for index, state in enumerate(database.associations)
        ]
        seen["states"] += any(named)
        assert (told and told.age) == next(
            (each.age for each, held in zip(database.entries, named, strict=True) if held), None
        )
        protocol, mode = take.among((*_PAIRS, (entry.protocol, entry.mode), (entry.protocol, entry.mode)))
        template = Template(
            Protocol(protocol), mode, take.among(HOSTS[:2]), HOSTS[2], reqid=take.among((0, 1))
        )
        (after,), matches, _ = migrated_templates((template,), (entry,))
        matched, source, destination = evaluate_states.migrated_ends(template, entry)
        seen["templates"] += matched
        assert (bool(matches), after.source, after.destination) == (matched, source, destination)

    law()
    assert min(seen["states"], seen["templates"]) > 10
