"""The oracle: what the rules allow at each step of a scenario, by which clauses, and why they refuse."""

from __future__ import annotations

from xfrmspec.oracle.freedom import OUTCOME_LIMIT
from xfrmspec.oracle.judging import Judgement, Refusal, judge
from xfrmspec.oracle.observed import Observed, ObservedError, observation_object, read_observation
from xfrmspec.oracle.oracle import EventError, Oracle
from xfrmspec.oracle.verdicts import Accepted, Effects, Overflow, Refused, Tried, Verdict

__all__ = [
    "OUTCOME_LIMIT",
    "Accepted",
    "Effects",
    "EventError",
    "Judgement",
    "Observed",
    "ObservedError",
    "Oracle",
    "Overflow",
    "Refusal",
    "Refused",
    "Tried",
    "Verdict",
    "judge",
    "observation_object",
    "read_observation",
]
