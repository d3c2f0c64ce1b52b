"""One job of a campaign: scenarios made, run on both subjects at the same time, compared and made small."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from xfrmspec.conform.campaigns import Numbered, scenarios_of
from xfrmspec.conform.coverage import Coverage, Sampler, wanted_of
from xfrmspec.conform.plan import Bench, Plan
from xfrmspec.conform.shrinking import Minimal, minimise
from xfrmspec.conform.wording import difference_line
from xfrmspec.scenario.observation import Outcome, differences
from xfrmspec.scenario.terms import Scenario

CHUNK = 100
_MUCH_GARBAGE = 1_000_000
MOST_MINIMISED = 50
"""How many mismatches a job makes small and hands over; the rest it counts."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A scenario on which the subjects differ: as it came up, and as small as it gets.

    `told` says what differs, one line each, the reference first; `repeated` that it did so again when run
    alone. The outcomes are left behind: those about octets hold keys, which never leave a process.
    """

    came_up: Numbered
    scenario: Scenario
    repeated: bool
    told: tuple[str, ...]

    @classmethod
    def of(cls, came_up: Numbered, minimal: Minimal) -> Mismatch:
        """Return what is told of a scenario that was made small."""
        found = differences(minimal.first, minimal.second)
        return cls(came_up, minimal.scenario, minimal.repeated, tuple(map(difference_line, found)))


@dataclass(slots=True)
class Tally:
    """What a job has done so far; `seconds` counts from its first scenario to its last."""

    release: str = ""
    profile: str = ""
    scenarios: int = 0
    seconds: float = 0.0
    disagreed: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)

    def add(self, other: Tally) -> None:
        """Count another job of the same run as well; jobs run side by side."""
        self.release, self.profile = other.release, other.profile
        self.scenarios += other.scenarios
        self.seconds = max(self.seconds, other.seconds)
        self.disagreed += other.disagreed
        self.mismatches += other.mismatches
        self.coverage.add(other.coverage)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many scenarios a job has done since it last told, and how many of them disagreed."""

    scenarios: int
    disagreed: int


Tell = Callable[[Progress], None]


def run_job(plan: Plan, bench: Bench, job: int, tell: Tell, stopped: Callable[[], bool]) -> Tally:
    """Run every scenario of one job until it is `stopped`; `tell` hears of every hundred.

    The reference works while the kernel does: it runs the scenarios that the kernel has just answered.
    """
    return _Job(plan, bench, tell, stopped).run(
        scenarios_of(plan.campaigns, plan.seed, plan.scenarios, job, plan.jobs)
    )


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Look for unreachable cycles only once there could be a million objects of them.

    Scenarios and outcomes are trees of values, which go with their last reference.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MUCH_GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class _Job:
    def __init__(self, plan: Plan, bench: Bench, tell: Tell, stopped: Callable[[], bool]) -> None:
        self._bench = bench
        self._tell = tell
        self._stopped = stopped
        self._sampler = Sampler(bench.reference, wanted_of(plan.campaigns))
        self._tally = Tally(bench.release, bench.profile)

    def run(self, source: Iterator[Numbered]) -> Tally:
        start = time.monotonic()
        try:
            with _little_garbage():
                while self._stretch(source):
                    pass
        finally:
            self._tally.seconds = time.monotonic() - start
            self._tally.coverage = self._sampler.coverage
        return self._tally

    def _stretch(self, source: Iterator[Numbered]) -> bool:
        """Run until something disagrees, make that small, and tell whether anything was run at all.

        What the kernel was given before the disagreement showed is still compared.
        """
        given: deque[Numbered] = deque()
        troubled: list[_Trouble] = []
        outcomes = self._bench.other.run_all(self._fed(source, given, troubled))
        done = 0
        for done, found in enumerate(outcomes, 1):
            numbered = given.popleft()
            expected = self._sampler.run(numbered.scenario)
            if differences(expected, found):
                troubled.append(_Trouble(numbered, expected, found))
            if not done % CHUNK:
                self._report(CHUNK, 0)
        self._report(done % CHUNK, len(troubled))
        for trouble in troubled:
            self._minimise(trouble)
        return done > 0

    def _fed(
        self, source: Iterator[Numbered], given: deque[Numbered], troubled: Sequence[_Trouble]
    ) -> Iterator[Scenario]:
        """Yield scenarios until there is trouble or an order to stop, and note which ones were given away."""
        while not troubled and not self._stopped():
            chunk = list(islice(source, CHUNK))
            if not chunk:
                return
            given.extend(chunk)
            yield from (numbered.scenario for numbered in chunk)

    def _report(self, scenarios: int, disagreed: int) -> None:
        self._tally.scenarios += scenarios
        self._tally.disagreed += disagreed
        if scenarios or disagreed:
            self._tell(Progress(scenarios, disagreed))

    def _minimise(self, trouble: _Trouble) -> None:
        if len(self._tally.mismatches) < MOST_MINIMISED:
            outcomes = (trouble.expected, trouble.found)
            smallest = minimise(trouble.numbered.scenario, outcomes, self._bench.reference, self._bench.other)
            self._tally.mismatches.append(Mismatch.of(trouble.numbered, smallest))


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A scenario on which the subjects disagreed."""

    numbered: Numbered
    expected: Outcome
    found: Outcome
