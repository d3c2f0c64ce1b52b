"""Pictures of one life of a mobile node, drawn from a run of the world: messages, and packets on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, Casting
from xfrmspec.world.journeys import Journey, journeys
from xfrmspec.world.links import Plug
from xfrmspec.world.plan import Ping, Planned, Replug
from xfrmspec.world.play import Play
from xfrmspec.world.showing import Performance, perform
from xfrmspec_diagrams.ir import Graph, Picture, Sequence
from xfrmspec_diagrams.life_sequence import life_sequence
from xfrmspec_diagrams.packet_picture import packet_picture
from xfrmspec_terms.profile import LINUX_6_1

_WIRE = Plug("MN", "eth0")
_SECOND_MOVE = 20_000
_WAY_HOME = 40_000
_END = 60_000

LIFE = Play(
    Casting(Recipe.CLEAN, Protection.SIGNALLING, profile=LINUX_6_1, seed=1),
    (
        Planned(1_000, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 1)),
        Planned(3_000, Replug(_WIRE, "A")),
        Planned(8_000, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 5)),
        Planned(9_000, Ping("CN", CORRESPONDENT, HOME_ADDRESS, 6)),
        Planned(_SECOND_MOVE, Replug(_WIRE, "B")),
        Planned(25_000, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 9)),
        Planned(_WAY_HOME, Replug(_WIRE, "home")),
        Planned(45_000, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 12)),
    ),
    (),
    _END,
)
"""The play of docs/examples/life-cycle.toml, without its dumps."""


@cache
def _performed() -> Performance:
    return perform(LIFE)


def _sequence(start: int, end: int, title: str) -> Sequence:
    turns = (turn for turn in _performed().turns if start <= turn.world.now < end)
    return life_sequence(turns, title)


def _packet(words: str, title: str) -> Graph:
    """Draw the first packet of the life whose journey has these words."""
    journey = _journey(words)
    read = None if journey.read is None else journey.read.headers[-1]
    hidden = read is not None and read not in journey.packet.headers
    return packet_picture(journey.packet, title, read if hidden else None)


def _journey(words: str) -> Journey:
    return next(one for one in journeys(_performed().turns) if str(one) == words)


LIFE_PICTURES: Mapping[str, Callable[[], Picture]] = {
    "life-registration": partial(
        _sequence, 0, _SECOND_MOVE, "A mobile node registers and optimises a route: Figure 3 of the paper"
    ),
    "life-move": partial(_sequence, _SECOND_MOVE, _WAY_HOME, "It moves on to another link"),
    "life-return": partial(_sequence, _WAY_HOME, _END, "It comes home"),
    "packet-home-registration": partial(_packet, "BU #1 in HAO ESP", "A binding update to the home agent"),
    "packet-home-acknowledgement": partial(
        _packet, "BA #1 status 0 in RT2 ESP", "The acknowledgement of the home agent"
    ),
    "packet-home-test-init": partial(_packet, "HoTI in a tunnel", "A home test init in the tunnel"),
    "packet-route-update": partial(_packet, "BU #1 in HAO", "A binding update to a correspondent node"),
}
"""The pictures of this module by their names."""
