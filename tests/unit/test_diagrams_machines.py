"""The machine tables: their clauses exist, no state is lost, and every question has different answers."""

from __future__ import annotations

from collections import Counter

import pytest

from xfrmspec_diagrams.from_machine import Endings, graph_of, label_text
from xfrmspec_diagrams.ir import Tone, labels_of
from xfrmspec_diagrams.machine_pictures import deviations
from xfrmspec_diagrams.pictures import picture, picture_names
from xfrmspec_diagrams.template_order import template_classes, template_order
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.machine import Machine, Transition
from xfrmspec_terms.machines import INBOUND_CHECK, MACHINES, OUTPUT_DECISION, POLICY_LIFECYCLE
from xfrmspec_terms.machines_caches import BUNDLE_CACHE
from xfrmspec_terms.machines_correspondent import (
    CORRESPONDENT_BINDING,
    CORRESPONDENT_MESSAGE,
    CORRESPONDENT_UPDATE,
)
from xfrmspec_terms.machines_home_agent import AGENT_REGISTRATION, HOME_AGENT_UPDATE
from xfrmspec_terms.machines_loops import INBOUND_PROCESSING, OUTBOUND_PROCESSING
from xfrmspec_terms.machines_mobile_node import (
    CORRESPONDENT_ROUTE,
    HOME_REGISTRATION,
    MOVEMENT_DETECTION,
)
from xfrmspec_terms.machines_states import STATE_LIFECYCLE
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, USAGI_2004

EVERY_MACHINE = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)

SHOWN = {
    POLICY_LIFECYCLE.name: {"DB-007", "DB-008", "DB-010", "TIMER-001", "TIMER-002", "LOOKUP-009"},
    OUTPUT_DECISION.name: {f"OUT-00{n}" for n in range(1, 9)}
    | {"PAIR-001", "DEFAULT-001", "DEFAULT-002", "SOCK-001"},
    STATE_LIFECYCLE.name: {"SAD-005", "SAD-006", "SAD-007", "SAD-009", "SAD-010", "SAD-012", "ACQ-001"}
    | {"ACQ-003", "SPI-001", "MIGR-006", "LIFE-002", "LIFE-004", "LIFE-005", "LIFE-006"},
    BUNDLE_CACHE.name: {"BUNDLE-001", "DB-008", "DEFAULT-001"}
    | {f"CACHE-{n:03}" for n in (1, 2, 3, 6, 7, 8)},
    HOME_REGISTRATION.name: {"MN-006", *(f"MN-{n:03}" for n in (10, *range(12, 23)))},
    CORRESPONDENT_ROUTE.name: {f"MN-{n:03}" for n in (6, 13, *range(26, 31), *range(32, 47))},
    MOVEMENT_DETECTION.name: {f"MN-{n:03}" for n in range(53, 58)},
    INBOUND_CHECK.name: {f"CHECK-{n:03}" for n in range(1, 14)},
    OUTBOUND_PROCESSING.name: {"BUNDLE-001", "CACHE-001", "EMIT-001", "EMIT-003", "EMIT-005", "EMIT-006"},
    INBOUND_PROCESSING.name: {f"RECV-{n:03}" for n in (1, 2, 3, 4, 5, 7, 8)} | {"REPLAY-007"},
    CORRESPONDENT_MESSAGE.name: {f"CN-{n:03}" for n in (2, 4, 5, 6, 7, 10, 12, 32, 33, 34, 35)},
    CORRESPONDENT_UPDATE.name: {f"CN-{n:03}" for n in (13, 14, 15, 16, 17, 18, 19, 20, 21, 22)},
    CORRESPONDENT_BINDING.name: {f"CN-{n:03}" for n in (23, 24, 25, 26, 27, 30, 31)},
    HOME_AGENT_UPDATE.name: {f"HA-{n:03}" for n in (*range(1, 12), 30)},
    AGENT_REGISTRATION.name: {f"HA-{n:03}" for n in (13, 15, 16, 17, 20, 21, 23, 28, 29)},
}

DOOR = Machine(
    "Door",
    ("open", "shut?", "end: gone"),
    "open",
    (
        Transition("open", "push", "shut?", "XFRM-OUT-001", "gently", "no noise"),
        Transition("open", "slam", "shut?", "XFRM-OUT-002"),
        Transition("open", "remove", "end: gone", "XFRM-OUT-003"),
        Transition("shut?", "remove", "end: gone", "XFRM-OUT-004"),
    ),
)


