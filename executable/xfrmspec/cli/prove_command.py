"""`xfrmspec prove`: the theorems, their witnesses and the mutants they kill."""

from __future__ import annotations

from typing import Annotated

import typer

from xfrmspec.cli.inputs import OutputFormat, ProfileName, UsageError, print_json


def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Theorems by name; all when none is given.")
    ] = None,
    profile: Annotated[
        list[ProfileName] | None, typer.Option("--profile", help="Only these profiles.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes to use.")] = 2,
    output: Annotated[OutputFormat, typer.Option("--format")] = OutputFormat.TEXT,
    ledger: Annotated[bool, typer.Option("--write-ledger", help="Record the costs in the ledger.")] = False,
) -> None:
    """Prove the theorems; exit 1 when one has not the outcome it claims, or a mutant survives."""
    from xfrmspec.cli.prove_report import print_verdicts
    from xfrmspec_proofs.runner import UnknownTheoremError, prove_all, verdict_to_json, write_ledger

    profiles = None if profile is None else [name.profile for name in profile]
    try:
        verdicts = prove_all(names or None, profiles, jobs)
    except UnknownTheoremError as error:
        raise UsageError(str(error)) from error
    if ledger:
        write_ledger(verdicts)
    if output is OutputFormat.JSON:
        print_json([verdict_to_json(verdict) for verdict in verdicts])
    else:
        print_verdicts(verdicts)
    if not all(verdict.as_claimed for verdict in verdicts):
        raise typer.Exit(1)
