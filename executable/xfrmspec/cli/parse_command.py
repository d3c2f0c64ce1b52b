"""`xfrmspec parse`: what a dump says, as JSON or printed back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xfrmspec.cli.inputs import OutputFormat, print_json, warn_unknown
from xfrmspec.formats import print_dump, read_file
from xfrmspec.formats.as_json import dump_to_json
from xfrmspec.formats.dump import combine


def run(
    dumps: Annotated[list[Path], typer.Argument(help="Text of `ip xfrm policy` or `ip xfrm state`.")],
    output: Annotated[OutputFormat, typer.Option("--format", help="json, or text to print back.")] = (
        OutputFormat.JSON
    ),
) -> None:
    """Read dumps; keys are left out, and words that are not understood are listed, never dropped.

    An empty file is a valid dump: it is what the kernel's empty databases look like.
    """
    readings = [read_file(path) for path in dumps]
    if output is OutputFormat.TEXT:
        for reading in readings:
            typer.echo(print_dump(reading), nl=False)
            warn_unknown(reading)
        return
    print_json(dump_to_json(combine(readings)))
