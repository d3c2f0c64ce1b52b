"""The judge: do the rules allow what somebody saw of a scenario, and if not, where and by which clause?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xfrmspec.oracle.freedom import OUTCOME_LIMIT
from xfrmspec.oracle.observed import SPIS, Json, Observed, entry_object, result_object
from xfrmspec.oracle.oracle import Oracle
from xfrmspec.oracle.verdicts import Overflow, Verdict
from xfrmspec.scenario.document import step_name
from xfrmspec.scenario.terms import Operation, Scenario
from xfrmspec_terms.profile import LINUX_6_1, Profile

FINAL_DUMP = "dump"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was seen and is not allowed.

    `step` is None for the final dump, `do` the kind of the step, `member` what of its result differs.
    `expected` is the one allowed value, or for the member `spis` the list of the allowed ones. `fired` are
    the clauses that the rules used at that step, `nearest` the last that decided. `overflow` says that the
    rules leave too many outcomes open to tell; `expected` is then None.
    """

    step: int | None
    do: str
    member: str
    expected: Json
    observed: Json
    fired: tuple[str, ...]
    nearest: str | None
    overflow: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything that is not allowed, in step order; `compared` counts the members that were looked at."""

    refusals: tuple[Refusal, ...]
    compared: int

    @property
    def accepted(self) -> bool:
        """Whether the rules allow everything that was seen."""
        return not self.refusals

    @property
    def overflow(self) -> bool:
        """Whether nothing was refused for sure, but something could not be told."""
        return bool(self.refusals) and all(refusal.overflow for refusal in self.refusals)


def judge(
    scenario: Scenario, observed: Observed, profile: Profile = LINUX_6_1, limit: int = OUTCOME_LIMIT
) -> Judgement:
    """Judge what was seen of a scenario by the rules of a profile.

    `observed` has one entry for each step. EventError for a scenario that no node can run.
    """
    oracle = Oracle(profile, node=scenario.node, listeners=scenario.listeners, limit=limit)
    refusals: list[Refusal] = []
    cause = _Cause()
    for number, (step, seen) in enumerate(zip(scenario.steps, observed.steps, strict=True)):
        verdict = oracle.step(step)
        if isinstance(step, Operation):
            cause = cause.then(verdict)
        refusals.extend(_compare(number, step_name(type(step)), verdict, seen))
    compared = sum(len(seen) for seen in observed.steps)
    if observed.policies is None:
        return Judgement(tuple(refusals), compared)
    dump = [entry_object(entry) for entry in oracle.policies]
    if dump != list(observed.policies):
        seen_dump = list(observed.policies)
        refusals.append(Refusal(None, FINAL_DUMP, "policies", dump, seen_dump, cause.fired, cause.nearest))
    return Judgement(tuple(refusals), compared + 1)


@dataclass(frozen=True, slots=True)
class _Cause:
    """The clauses of the operations so far: what a final dump depends on."""

    fired: tuple[str, ...] = ()
    nearest: str | None = None

    def then(self, verdict: Verdict) -> _Cause:
        """Return the clauses with those of one more operation."""
        return _Cause(tuple(dict.fromkeys((*self.fired, *verdict.fired))), verdict.nearest or self.nearest)


def _compare(number: int, do: str, verdict: Verdict, seen: Mapping[str, Json]) -> Iterator[Refusal]:
    """Yield what of one step's result was seen otherwise."""
    expected = result_object(verdict.effects.result)
    for member, value in seen.items():
        if member == SPIS:
            yield from _compare_spis(number, do, verdict, value)
        elif value != expected[member]:
            yield Refusal(number, do, member, expected[member], value, verdict.fired, verdict.nearest)


def _compare_spis(number: int, do: str, verdict: Verdict, value: list[int]) -> Iterator[Refusal]:
    """One packet may have left; what was seen of it must be one of the outcomes that are allowed."""
    if isinstance(verdict, Overflow):
        yield Refusal(number, do, SPIS, None, value, verdict.fired, verdict.nearest, overflow=True)
        return
    allowed = [list(spis) for spis in verdict.effects.spis] or [[]]
    if value not in allowed:
        yield Refusal(number, do, SPIS, allowed, value, verdict.fired, verdict.nearest)
