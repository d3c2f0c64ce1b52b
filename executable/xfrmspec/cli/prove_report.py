"""Verdicts on theorems as text for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from xfrmspec_proofs.runner import Verdict
from xfrmspec_proofs.theorem import Outcome


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Write each theorem once, with its outcome, cost and mutants per profile, and a last line of counts."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    theorem = ""
    for verdict in verdicts:
        if verdict.theorem != theorem:
            theorem = verdict.theorem
            console.print(f"[bold]{theorem}[/bold]: {escape(verdict.statement)}")
        _print_verdict(console, verdict)
    failed = [verdict for verdict in verdicts if not verdict.ok]
    theorems = len({verdict.theorem for verdict in verdicts})
    killed = sum(verdict.mutants - len(verdict.survivors) for verdict in verdicts)
    total = sum(verdict.mutants for verdict in verdicts)
    proved = sum(verdict.outcome is Outcome.PROVED for verdict in verdicts)
    console.print(
        f"{theorems} theorems in {len(verdicts)} verdicts: {proved} proved, "
        f"{len(verdicts) - proved} not, {len(failed)} unlike their claim; "
        f"{killed} of {total} mutants killed; cost {sum(verdict.cost for verdict in verdicts)}"
    )


def _print_verdict(console: Console, verdict: Verdict) -> None:
    colour = "green" if verdict.ok else "red"
    expected = "" if verdict.outcome is verdict.expected else f" (expected {verdict.expected.value})"
    console.print(
        f"    [{colour}]{verdict.outcome.value}[/{colour}]{expected} in {verdict.profile}, "
        f"cost {verdict.cost}, mutants {verdict.mutants - len(verdict.survivors)}/{verdict.mutants}"
    )
    for problem in (*verdict.problems, *(f"mutant survives: {name}" for name in verdict.survivors)):
        console.print(escape(f"        {problem}"))
    if verdict.outcome is Outcome.REFUTED and verdict.witness is not None:
        console.print(escape(f"        by {json.dumps(verdict.witness)}"))
    for defence, trace in sorted(verdict.attacks.items()):
        console.print(escape(f"        without {defence}: {json.dumps(trace)}"))
