"""Two subjects, the same scenarios: everything they disagree about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import tee

from xfrmspec.scenario.observation import Difference, Outcome, Subject, differences
from xfrmspec.scenario.terms import Scenario, Step

CHUNK = 100


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One scenario on which two subjects differ, with both outcomes; `number` counts scenarios from 0."""

    number: int
    scenario: Scenario
    first: Outcome
    second: Outcome

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differs."""
        return differences(self.first, self.second)


def run_campaign(
    first: Subject,
    second: Subject,
    scenarios: Iterable[Scenario],
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Disagreement]:
    """Run scenarios on both subjects and yield each disagreement as it is found.

    `progress` hears how many scenarios are done, every hundred.
    """
    told, for_first, for_second = tee(scenarios, 3)
    outcomes = zip(told, first.run_all(for_first), second.run_all(for_second), strict=True)
    for number, (scenario, one, other) in enumerate(outcomes):
        if differences(one, other):
            yield Disagreement(number, scenario, one, other)
        if number % CHUNK == CHUNK - 1:
            progress(number + 1)


def shrink(disagreement: Disagreement, first: Subject, second: Subject) -> Disagreement:
    """Return the disagreement with every step left out that it does not need.

    Steps are dropped one by one, last first, as long as the subjects still differ in some way.
    """
    smallest = disagreement
    shrunk = True
    while shrunk:
        shrunk = False
        for steps in _one_less(smallest.scenario.steps):
            scenario = replace(smallest.scenario, steps=steps)
            outcomes = first.run(scenario), second.run(scenario)
            if differences(*outcomes):
                smallest = Disagreement(disagreement.number, scenario, *outcomes)
                shrunk = True
                break
    return smallest


def _one_less(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    for left_out in range(len(steps) - 1, -1, -1):
        yield tuple(steps[:left_out]) + tuple(steps[left_out + 1 :])
