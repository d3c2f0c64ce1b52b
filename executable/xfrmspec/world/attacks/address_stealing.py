"""Attack 1: a binding for somebody else's home address, with the care-of token alone."""

from __future__ import annotations

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, Wish, proven, put_on, saying, test_for
from xfrmspec.world.attacks.places import THIEF, acts_at, placing
from xfrmspec.world.bindings import bound_to
from xfrmspec.world.cast import HOME_ADDRESS
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import CareOfTest, CareOfTestInit


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    if not sent:
        return Move(attacker, (put_on("B", saying(CareOfTestInit(COOKIE), THIEF)),))
    care_of = test_for(sent, CareOfTest, THIEF)
    if care_of is None:
        return Move(attacker)
    update = proven(Wish(), THIEF, care_of=care_of)
    return Move(attacker, (put_on("B", saying(update, THIEF, home=HOME_ADDRESS)),))


@clause("XFRM-ATTACK-001")
def _succeeded(run: Run) -> tuple[str, ...]:
    """The attacker is on link B, which the mobile node at home has no path over."""
    stolen = bound_to(run.end, "CN", HOME_ADDRESS)
    return () if stolen is None else (f"CN sends what is for {HOME_ADDRESS} to {stolen}",)


ATTACK = Attack(
    1,
    "Address stealing",
    Defence.HOME_TOKEN,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
    opened_by=frozenset({Defence.BINDING_BY_PROOF}),
)
