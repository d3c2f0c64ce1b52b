"""Machines as tables: states, events and transitions, each transition with its clause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Transition:
    """From one state to another on an event, when the guard holds; `clause` names the rule."""

    source: str
    event: str
    target: str
    clause: str
    guard: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A named state machine: its states in display order, where it starts, and its transitions."""

    name: str
    states: tuple[str, ...]
    initial: str
    transitions: tuple[Transition, ...]

    def __post_init__(self) -> None:
        known = set(self.states)
        for transition in self.transitions:
            if {transition.source, transition.target} - known:
                raise ValueError(f"{self.name}: {transition} names a state that the machine does not have")
        if self.initial not in known:
            raise ValueError(f"{self.name}: initial state {self.initial!r} is unknown")

    def successors(self, state: str, event: str) -> tuple[Transition, ...]:
        """Return the transitions that leave a state on an event, in table order."""
        return tuple(t for t in self.transitions if t.source == state and t.event == event)


Answer = tuple[str, str, str, str, str]
"""Event, guard, effect, target and the clause without its `XFRM-` prefix."""


def transitions_from(source: str, *answers: Answer) -> tuple[Transition, ...]:
    """Return the transitions that leave one state."""
    return tuple(
        Transition(source, event, target, f"XFRM-{clause}", guard, effect)
        for event, guard, effect, target, clause in answers
    )
