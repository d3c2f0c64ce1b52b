"""A play performed: its lines, what every link carried, and the tables at each moment that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from xfrmspec.world.cast import usual_world
from xfrmspec.world.dumps import policies_text, states_text
from xfrmspec.world.invariants import Broken, broken_by
from xfrmspec.world.play import Dump, Play
from xfrmspec.world.provenance import History, unfounded
from xfrmspec.world.sent import Sent
from xfrmspec.world.starting import started
from xfrmspec.world.story import Line, told
from xfrmspec.world.turning import turns
from xfrmspec.world.world import Turn, World


@dataclass(frozen=True, slots=True)
class Tables:
    """One station's tables at a moment, in `ip xfrm` text."""

    moment: Dump
    station: str
    policies: str
    states: str


@dataclass(frozen=True, slots=True)
class Performance:
    """Everything a play showed, in order of time; `carried` maps link names to the frames on them.

    `turns` is what all the rest was taken from.
    """

    lines: tuple[Line, ...]
    carried: Mapping[str, tuple[Sent, ...]]
    tables: tuple[Tables, ...]
    broken: tuple[Broken, ...]
    world: World
    turns: tuple[Turn, ...]


def perform(play: Play) -> Performance:
    """Perform a play from its start to its end."""
    world = started(usual_world(play.casting)).planning(*play.planned)
    lines: list[Line] = []
    carried: dict[str, list[Sent]] = {name: [] for name in world.topology.links}
    tables: list[Tables] = []
    broken: set[Broken] = set()
    seen: list[Turn] = []
    history = History()
    for moment in (*play.dumps, None):
        for turn in turns(world, play.until if moment is None else moment.at):
            world = turn.world
            seen.append(turn)
            lines += told(turn)
            history = history.after(turn)
            broken.update((*broken_by(turn), *unfounded(history, turn)))
            for sent in turn.sent:
                carried[sent.frame.link].append(sent)
        if moment is not None:
            world = replace(world, now=moment.at)
            tables += _tables(world, moment)
    frames = {name: tuple(sent) for name, sent in carried.items()}
    return Performance(tuple(lines), frames, tuple(tables), tuple(sorted(broken)), world, tuple(seen))


def performance_of(start: World, taken: tuple[Turn, ...]) -> Performance:
    """Return what a run without dumps showed; what was broken is for others to judge."""
    lines: list[Line] = []
    carried: dict[str, list[Sent]] = {name: [] for name in start.topology.links}
    world = start
    for turn in taken:
        world = turn.world
        lines += told(turn)
        for sent in turn.sent:
            carried[sent.frame.link].append(sent)
    frames = {name: tuple(sent) for name, sent in carried.items()}
    return Performance(tuple(lines), frames, (), (), world, taken)


def _tables(world: World, moment: Dump) -> Iterator[Tables]:
    for name, station in sorted(world.stations.items()):
        yield Tables(moment, name, policies_text(station), states_text(station))