@EVERY_MACHINE
def test_every_transition_rests_on_a_clause_that_exists(machine: Machine) -> None:
    assert {transition.clause for transition in machine.transitions} <= set(all_clauses())


@EVERY_MACHINE
def test_every_clause_of_the_subject_has_a_transition(machine: Machine) -> None:
    used = {transition.clause.removeprefix("XFRM-") for transition in machine.transitions}
    assert used >= SHOWN[machine.name]


@EVERY_MACHINE
def test_every_state_can_be_reached(machine: Machine) -> None:
    reached, waiting = {machine.initial}, [machine.initial]
    while waiting:
        state = waiting.pop()
        following = {t.target for t in machine.transitions if t.source == state} - reached
        reached |= following
        waiting += sorted(following)
    assert reached == set(machine.states)


@EVERY_MACHINE
def test_no_two_transitions_answer_the_same(machine: Machine) -> None:
    answers = Counter((t.source, t.event, t.guard) for t in machine.transitions)
    assert {answer for answer, count in answers.items() if count > 1} == set()


DECISIONS = (
    OUTPUT_DECISION,
    INBOUND_CHECK,
    OUTBOUND_PROCESSING,
    INBOUND_PROCESSING,
    CORRESPONDENT_MESSAGE,
    CORRESPONDENT_UPDATE,
    HOME_AGENT_UPDATE,
)


@pytest.mark.parametrize("machine", DECISIONS, ids=lambda machine: machine.name)
def test_decisions_ask_until_they_end(machine: Machine) -> None:
    leaving = Counter(transition.source for transition in machine.transitions)
    questions = {state for state in machine.states if state.endswith("?")}
    assert {state for state in machine.states if state not in leaving}.isdisjoint(questions)
    assert all(
        len({t.event + t.guard for t in machine.transitions if t.source == q}) > 1 or "as second" in q
        for q in questions
    )


@pytest.mark.parametrize("name", picture_names())
def test_every_clause_in_a_picture_exists(name: str) -> None:
    assert {label.clause for label in labels_of(picture(name))} - {""} <= set(all_clauses())


def test_a_label_says_event_guard_and_effect() -> None:
    assert label_text(DOOR.transitions[0]) == "push [gently] / no noise"
    assert label_text(DOOR.transitions[1]) == "slam"


def test_parallel_transitions_share_an_edge() -> None:
    graph = graph_of(DOOR)
    edge = next(edge for edge in graph.edges if edge.target == "shut?")
    assert [label.clause for label in edge.labels] == ["XFRM-OUT-001", "XFRM-OUT-002"]
    assert [node.tone for node in graph.nodes] == [Tone.START, Tone.QUESTION, Tone.STATE]
    assert graph.nodes[2].lines == ("end", "gone")


def test_repeated_endings_have_one_arrow_each() -> None:
    graph = graph_of(DOOR, endings=Endings.REPEATED)
    endings = [node.key for node in graph.nodes if node.lines == ("end", "gone")]
    assert len(endings) == 2
    assert all(sum(edge.target == key for edge in graph.edges) == 1 for key in endings)


def test_profiles_that_deviate_alike_share_a_sentence() -> None:
    (sentence,) = deviations(INBOUND_CHECK)
    assert sentence.startswith("XFRM-CHECK-002 on linux-6.1 and linux-6.18: ")


@pytest.mark.clause("XFRM-SORT-005", "XFRM-SORT-001")
def test_the_clean_order_arrives_as_expected_and_the_linux_order_does_not() -> None:
    assert template_order(CLEAN).nodes[-1].lines[0] == "accepted"
    last = template_order(LINUX_6_1).nodes[-1]
    assert last.lines == ("AH transport expected", "dropped: XfrmInTmplMismatch")


@pytest.mark.clause("XFRM-TMPL-009")
def test_one_database_applies_the_stored_order() -> None:
    heads = [node.lines[0] for node in template_order(USAGI_2004).nodes[1:6]]
    assert heads == ["HAO ro", "RT2 ro", "AH transport", "ESP transport", "ESP tunnel"]


@pytest.mark.clause("XFRM-SORT-002", "XFRM-SORT-003", "XFRM-SORT-005")
def test_the_table_of_classes_sets_ah_apart() -> None:
    table = template_classes()
    assert table.columns[2:] == ("Output", "Input on clean", "Input on linux-6.1, linux-6.18")
    assert ("transport", "AH", "3", "2", "1") in table.rows
    assert ("transport", "ESP (HAO) IPComp (RT2)", "1", "1", "1") in table.rows
