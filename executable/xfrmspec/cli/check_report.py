"""Findings as text for a person."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from xfrmspec.flow_text import flow_line
from xfrmspec_proofs.checks import RULES, Finding, Report, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_report(report: Report) -> None:
    """Write the findings, the gravest first, and a last line with the counts."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    for finding in report.findings:
        _print_finding(console, finding)
    summary = report.summary
    counts = f"{summary.errors} errors, {summary.warnings} warnings, {summary.notes} notes"
    size = f"{summary.policies} policies, {summary.states} states"
    shown = "" if summary.states_known else " (no dump lists states; nothing is concluded from that)"
    console.print(f"{counts} in {size}, profile {summary.profile}{shown}")
    if summary.undecided:
        console.print(f"{summary.undecided} searches were given up; what they would have shown is not known")


def print_rules() -> None:
    """Write what is checked: rule, gravest severity, title and explanation."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    for rule in RULES:
        console.print(f"[bold]{rule.id}[/bold] ({rule.severity.value}): {escape(rule.title)}")
        console.print(f"    {escape(rule.explanation)}")
        console.print(f"    {', '.join(rule.clauses)}")


def _print_finding(console: Console, finding: Finding) -> None:
    colour = _COLOURS[finding.severity]
    label = f"[{colour}]{finding.severity.value}[/{colour}] [bold]{finding.rule}[/bold]"
    console.print(f"{label}: {escape(finding.message)}")
    for involved in finding.policies:
        console.print(escape(f"    at       {involved.at.file}:{involved.at.line} ({involved.role})"))
    console.print(escape(f"    flow     {flow_line(finding.witness, finding.direction)}"))
    console.print(escape(f"    outcome  {finding.outcome}"))
    console.print(escape(f"    change   {finding.advice}"))
    console.print(escape(f"    clauses  {', '.join(finding.clauses)}"))
    console.print()
