"""From the table of a machine to a graph, each transition with its event, guard, effect and clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec_diagrams.ir import Cluster, Edge, Graph, Heading, Label, Node, Tone
from xfrmspec_terms.machine import Machine, Transition

EACH = "each of these"
"""Heading of the node that stands for every state of its frame."""


class Endings(Enum):
    """Whether a final state is drawn once, or once beside each state that leads to it."""

    SHARED = "shared"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Together:
    """States of a machine in one frame with a title; what all of them answer alike is drawn once."""

    title: str
    states: tuple[str, ...]


def graph_of(
    machine: Machine,
    tones: Mapping[str, Tone] | None = None,
    *,
    endings: Endings = Endings.SHARED,
    heading: Heading = Heading.DOWN,
    notes: tuple[str, ...] = (),
    together: Sequence[Together] = (),
) -> Graph:
    """Draw a machine; transitions between the same two states share one edge, one label each.

    What stands before a colon in the name of a state is the heading of its node. A state without an own
    tone in `tones` is a start if it is the initial one, a question if its name ends in a question mark,
    and otherwise a plain state. `Endings.REPEATED` keeps decision trees free of long edges, `together`
    does the same for states that answer alike. Source: xfrmspec_terms.machine.
    """
    own = tones or {}
    grouped: dict[tuple[str, str], list[Transition]] = {}
    for transition in _gathered(machine, together):
        grouped.setdefault((transition.source, transition.target), []).append(transition)
    final = _final_states(machine) if endings is Endings.REPEATED else frozenset[str]()
    ends = frozenset(end for pair in grouped for end in pair)
    frames = tuple(frame for group in together if (frame := _frame(group, ends)))
    shown = ends.union(*(frame.nodes for frame in frames)) - final
    nodes = []
    for state in machine.states:
        nodes += [_group_node(group, frames) for group in together if group.states[0] == state]
        if state in shown:
            nodes.append(_node(machine, state, state, own))
    edges = []
    for (source, target), transitions in grouped.items():
        key = target
        if target in final:
            key = f"{source} -> {target}"
            nodes.append(_node(machine, target, key, own))
        edges.append(Edge(source, key, tuple(Label(label_text(t), t.clause) for t in transitions)))
    return Graph(machine.name, tuple(nodes), tuple(edges), frames, notes, heading)


def excerpt(machine: Machine, title: str, belongs: Callable[[Transition], bool]) -> Machine:
    """Return the part of a machine that consists of some transitions, and of the states that they touch."""
    kept = tuple(transition for transition in machine.transitions if belongs(transition))
    touched = {state for transition in kept for state in (transition.source, transition.target)}
    states = tuple(state for state in machine.states if state in touched)
    initial = machine.initial if machine.initial in touched else states[0]
    return Machine(f"{machine.name}: {title}", states, initial, kept)


def label_text(transition: Transition) -> str:
    """Write a transition as `event [guard] / effect`, leaving out what it does not have."""
    guard = f" [{transition.guard}]" if transition.guard else ""
    effect = f" / {transition.effect}" if transition.effect else ""
    return f"{transition.event}{guard}{effect}"


def _final_states(machine: Machine) -> frozenset[str]:
    leaving = {transition.source for transition in machine.transitions}
    return frozenset(machine.states) - leaving


def _each(group: Together) -> str:
    return f"{group.title}: {EACH}"


def _frame(group: Together, ends: frozenset[str]) -> Cluster | None:
    """Frame a group with the node for each of its states; a group without own arrows is one node only."""
    return Cluster(group.title, (_each(group), *group.states)) if ends.intersection(group.states) else None


def _group_node(group: Together, frames: Sequence[Cluster]) -> Node:
    framed = any(frame.title == group.title for frame in frames)
    return Node(_each(group), (EACH,) if framed else (EACH, *group.states), Tone.SUB)


def _gathered(machine: Machine, together: Sequence[Together]) -> tuple[Transition, ...]:
    """Let one transition from the node of a frame stand for those that all its states have alike."""
    transitions = machine.transitions
    for group in together:
        transitions = _gathered_in(group, transitions)
    return transitions


def _gathered_in(group: Together, transitions: tuple[Transition, ...]) -> tuple[Transition, ...]:
    each = _each(group)
    told: dict[Transition, set[str]] = {}
    for one in transitions:
        told.setdefault(replace(one, source=each), set()).add(one.source)
        if one.source == one.target:
            told.setdefault(replace(one, source=each, target=each), set()).add(one.source)
    alike = {one for one, sources in told.items() if sources >= set(group.states)}
    shown: dict[Transition, None] = {}
    for one in transitions:
        fixed, loop = replace(one, source=each), replace(one, source=each, target=each)
        if one.source not in group.states:
            shown[one] = None
        elif fixed in alike:
            shown[fixed] = None
        elif one.source == one.target and loop in alike:
            shown[loop] = None
        else:
            shown[one] = None
    return tuple(shown)


def _node(machine: Machine, state: str, key: str, tones: Mapping[str, Tone]) -> Node:
    return Node(key, tuple(state.split(": ")), tones.get(state) or _usual_tone(machine, state))


def _usual_tone(machine: Machine, state: str) -> Tone:
    if state == machine.initial:
        return Tone.START
    return Tone.QUESTION if state.endswith("?") else Tone.STATE
