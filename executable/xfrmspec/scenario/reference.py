"""The reference as a subject: scenarios run on the executable rules under one profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xfrmspec.scenario.observation import Failure, Observation, Outcome, StepResult
from xfrmspec.scenario.octets import run_octets
from xfrmspec.scenario.stateful import run_stateful
from xfrmspec.scenario.steps import begin, perform, stored_entry
from xfrmspec.scenario.terms import Scenario, is_special
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class ReferenceSubject:
    """The executable rules under a profile; every scenario starts from empty tables."""

    profile: Profile

    @property
    def name(self) -> str:
        """The profile's name behind the word reference."""
        return f"reference ({self.profile.name})"

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario; Failure for steps that do not go with octets."""
        if scenario.octets:
            return _with_octets(scenario, self.profile)
        if is_special(scenario):
            return run_stateful(self.profile, scenario)
        run = begin(self.profile, scenario.node, listeners=scenario.listeners)
        results: list[StepResult] = []
        for step in scenario.steps:
            run, result = perform(step, run)
            results.append(result)
        newest_first = reversed(tuple(run.tables.policies))
        entries = tuple(stored_entry(entry.policy) for entry in newest_first)
        return Observation(tuple(results), entries)

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
        """Run scenarios one after the other."""
        return map(self.run, scenarios)


def _with_octets(scenario: Scenario, profile: Profile) -> Outcome:
    try:
        return run_octets(scenario, profile)
    except ValueError as error:
        return Failure(str(error))
