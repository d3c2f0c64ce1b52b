"""Taking transitions of a machine by name, so that no step is taken that its table does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from xfrmspec_terms.daemon import Step
from xfrmspec_terms.machine import Machine

Case = TypeVar("Case")


class UnknownTransitionError(LookupError):
    """A machine was asked for a transition that its table lacks; the text names both."""


def taken(machine: Machine, source: str, event: str, guard: str = "", because: str = "") -> Step:
    """Return the step along the one transition of source, event and guard.

    `because` holds the values that decided; UnknownTransitionError if the table has no such transition.
    """
    for transition in machine.successors(source, event):
        if transition.guard == guard:
            reason = "; ".join(part for part in (guard, because) if part)
            return Step(machine.name, source, event, transition.target, transition.clause, reason)
    raise UnknownTransitionError(f"{machine.name}: {source!r} has no transition on {event!r} [{guard}]")


Reply = tuple[str, str, str]
"""Event and guard of the transition that a question's answer takes, and the values behind it."""


def decided(
    machine: Machine, questions: Mapping[str, Callable[[Case], Reply]], case: Case
) -> tuple[Step, ...]:
    """Return the steps of a decision, from the initial state to one without a question."""
    state, steps = machine.initial, []
    while state in questions:
        event, guard, because = questions[state](case)
        steps.append(taken(machine, state, event, guard, because))
        state = steps[-1].target
    return tuple(steps)
