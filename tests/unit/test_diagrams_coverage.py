"""Every transition of every machine is an arrow with its clause in some picture, and no arrow says more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from xfrmspec_diagrams.from_machine import EACH, Together, excerpt, graph_of, label_text
from xfrmspec_diagrams.ir import Graph, Node
from xfrmspec_diagrams.pictures import picture, picture_names
from xfrmspec_terms.machine import Machine, Transition
from xfrmspec_terms.machines import MACHINES

Told = tuple[str, str, str, str]
"""Source, target, words and clause of one arrow."""


def pictures_of(machine: Machine) -> list[Graph]:
    """Return the pictures of a machine and of its parts, which begin with its name."""
    drawn = [picture(name) for name in picture_names()]
    return [
        one for one in drawn if isinstance(one, Graph) and f"{one.title}: ".startswith(f"{machine.name}: ")
    ]


def states_at(graph: Graph, node: Node) -> tuple[str, ...]:
    """Return the states that a node stands for: itself, those that it lists, or those of its frame."""
    if node.lines[0] != EACH:
        return (": ".join(node.lines),)
    if len(node.lines) > 1:
        return node.lines[1:]
    nodes = {one.key: one for one in graph.nodes}
    (frame,) = (cluster for cluster in graph.clusters if node.key in cluster.nodes)
    return tuple(": ".join(nodes[key].lines) for key in frame.nodes if key != node.key)


def told_by(graph: Graph) -> Iterator[Told]:
    nodes = {node.key: node for node in graph.nodes}
    for edge in graph.edges:
        sources = states_at(graph, nodes[edge.source])
        targets = states_at(graph, nodes[edge.target])
        pairs = zip(sources, sources if edge.source == edge.target else targets * len(sources), strict=True)
        for source, target in pairs:
            yield from ((source, target, label.text, label.clause) for label in edge.labels)


def told(transition: Transition) -> Told:
    return transition.source, transition.target, label_text(transition), transition.clause


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_transition_is_an_arrow_with_its_clause(machine: Machine) -> None:
    graphs = pictures_of(machine)
    shown = [arrow for graph in graphs for arrow in told_by(graph)]
    assert set(shown) == {told(transition) for transition in machine.transitions}
    assert len(shown) == len(machine.transitions), "an arrow is drawn in two pictures"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_a_node(machine: Machine) -> None:
    graphs = pictures_of(machine)
    shown = {state for graph in graphs for node in graph.nodes for state in states_at(graph, node)}
    assert shown == set(machine.states)


LAMP = Machine(
    "Lamp",
    ("off", "dim", "bright", "broken"),
    "off",
    (
        Transition("off", "press", "dim", "XFRM-OUT-001"),
        Transition("dim", "press", "bright", "XFRM-OUT-001"),
        Transition("bright", "press", "off", "XFRM-OUT-001"),
        Transition("dim", "hit", "broken", "XFRM-OUT-002"),
        Transition("bright", "hit", "broken", "XFRM-OUT-002"),
        Transition("dim", "wait", "dim", "XFRM-OUT-003"),
        Transition("bright", "wait", "bright", "XFRM-OUT-003"),
        Transition("bright", "look", "off", "XFRM-OUT-004"),
        Transition("dim", "look", "dim", "XFRM-OUT-004"),
    ),
)


def test_what_all_states_of_a_frame_answer_alike_is_one_arrow_and_the_rest_stays() -> None:
    graph = graph_of(LAMP, together=(Together("on", ("dim", "bright")),))
    (each,) = (node for node in graph.nodes if node.lines == (EACH,))
    arrows = {(edge.source, edge.target): {label.text for label in edge.labels} for edge in graph.edges}
    assert arrows[each.key, "broken"] == {"hit"}
    assert arrows[each.key, each.key] == {"wait"}
    assert arrows["bright", "off"] == {"press", "look"}
    assert arrows["dim", "dim"] == {"look"}
    assert sorted(told_by(graph)) == sorted(told(transition) for transition in LAMP.transitions)
    assert [cluster.nodes for cluster in graph.clusters] == [(each.key, "dim", "bright")]


def test_a_frame_without_arrows_of_its_own_is_one_node_that_lists_its_states() -> None:
    hits = excerpt(LAMP, "accidents", lambda transition: transition.event == "hit")
    assert hits.states == ("dim", "bright", "broken")
    graph = graph_of(hits, together=(Together("on", ("dim", "bright")),))
    assert graph.title == "Lamp: accidents"
    assert [node.lines for node in graph.nodes] == [(EACH, "dim", "bright"), ("broken",)]
    assert graph.clusters == ()
    assert sorted(told_by(graph)) == sorted(told(t) for t in LAMP.transitions if t.event == "hit")
