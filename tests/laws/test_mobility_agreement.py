"""Correspondent node and home agent of the reference and of the model, written apart, agree step by step."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.mipv6.binding_cache import Remembered, entry_of
from xfrmspec.mipv6.home_agent_settings import Waiting
from xfrmspec_model.mobility_agent import (
    AgentEventTerm,
    AgentHappening,
    AgentTerm,
    agent_after,
)
from xfrmspec_model.mobility_correspondent import (
    CorrespondentTerm,
    EventTerm,
    Happening,
    Onlookers,
    after_event,
    entry_at,
)
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO, UNIT
from xfrmspec_model.mobility_verdicts import DROPPED
from xfrmspec_proofs.agents import OTHER, AgentHappened, AgentRun
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, HOME, OWNED, VICTIM
from xfrmspec_proofs.mobility_replay import CorrespondentRun, Happened, address_of
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence

SEEN = frozenset({ATTACKER, VICTIM})
NUMBERS = st.one_of(st.integers(0, 3), st.integers(32766, 32769), st.integers(65533, 65535))
LIFETIMES = st.sampled_from((0, 1, 2, 60, 105, 106, 200, 65535)).map(lambda units: units * UNIT)
WAITS = st.one_of(st.integers(0, 3), st.sampled_from((4000, 29_999, 30_000, 209_999, 240_000, 420_000)))
DEFENCES = (
    EVERY_DEFENCE,
    *(EVERY_DEFENCE - {defence} for defence in (Defence.LIFETIMES, Defence.SEQUENCE, Defence.REFRESH)),
)
KINDS = st.sampled_from(
    (Happening.HOME_TEST, Happening.CARE_OF_TEST, Happening.UPDATE, Happening.UPDATE, Happening.NOTHING)
)
TESTED = (
    (Happening.HOME_TEST, 0, HOME, 0, 0, (0, 0), False),
    (Happening.CARE_OF_TEST, 0, CARE_OF, 0, 0, (0, 0), False),
)
"""What makes the owner able to sign at once."""

likely = st.tuples(
    st.just(Happening.UPDATE), WAITS, st.just(CARE_OF), NUMBERS, LIFETIMES, st.just((0, 0)), st.just(False)
)
unlikely = st.tuples(
    KINDS,
    WAITS,
    st.sampled_from((HOME, ATTACKER, CARE_OF, CARE_OF, VICTIM)),
    NUMBERS,
    LIFETIMES,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.booleans(),
)
happenings = st.one_of(
    st.lists(unlikely, min_size=1, max_size=14),
    st.lists(st.one_of(likely, unlikely), min_size=2, max_size=10).map(lambda events: [*TESTED, *events]),
)


def _names(defences: frozenset[Defence]) -> str:
    return "without " + ", ".join(defence.name for defence in EVERY_DEFENCE - defences)


@pytest.mark.clause(
    "XFRM-CN-002",
    "XFRM-CN-003",
    "XFRM-CN-013",
    "XFRM-CN-016",
    "XFRM-CN-017",
    "XFRM-CN-018",
    "XFRM-CN-022",
    "XFRM-CN-023",
    "XFRM-CN-025",
    "XFRM-CN-026",
    "XFRM-CN-030",
)
@pytest.mark.parametrize("defences", DEFENCES, ids=_names)
def test_correspondent_nodes_agree_event_by_event(defences: frozenset[Defence]) -> None:
    statuses: Counter[int] = Counter()
    rules = MobilityRules(defences)
    onlookers = Onlookers(
        attacker=lambda kind, place, at: place in SEEN, owner=lambda kind, place, at: place in OWNED
    )

    @given(happenings)
    @settings(max_examples=150, deadline=None)
    def law(events: list[tuple[Happening, int, int, int, int, tuple[int, int], bool]]) -> None:
        run = CorrespondentRun(HOME, lambda place, at: place in SEEN, OWNED, defences)
        node, now = CorrespondentTerm(HOME), 0
        for kind, wait, address, number, lifetime, back, attacker in events:
            now += wait
            drawn = sorted({name[2] for name in run.tokens}, reverse=True) or [LONG_AGO]
            nonces = [drawn[min(place, len(drawn) - 1)] for place in back]
            told_of = Happened(int(kind), now, address, number, lifetime, nonces[0], nonces[1], attacker)
            run.run([told_of])
            node = after_event(node, EventTerm(**asdict(told_of)), onlookers, rules)
            if kind is Happening.UPDATE:
                told = run.statuses[-1]
                statuses[DROPPED if told is None else told] += 1
                assert node.verdict == (DROPPED if told is None else told)
            assert _entry_of(node, now, rules) == _entry_of_run(run)

    law()
    assert {0, 135, DROPPED} <= set(statuses) | ({135} if Defence.SEQUENCE not in defences else set())
    assert Defence.LIFETIMES not in defences or {136, 137, 138} & set(statuses)


def _entry_of(node: CorrespondentTerm, now: int, rules: MobilityRules) -> tuple[object, ...]:
    entry = entry_at(node.entry, now, rules)
    if entry.bound:
        return entry.number, entry.accepted, address_of(int(entry.care_of)), entry.granted
    return (entry.number, entry.accepted) if entry.remembered else ()


def _entry_of_run(run: CorrespondentRun) -> tuple[object, ...]:
    entry, binding = run.entry, run.binding
    if binding is not None:
        return binding.sequence, binding.accepted_at, binding.care_of, binding.granted
    return (entry.sequence, entry.accepted_at) if isinstance(entry, Remembered) else ()


agent_happenings = st.lists(
    st.tuples(
        st.sampled_from((AgentHappening.UPDATE, AgentHappening.UPDATE, *AgentHappening)),
        WAITS,
        st.sampled_from((HOME, ATTACKER, CARE_OF, CARE_OF)),
        NUMBERS,
        LIFETIMES,
        st.sampled_from((HOME, HOME, HOME, 0, OTHER)),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.clause(
    "XFRM-HA-003",
    "XFRM-HA-004",
    "XFRM-HA-006",
    "XFRM-HA-007",
    "XFRM-HA-008",
    "XFRM-HA-012",
    "XFRM-HA-013",
    "XFRM-HA-015",
    "XFRM-HA-016",
    "XFRM-HA-017",
    "XFRM-HA-018",
    "XFRM-HA-020",
    "XFRM-HA-021",
    "XFRM-HA-022",
    "XFRM-HA-028",
)
@pytest.mark.parametrize("defences", (*DEFENCES, EVERY_DEFENCE - {Defence.ASSOCIATION}), ids=_names)
def test_home_agents_agree_event_by_event(defences: frozenset[Defence]) -> None:
    statuses: Counter[int] = Counter()
    rules = MobilityRules(defences)

    @given(agent_happenings, st.sampled_from((8000, 1_000_000)), st.sampled_from((40_003, 900_000)))
    @settings(max_examples=150, deadline=None)
    def law(
        events: list[tuple[AgentHappening, int, int, int, int, int, bool]], limit: int, ends: int
    ) -> None:
        run = AgentRun(limit, ends, defences)
        agent, now = AgentTerm(HOME, limit, ends), 0
        for kind, wait, care_of, number, lifetime, association, option in events:
            now += wait
            parts = (int(kind), now, care_of, number, lifetime, association, option and care_of != HOME)
            run.run([AgentHappened(*parts)])
            agent = agent_after(agent, AgentEventTerm(*parts), rules)
            if kind is AgentHappening.UPDATE:
                told = run.statuses[-1]
                statuses[DROPPED if told is None else told] += 1
            assert _registration_of(agent) == _registration_of_run(run)
            assert run.stands_in() is (agent.tunnel == agent.entry.registered)

    law()
    assert {132, 133, DROPPED} <= set(statuses)


def _registration_of(agent: AgentTerm) -> tuple[object, ...]:
    entry = agent.entry
    if entry.registered:
        return "registered", entry.number, address_of(int(entry.care_of)), entry.granted
    if entry.probed:
        return "probed", entry.number, address_of(int(entry.care_of)), entry.asked
    return ("remembered", entry.number) if entry.remembered else ()


def _registration_of_run(run: AgentRun) -> tuple[object, ...]:
    entry = entry_of(run.node.entries, address_of(HOME))
    binding = run.registration
    if binding is not None:
        return "registered", binding.sequence, binding.care_of, binding.granted
    if isinstance(entry, Waiting):
        return "probed", entry.sequence, entry.request.care_of, entry.request.asked
    return ("remembered", entry.sequence) if entry is not None else ()
