"""Campaigns about states: what their scenarios meet, and what the reference makes of the known ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.conform.state_drawing import HERE, OPEN, THERE
from xfrmspec.conform.wording import words
from xfrmspec.kernel.watched_program import MOST_WAITS, compile_any
from xfrmspec.scenario.allocations import with_smallest_spis
from xfrmspec.scenario.events import Event, EventKind, StateName, StoredState
from xfrmspec.scenario.lengths import received_octets, sent_octets
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    PacketResult,
    differences,
    ended_last,
)
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    AllocateSpi,
    DeleteState,
    ExtendedReplay,
    FlushStates,
    LegacyCounters,
    Migrate,
    Open,
    Receive,
    Scenario,
    Send,
    SendOn,
    Step,
    UpdateState,
    Wait,
)
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Direction, Limits, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol

REFERENCE = ReferenceSubject(LINUX_6_1)
NEW = (
    CampaignName.STATES,
    CampaignName.MIGRATE,
    CampaignName.LIFETIMES,
    CampaignName.REPLAY,
    CampaignName.TIME,
)
OUT = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
IN = Flow(THERE, HERE, Protocol.UDP, 4001, 4002)
POLICY = AddPolicy(Policy(OPEN, Direction.OUT, templates=(Template(Protocol.ESP, Mode.TRANSPORT, reqid=1),)))
STATE = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
INWARD = SecurityAssociation(THERE, HERE, Protocol.ESP, Mode.TRANSPORT, 0x2001, 1)


def steps_of(name: CampaignName, count: int = 300) -> Iterator[Step]:
    for number in range(count):
        yield from scenario_number(CAMPAIGNS[name], 5, number).steps


def observed(*steps: Step, seconds: int = 3600) -> Observation:
    outcome = REFERENCE.run(Scenario(steps, watched=True, acquire_seconds=seconds))
    assert isinstance(outcome, Observation)
    return outcome


def kinds(result: OperationResult | PacketResult) -> list[tuple[EventKind, bool]]:
    return [(event.kind, event.hard) for event in result.events]


def test_states_meets_every_operation_and_both_ways() -> None:
    met = set(map(type, steps_of(CampaignName.STATES)))
    assert met >= {AddState, UpdateState, DeleteState, FlushStates, AllocateSpi, Send, Receive}


def test_migrations_move_states_of_every_mode_that_can_move() -> None:
    entries = [
        e for step in steps_of(CampaignName.MIGRATE) if isinstance(step, Migrate) for e in step.entries
    ]
    assert {entry.mode for entry in entries} == {Mode.TRANSPORT, Mode.TUNNEL, Mode.RO}


def test_replay_meets_every_kind_of_window() -> None:
    added = [step for step in steps_of(CampaignName.REPLAY) if isinstance(step, AddState)]
    assert {type(step.replay) for step in added} == {LegacyCounters, ExtendedReplay, type(None)}
    assert {bool(step.state.flags & StateFlag.ESN) for step in added} == {True, False}


@pytest.mark.parametrize("name", NEW)
def test_no_scenario_waits_more_often_than_a_kernel_can(name: CampaignName) -> None:
    made = [scenario_number(CAMPAIGNS[name], 2, number) for number in range(100)]
    waits = [sum(isinstance(step, Wait) for step in scenario.steps) for scenario in made]
    assert max(waits) <= MOST_WAITS
    assert (max(waits) > 0) == CAMPAIGNS[name].waits
    assert all(compile_any(scenario)["watched"] for scenario in made)


@pytest.mark.parametrize("name", NEW)
def test_the_reference_agrees_with_itself(name: CampaignName) -> None:
    for number in range(30):
        scenario = scenario_number(CAMPAIGNS[name], 9, number)
        assert not differences(REFERENCE.run(scenario), REFERENCE.run(scenario))


@pytest.mark.clause("XFRM-LIFE-005", "XFRM-LIFE-004")
def test_a_hard_limit_of_two_packets_lets_two_pass_and_the_third_end_the_state() -> None:
    limited = replace(STATE, limits=Limits(soft_packets=1, hard_packets=2))
    *_, first, second, third, fourth = observed(POLICY, AddState(limited), *(Send(OUT),) * 4).results
    assert kinds(first) == []
    assert kinds(second) == [(EventKind.EXPIRE, False), (EventKind.COUNTERS, False)]
    assert (third.errno, kinds(third)) == (22, [(EventKind.EXPIRE, True)])
    assert kinds(fourth) == [(EventKind.ACQUIRE, False)]


@pytest.mark.clause("XFRM-REPLAY-006")
def test_a_number_below_an_extended_window_counts_as_one_of_the_next_half() -> None:
    extended = replace(INWARD, flags=StateFlag.ESN)
    added = AddState(extended, ExtendedReplay(64, (0, 0)))
    packets = [Receive(IN, (extended,), (number,)) for number in (1, 70, 5)]
    seen = observed(added, *packets)
    assert [getattr(result, "delivered", None) for result in seen.results] == [None, THERE, THERE, THERE]
    assert (seen.states[0].replay.sequence, seen.states[0].replay.sequence_high) == (5, 1)


@pytest.mark.clause("XFRM-ACQ-003")
def test_a_larval_state_ends_when_nobody_answers() -> None:
    _, asked, waited, again = observed(POLICY, Send(OUT), Wait(2), Send(OUT), seconds=2).results
    assert kinds(asked) == [(EventKind.ACQUIRE, False)]
    assert kinds(waited) == [(EventKind.EXPIRE, True)]
    assert kinds(again) == [(EventKind.ACQUIRE, False)]


def test_connecting_sends_nothing_and_an_unknown_socket_is_not_connected() -> None:
    *_, opened, sent, unknown = observed(POLICY, AddState(STATE), Open(1, OUT), SendOn(1), SendOn(2)).results
    assert isinstance(opened, PacketResult) and isinstance(sent, PacketResult)
    assert (opened.wire, sent.wire, unknown.errno) == ((), (("ESP", "UDP"),), 107)


def test_octets_are_counted_behind_the_new_header_and_of_the_whole_packet_in_tunnels() -> None:
    tunnel = replace(STATE, mode=Mode.TUNNEL)
    assert sent_octets((Header.HOP_BY_HOP, Header.UDP), (STATE, tunnel)) == (320, 40 + 8 + 8 + 324)
    assert received_octets(Receive(IN, (INWARD, INWARD))) == (320 + 12, 320)


def test_an_spi_of_the_range_counts_as_its_smallest_and_any_other_as_itself() -> None:
    step = AllocateSpi(STATE, 0x4000, 0x40FF)
    name = StateName(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x4077)
    seen = Observation((OperationResult(0, 0x4077),), (), (StoredState(name),))
    same = with_smallest_spis(Scenario((step,)), seen)
    assert (same.results[0], same.states[0].name.spi) == (OperationResult(0, 0x4000), 0x4000)
    outside = Observation((OperationResult(0, 0x5000),))
    assert with_smallest_spis(Scenario((step,)), outside) == outside


def test_hard_expiries_of_one_step_come_last_and_the_rest_keeps_its_order() -> None:
    hard = Event(EventKind.EXPIRE, hard=True)
    others = (Event(EventKind.UPDATE_STATE), Event(EventKind.EXPIRE))
    assert ended_last((hard, *others)) == (*others, hard)


def test_events_and_states_are_told_in_few_words() -> None:
    name = StateName(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
    assert words(Event(EventKind.EXPIRE, name, hard=True)).startswith("(expire hard esp transport")
    assert "packets 3" in words(StoredState(name, packets=3))


def test_too_many_waits_are_refused() -> None:
    with pytest.raises(ValueError, match="waits in a scenario"):
        compile_any(Scenario((Wait(1),) * (MOST_WAITS + 1)))
