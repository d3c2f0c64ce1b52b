"""One life of a mobile node from start to quiet, with every invariant checked on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, LINKS, Casting, usual_world
from xfrmspec.world.invariants import Broken, broken_by, disagreements, left_behind
from xfrmspec.world.plan import Ping, Planned
from xfrmspec.world.provenance import History, unfounded
from xfrmspec.world.schedules import Schedule, schedule
from xfrmspec.world.starting import started
from xfrmspec.world.turning import turns
from xfrmspec.world.upper import ECHO_REPLY
from xfrmspec.world.world import Turn
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.headers import IcmpV6Header

SETTLING = 110 * SECOND
"""How long fair weather lasts before the last question: longer than any wait and back-off of the machines."""
_LAST_NUMBER = 0xFFFF


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one life: how many events there were, and every invariant that did not hold.

    `answered` says whether the last echo request, in fair weather, got its reply.
    """

    seed: int
    schedule: Schedule
    events: int
    broken: tuple[Broken, ...]
    answered: bool


@clause("XFRM-SAFE-007")
def live(casting: Casting) -> Life:
    """Live the life that the casting's seed draws: bad weather, then fair weather, then one more question."""
    drawn = schedule(casting.entropy("schedule"))
    bad = {link.name: drawn.weather for link in LINKS}
    world = started(usual_world(replace(casting, weather=bad)))
    before = world
    events, broken, history = 0, set[Broken](), History()
    for turn in turns(world.planning(*drawn.planned), drawn.clears):
        events, world, history = events + 1, turn.world, history.after(turn)
        broken.update((*broken_by(turn), *unfounded(history, turn)))
    question = Planned(drawn.clears + SETTLING, Ping("MN", HOME_ADDRESS, CORRESPONDENT, _LAST_NUMBER))
    answered = False
    for turn in turns(replace(world, weather={}).planning(question), question.at + SECOND):
        events, world, history = events + 1, turn.world, history.after(turn)
        broken.update((*broken_by(turn), *unfounded(history, turn)))
        answered = answered or _LAST_NUMBER in _replies(turn)
    broken.update(disagreements(world))
    if drawn.place == "home":
        broken.update(left_behind(before, world))
    return Life(casting.seed, drawn, events, tuple(sorted(broken)), answered)


def _replies(turn: Turn) -> Iterator[int]:
    """Yield the numbers of the echo replies that the mobile node read."""
    for handled in turn.handled:
        for delivery in handled.deliveries:
            upper = delivery.packet.headers[-1]
            if delivery.station == "MN" and isinstance(upper, IcmpV6Header) and upper.type == ECHO_REPLY:
                yield int.from_bytes(upper.body[2:], "big")
