"""How a machine takes a transition: the table says which, the code says whether a guard holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xfrmspec_terms.daemon import Step
from xfrmspec_terms.machine import Machine, Transition


def chosen(
    machine: Machine,
    state: str,
    event: str,
    holds: Mapping[str, bool],
    follows: Callable[[str], bool],
) -> Transition | None:
    """Return the first transition of the table whose guard holds and whose clause is followed, or None.

    An empty guard always holds; one that `holds` does not name never does.
    """
    for transition in machine.successors(state, event):
        if (not transition.guard or holds.get(transition.guard, False)) and follows(transition.clause):
            return transition
    return None


def step_of(machine: Machine, transition: Transition, values: str = "") -> Step:
    """Return the provenance of a transition, with the guard and the values behind it."""
    because = "; ".join(part for part in (transition.guard, values) if part)
    return Step(
        machine.name, transition.source, transition.event, transition.target, transition.clause, because
    )


def passed_over(machine: Machine, state: str, event: str, clause: str, because: str = "") -> Step:
    """Return the provenance of an event that changes nothing."""
    return Step(machine.name, state, event, state, clause, because)
