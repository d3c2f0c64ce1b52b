"""The story of a simulated run as messages between stations and links."""

from __future__ import annotations

from collections.abc import Iterable

from xfrmspec.world.story import Line
from xfrmspec_diagrams.ir import Label, Message, Sequence


def life_sequence(lines: Iterable[Line], title: str = "Life of a mobile node") -> Sequence:
    """Draw what was said: frames go to the link that carried them, deeds of a station to itself."""
    told = tuple(lines)
    participants: list[str] = []
    for line in told:
        participants += [name for name in (line.source, line.target) if name and name not in participants]
    messages = (Message(line.source, line.target or line.source, Label(line.text)) for line in told)
    return Sequence(title, tuple(participants), tuple(messages))
