"""Findings: what a check reports, and how findings are ordered, grouped and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from xfrmspec.flow_text import flow_object
from xfrmspec.formats.dump import Location
from xfrmspec_proofs.checks.replay import Scenario
from xfrmspec_terms.policy import Direction
from xfrmspec_terms.selector import Flow

SHOWN_PER_CAUSE = 5
"""Findings of one cause that a report shows before it counts the rest."""


class Severity(Enum):
    """How much a finding matters; the value is its printed name."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Involved:
    """A policy that a finding is about: its place, and which part it plays."""

    at: Location
    role: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a reader should know of a configuration.

    `message` is one sentence, `outcome` what the reference does with `witness` in `direction` under
    `scenario`, `advice` what to change. Findings of one rule, severity and `cause` are alike; `more` counts
    those of the same cause that a report leaves out.
    """

    rule: str
    severity: Severity
    message: str
    policies: tuple[Involved, ...]
    witness: Flow
    direction: Direction
    scenario: Scenario
    outcome: str
    advice: str
    clauses: tuple[str, ...]
    cause: str = ""
    more: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report covers: counts of findings are before the cut, `undecided` counts unfinished searches."""

    profile: str
    policies: int
    states: int
    states_known: bool
    errors: int
    warnings: int
    notes: int
    shown: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Report:
    """The findings to show, the gravest first, and a summary."""

    findings: tuple[Finding, ...] = ()
    summary: Summary = field(default_factory=lambda: Summary("", 0, 0, False, 0, 0, 0, 0, 0))


def sort_key(finding: Finding) -> tuple[object, ...]:
    """Return the order of findings: severity, rule, places, direction, witness."""
    places = tuple((involved.at.file, involved.at.line) for involved in finding.policies)
    shown = tuple(str(value) for value in flow_object(finding.witness, finding.direction).values())
    return (_RANK[finding.severity], finding.rule, places, finding.direction, shown, finding.message)


def grouped(findings: Iterable[Finding], shown: int = SHOWN_PER_CAUSE) -> tuple[Finding, ...]:
    """Sort findings and keep the first few of each cause; the last kept one counts the rest."""
    by_cause: dict[tuple[str, Severity, str], list[Finding]] = {}
    for finding in sorted(findings, key=sort_key):
        by_cause.setdefault((finding.rule, finding.severity, finding.cause), []).append(finding)
    kept: list[Finding] = []
    for alike in by_cause.values():
        first, rest = alike[:shown], len(alike) - shown
        if rest > 0:
            last = first[-1]
            text = f"{last.message.removesuffix('.')} (and {rest} more like it)."
            first[-1] = replace(last, message=text, more=rest)
        kept += first
    return tuple(sorted(kept, key=sort_key))


def count_by_severity(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Return how many findings there are of each severity."""
    counts = dict.fromkeys(Severity, 0)
    for finding in findings:
        counts[finding.severity] += 1
    return counts


def findings_to_json(findings: Iterable[Finding], summary: Summary) -> dict[str, object]:
    """Return the machine-readable report as plain JSON values; `roles` belong to `policies` by position."""
    return {
        "findings": [_finding_object(finding) for finding in findings],
        "summary": _summary_object(summary),
    }


def report_to_json(report: Report) -> dict[str, object]:
    """Return a whole report as plain JSON values."""
    return findings_to_json(report.findings, report.summary)


def _finding_object(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "policies": [_place(involved) for involved in finding.policies],
        "roles": [involved.role for involved in finding.policies],
        "witness": flow_object(finding.witness, finding.direction),
        "outcome": finding.outcome,
        "scenario": finding.scenario.value,
        "advice": finding.advice,
        "clauses": list(finding.clauses),
        "more": finding.more,
    }


def _place(involved: Involved) -> Mapping[str, object]:
    return {"file": involved.at.file, "line": involved.at.line}


def _summary_object(summary: Summary) -> dict[str, object]:
    return {
        "profile": summary.profile,
        "policies": summary.policies,
        "states": summary.states,
        "states_known": summary.states_known,
        "errors": summary.errors,
        "warnings": summary.warnings,
        "notes": summary.notes,
        "shown": summary.shown,
        "undecided": summary.undecided,
    }
