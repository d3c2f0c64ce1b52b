"""One job of a campaign: scenarios made, run on both subjects at the same time, compared and made small."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from xfrmspec.conform.campaigns import Numbered, scenarios_of
from xfrmspec.conform.coverage import Coverage, Sampler, wanted_of
from xfrmspec.conform.plan import Bench, Plan
from xfrmspec.conform.shrinking import Minimal, minimise
from xfrmspec.conform.wording import difference_line
from xfrmspec.scenario.observation import Outcome, Subject, differences
from xfrmspec.scenario.terms import Scenario

CHUNK = 100
MOST_MINIMISED = 50
"""How many mismatches a job makes small and hands over; the rest it counts."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A scenario on which the subjects differ: as it came up, and as small as it gets."""

    came_up: Numbered
    minimal: Minimal

    @property
    def told(self) -> tuple[str, ...]:
        """What differs, one line each, the reference first."""
        found = differences(self.minimal.first, self.minimal.second)
        return tuple(difference_line(difference) for difference in found)


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

    A guest that did not run before is started by a thread that ends with this call, and the guest with it.

    The reference works while the kernel does: at any time one chunk is with the kernel and the one before it
    with the reference.
    """
    return _Job(plan, bench, tell).run(
        scenarios_of(plan.campaigns, plan.seed, plan.scenarios, job, plan.jobs), stopped
    )


class _Job:
    def __init__(self, plan: Plan, bench: Bench, tell: Tell) -> None:
        self._bench = bench
        self._tell = tell
        self._sampler = Sampler(bench.reference, wanted_of(plan.campaigns))
        self._tally = Tally(bench.release, bench.profile)

    def run(self, source: Iterator[Numbered], stopped: Callable[[], bool]) -> Tally:
        start = time.monotonic()
        with ThreadPoolExecutor(1) as kernel:
            try:
                self._pump(source, kernel, stopped)
            finally:
                kernel.shutdown(wait=True, cancel_futures=True)
                self._tally.seconds = time.monotonic() - start
                self._tally.coverage = self._sampler.coverage
        return self._tally

    def _pump(
        self, source: Iterator[Numbered], kernel: ThreadPoolExecutor, stopped: Callable[[], bool]
    ) -> None:
        waiting = self._next(source, kernel)
        while waiting is not None:
            following = None if stopped() else self._next(source, kernel)
            chunk, answers = waiting
            expected = [self._sampler.run(numbered.scenario) for numbered in chunk]
            self._compare(chunk, expected, answers.result(), kernel)
            waiting = following

    def _next(
        self, source: Iterator[Numbered], kernel: ThreadPoolExecutor
    ) -> tuple[list[Numbered], Future[list[Outcome]]] | None:
        chunk = list(islice(source, CHUNK))
        if not chunk:
            return None
        return chunk, kernel.submit(_run_all, self._bench.other, [numbered.scenario for numbered in chunk])

    def _compare(
        self,
        chunk: Sequence[Numbered],
        expected: Sequence[Outcome],
        found: Sequence[Outcome],
        kernel: ThreadPoolExecutor,
    ) -> None:
        before = self._tally.disagreed
        for numbered, one, other in zip(chunk, expected, found, strict=True):
            if one == other or not differences(one, other):
                continue
            self._tally.disagreed += 1
            if len(self._tally.mismatches) < MOST_MINIMISED:
                arguments = (numbered.scenario, (one, other), self._bench.reference, self._bench.other)
                smallest = kernel.submit(minimise, *arguments).result()
                self._tally.mismatches.append(Mismatch(numbered, smallest))
        self._tally.scenarios += len(chunk)
        self._tell(Progress(len(chunk), self._tally.disagreed - before))


def _run_all(subject: Subject, scenarios: Sequence[Scenario]) -> list[Outcome]:
    return list(subject.run_all(scenarios))
