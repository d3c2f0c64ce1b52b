"""Any kernel with an agent as a subject: batches, self test, and a new guest after each one that is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Protocol

from xfrmspec.kernel.link import AgentLink, AgentLostError
from xfrmspec.kernel.program import compile_scenario, observation_of
from xfrmspec.scenario.observation import Failure, Observation, Outcome, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.selftest import self_test
from xfrmspec.scenario.terms import LABORATORY, Node, Scenario
from xfrmspec_terms.profile import CLEAN

BATCH_SIZE = 100
BOOT_ATTEMPTS = 3
_BATCH_SECONDS = 10.0
_SCENARIO_SECONDS = 0.2


class Guest(Protocol):
    """A kernel with a running agent."""

    link: AgentLink
    release: str

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


class KernelSubject:
    """Scenarios on a kernel; opens guests as it needs them and must be closed."""

    def __init__(self, label: str, opener: Callable[[Node], Guest], abilities: Abilities) -> None:
        self._label = label
        self._opener = opener
        self._abilities = abilities
        self._guest: Guest | None = None
        self._node: Node | None = None

    @property
    def name(self) -> str:
        """The backend and, once a guest ran, its kernel release."""
        return f"{self._label} {self._guest.release}" if self._guest else self._label

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario; slower than `run_all`, which sends them in batches."""
        return next(self.run_all((scenario,)))

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
        """Run scenarios in batches of one node each; a lost guest costs one Failure and a new guest."""
        source = iter(scenarios)
        while batch := list(islice(source, BATCH_SIZE)):
            yield from self._run_batch(batch)

    def _run_batch(self, batch: Sequence[Scenario]) -> Iterator[Outcome]:
        start = 0
        while start < len(batch):
            node = batch[start].node
            same = [scenario for scenario in batch[start:] if scenario.node == node]
            part = same if same == list(batch[start : start + len(same)]) else [batch[start]]
            yield from self._run_part(part)
            start += len(part)

    def _run_part(self, part: Sequence[Scenario]) -> Iterator[Outcome]:
        """A guest that is lost takes its batch with it: what came before the culprit is run once more."""
        try:
            yield from self._answers(part)
        except AgentLostError as lost:
            tail = self._guest.console_tail() if self._guest else ""
            self.close()
            reason = f"{lost.reason}; console: {tail}" if tail else lost.reason
            if lost.at:
                yield from self._run_part(part[: lost.at])
            yield Failure(reason)
            if lost.at + 1 < len(part):
                yield from self._run_part(part[lost.at + 1 :])

    def _answers(self, part: Sequence[Scenario]) -> list[Observation]:
        guest = self._fit_guest(part[0].node)
        seconds = _BATCH_SECONDS + _SCENARIO_SECONDS * len(part)
        answers = guest.link.run([compile_scenario(scenario) for scenario in part], seconds)
        return [observation_of(*pair) for pair in zip(part, answers, strict=True)]

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
            (answer,) = self._guest.link.run([compile_scenario(scenario)], _BATCH_SECONDS)
            wrong = differences(expected, observation_of(scenario, answer))
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
