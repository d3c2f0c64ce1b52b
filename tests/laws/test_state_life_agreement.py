"""Lifetimes of states: reference and model, written without sight of each other, give the same answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import HOSTS, Choices, choices

from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet, fire_state_timer
from xfrmspec.xfrm.state_operations import update
from xfrmspec_model import evaluate_lives
from xfrmspec_model.evaluate_lives import Life
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.policy import Limits, Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import InstalledState, StateEvent, StateEventKind, StateRequest

_ESP = SecurityAssociation(HOSTS[0], HOSTS[2], Protocol.ESP, Mode.TRANSPORT, 1)
_LIFECYCLES = (Lifecycle.VALID, Lifecycle.ACQ, Lifecycle.ERROR, Lifecycle.EXPIRED)
_LIMITS = (None, None, 1, 2, 40, 80)
_SECONDS = (0, 0, 1, 3, 8)


def _living(take: Choices) -> InstalledState:
    """Return an ESP state somewhere in its life."""
    soft_add, hard_add = take.among(_SECONDS), take.among(_SECONDS)
    dying = take.among((False, False, True))
    soft_use, hard_use = take.among(_SECONDS), take.among(_SECONDS)
    counted = (take.among(_LIMITS), take.among(_LIMITS), take.among(_LIMITS), take.among(_LIMITS))
    limits = Limits(*counted, soft_add, hard_add, soft_use, hard_use)
    state = replace(_ESP, dying=dying, limits=limits, lifecycle=take.among(_LIFECYCLES))
    used = take.among((None, 2))
    octets, packets = (take.among((0, 1, 40)), take.among((0, 1, 2))) if used else (0, 0)
    return InstalledState(
        replace(state, added=1),
        1,
        1,
        used=used,
        octets=octets,
        packets=packets,
        soft_wait=take.among((None, None, 1, 2, 7)) if soft_add and not dying else None,
    )


def _told(
    database: StateDatabase, events: Sequence[StateEvent], old: InstalledState, *, passed: bool = False
) -> Life:
    entry = database.entry(old.age)
    kinds = [event.kind for event in events]
    lifecycle = Lifecycle.DEAD if entry is None else entry.association.lifecycle
    there = entry or old
    return Life(
        lifecycle,
        there.association.dying,
        there.association.added,
        there.used,
        there.octets,
        there.packets,
        passed,
        StateEventKind.EXPIRE_SOFT in kinds,
        StateEventKind.EXPIRE_HARD in kinds,
    )


def _one(entry: InstalledState) -> StateDatabase:
    return StateDatabase(entries=(entry,), next_age=2)


@pytest.mark.clause("XFRM-LIFE-002", "XFRM-LIFE-004", "XFRM-LIFE-005")
def test_packets_that_meet_a_state_agree() -> None:
    seen: Counter[tuple[bool, bool]] = Counter()

    @given(choices, st.sampled_from((1, 40)), st.integers(2, 12))
    @settings(max_examples=400, deadline=None)
    def law(take: Choices, octets: int, now: int) -> None:
        entry = _living(take)
        valid = replace(entry, association=replace(entry.association, lifecycle=Lifecycle.VALID))
        use = ask_to_use(_one(valid), valid, now)
        passed = use.refusal is None
        database = count_packet(use.database, valid, octets) if passed else use.database
        told = _told(database, use.events, valid, passed=passed)
        seen[passed, told.soft] += 1
        assert evaluate_lives.after_packet(valid, octets, now) == told

    law()
    assert set(seen) == {(True, True), (True, False), (False, False)}


@pytest.mark.clause("XFRM-LIFE-002", "XFRM-LIFE-003", "XFRM-LIFE-004", "XFRM-LIFE-006", "XFRM-LIFE-007")
def test_timers_of_states_agree() -> None:
    seen: Counter[str] = Counter()

    @given(choices, st.integers(2, 12))
    @settings(max_examples=400, deadline=None)
    def law(take: Choices, now: int) -> None:
        entry = _living(take)
        result = fire_state_timer(_one(entry), entry, now)
        told = _told(result.database, result.events, entry)
        model = evaluate_lives.after_timer(entry, now)
        seen["hard"] += told.hard
        seen["soft"] += told.soft
        assert model == told

    law()
    assert min(seen["hard"], seen["soft"]) > 20


@pytest.mark.clause("XFRM-SAD-007", "XFRM-LIFE-004")
def test_updates_of_lifetimes_agree() -> None:
    seen: Counter[str] = Counter()

    @given(choices, choices)
    @settings(max_examples=300, deadline=None)
    def law(take: Choices, other: Choices) -> None:
        entry, limits = _living(take), _living(other).association.limits
        valid = replace(entry, association=replace(entry.association, lifecycle=Lifecycle.VALID))
        result = update(_one(valid), StateRequest(replace(valid.association, limits=limits)), now=5)
        told = _told(result.database, result.events, valid)
        seen["soft"] += told.soft
        seen["expired"] += told.lifecycle is Lifecycle.EXPIRED
        assert evaluate_lives.after_update(valid, limits) == told

    law()
    assert min(seen["soft"], seen["expired"]) > 5


@pytest.mark.clause("XFRM-LIFE-006")
def test_what_the_timer_makes_of_an_update_agrees() -> None:
    seen: Counter[str] = Counter()

    @given(choices, choices, st.integers(6, 12))
    @settings(max_examples=300, deadline=None)
    def law(take: Choices, other: Choices, now: int) -> None:
        entry, limits = _living(take), _living(other).association.limits
        valid = replace(entry, association=replace(entry.association, lifecycle=Lifecycle.VALID))
        request = StateRequest(replace(valid.association, limits=limits))
        ends = []
        for profile in (CLEAN, LINUX_6_1):
            result = update(replace(_one(valid), profile=profile), request, now=5)
            fired = fire_state_timer(result.database, valid, now)
            ends.append(fired.database.entry(valid.age) is None)
            assert evaluate_lives.ends_after_update(valid, limits, now, profile) == ends[-1]
        seen["differ"] += ends[0] != ends[1]

    law()
    assert seen["differ"] > 5
