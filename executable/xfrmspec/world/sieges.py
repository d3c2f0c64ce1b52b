"""A life of a mobile node with an attacker about, and what is checked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.world.attacks.meddling import meddler
from xfrmspec.world.attacks.places import acts_at
from xfrmspec.world.cast import LINKS, Casting, usual_world
from xfrmspec.world.invariants import Broken, broken_by
from xfrmspec.world.provenance import History, unfounded
from xfrmspec.world.schedules import schedule
from xfrmspec.world.starting import started
from xfrmspec.world.turning import turns
from xfrmspec.world.weather import below
from xfrmspec_terms.clauses import clause

MEDDLINGS = 60
"""How often the attacker acts in one life."""


@dataclass(frozen=True, slots=True)
class Siege:
    """What became of one life: where the attacker was, how much happened, and what did not hold."""

    seed: int
    links: frozenset[str]
    events: int
    injected: int
    broken: tuple[Broken, ...]


@clause("XFRM-SAFE-001", "XFRM-SAFE-002")
def besieged(casting: Casting) -> Siege:
    """Live the life that the casting's seed draws, with an attacker that acts at moments drawn too."""
    drawn = schedule(casting.entropy("schedule"))
    entropy = casting.entropy("siege")
    first, entropy = below(len(LINKS), entropy)
    second, entropy = below(len(LINKS), entropy)
    links = frozenset({LINKS[first].name, LINKS[second].name})
    moments: list[int] = []
    for _ in range(MEDDLINGS):
        moment, entropy = below(drawn.clears, entropy)
        moments.append(moment)
    bad = {link.name: drawn.weather for link in LINKS}
    world = usual_world(replace(casting, weather=bad)).with_attacker(meddler(entropy, links))
    world = started(world.planning(*drawn.planned, *acts_at(*sorted(moments))))
    history, broken, events, injected = History(), set[Broken](), 0, 0
    for turn in turns(world, drawn.clears):
        events, history = events + 1, history.after(turn)
        injected += sum(sent.sender not in turn.world.stations for sent in turn.sent)
        broken.update((*broken_by(turn), *unfounded(history, turn)))
    return Siege(casting.seed, links, events, injected, tuple(sorted(broken)))
