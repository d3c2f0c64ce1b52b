"""Attack 4: somebody's stream is sent to an address where its owner never was."""

from __future__ import annotations

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, Wish, proven, put_on, saying, test_for
from xfrmspec.world.attacks.places import THIEF, THIEFS_OTHER, VICTIM, acts_at, placing
from xfrmspec.world.bindings import bound_to
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import AlternateCareOfAddress, HomeTest, HomeTestInit


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Nothing is spoofed: the home address is the attacker's own, and the victim stands in an option."""
    if not sent:
        return Move(attacker, (put_on("B", saying(HomeTestInit(COOKIE), THIEF)),))
    home = test_for(sent, HomeTest, THIEF)
    if home is None:
        return Move(attacker)
    update = proven(Wish(options=(AlternateCareOfAddress(VICTIM),)), VICTIM, home)
    return Move(attacker, (put_on("B", saying(update, THIEFS_OTHER, home=THIEF)),))


@clause("XFRM-ATTACK-004")
def _succeeded(run: Run) -> tuple[str, ...]:
    """The attacker is on link B all the time, and the victim's address on link A."""
    flooded = bound_to(run.end, "CN", THIEF) == VICTIM
    return (f"CN sends what is for {THIEF} to {VICTIM}",) if flooded else ()


ATTACK = Attack(
    4,
    "Flooding a victim",
    Defence.CARE_OF_TOKEN,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
    opened_by=frozenset({Defence.BINDING_BY_PROOF}),
)
