"""Daemons are started: each role sets what its recipe wants from the beginning."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.mipv6.daemon import start
from xfrmspec.world.configuring import configure
from xfrmspec.world.station import Station
from xfrmspec.world.world import World
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, Probe, Say, Stage


class StartRefusedError(RuntimeError):
    """A kernel refused what a recipe asked for at the start; the text names both."""


@clause("XFRM-DAEMON-021")
def started(world: World) -> World:
    """Return the world after every daemon was started; StartRefusedError if a kernel refuses an operation."""
    for station in world.stations.values():
        world = world.with_station(_started(station, world.now))
    return world


def _started(station: Station, now: int) -> Station:
    if station.daemon is None:
        return station
    reaction = start(station.daemon)
    station = replace(station, daemon=reaction.daemon)
    for deed in reaction.deeds:
        if isinstance(deed, Stage | Say | Probe):
            continue
        done = configure(station, deed, now // SECOND)
        if done.errno:
            raise StartRefusedError(f"{station.name}: {deed} gives {done.errno.name}")
        station = done.station
    return station
