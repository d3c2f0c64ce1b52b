"""A run of a campaign on the screen: the meter while it runs, the account at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from xfrmspec.conform.coverage import SAMPLE_EVERY
from xfrmspec.conform.plan import Plan
from xfrmspec.conform.report import is_demanded, missing_clauses, rate
from xfrmspec.conform.run import Mismatch, Progress, Tally, Tell
from xfrmspec.scenario.document import to_json

_PLAIN_EVERY = 10_000


@contextmanager
def meter(plan: Plan) -> Iterator[Tell]:
    """Give a teller that moves a progress bar on a terminal, or else writes a line now and then."""
    console = Console(stderr=True, highlight=False, emoji=False)
    if not console.is_terminal:
        yield _plain_teller(console, plan)
        return
    rating = TextColumn("{task.fields[rate]}")
    columns = (
        TextColumn(plan.campaign.value),
        BarColumn(),
        MofNCompleteColumn(),
        rating,
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(plan.campaign.value, total=plan.scenarios, rate="")

        def tell(progress: Progress) -> None:
            bar.advance(task, progress.scenarios)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:.0f}/s" if speed else "")
            if progress.disagreed:
                bar.console.print(f"{progress.disagreed} more disagree")

        yield tell


def _plain_teller(console: Console, plan: Plan) -> Tell:
    done = 0

    def tell(progress: Progress) -> None:
        nonlocal done
        before, done = done, done + progress.scenarios
        if done // _PLAIN_EVERY > before // _PLAIN_EVERY:
            console.print(f"{done} of {plan.scenarios}")

    return tell


def print_tally(plan: Plan, tally: Tally) -> None:
    """Write the account for a person: mismatches, coverage, and a last line with counts and rate."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    for mismatch in tally.mismatches:
        _print_mismatch(console, mismatch)
    _print_coverage(console, plan, tally)
    against = tally.release or "itself"
    console.print(
        f"{tally.scenarios} scenarios of {plan.campaign}, seed {plan.seed}, on {plan.backend} {against}, "
        f"profile {tally.profile}: {tally.disagreed} disagree; {rate(tally):.0f} scenarios/s"
    )


def _print_mismatch(console: Console, mismatch: Mismatch) -> None:
    came_up = mismatch.came_up
    again = "" if mismatch.repeated else " (it did not come back when run alone)"
    console.print(f"[red]disagree[/red]: scenario {came_up.number} of {came_up.campaign}{again}")
    for line in mismatch.told:
        console.print(escape(f"    {line}"))
    for step in json.loads(to_json(mismatch.scenario))["steps"]:
        console.print(escape(f"        {json.dumps(step)}"))


def _print_coverage(console: Console, plan: Plan, tally: Tally) -> None:
    coverage = tally.coverage
    console.print(
        f"clauses in {coverage.sampled} sampled scenarios, carried out / cited by a decision "
        f"(all until each wanted clause fired, then every {SAMPLE_EVERY}th):"
    )
    names = sorted({*coverage.carried_out, *coverage.named})
    cells = [f"{name} {coverage.carried_out[name]}/{coverage.named[name]}" for name in names]
    for start in range(0, len(cells), 4):
        console.print("    " + "".join(f"{cell:<28}" for cell in cells[start : start + 4]).rstrip())
    missing = missing_clauses(plan, tally)
    if missing:
        verdict = "never fired" if is_demanded(plan, tally) else "not fired yet, in a run this short"
        console.print(f"{verdict}: {', '.join(missing)}")
