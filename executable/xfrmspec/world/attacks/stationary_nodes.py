"""Attack 2: a binding for a node that never moves, with nothing but an update."""

from __future__ import annotations

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import LONGEST, put_on, saying
from xfrmspec.world.attacks.places import STATIONARY, THIEF, acts_at, placing
from xfrmspec.world.bindings import bound_to
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingUpdate


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    if sent:
        return Move(attacker)
    update = BindingUpdate(1, lifetime=LONGEST)
    return Move(attacker, (put_on("B", saying(update, THIEF, home=STATIONARY)),))


@clause("XFRM-ATTACK-002")
def _succeeded(run: Run) -> tuple[str, ...]:
    stolen = bound_to(run.end, "CN", STATIONARY)
    return () if stolen is None else (f"CN sends what is for {STATIONARY} to {stolen}",)


ATTACK = Attack(
    2,
    "Stationary nodes",
    Defence.BINDING_BY_PROOF,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
)
