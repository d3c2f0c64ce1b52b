"""What stations made of an event becomes the next world: frames fly, and probes begin."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.world.handled import Handled
from xfrmspec.world.sent import Sent
from xfrmspec.world.world import Probing, Turn, World, launched

PROBE_MILLISECONDS = 1000


def after(world: World, cause: str, handled: tuple[Handled, ...]) -> Turn:
    """Return the turn in which stations made this of an event: their frames fly, their probes begin."""
    sent: list[Sent] = []
    for one in handled:
        world = world.with_station(one.station)
        probings = (
            Probing(world.now + PROBE_MILLISECONDS, one.station.name, p.home_address) for p in one.probes
        )
        world = replace(world, probings=tuple(sorted((*world.probings, *probings))))
        world, launches = launched(world, one.station.name, one.frames)
        sent += launches
    return Turn(world, cause, handled, tuple(sent))
