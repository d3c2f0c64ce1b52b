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
) -> None:
    """Prove the theorems; exit 1 when one has not the outcome it claims, or a mutant survives.

    A theorem that a kernel's quirk breaks is refuted in that kernel's profile, with a replayed scenario:
    that is the outcome it claims.
    """
    from xfrmspec.cli.prove_report import print_verdicts
    from xfrmspec_proofs.runner import prove_all
    from xfrmspec_proofs.theorems import all_theorems

    unknown = sorted(set(names or ()) - set(all_theorems()))
    if unknown:
        known = ", ".join(all_theorems())
        raise UsageError(f"no theorem is named {', '.join(unknown)}; there are: {known}")
    profiles = [chosen.profile for chosen in profile] if profile else None
    verdicts = prove_all(names or (), profiles, jobs)
    if output is OutputFormat.JSON:
        print_json([verdict.as_json() for verdict in verdicts])
    else:
        print_verdicts(verdicts)
    if not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(1)
