"""Daemons are started: each role sets what its recipe wants from the beginning."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.mipv6.recipes import recipe as recipes
from xfrmspec.world.configuring import configure
from xfrmspec.world.station import Station
from xfrmspec.world.world import World
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, Role, Stage, StageKind


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
    for role in sorted(station.daemon.settings.roles, key=lambda one: one.value):
        daemon = station.daemon
        own = daemon.settings.address if role is Role.MOBILE_NODE else None
        stage = Stage(StageKind.STARTED, role, own)
        wanted = recipes.operations(daemon.recipe, daemon.settings, stage, daemon.memory)
        station = replace(station, daemon=replace(daemon, memory=recipes.after(daemon.memory, wanted)))
        for operation in wanted:
            done = configure(station, operation, now // SECOND)
            if done.errno:
                raise StartRefusedError(f"{station.name}: {operation} gives {done.errno.name}")
            station = done.station
    return station
