"""Any kernel with an agent as a subject: batches, self test, and a new guest after each one that is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from types import TracebackType
from typing import Any, Protocol

from xfrmspec.kernel.agent_spaces import LATE
from xfrmspec.kernel.link import AgentLink, AgentLostError, worded
from xfrmspec.kernel.watched_program import compile_any, observe_any
from xfrmspec.scenario.observation import Failure, Outcome, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.selftest import self_test
from xfrmspec.scenario.terms import LABORATORY, Node, Scenario, is_timed, seconds_of
from xfrmspec_terms.profile import CLEAN

BATCH_SIZE = 100
TIMED_BATCH_SIZE = 40
"""How many scenarios wait together, each in a namespace of its own."""

TIMED_ATTEMPTS = 6
"""How often a scenario with waits is tried before a busy machine counts as the reason of a failure."""

BOOT_ATTEMPTS = 3
BATCH_SECONDS = 10.0
"""How long a batch may take, on top of a share for each of its scenarios."""
_SCENARIO_SECONDS = 0.2


class Guest(Protocol):
    """A kernel with a running agent."""

    link: AgentLink
    release: str

    @property
    def pid(self) -> int:
        """The process that ends the guest when it ends."""
        ...

    def console_tail(self) -> str:
        """Return the last words of its console, empty when it has none."""
        ...

    def close(self) -> None:
        """End it and remove everything it left."""
        ...


class GuestUnfitError(RuntimeError):
    """No guest passed its self test; the text says what the last one got wrong."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a backend's kernel can do: `states` says that ESP, AH, IPComp, HAO and RT2 exist."""

    states: bool


def _batches(scenarios: Iterable[Scenario]) -> Iterator[list[Scenario]]:
    """Cut scenarios into batches of bounded size that share their node, and whether time goes by."""
    for (_, timed), same in groupby(scenarios, lambda scenario: (scenario.node, is_timed(scenario))):
        while batch := list(islice(same, TIMED_BATCH_SIZE if timed else BATCH_SIZE)):
            yield batch


def _seconds_for(batch: Sequence[Scenario]) -> float:
    """Return how long a batch may take: the longest wait, which all share, and a share for each scenario."""
    longest = max(seconds_of(scenario) for scenario in batch) if is_timed(batch[0]) else 0
    return _SCENARIO_SECONDS * len(batch) + (longest + 2 + len(batch) if longest else 0)


def _observed(scenario: Scenario, answer: Any) -> Outcome:
    return Failure("too busy to keep to the time") if answer == LATE else observe_any(scenario, answer)


class KernelSubject:
    """Scenarios on a kernel; opens guests as it needs them and must be closed.

    `patience` is how many seconds a batch may take before its guest counts as hung.
    """

    def __init__(
        self,
        label: str,
        opener: Callable[[Node], Guest],
        abilities: Abilities,
        patience: float = BATCH_SECONDS,
    ) -> None:
        self._label = label
        self._patience = patience
        self._opener = opener
        self._abilities = abilities
        self._guest: Guest | None = None
        self._node: Node | None = None

    @property
    def name(self) -> str:
        """The backend and, once a guest ran, its kernel release."""
        return f"{self._label} {self._guest.release}" if self._guest else self._label

    @property
    def guest(self) -> Guest | None:
        """The guest that runs now, None before the first scenario and after a loss."""
        return self._guest

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario; slower than `run_all`, which sends them in batches."""
        return next(self.run_all((scenario,)))

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
        """Run scenarios in batches of one node each; a lost guest costs one Failure and a new guest.

        While the answers to one batch are read and looked at, the guest works on the next.
        """
        running: Sequence[Scenario] = ()
        for batch in _batches(scenarios):
            words = worded([compile_any(scenario) for scenario in batch])
            outcomes = self._finish(running)
            self._fit_guest(batch[0].node).link.begin(words)
            running = batch
            yield from outcomes
        yield from self._finish(running)

    def _finish(self, batch: Sequence[Scenario]) -> Iterable[Outcome]:
        """A guest that is lost takes its batch with it: what came before the culprit is run once more."""
        if not batch or self._guest is None:
            return ()
        try:
            answers: list[Any] = self._guest.link.finish(self._patience + _seconds_for(batch))
        except AgentLostError as lost:
            tail = self._guest.console_tail()
            self.close()
            reason = f"{lost.reason}; console: {tail}" if tail else lost.reason
            before, after = batch[: lost.at], batch[lost.at + 1 :]
            return [*self.run_all(before), Failure(reason), *self.run_all(after)]
        if any(answer == LATE for answer in answers):
            answers = self._in_time(batch, answers)
        return (_observed(*pair) for pair in zip(batch, answers, strict=True))

    def _in_time(self, batch: Sequence[Scenario], answers: list[Any]) -> list[Any]:
        """Run the scenarios again whose waits were not kept to, as often as that may help."""
        for _ in range(TIMED_ATTEMPTS):
            late = [number for number, answer in enumerate(answers) if answer == LATE]
            if not late or self._guest is None:
                break
            again = [batch[number] for number in late]
            compiled = [compile_any(scenario) for scenario in again]
            found = self._guest.link.run(compiled, self._patience + _seconds_for(again))
            for number, answer in zip(late, found, strict=True):
                answers[number] = answer
        return answers

    def _fit_guest(self, node: Node) -> Guest:
        if self._guest is not None and self._node == node:
            return self._guest
        self.close()
        complaint = ""
        for _ in range(BOOT_ATTEMPTS):
            try:
                complaint = self._open(node)
            except AgentLostError as lost:
                complaint = lost.reason
            if self._guest is not None and not complaint:
                return self._guest
            self.close()
        raise GuestUnfitError(f"{self._label}: {complaint}")

    def _open(self, node: Node) -> str:
        """Open a guest; return what its self test got wrong, empty when nothing."""
        self._guest, self._node = self._opener(node), node
        for scenario in self_test(self._abilities.states) if node == LABORATORY else ():
            expected = ReferenceSubject(CLEAN).run(scenario)
            (answer,) = self._guest.link.run([compile_any(scenario)], self._patience)
            wrong = differences(expected, observe_any(scenario, answer))
            if wrong:
                return f"self test: {wrong[0]}"
        return ""

    def close(self) -> None:
        """End the guest, if one runs."""
        if self._guest is not None:
            self._guest.close()
        self._guest = None

    def __enter__(self) -> KernelSubject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
