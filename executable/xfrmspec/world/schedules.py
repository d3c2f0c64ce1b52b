"""Random lives of a mobile node in bad weather: where it goes, who talks, and when the weather clears up."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, MOBILE_PLUG
from xfrmspec.world.plan import Ping, Planned, Replug
from xfrmspec.world.weather import Weather, below
from xfrmspec_terms.daemon import SECOND

PLACES = ("A", "B", "home", None)
_MOST_MOVES = 4
_GAPS = (1 * SECOND, 25 * SECOND)
_MOST_LOSS = 30
_MOST_COPIES = 10
_MOST_DELAY = 400


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens to the mobile node, the weather until `clears` (ms), and where the node ends up."""

    planned: tuple[Planned, ...]
    weather: Weather
    clears: int
    place: str


def schedule(entropy: Entropy) -> Schedule:
    """Draw a life: up to four moves, traffic both ways, 0 to 30 % loss, and a last place that is a link."""
    loss, entropy = below(_MOST_LOSS + 1, entropy)
    copies, entropy = below(_MOST_COPIES + 1, entropy)
    delay, entropy = below(_MOST_DELAY, entropy)
    weather = Weather(loss, copies, 1, 1 + delay)
    moves, entropy = below(_MOST_MOVES, entropy)
    planned: list[Planned] = []
    at = 2 * SECOND
    for number in range(moves + 1):
        choice, entropy = below(len(PLACES) - (number == moves), entropy)
        place = PLACES[choice]
        planned.append(Planned(at, Replug(MOBILE_PLUG, place)))
        gap, entropy = below(_GAPS[1] - _GAPS[0], entropy)
        talk, entropy = _talk(at, gap + _GAPS[0], entropy)
        planned += talk
        at += gap + _GAPS[0]
    assert place is not None
    return Schedule(tuple(sorted(planned, key=lambda one: one.at)), weather, at, place)


def _talk(start: int, length: int, entropy: Entropy) -> tuple[list[Planned], Entropy]:
    """Plan up to three echo requests in a span of time, from either side."""
    count, entropy = below(4, entropy)
    planned: list[Planned] = []
    for number in range(count):
        after, entropy = below(length, entropy)
        side, entropy = below(2, entropy)
        ping = (
            Ping("MN", HOME_ADDRESS, CORRESPONDENT, number)
            if side
            else Ping("CN", CORRESPONDENT, HOME_ADDRESS, number)
        )
        planned.append(Planned(start + after, ping))
    return planned, entropy
