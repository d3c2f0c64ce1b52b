"""Attack 7: somebody keeps every message of a mobile node back, and its bindings stay."""

from __future__ import annotations

from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.places import asks, moves
from xfrmspec.world.bindings import all_bindings
from xfrmspec.world.cast import MOBILE_PLUG
from xfrmspec.world.plan import Planned, Replug
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence

_CUT = 8 * SECOND


@clause("XFRM-ATTACK-007")
def _succeeded(run: Run) -> tuple[str, ...]:
    now = run.end.now
    return tuple(
        f"{station} has {binding.home_address} at {binding.care_of} for longer than was granted"
        for station, binding in all_bindings(run.end)
        if binding.accepted_at + binding.granted < now
    )


ATTACK = Attack(
    7,
    "Stale bindings",
    Defence.REFRESH,
    _succeeded,
    until=430 * SECOND,
    planned=(moves(1 * SECOND, "A"), asks(5 * SECOND), Planned(_CUT, Replug(MOBILE_PLUG, None))),
)
