"""`xfrmspec conform`: random scenarios on the reference and on a kernel, and every difference."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from xfrmspec.cli.conform_report import meter, print_tally
from xfrmspec.cli.inputs import OutputFormat, ProfileName, UsageError, print_json
from xfrmspec.conform.campaigns import CampaignName
from xfrmspec.conform.filing import file_mismatches
from xfrmspec.conform.jobs import JobLostError, run_plan
from xfrmspec.conform.plan import Backend, Plan, PlanError, checked
from xfrmspec.conform.report import is_conformant, report_object
from xfrmspec.conform.run import Tally
from xfrmspec.kernel.link import ExchangeFullError
from xfrmspec.kernel.subject import GuestUnfitError
from xfrmspec.kernel.uml import KernelMissingError

EXIT_INTERRUPTED = 130
"""What a shell reports of a program that an interrupt ended."""

_NOT_TO_BE_HAD = (PlanError, KernelMissingError, GuestUnfitError, ExchangeFullError, JobLostError)


def run(
    campaign: Annotated[CampaignName, typer.Option("--campaign")] = CampaignName.ALL,
    scenarios: Annotated[int, typer.Option("--scenarios", help="How many scenarios to run.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same scenarios.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", help="How many guests run at once, one core each.")] = 1,
    backend: Annotated[Backend, typer.Option("--backend")] = Backend.UML,
    kernel: Annotated[
        Path | None, typer.Option("--kernel", help="Another user-mode kernel than Debian's.")
    ] = None,
    profile: Annotated[
        ProfileName | None, typer.Option("--profile", help="Whose rules to hold; default: the kernel's own.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the report as JSON.")] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--file-mismatches", help="Write each mismatch here, as a test and as JSON."),
    ] = None,
    output: Annotated[OutputFormat, typer.Option("--format")] = OutputFormat.TEXT,
    finding: Annotated[str, typer.Option("--finding", help="Reproduce one finding, F-nnn, and end.")] = "",
    as_script: Annotated[
        bool, typer.Option("--as-script", help="With --finding: print it as a stand-alone shell script.")
    ] = False,
) -> None:
    """Compare the reference with a real kernel on random scenarios.

    Exit 1 when something disagrees, or when a clause that the campaign is for never fired; 130 when stopped.
    """
    if finding or as_script:
        raise typer.Exit(_shown(finding, backend, kernel, as_script=as_script))
    plan = Plan(campaign, scenarios, seed, jobs, backend, kernel, profile.value if profile else None)
    if report is not None and not report.parent.is_dir():
        raise UsageError(f"--report {report}: {report.parent} is no directory")
    if directory is not None and directory.exists() and not directory.is_dir():
        raise UsageError(f"--file-mismatches {directory}: this is no directory")
    with _stop_asked() as stopped:
        tally = _carried_out(plan, stopped)
        found = report_object(plan, tally)
        if report is not None:
            report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        for path in file_mismatches(plan, tally, directory) if directory is not None else ():
            typer.echo(f"filed {path}", err=True)
        if output is OutputFormat.JSON:
            print_json(found)
        else:
            print_tally(plan, tally)
        if stopped():
            typer.echo("xfrmspec: stopped early; every guest has ended", err=True)
            raise typer.Exit(EXIT_INTERRUPTED)
    if not is_conformant(plan, tally):
        raise typer.Exit(1)


def _shown(finding: str, backend: Backend, kernel: Path | None, *, as_script: bool) -> int:
    """Return the exit code of reproducing a finding: 0 shown, 1 not shown, 2 not to be had here."""
    from xfrmspec.cli.finding_report import run_finding, write_script

    if not finding:
        raise UsageError("--as-script writes a finding; name it with --finding F-nnn")
    if as_script:
        return write_script(finding, backend.value)
    return run_finding(finding, backend.value, kernel)


def _carried_out(plan: Plan, stopped: Callable[[], bool]) -> Tally:
    try:
        with meter(checked(plan)) as tell:
            return run_plan(plan, tell, stopped)
    except _NOT_TO_BE_HAD as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        typer.echo("xfrmspec: stopped; every guest has ended, there is no report", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def _stop_asked() -> Iterator[Callable[[], bool]]:
    """Tell whether an interrupt or a termination came; a second one does not wait for what runs."""
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
