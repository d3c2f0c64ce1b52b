"""`xfrmspec simulate`: a mobile node, its home agent and a correspondent node, from a scenario file."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from xfrmspec.cli.inputs import UsageError, print_json
from xfrmspec.wire.capture import write_capture
from xfrmspec.world.attacks.attack import Attack, without
from xfrmspec.world.attacks.attack import run as play
from xfrmspec.world.attacks.catalogue import ATTACKS
from xfrmspec.world.invariants import Broken
from xfrmspec.world.play import Play, PlayError, read_play
from xfrmspec.world.showing import Performance, perform, performance_of
from xfrmspec.world.story import Line
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import EVERY_DEFENCE

EXIT_BROKEN = 1


class StoryFormat(StrEnum):
    """How a run is told."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"


def run(
    scenario: Annotated[
        Path | None, typer.Argument(help="What happens, as TOML; docs/examples/life-cycle.toml.")
    ] = None,
    attack: Annotated[
        int | None, typer.Option("--attack", help="Play an attack, 1 to 16, instead of a scenario.")
    ] = None,
    without_defence: Annotated[
        bool, typer.Option("--without-defence", help="Play the attack with the defence against it off.")
    ] = False,
    output: Annotated[StoryFormat, typer.Option("--format")] = StoryFormat.TEXT,
    pcap: Annotated[
        Path | None, typer.Option("--pcap", help="Write one capture for each link to this folder.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", help="Write the dumps as `ip xfrm` text to this folder.")
    ] = None,
    all_lines: Annotated[
        bool, typer.Option("--all", help="Tell router advertisements and every step.")
    ] = False,
) -> None:
    """Play Mobile IPv6 between simulated nodes and check what must hold after every event.

    Exit 1 when an invariant was broken or an attack has succeeded. The same scenario gives the same octets.
    """
    performance = _performance(scenario, attack, without_defence)
    for folder, write in ((pcap, _write_captures), (tables, _write_tables)):
        if folder is not None:
            write(folder, performance)
    lines = [line for line in performance.lines if all_lines or _matters(line)]
    _show(output, performance, lines)
    if performance.broken:
        raise typer.Exit(EXIT_BROKEN)


def _performance(scenario: Path | None, attack: int | None, without_defence: bool) -> Performance:
    if (scenario is None) == (attack is None):
        raise UsageError("found a scenario and an attack, or neither; expected one of the two")
    if without_defence and attack is None:
        raise UsageError("--without-defence needs --attack")
    if scenario is not None:
        return perform(_play(scenario))
    if attack is None or attack not in ATTACKS:
        raise UsageError(f"--attack: found {attack}; expected 1 to {len(ATTACKS)}")
    return _attacked(ATTACKS[attack], without_defence)


def _attacked(attack: Attack, without_defence: bool) -> Performance:
    """Play an attack; that it succeeds is what breaks its clause."""
    played = play(attack, without(attack.defence) if without_defence else EVERY_DEFENCE)
    found = tuple(Broken(attack.clause, attack.title, one) for one in attack.succeeded(played))
    return replace(performance_of(played.start, played.turns), broken=found)


def _play(path: Path) -> Play:
    try:
        return read_play(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    except PlayError as error:
        raise UsageError(str(error)) from error


def _matters(line: Line) -> bool:
    """Leave out advertisements, and the questions that a decision asked on its way."""
    return not line.text.endswith("ICMPv6 RA") and "?" not in line.text


def _show(output: StoryFormat, performance: Performance, lines: list[Line]) -> None:
    if output is StoryFormat.JSON:
        print_json(
            {
                "lines": [
                    {"ms": one.at, "who": one.source, "to": one.target, "what": one.text} for one in lines
                ],
                "broken": [
                    {"clause": one.clause, "station": one.station, "found": one.found}
                    for one in performance.broken
                ],
            }
        )
        return
    if output is StoryFormat.MERMAID:
        from xfrmspec_diagrams.life_sequence import life_sequence
        from xfrmspec_diagrams.mermaid import to_mermaid

        typer.echo(to_mermaid(life_sequence(performance.turns)))
        return
    for line in lines:
        typer.echo(str(line))
    for broken in performance.broken:
        typer.echo(f"broken: {broken.clause} at {broken.station}: {broken.found}", err=True)


def _write_captures(folder: Path, performance: Performance) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frames in performance.carried.items():
        with (folder / f"{name}.pcap").open("wb") as stream:
            write_capture(stream, ((sent.at / SECOND, sent.frame.octets) for sent in frames))


def _write_tables(folder: Path, performance: Performance) -> None:
    for one in performance.tables:
        place = folder / one.moment.name
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{one.station}.xfrm-policy.txt").write_text(one.policies, encoding="utf-8")
        (place / f"{one.station}.xfrm-state.txt").write_text(one.states, encoding="utf-8")
