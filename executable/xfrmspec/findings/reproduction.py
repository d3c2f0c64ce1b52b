"""Does a subject show a finding? What it saw at the deciding step, next to what the clean rule says."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from xfrmspec.findings.terms import Exhibit, Finding, Needs, ShellExhibit, Sight, sight_of
from xfrmspec.scenario.observation import Failure, Observation, Outcome, Subject
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import SetThresholds
from xfrmspec_terms.profile import CLEAN, Profile

ALL_NEEDS = frozenset(Needs)
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """One exhibit on one subject: what the clean rule says, what was observed, or why nothing was."""

    expected: Sight
    observed: Sight | None
    shown: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A finding on a subject; `parts` has one entry for each exhibit that the subject can run."""

    finding: Finding
    subject: str
    parts: tuple[Shown, ...]

    @property
    def shown(self) -> bool:
        """True when some exhibit showed the deviation."""
        return any(part.shown for part in self.parts)

    @property
    def failed(self) -> bool:
        """True when an exhibit showed neither the deviation nor the clean rule."""
        return any(not part.shown and part.observed != part.expected for part in self.parts)


def reproduce(finding: Finding, subject: Subject, abilities: frozenset[Needs] = ALL_NEEDS) -> Reproduction:
    """Run the exhibits of a finding on a subject, as far as its abilities allow.

    Exhibits written for the shell are left out: `parts` is empty for a finding that has no other.
    """
    runnable = [
        exhibit for exhibit in finding.exhibits if isinstance(exhibit, Exhibit) and exhibit.needs in abilities
    ]
    return Reproduction(finding, subject.name, tuple(_show(exhibit, subject) for exhibit in runnable))


def without_quirk(finding: Finding) -> Profile:
    """Return the clean profile; where the clean rules have the finding by design, with its switch thrown."""
    if CLEAN.name not in finding.profiles:
        return CLEAN
    return replace(CLEAN, name=f"{CLEAN.name} without {finding.name}", **_thrown(finding.switch))


def expected_sights(exhibit: Exhibit, finding: Finding) -> tuple[Sight, ...]:
    """Return what each step shows by the clean rule."""
    outcome = ReferenceSubject(without_quirk(finding)).run(exhibit.scenario)
    if isinstance(outcome, Failure):
        raise ValueError(f"{finding.name}: {outcome.reason}")
    sights = [sight_of(result) for result in outcome.results]
    sights[exhibit.deciding] = exhibit.clean
    return tuple(sights)


def run_settled(exhibit: Exhibit, subject: Subject) -> Outcome:
    """Run an exhibit; one whose thresholds change nothing yet is run again, a few times.

    A kernel rebuilds its tables in the background, and a busy one may be late.
    """
    outcome = subject.run(exhibit.scenario)
    if not any(isinstance(step, SetThresholds) for step in exhibit.scenario.steps):
        return outcome
    for _ in range(_ATTEMPTS - 1):
        if isinstance(outcome, Failure) or deciding_sight(exhibit, outcome) == exhibit.quirky:
            break
        outcome = subject.run(exhibit.scenario)
    return outcome


def deciding_sight(exhibit: Exhibit, outcome: Observation) -> Sight:
    """Return what an outcome shows at the deciding step."""
    return sight_of(outcome.results[exhibit.deciding])


def runs_in_shell(finding: Finding) -> bool:
    """Tell whether every exhibit of a finding is written for the shell."""
    return all(isinstance(exhibit, ShellExhibit) for exhibit in finding.exhibits)


def _thrown(switch: str) -> dict[str, Any]:
    known = {entry.name for entry in fields(Profile)}
    return {switch: not getattr(CLEAN, switch)} if switch in known else {}


def _show(exhibit: Exhibit, subject: Subject) -> Shown:
    outcome = run_settled(exhibit, subject)
    if isinstance(outcome, Failure):
        return Shown(exhibit.clean, None, False, outcome.reason)
    observed = deciding_sight(exhibit, outcome)
    return Shown(exhibit.clean, observed, observed == exhibit.quirky)
