"""Attack 5: somebody's binding is ended, so that its stream goes to its home address again."""

from __future__ import annotations

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, GUESSES, Wish, proven, put_on, saying, test_for
from xfrmspec.world.attacks.places import THIEF, acts_at, asks, moves, placing
from xfrmspec.world.bindings import bound_to
from xfrmspec.world.cast import HOME_ADDRESS
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import CareOfTest, CareOfTestInit

_ATTACKED = 7 * SECOND


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """An update that ends a binding covers the home address, and the only token is that of another one."""
    if not sent:
        return Move(attacker, (put_on("B", saying(CareOfTestInit(COOKIE), THIEF)),))
    care_of = test_for(sent, CareOfTest, THIEF)
    if care_of is None:
        return Move(attacker)
    updates = [proven(Wish(number, 0), HOME_ADDRESS, care_of=care_of) for number in GUESSES]
    return Move(attacker, tuple(put_on("B", saying(one, THIEF, home=HOME_ADDRESS)) for one in updates))


@clause("XFRM-ATTACK-005")
def _succeeded(run: Run) -> tuple[str, ...]:
    """The mobile node is on link A throughout, has a binding before, and ends none itself."""
    before = [bound_to(turn.world, "CN", HOME_ADDRESS) for turn in run.turns if turn.world.now < _ATTACKED]
    if before[-1] is None or bound_to(run.end, "CN", HOME_ADDRESS) is not None:
        return ()
    return (f"CN sends what is for {HOME_ADDRESS} to its home, and no more to {before[-1]}",)


ATTACK = Attack(
    5,
    "Flooding a home",
    Defence.HOME_TOKEN_AT_RETURN,
    _succeeded,
    until=_ATTACKED + 50,
    placed=placing(_react, "B"),
    planned=(moves(1 * SECOND, "A"), asks(5 * SECOND), *acts_at(_ATTACKED)),
    opened_by=frozenset({Defence.BINDING_BY_PROOF}),
)
