"""`xfrmspec oracle`: what the rules allow, for other programs: lines of JSON in, one answer for each out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from xfrmspec.cli.inputs import ProfileName
from xfrmspec.oracle.lines import EXIT_ACCEPTED, answers


def run(
    judging: Annotated[
        bool, typer.Option("--judge", help="Lines hold a scenario and an observation of it, to be judged.")
    ] = False,
    profile: Annotated[
        ProfileName, typer.Option("--profile", help="Whose rules to follow.")
    ] = ProfileName.LINUX_6_1,
) -> None:
    """Answer scenarios from standard input, one line of JSON for each, as they come.

    Exit 1 when a line of --judge was refused, 2 when a line could not be read.
    """
    code = EXIT_ACCEPTED
    for answer in answers(sys.stdin.buffer, profile.profile, judging=judging):
        sys.stdout.write(answer.text + "\n")
        sys.stdout.flush()
        code = max(code, answer.code)
    raise typer.Exit(code)
