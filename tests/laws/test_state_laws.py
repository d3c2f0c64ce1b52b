"""Laws of the state database, over random states, operations, packets and seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.xfrm.spi import SpiChoice, allocate_spi, spi_choice
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet, run_state_timers
from xfrmspec.xfrm.state_operations import add, delete, flush, key_of, update
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import IPSEC_PROTOCOLS, Limits, Mark, Mode
from xfrmspec_terms.profile import CLEAN, PROFILES, Profile, SpiScope
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import SpiRequest, StateEventKind, StateRequest

EVERY_PROFILE = [pytest.param(profile, id=name) for name, profile in sorted(PROFILES.items())]
ADDRESSES = tuple(IPv6Address(f"2001:db8::{end}") for end in (1, 2, 3))
HERE, THERE = ADDRESSES[:2]
addresses = st.sampled_from(ADDRESSES)
marks = st.sampled_from((Mark(), Mark(), Mark(1, 0xFF), Mark(1, 0x0F), Mark(0x11, 0xFF), Mark(2, 0xF0)))
small = st.integers(0, 6)


@st.composite
def states(draw: st.DrawFn) -> SecurityAssociation:
    protocol = draw(
        st.sampled_from((Protocol.ESP, Protocol.AH, Protocol.DESTINATION_OPTIONS, Protocol.ROUTING))
    )
    ipsec = protocol in IPSEC_PROTOCOLS
    return SecurityAssociation(
        draw(addresses),
        draw(addresses),
        protocol,
        draw(st.sampled_from((Mode.TRANSPORT, Mode.TUNNEL))) if ipsec else Mode.RO,
        draw(st.integers(1, 3)) if ipsec else 0,
        draw(st.integers(0, 2)),
        mark=draw(marks),
        care_of=None if ipsec else draw(addresses),
        limits=Limits(hard_packets=draw(st.none() | small)),
    )


@st.composite
def databases(draw: st.DrawFn, profile: Profile) -> StateDatabase:
    database = StateDatabase(profile)
    for state in draw(st.lists(states(), max_size=10)):
        database = add(database, StateRequest(state)).database
    return database


def found_by_key(database: StateDatabase, state: SecurityAssociation, mark: int) -> object:
    if state.protocol in IPSEC_PROTOCOLS:
        return database.by_spi(state.destination, state.spi, state.protocol, mark)
    return database.by_addresses(state.source, state.destination, state.protocol, mark)


@pytest.mark.clause("XFRM-SAD-002", "XFRM-SAD-003", "XFRM-SAD-004", "XFRM-SAD-005")
@given(databases(CLEAN), st.integers(0, 0xFF))
@settings(max_examples=120, deadline=None)
def test_by_the_clean_rule_a_packet_has_one_state_for_each_key(database: StateDatabase, mark: int) -> None:
    for entry in database:
        if entry.association.mark.matches(mark):
            assert found_by_key(database, entry.association, mark) == entry


@pytest.mark.clause("XFRM-SAD-004")
def test_on_linux_two_states_can_answer_one_packet() -> None:
    esp = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 1, mark=Mark(1, 0xFF))
    database = add(StateDatabase(PROFILES["linux-6.1"]), StateRequest(esp)).database
    database = add(database, StateRequest(replace(esp, mark=Mark()))).database
    assert sum(entry.association.mark.matches(1) for entry in database) == 2


@pytest.mark.clause("XFRM-SAD-005", "XFRM-SAD-009", "XFRM-LIFE-003")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_adding_and_deleting_restores_every_lookup(profile: Profile) -> None:
    outcomes: Counter[Errno] = Counter()

    @given(databases(profile), states())
    @settings(max_examples=120, deadline=None)
    def law(database: StateDatabase, state: SecurityAssociation) -> None:
        after = add(database, StateRequest(state))
        outcomes[after.errno] += 1
        if after.errno is not Errno.OK:
            assert after.database is database
            return
        back = delete(after.database, key_of(state))
        gone = {e.age for e in after.database} - {e.age for e in back.database}
        assert len(gone) == 1
        if gone == {database.next_age} and not profile.same_second_tie_depends_on_table:
            assert back.database.associations == database.associations

    law()
    assert set(outcomes) == {Errno.OK, Errno.EEXIST}


@pytest.mark.clause("XFRM-SAD-010", "XFRM-LIFE-003")
@given(databases(CLEAN), st.sampled_from((0, 43, 50, 51, 60, 108, 255)))
@settings(max_examples=120, deadline=None)
def test_a_flush_leaves_exactly_the_others(database: StateDatabase, protocol: int) -> None:
    taken: dict[int, frozenset[int]] = {0: frozenset(Protocol), 255: frozenset(IPSEC_PROTOCOLS)}
    named = taken.get(protocol, frozenset({protocol}))
    left = flush(database, protocol).database
    assert left.entries == tuple(e for e in database if e.association.protocol not in named)


@pytest.mark.clause("XFRM-SAD-007")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_an_update_never_changes_what_makes_a_state(profile: Profile) -> None:
    outcomes: Counter[Errno] = Counter()

    @given(databases(profile), states())
    @settings(max_examples=120, deadline=None)
    def law(database: StateDatabase, state: SecurityAssociation) -> None:
        after = update(database, StateRequest(state), 9)
        outcomes[after.errno] += 1
        assert len(after.database) == len(database)
        for before, now in zip(database, after.database, strict=True):
            old, new = before.association, now.association
            assert replace(new, limits=old.limits, care_of=old.care_of, selector=old.selector) == old
            assert (now.age, now.packets, now.used) == (before.age, before.packets, before.used)

    law()
    assert set(outcomes) == {Errno.OK, Errno.ESRCH}


events = st.lists(st.tuples(st.sampled_from(("packet", "second", "update")), small), max_size=40)


@pytest.mark.clause("XFRM-LIFE-004", "XFRM-LIFE-005", "XFRM-LIFE-006")
def test_between_two_updates_there_is_at_most_one_soft_event() -> None:
    seen: Counter[int] = Counter()

    @given(events, small, small, small)
    @settings(max_examples=300, deadline=None)
    def law(history: list[tuple[str, int]], packets: int, soft: int, use: int) -> None:
        limits = Limits(soft_packets=packets, soft_add_seconds=soft, soft_use_seconds=use)
        state = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 1, limits=limits)
        database, now, told = add(StateDatabase(), StateRequest(state)).database, 0, 0
        for event, amount in history:
            if event == "second":
                now += amount
                database, fired = run_state_timers(database, now)
                told += sum(e.kind is StateEventKind.EXPIRE_SOFT for _, e in fired)
            elif event == "packet":
                asked = ask_to_use(database, database.entries[0], now)
                told += len(asked.events)
                database = count_packet(asked.database, database.entries[0], 1)
            else:
                outcome = update(database, StateRequest(state), now)
                told = sum(e.kind is StateEventKind.EXPIRE_SOFT for e in outcome.events)
                database = outcome.database
            assert told <= 1
            assert told == database.entries[0].association.dying
            seen[told] += 1

    law()
    assert set(seen) == {0, 1}


@pytest.mark.clause("XFRM-LIFE-005")
@given(st.integers(0, 9), st.integers(0, 12))
def test_a_hard_limit_lets_exactly_as_many_packets_pass(limit: int, sent: int) -> None:
    state = SecurityAssociation(HERE, THERE, Protocol.AH, Mode.TUNNEL, 1, limits=Limits(hard_packets=limit))
    database, passed = add(StateDatabase(), StateRequest(state)).database, 0
    for _ in range(sent):
        entry = database.entries[0]
        asked = ask_to_use(database, entry, 3)
        passed += asked.refusal is None
        database = count_packet(asked.database, entry, 9) if asked.refusal is None else asked.database
    assert passed == min(limit, sent)
    assert (database.entries[0].association.lifecycle is Lifecycle.EXPIRED) == (sent > limit)
    assert len(run_state_timers(database, 3)[0]) == (sent <= limit)


@pytest.mark.clause("XFRM-SPI-001", "XFRM-SPI-002")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_an_allocated_spi_is_unique_as_far_as_the_profile_promises(profile: Profile) -> None:
    drawn: Counter[bool] = Counter()
    everywhere = profile.spi_unique_per is SpiScope.PROTOCOL

    @given(databases(profile), addresses, addresses, st.integers(0, 3), st.integers(0, 3))
    @settings(max_examples=120, deadline=None)
    def law(database: StateDatabase, source: IPv6Address, to: IPv6Address, low: int, width: int) -> None:
        request = SpiRequest(source, to, Protocol.ESP, Mode.TRANSPORT, low, low + width)
        choice = spi_choice(database, request)
        assert isinstance(choice, SpiChoice)
        spi = choice.smallest()
        drawn[spi is None] += 1
        assert choice.exhausted == (spi is None)
        allocated = allocate_spi(database, request, spi)
        assert allocated.errno is (Errno.ENOENT if spi is None else Errno.OK)
        rivals = [
            entry
            for entry in allocated.database
            if entry.association.protocol is Protocol.ESP and entry.association.spi == spi
            if everywhere or (entry.association.destination == to and entry.association.mark == Mark())
        ]
        assert len(rivals) == (0 if spi is None else 1)
        assert spi is None or 0 < spi <= low + width

    law()
    assert set(drawn) == {False, True}
