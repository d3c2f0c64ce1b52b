"""`xfrmspec diagram`: pictures of the machines, of the rules, and of your own configuration."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xfrmspec.cli.inputs import UsageError, read_configuration
from xfrmspec.configuration import Configuration
from xfrmspec_terms.policy import Policy
from xfrmspec_terms.profile import CLEAN

if TYPE_CHECKING:
    from xfrmspec_diagrams.ir import Picture


class PictureFormat(StrEnum):
    """How a picture is written."""

    DOT = "dot"
    MERMAID = "mermaid"
    TABLE = "table"
    SVG = "svg"


def run(
    name: Annotated[str, typer.Argument(help="Which picture; without a name they are listed.")] = "",
    dumps: Annotated[
        list[Path] | None, typer.Option("--dump", help="For the picture `policy-map`: dumps to draw.")
    ] = None,
    output: Annotated[PictureFormat, typer.Option("--format")] = PictureFormat.MERMAID,
    to: Annotated[Path | None, typer.Option("--to", help="Write to this file.")] = None,
    gallery: Annotated[
        Path | None, typer.Option("--gallery", help="Write every committed picture to this folder.")
    ] = None,
) -> None:
    """Draw a machine, a decision or a configuration; SVG needs the program `dot`, the texts do not."""
    from xfrmspec_diagrams.gallery import write_gallery
    from xfrmspec_diagrams.pictures import picture, picture_names
    from xfrmspec_diagrams.policymap import policy_map

    if gallery is not None:
        write_gallery(gallery)
        return
    names = sorted((*picture_names(), "policy-map"))
    if not name:
        typer.echo("\n".join(names))
        return
    if name not in names:
        raise UsageError(f"no picture is called {name!r}; there are: {', '.join(names)}")
    if name == "policy-map":
        if not dumps:
            raise UsageError("policy-map draws a configuration; give its dumps with --dump FILE")
        configuration, _ = read_configuration(dumps, CLEAN)
        _write(policy_map(_labelled(configuration)), output, to)
        return
    _write(picture(name), output, to)


def _labelled(configuration: Configuration) -> list[tuple[Policy, str]]:
    labelled = []
    for entry in configuration.tables.policies:
        record = configuration.record_of(entry.policy)
        place = f"{Path(record.at.file).name}:{record.at.line}" if record else "?"
        labelled.append((entry.policy, place))
    return labelled


def _write(drawn: Picture, output: PictureFormat, to: Path | None) -> None:
    """Write a picture; where `dot` is missing the SVG turns into a note on standard error and exit 2."""
    from xfrmspec_diagrams.pictures import render, render_svg
    from xfrmspec_diagrams.svg import SvgText

    if output is PictureFormat.SVG:
        result = render_svg(drawn)
        if not isinstance(result, SvgText):
            raise UsageError(result.note)
        text = result.text
    else:
        text = render(drawn, output.value)
    if to is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        to.write_text(text, encoding="utf-8")
