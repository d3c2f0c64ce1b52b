"""Lines of JSON in, one answer for each out: scenarios to tell about, or observations to judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from xfrmspec.oracle.answers import ACCEPTED, OVERFLOW, error_answer, judgement_answer, scenario_answer
from xfrmspec.oracle.judging import judge
from xfrmspec.oracle.limits import beyond_limits
from xfrmspec.oracle.observed import Json, ObservedError, Path, read_observation, split_complaint
from xfrmspec.oracle.oracle import EventError, Oracle
from xfrmspec.oracle.position import DECODER, position_of
from xfrmspec.scenario.document import DocumentError, from_json
from xfrmspec.scenario.terms import Scenario
from xfrmspec_terms.profile import Profile

EXIT_ACCEPTED = 0
EXIT_REFUSED = 1
EXIT_MALFORMED = 2

_SCENARIO = "scenario"
_OBSERVATION = "observation"


class _LineError(Exception):
    """A line cannot be answered; `position` counts its characters from 0, `path` leads to the value."""

    def __init__(self, message: str, position: int | None = None, path: Path = ()) -> None:
        super().__init__(message)
        self.position = position
        self.path = path


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of JSON, without its end, and the exit code that it calls for."""

    text: str
    code: int


def answers(lines: Iterable[bytes], profile: Profile, *, judging: bool) -> Iterator[Answer]:
    """Answer each line as it comes; a line that cannot be read gets an error answer, and the next is read.

    Without `judging` a line is a scenario document, with it an object of `scenario` and `observation`.
    The lines are octets in UTF-8; the same lines give the same octets.
    """
    work = _judged if judging else _told
    for number, line in enumerate(lines, start=1):
        yield _answer(number, line, profile, work)


_Work = Callable[[int, Any, Profile], dict[str, Json]]


def _answer(number: int, line: bytes, profile: Profile, work: _Work) -> Answer:
    try:
        answer = _answer_or_complaint(number, line, profile, work)
    except RecursionError:
        answer = error_answer(number, 1, "", "lists or objects nested less deeply")
    return Answer(json.dumps(answer), _code(answer, judging=work is _judged))


def _answer_or_complaint(number: int, line: bytes, profile: Profile, work: _Work) -> dict[str, Json]:
    text = ""
    try:
        text = _decoded(line)
        return work(number, _parsed(text), profile)
    except _LineError as error:
        place = error.position if error.position is not None else position_of(text, error.path)
        shown = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.path)
        return error_answer(number, place + 1, shown.removeprefix("."), str(error))


def _code(answer: dict[str, Json], *, judging: bool) -> int:
    if "error" in answer:
        return EXIT_MALFORMED
    fine = answer["verdict"] == ACCEPTED if judging else answer["verdict"] != OVERFLOW
    return EXIT_ACCEPTED if fine else EXIT_REFUSED


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        before = len(line[: error.start].decode("utf-8"))
        raise _LineError("text in UTF-8", before) from error


def _parsed(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _LineError(f"JSON; {error.msg}", error.pos) from error


def _scenario(value: Any, path: Path) -> Scenario:
    beyond = beyond_limits(value)
    if beyond is not None:
        raise _LineError(beyond[1], path=(*path, *beyond[0]))
    try:
        return from_json(json.dumps(value))
    except DocumentError as error:
        inside, expected = split_complaint(str(error), "document")
        raise _LineError(expected, path=(*path, *inside)) from error


def _told(number: int, value: Any, profile: Profile) -> dict[str, Json]:
    scenario = _scenario(value, ())
    oracle = Oracle(profile, node=scenario.node, listeners=scenario.listeners)
    try:
        verdicts = [oracle.step(step) for step in scenario.steps]
    except EventError as error:
        raise _impossible(error, ()) from error
    return scenario_answer(number, profile, scenario, verdicts, oracle.policies)


def _judged(number: int, value: Any, profile: Profile) -> dict[str, Json]:
    if not isinstance(value, dict) or set(value) != {_SCENARIO, _OBSERVATION}:
        raise _LineError(f"an object of {_SCENARIO!r} and {_OBSERVATION!r}", path=())
    scenario = _scenario(value[_SCENARIO], (_SCENARIO,))
    try:
        observed = read_observation(value[_OBSERVATION], scenario)
        return judgement_answer(number, profile, judge(scenario, observed, profile))
    except ObservedError as error:
        raise _LineError(str(error), path=(_OBSERVATION, *error.path)) from error
    except EventError as error:
        raise _impossible(error, (_SCENARIO,)) from error


def _impossible(error: EventError, path: Path) -> _LineError:
    return _LineError(f"a step that can happen; {error}", path=(*path, "steps", error.step))
