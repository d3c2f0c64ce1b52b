"""An attack as data, and a run of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xfrmspec.world.cast import Casting, usual_world
from xfrmspec.world.plan import Planned
from xfrmspec.world.starting import started
from xfrmspec.world.turning import turns
from xfrmspec.world.world import Turn, World
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that happened, turn by turn, behind the world at the start."""

    start: World
    turns: tuple[Turn, ...]

    @property
    def end(self) -> World:
        """Return the world at the end."""
        return self.turns[-1].world if self.turns else self.start


Judgement = Callable[[Run], tuple[str, ...]]
"""What shows that an attack has succeeded, in words; nothing if it has failed."""


def nobody(world: World) -> World:
    """Put no attacker into a world: the attack is bad luck, or a wrong setting."""
    return world


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: its number, its clause and the defence against it.

    `casting` is the world that it needs, with every defence on; `placed` puts the attacker in. `opened_by`
    are the other defences that the attack gets through without, since it is kept out by either alone in one
    case and by both together in the other. `until` is when it ends (ms). Source: XFRM-ATTACK-001..016.
    """

    number: int
    title: str
    defence: Defence
    succeeded: Judgement
    until: int
    casting: Casting = field(default_factory=Casting)
    placed: Callable[[World], World] = nobody
    planned: tuple[Planned, ...] = ()
    opened_by: frozenset[Defence] = field(default_factory=frozenset)

    @property
    def clause(self) -> str:
        """Return the id of the clause that the attack breaks when it succeeds."""
        return f"XFRM-ATTACK-{self.number:03}"


def run(attack: Attack, defences: frozenset[Defence] = EVERY_DEFENCE) -> Run:
    """Play an attack with these defences on."""
    casting = replace(attack.casting, defences=defences)
    start = started(attack.placed(usual_world(casting)).planning(*attack.planned))
    return Run(start, tuple(turns(start, attack.until)))


def without(*defences: Defence) -> frozenset[Defence]:
    """Return every defence but these."""
    return EVERY_DEFENCE - set(defences)
