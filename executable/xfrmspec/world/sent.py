"""A frame as an onlooker on its link sees it."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.world.station import Frame


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that a station put on a link at `at` (ms), and the delays (ms) of its copies; none if lost."""

    at: int
    sender: str
    frame: Frame
    delays: tuple[int, ...]
