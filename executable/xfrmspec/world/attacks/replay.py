"""Attack 6: an update is sent once more when its sender has moved on."""

from __future__ import annotations

from xfrmspec.mipv6.sequence import is_ahead
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.places import acts_at, asks, moves, placing
from xfrmspec.world.bindings import all_bindings
from xfrmspec.world.cast import CORRESPONDENT
from xfrmspec.world.reading import reading_of
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingUpdate


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Repeat the frame octet for octet."""
    if sent:
        return Move(attacker)
    found = [one.frame for one in attacker.seen if _is_update(one)]
    return Move(attacker, tuple(found[:1]))


def _is_update(sent: Sent) -> bool:
    reading = reading_of(sent.frame.octets)
    return (
        reading is not None
        and isinstance(reading.message, BindingUpdate)
        and reading.destination == CORRESPONDENT
    )


@clause("XFRM-ATTACK-006")
def _succeeded(run: Run) -> tuple[str, ...]:
    """Look at every binding: the number that was accepted last never goes back or stays."""
    last: dict[tuple[str, object], tuple[int, int]] = {}
    found: list[str] = []
    for turn in run.turns:
        for station, binding in all_bindings(turn.world):
            key = (station, binding.home_address)
            accepted_at, number = last.get(key, (binding.accepted_at, binding.sequence))
            if accepted_at != binding.accepted_at and not is_ahead(binding.sequence, number):
                found.append(f"{station} takes update {binding.sequence} after {number}: {binding.care_of}")
            last[key] = (binding.accepted_at, binding.sequence)
    return tuple(found)


ATTACK = Attack(
    6,
    "Replay",
    Defence.SEQUENCE,
    _succeeded,
    until=13 * SECOND,
    placed=placing(_react, "A"),
    planned=(moves(1 * SECOND, "A"), asks(5 * SECOND), moves(8 * SECOND, "B"), *acts_at(12 * SECOND)),
)
