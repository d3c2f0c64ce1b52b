"""One finding of the ledger, reproduced on the spot or written as a shell script."""

from __future__ import annotations

from pathlib import Path

import typer

from xfrmspec.cli.inputs import UsageError
from xfrmspec.findings.ledger import finding_named
from xfrmspec.findings.reproduction import Reproduction, Shown, reproduce, runs_in_shell
from xfrmspec.findings.script import as_script
from xfrmspec.findings.shells import ScriptRun, missing_tools, run_here, run_in_guest
from xfrmspec.findings.terms import Finding, Needs
from xfrmspec.kernel.backends import namespace_subject, uml_subject
from xfrmspec.kernel.link import ExchangeFullError
from xfrmspec.kernel.subject import GuestUnfitError
from xfrmspec.kernel.uml import KernelMissingError

EXIT_SHOWN = 0
EXIT_NOT_SHOWN = 1
EXIT_UNAVAILABLE = 2

ABILITIES = {"uml": frozenset(Needs), "netns": frozenset({Needs.POLICIES})}
"""What the kernel of each backend can do."""


def run_finding(name: str, backend: str, kernel: Path | None) -> int:
    """Reproduce a finding and print what the kernel did; return the exit code of the command.

    `backend` is "uml" or "netns"; `kernel` is another user-mode kernel than Debian's. 0: shown. 1: not shown.
    2: the backend is missing or cannot show it. UsageError for a name that no finding has.
    """
    finding = _named(name)
    typer.echo(f"{finding.name}: {finding.rule}")
    if not any(exhibit.needs in ABILITIES[backend] for exhibit in finding.exhibits):
        typer.echo(f"the {backend} backend cannot show it: its kernel has no ESP, AH or Mobile IPv6")
        return EXIT_UNAVAILABLE
    try:
        if runs_in_shell(finding):
            return _by_script(finding, backend, kernel)
        return _by_scenarios(finding, backend, kernel)
    except (KernelMissingError, GuestUnfitError, ExchangeFullError) as missing:
        typer.echo(f"xfrmspec: {missing}", err=True)
        return EXIT_UNAVAILABLE


def write_script(name: str, backend: str) -> int:
    """Print a finding as a stand-alone shell script; UsageError when the backend cannot show it."""
    try:
        typer.echo(as_script(_named(name), ABILITIES[backend]), nl=False)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return EXIT_SHOWN


def _named(name: str) -> Finding:
    try:
        return finding_named(name)
    except KeyError as error:
        raise UsageError(str(error.args[0])) from error


def _by_scenarios(finding: Finding, backend: str, kernel: Path | None) -> int:
    with uml_subject(kernel) if backend == "uml" else namespace_subject() as subject:
        reproduction = reproduce(finding, subject, ABILITIES[backend])
        name = subject.name
    for part in reproduction.parts:
        _print_part(part)
    typer.echo(f"{name}: {_verdict(reproduction)}")
    return EXIT_SHOWN if reproduction.shown else EXIT_NOT_SHOWN


def _print_part(part: Shown) -> None:
    typer.echo(f"  clean rule: {part.expected}")
    typer.echo(f"  observed:   {part.observed if part.observed is not None else part.reason}")


def _verdict(reproduction: Reproduction) -> str:
    if reproduction.shown:
        return "shown"
    return "neither shown nor clean" if reproduction.failed else "not shown, the clean rule was observed"


def _by_script(finding: Finding, backend: str, kernel: Path | None) -> int:
    lacking = missing_tools()
    if lacking:
        typer.echo(f"xfrmspec: the script needs more tools: {lacking}", err=True)
        return EXIT_UNAVAILABLE
    run = _run(as_script(finding, ABILITIES[backend]), backend, kernel)
    typer.echo(run.output.strip())
    if run.code not in (0, 1):
        return EXIT_UNAVAILABLE
    typer.echo(f"{backend}: {'shown' if run.code else 'not shown, the clean rule was observed'}")
    return EXIT_SHOWN if run.code else EXIT_NOT_SHOWN


def _run(script: str, backend: str, kernel: Path | None) -> ScriptRun:
    return run_in_guest([script], kernel)[0] if backend == "uml" else run_here(script)
