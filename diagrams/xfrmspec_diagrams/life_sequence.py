"""A simulated run as messages from end to end between stations, in the parts that the mobile node passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from xfrmspec.world.handled import Handled
from xfrmspec.world.journeys import journeys
from xfrmspec.world.station import Station
from xfrmspec.world.world import Turn
from xfrmspec_diagrams.ir import Label, Message, Section, Sequence
from xfrmspec_terms.daemon import Role, Stage, StageKind, Step

_PARTS: Mapping[StageKind, str] = {
    StageKind.REGISTERING: "Home registration",
    StageKind.REGISTERED: "Registered: packets go through the tunnel",
    StageKind.REFUSED: "Registration refused",
    StageKind.TESTING: "Return routability, and a binding at {peer}",
    StageKind.OPTIMISED: "Route to {peer} optimised",
    StageKind.RETURNING: "The way home",
    StageKind.RETURNED: "At home again",
}
_START = "Before"
_Told = tuple[int, int, Message | str]
"""When (ms), which kind of thing at that moment, and what: a message, or the title of a part."""


def life_sequence(turns: Iterable[Turn], title: str = "Life of a mobile node") -> Sequence:
    """Draw a run: packets from end to end, notes for what machines decided, parts for stages of mobile nodes.

    Advertisements and the questions that a decision asked on its way are left out. Source: XFRM-DAEMON-002.
    """
    played = tuple(turns)
    stations = {name: station for turn in played for name, station in turn.world.stations.items()}
    told = sorted(chain(_told(played, stations), _sent(played)), key=lambda one: one[:2])
    messages: list[Message] = []
    parts: dict[int, str] = {0: _START}
    for _, _, what in told:
        if isinstance(what, Message):
            messages.append(what)
        else:
            parts[len(messages)] = what
    spoken = {name for message in messages for name in (message.source, message.target)}
    return Sequence(
        title,
        tuple(sorted(spoken, key=lambda name: (_rank(stations.get(name)), name))),
        tuple(messages),
        (),
        tuple(Section(start, words) for start, words in sorted(parts.items()) if start < len(messages)),
    )


def _rank(station: Station | None) -> int:
    """Mobile nodes stand on the left, then home agents, then everybody else; attackers are no stations."""
    daemon = None if station is None else station.daemon
    if daemon is None:
        return 3
    return 0 if daemon.mobile is not None else 1 if daemon.agent is not None else 2


def _sent(turns: tuple[Turn, ...]) -> Iterator[_Told]:
    for one in journeys(turns):
        yield one.at, 2, Message(one.source, one.target, Label(str(one)))


def _told(turns: tuple[Turn, ...], stations: Mapping[str, Station]) -> Iterator[_Told]:
    for turn in turns:
        for handled in turn.handled:
            yield from ((turn.world.now, 0, words) for words in _parts(handled, stations))
            name = handled.station.name
            for step in handled.steps:
                if _matters(step):
                    label = Label(f"{step.machine}: {step.target}", step.clause)
                    yield turn.world.now, 1, Message(name, name, label)


def _matters(step: Step) -> bool:
    decides = "?" in step.source or "arrives" in step.source
    return step.source != step.target and not decides and step.target != "in doubt"


def _parts(handled: Handled, stations: Mapping[str, Station]) -> Iterator[str]:
    for stage in handled.stages:
        if stage.role is Role.MOBILE_NODE and stage.kind in _PARTS:
            yield _PARTS[stage.kind].format(peer=_peer(stage, stations))


def _peer(stage: Stage, stations: Mapping[str, Station]) -> str:
    owners = [name for name, one in sorted(stations.items()) if stage.peer in one.node.addresses]
    return owners[0] if owners else str(stage.peer)
