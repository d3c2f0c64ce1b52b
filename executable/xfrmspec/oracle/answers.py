"""Verdicts and judgements as JSON objects, keys in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec.oracle.judging import Judgement, Refusal
from xfrmspec.oracle.observed import Json, entry_object, result_object
from xfrmspec.oracle.verdicts import Effects, Overflow, Refused, Tried, Verdict
from xfrmspec.scenario.document import step_name
from xfrmspec.scenario.observation import StoredEntry
from xfrmspec.scenario.terms import Scenario
from xfrmspec_terms.profile import Profile

ACCEPTED = "accepted"
REFUSED = "refused"
OVERFLOW = "overflow"


def scenario_answer(
    line: int,
    profile: Profile,
    scenario: Scenario,
    verdicts: Sequence[Verdict],
    policies: Sequence[StoredEntry],
) -> dict[str, Json]:
    """Return the answer to one scenario: a verdict for each step, and the final dump."""
    steps = [
        {"step": number, "do": step_name(type(step))} | verdict_object(verdict)
        for number, (step, verdict) in enumerate(zip(scenario.steps, verdicts, strict=True))
    ]
    told = {str(entry["verdict"]) for entry in steps}
    return {
        "line": line,
        "profile": profile.name,
        "verdict": next((word for word in (OVERFLOW, REFUSED) if word in told), ACCEPTED),
        "steps": steps,
        "policies": [entry_object(entry) for entry in policies],
    }


def verdict_object(verdict: Verdict) -> dict[str, Json]:
    """Return one verdict; `result` has the form that observations have."""
    shown: dict[str, Json] = {"verdict": _word(verdict)} | _effects_object(verdict.effects)
    shown["fired"] = list(verdict.fired)
    if isinstance(verdict, Refused):
        shown["tried"] = [_tried_object(tried) for tried in verdict.tried]
    if isinstance(verdict, Overflow):
        shown["limit"] = verdict.limit
    return shown | {"nearest": verdict.nearest}


def judgement_answer(line: int, profile: Profile, judgement: Judgement) -> dict[str, Json]:
    """Return the answer to one scenario with an observation: every difference, and the step of the first."""
    word = REFUSED
    if judgement.accepted or judgement.overflow:
        word = ACCEPTED if judgement.accepted else OVERFLOW
    answer: dict[str, Json] = {
        "line": line,
        "profile": profile.name,
        "verdict": word,
        "compared": judgement.compared,
    }
    if judgement.refusals:
        answer["step"] = judgement.refusals[0].step
        answer["differences"] = [_refusal_object(refusal) for refusal in judgement.refusals]
    return answer


def error_answer(line: int, position: int, path: str, message: str) -> dict[str, Json]:
    """Return the answer to a line that cannot be read; `position` counts its characters from 1."""
    return {"line": line, "error": {"position": position, "path": path, "message": message}}


def _word(verdict: Verdict) -> str:
    if isinstance(verdict, Refused):
        return REFUSED
    return OVERFLOW if isinstance(verdict, Overflow) else ACCEPTED


def _effects_object(effects: Effects) -> dict[str, Json]:
    shown: dict[str, Json] = {"result": result_object(effects.result)}
    if effects.decision is None:
        return shown
    return {"decision": effects.decision.value} | shown | {"spis": [list(spis) for spis in effects.spis]}


def _tried_object(tried: Tried) -> dict[str, Json]:
    return {
        "clause": tried.clause,
        "guard": tried.guard,
        "found": tried.found,
        "expected": tried.expected,
    }


def _refusal_object(refusal: Refusal) -> dict[str, Json]:
    return {
        "step": refusal.step,
        "do": refusal.do,
        "member": refusal.member,
        "verdict": OVERFLOW if refusal.overflow else REFUSED,
        "expected": refusal.expected,
        "observed": refusal.observed,
        "fired": list(refusal.fired),
        "nearest": refusal.nearest,
    }
