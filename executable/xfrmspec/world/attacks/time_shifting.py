"""Attack 3: an attacker collects tokens on the path, leaves, and uses them long after."""

from __future__ import annotations

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, Wish, proven, put_on, saying, test_for
from xfrmspec.world.attacks.places import NAME, THIEF, acts_at, placing
from xfrmspec.world.bindings import bindings_at
from xfrmspec.world.cast import HOME_ADDRESS
from xfrmspec.world.plan import Planned, Relocate
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import CareOfTest, CareOfTestInit, HomeTest, HomeTestInit

LEFT = 2 * SECOND
LONGEST_AFTER = 660 * SECOND
_LAST_CHANCE = 239 * SECOND
_LATE = LEFT + LONGEST_AFTER + 1 * SECOND


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """On link C ask for both tests in the names of both addresses; on link B use what was seen."""
    if sent:
        return Move(attacker)
    if now < LEFT:
        tests = saying(HomeTestInit(COOKIE), HOME_ADDRESS), saying(CareOfTestInit(COOKIE), THIEF)
        return Move(attacker, tuple(put_on("C", test) for test in tests))
    home = test_for(attacker.seen, HomeTest, HOME_ADDRESS)
    care_of = test_for(attacker.seen, CareOfTest, THIEF)
    update = proven(Wish(now // SECOND), THIEF, home, care_of)
    return Move(attacker, (put_on("B", saying(update, THIEF, home=HOME_ADDRESS)),))


@clause("XFRM-ATTACK-003")
def _succeeded(run: Run) -> tuple[str, ...]:
    return tuple(
        f"{(turn.world.now - LEFT) / SECOND} s after the attacker left the path of {HOME_ADDRESS}, "
        f"CN sends what is for it to {binding.care_of}"
        for turn in run.turns
        for binding in bindings_at(turn.world, "CN")
        if turn.world.now > LEFT + LONGEST_AFTER and binding.home_address == HOME_ADDRESS
    )[:1]


ATTACK = Attack(
    3,
    "Time shifting",
    Defence.LIFETIMES,
    _succeeded,
    until=_LATE + 50,
    placed=placing(_react, "C"),
    planned=(
        *acts_at(1 * SECOND, _LAST_CHANCE, _LATE),
        Planned(LEFT, Relocate(NAME, frozenset({"B"}))),
    ),
    opened_by=frozenset({Defence.BINDING_BY_PROOF, Defence.REFRESH}),
)
