"""Which clauses the reference used: read off its provenance while it runs a sample of the scenarios."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, FrameType
from typing import Any

from xfrmspec.conform.campaigns import Campaign
from xfrmspec.scenario.observation import Outcome, Subject
from xfrmspec.scenario.terms import Scenario
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.policies import PolicyOutcome, add, delete, update
from xfrmspec_terms.policy import PolicyErrorReason

SAMPLE_EVERY = 256
"""Once every wanted clause has fired, each how manyth scenario is still looked at."""

DEMANDED_FROM = 1000
"""From how many scenarios of a campaign on a clause that never fired is a failure."""

_ROOMS = ("xfrmspec.xfrm", "xfrmspec.scenario", "xfrmspec.wire", "xfrmspec.host")
_TELLING = frozenset(id(subject.__code__) for subject in (decide_output, decide_input, add, update, delete))
"""The functions whose results cite clauses; each of them carries clauses of its own."""
_REFUSALS = {
    PolicyErrorReason.EXISTS: "XFRM-DB-007",
    PolicyErrorReason.NOT_FOUND: "XFRM-DB-005",
    PolicyErrorReason.BAD_INDEX: "XFRM-DB-003",
    PolicyErrorReason.TOO_MANY_TEMPLATES: "XFRM-TMPL-004",
}
_OTHER_REFUSAL = "XFRM-DB-009"
_Watch = Callable[[FrameType, str, object], Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Clauses that must be carried out, and clauses that must decide something."""

    runs: frozenset[str] = frozenset()
    cites: frozenset[str] = frozenset()


def wanted_of(campaigns: Iterable[Campaign]) -> Wanted:
    """Return what the campaigns together must fire."""
    chosen = tuple(campaigns)
    return Wanted(
        frozenset(name for campaign in chosen for name in campaign.runs),
        frozenset(name for campaign in chosen for name in campaign.cites),
    )


@dataclass(slots=True)
class Coverage:
    """In how many of the `sampled` scenarios each clause fired.

    `carried_out` counts the functions that hold the clause, `named` the reasons, trials and refusals that
    cite it.
    """

    sampled: int = 0
    carried_out: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)

    def add(self, other: Coverage) -> None:
        """Count another share of the same run as well."""
        self.sampled += other.sampled
        self.carried_out.update(other.carried_out)
        self.named.update(other.named)

    def fired(self, name: str) -> int:
        """Return in how many sampled scenarios a clause fired in either way, counted by the more frequent."""
        return max(self.carried_out[name], self.named[name])

    def silent(self, wanted: Wanted) -> tuple[str, ...]:
        """Return the wanted clauses that never fired, sorted."""
        missing = {name for name in wanted.runs if not self.fired(name)}
        return tuple(sorted(missing | {name for name in wanted.cites if not self.named[name]}))


class Sampler:
    """Runs scenarios on a reference and counts clauses: all until every wanted one fired, then a sample."""

    def __init__(self, subject: Subject, wanted: Wanted, every: int = SAMPLE_EVERY) -> None:
        self._subject = subject
        self._to_run = set(wanted.runs)
        self._to_cite = set(wanted.cites)
        self._every = every
        self._runs = 0
        self.coverage = Coverage()

    @property
    def is_complete(self) -> bool:
        """Something was looked at, and every wanted clause has fired."""
        return self.coverage.sampled > 0 and not self._to_run and not self._to_cite

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario, sampled or not."""
        self._runs += 1
        if self.is_complete and self._runs % self._every:
            return self._subject.run(scenario)
        outcome, carried_out, named = trace(self._subject, scenario)
        self.coverage.add(Coverage(1, Counter(carried_out), Counter(named)))
        self._to_run -= carried_out | named
        self._to_cite -= named
        return outcome


def trace(subject: Subject, scenario: Scenario) -> tuple[Outcome, set[str], set[str]]:
    """Run one scenario; return its outcome, the clauses carried out and the clauses cited by decisions.

    A trace hears of calls alone unless it asks for more; a profile would hear of every built-in function too.
    """
    marked = _marked_code()
    ran: set[int] = set()
    told: list[object] = []

    def called(frame: FrameType, event: str, argument: object) -> _Watch | None:
        code = id(frame.f_code)
        if code not in marked:
            return None
        ran.add(code)
        if code not in _TELLING:
            return None
        frame.f_trace_lines = False
        return returned

    def returned(frame: FrameType, event: str, argument: object) -> _Watch:
        if event == "return":
            told.append(argument)
        return returned

    before = sys.gettrace()
    sys.settrace(called)
    try:
        outcome = subject.run(scenario)
    finally:
        sys.settrace(before)
    carried_out = {name for code in ran for name in marked[code]}
    return outcome, carried_out, {name for decision in told for name in _cited(decision)}


def _cited(decision: object) -> Iterator[str]:
    if isinstance(decision, InputDecision | OutputDecision):
        yield from (reason.clause for reason in decision.reasons)
        yield from (trial.clause for trial in decision.selection.trials)
    elif isinstance(decision, PolicyOutcome) and decision.refusal is not None:
        yield _REFUSALS.get(decision.refusal, _OTHER_REFUSAL)


@cache
def _marked_code() -> dict[int, tuple[str, ...]]:
    """Find the code of every function, method and dataclass of the reference that carries clauses.

    Code is known by its identity, as modules keep theirs: its hash would read every octet of it anew.
    """
    marked: dict[int, tuple[str, ...]] = {}
    for room in _ROOMS:
        package = importlib.import_module(room)
        for info in pkgutil.iter_modules(package.__path__, f"{room}."):
            for subject in vars(importlib.import_module(info.name)).values():
                if getattr(subject, "__module__", None) == info.name:
                    marked.update((id(code), clauses) for code, clauses in _codes(subject))
    return marked


def _codes(subject: Any) -> Iterator[tuple[CodeType, tuple[str, ...]]]:
    """A marked class counts when any of its functions runs; a method may have marks of its own."""
    own: tuple[str, ...] = vars(subject).get("__clauses__", ()) if hasattr(subject, "__dict__") else ()
    if inspect.isfunction(subject) and own:
        yield subject.__code__, own
    elif inspect.isclass(subject):
        for method in vars(subject).values():
            function: Callable[..., Any] | None = getattr(method, "fget", method)
            clauses = (*own, *getattr(function, "__clauses__", ()))
            if inspect.isfunction(function) and clauses:
                yield function.__code__, clauses
