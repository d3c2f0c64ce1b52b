"""Attack 14: somebody on the foreign link reads the home test on its way through the tunnel."""

from __future__ import annotations

from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, put_on, saying, test_for
from xfrmspec.world.attacks.places import acts_at, moves, placing
from xfrmspec.world.cast import HOME_ADDRESS, Casting
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import HomeTest, HomeTestInit


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Ask in the name of the mobile node; where the answer goes, the attacker is."""
    if sent:
        return Move(attacker)
    return Move(attacker, (put_on("A", saying(HomeTestInit(COOKIE), HOME_ADDRESS)),))


@clause("XFRM-ATTACK-014")
def _succeeded(run: Run) -> tuple[str, ...]:
    """A token is learned when its test can be read; the token itself is never shown."""
    (attacker,) = run.end.attackers
    learned = test_for(attacker.seen, HomeTest, HOME_ADDRESS)
    return () if learned is None else (f"the attacker reads a home keygen token of {HOME_ADDRESS}",)


ATTACK = Attack(
    14,
    "Reading tests on the foreign link",
    Defence.TEST_IN_TUNNEL,
    _succeeded,
    until=5 * SECOND,
    casting=Casting(protection=Protection.TESTS),
    placed=placing(_react, "A"),
    planned=(moves(1 * SECOND, "A"), *acts_at(4 * SECOND)),
)
