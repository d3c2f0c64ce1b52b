"""Attackers in a world: what they see of a turn, and how their frames get into it."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.world.attacker import Attacker, Move, prompt, react
from xfrmspec.world.plan import Inject, Planned
from xfrmspec.world.world import Turn, World
from xfrmspec_terms.clauses import clause


@clause("XFRM-WORLD-009")
def watched(turn: Turn) -> Turn:
    """Let every attacker see the frames of a turn; what it answers happens next, at the same moment."""
    world = turn.world
    if not turn.sent:
        return turn
    for attacker in world.attackers:
        world = _after(world, react(attacker, turn.sent, world.now))
    return replace(turn, world=world)


def prompted(world: World, name: str) -> World:
    """Let an attacker act of its own accord; ValueError for a name that none has."""
    return _after(world, prompt(_named(world, name), world.now))


def relocated(world: World, name: str, links: frozenset[str]) -> World:
    """Put an attacker on other links; ValueError for a link or an attacker that does not exist."""
    unknown = sorted(links - set(world.topology.links))
    if unknown:
        raise ValueError(f"no such link: {', '.join(unknown)}")
    return world.with_attacker(replace(_named(world, name), links=links))


def _named(world: World, name: str) -> Attacker:
    found = next((one for one in world.attackers if one.name == name), None)
    if found is None:
        raise ValueError(f"no such attacker: {name}")
    return found


def _after(world: World, move: Move) -> World:
    injections = (Planned(world.now, Inject(frame, move.attacker.name)) for frame in move.frames)
    return world.with_attacker(move.attacker).planning(*injections)
