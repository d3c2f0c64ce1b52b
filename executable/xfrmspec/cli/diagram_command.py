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
    octets: Annotated[
        str, typer.Option("--octets", help="For the picture `packet`: its octets in hexadecimal.")
    ] = "",
    pcap: Annotated[
        Path | None, typer.Option("--pcap", help="For the picture `packet`: a capture file to take it from.")
    ] = None,
    number: Annotated[int, typer.Option("--number", min=1, help="Which record of the capture.")] = 1,
    output: Annotated[PictureFormat, typer.Option("--format")] = PictureFormat.MERMAID,
    to: Annotated[Path | None, typer.Option("--to", help="Write to this file.")] = None,
    gallery: Annotated[
        Path | None, typer.Option("--gallery", help="Write every committed picture to this folder.")
    ] = None,
) -> None:
    """Draw a machine, a decision, a configuration or a packet; only SVG needs the program `dot`."""
    from xfrmspec_diagrams.gallery import write_gallery
    from xfrmspec_diagrams.pictures import picture, picture_names
    from xfrmspec_diagrams.policymap import policy_map

    if gallery is not None:
        write_gallery(gallery)
        return
    names = sorted((*picture_names(), "packet", "policy-map"))
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
    _write(_packet(octets, pcap, number) if name == "packet" else picture(name), output, to)


def _packet(octets: str, pcap: Path | None, number: int) -> Picture:
    """Draw the octets given, or one record of a capture file; malformed ones up to their fault."""
    from xfrmspec.wire.decode import decode
    from xfrmspec_diagrams.packet_picture import packet_picture

    if bool(octets) == (pcap is not None):
        raise UsageError("packet draws one packet; give it with --octets HEX or with --pcap FILE")
    if pcap is not None:
        return packet_picture(decode(_record(pcap, number)), f"Packet {number} of {pcap.name}")
    try:
        given = bytes.fromhex(octets)
    except ValueError as error:
        raise UsageError(f"--octets wants pairs of hexadecimal digits: {error}") from error
    return packet_picture(decode(given))


def _record(pcap: Path, number: int) -> bytes:
    from xfrmspec.wire.capture import CaptureError, read_capture

    last = 0
    try:
        with pcap.open("rb") as stream:
            for packet in read_capture(stream):
                last = packet.number
                if last == number:
                    return packet.octets
    except (OSError, CaptureError) as error:
        raise UsageError(f"{pcap}: {error}") from error
    raise UsageError(f"{pcap}: record {number} is no IP packet, and the last one that is has number {last}")


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
