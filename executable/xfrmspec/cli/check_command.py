"""`xfrmspec check`: what is wrong, or surprising, in a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xfrmspec.cli.inputs import (
    OutputFormat,
    ProfileName,
    UsageError,
    print_json,
    read_dumps,
    warn_unknown,
)


def run(
    dumps: Annotated[
        list[Path] | None, typer.Argument(help="Text of `ip xfrm policy` and `ip xfrm state`.")
    ] = None,
    profile: Annotated[ProfileName, typer.Option("--profile", help="Whose rules to follow.")] = (
        ProfileName.LINUX_6_1
    ),
    output: Annotated[OutputFormat, typer.Option("--format")] = OutputFormat.TEXT,
    list_rules: Annotated[bool, typer.Option("--list-rules", help="Print what is checked, and end.")] = False,
) -> None:
    """Check a configuration; every finding shows a flow that was replayed. Exit 1 when there are findings.

    Findings of severity note do not change the exit code.
    """
    from xfrmspec.cli.check_report import print_report, print_rules
    from xfrmspec_proofs.checks import Severity, check_configuration, configuration_of, findings_to_json

    if list_rules:
        print_rules()
        return
    if not dumps:
        raise UsageError("check needs at least one dump; give files with the output of `ip xfrm policy`")
    dump, states_known = read_dumps(dumps)
    report = check_configuration(configuration_of(dump, profile.profile, states_known=states_known))
    if output is OutputFormat.JSON:
        print_json(findings_to_json(report.findings, report.summary))
    else:
        print_report(report)
    warn_unknown(dump)
    if any(finding.severity is not Severity.NOTE for finding in report.findings):
        raise typer.Exit(1)
