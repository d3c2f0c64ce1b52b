"""From the table of a machine to a graph, each transition with its event, guard, effect and clause."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from xfrmspec_diagrams.ir import Edge, Graph, Heading, Label, Node, Tone
from xfrmspec_terms.machine import Machine, Transition


class Endings(Enum):
    """Whether a final state is drawn once, or once beside each state that leads to it."""

    SHARED = "shared"
    REPEATED = "repeated"


def graph_of(
    machine: Machine,
    tones: Mapping[str, Tone] | None = None,
    *,
    endings: Endings = Endings.SHARED,
    heading: Heading = Heading.DOWN,
    notes: tuple[str, ...] = (),
) -> Graph:
    """Draw a machine; transitions between the same two states share one edge, one label each.

    What stands before a colon in the name of a state is the heading of its node. A state without an own
    tone in `tones` is a start if it is the initial one, a question if its name ends in a question mark,
    and otherwise a plain state. `Endings.REPEATED` keeps decision trees free of long edges.
    Source: xfrmspec_terms.machine.
    """
    own = tones or {}
    grouped: dict[tuple[str, str], list[Transition]] = {}
    for transition in machine.transitions:
        grouped.setdefault((transition.source, transition.target), []).append(transition)
    final = _final_states(machine) if endings is Endings.REPEATED else frozenset[str]()
    nodes = [_node(machine, state, state, own) for state in machine.states if state not in final]
    edges = []
    for (source, target), transitions in grouped.items():
        key = target
        if target in final:
            key = f"{source} -> {target}"
            nodes.append(_node(machine, target, key, own))
        edges.append(Edge(source, key, tuple(Label(label_text(t), t.clause) for t in transitions)))
    return Graph(machine.name, tuple(nodes), tuple(edges), (), notes, heading)


def label_text(transition: Transition) -> str:
    """Write a transition as `event [guard] / effect`, leaving out what it does not have."""
    guard = f" [{transition.guard}]" if transition.guard else ""
    effect = f" / {transition.effect}" if transition.effect else ""
    return f"{transition.event}{guard}{effect}"


def _final_states(machine: Machine) -> frozenset[str]:
    leaving = {transition.source for transition in machine.transitions}
    return frozenset(machine.states) - leaving


def _node(machine: Machine, state: str, key: str, tones: Mapping[str, Tone]) -> Node:
    return Node(key, tuple(state.split(": ")), tones.get(state) or _usual_tone(machine, state))


def _usual_tone(machine: Machine, state: str) -> Tone:
    if state == machine.initial:
        return Tone.START
    return Tone.QUESTION if state.endswith("?") else Tone.STATE
