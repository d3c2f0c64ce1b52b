"""Attack 8: a mobile node is made to test and bind the same peer over and over."""

from __future__ import annotations

from collections import defaultdict

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import echo, put_on, saying
from xfrmspec.world.attacks.places import acts_at, asks, moves, placing
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS
from xfrmspec.world.reading import reading_of
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingError, BindingErrorStatus

_MOST = 3
_GAP = 100
_ROUNDS = 5


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """In the name of the peer: first the binding is not known any more, then there is something to answer."""
    if sent:
        return Move(attacker)
    error = BindingError(BindingErrorStatus.UNKNOWN_BINDING, HOME_ADDRESS)
    packets = saying(error, CORRESPONDENT, HOME_ADDRESS), echo(CORRESPONDENT, HOME_ADDRESS)
    return Move(attacker, tuple(put_on("B", packet) for packet in packets))


@clause("XFRM-ATTACK-008")
def _succeeded(run: Run) -> tuple[str, ...]:
    """Count what the mobile node sends, by type and receiver, in every 1000 ms."""
    times: dict[tuple[str, object], list[int]] = defaultdict(list)
    for turn in run.turns:
        for sent in turn.sent:
            reading = reading_of(sent.frame.octets) if sent.sender == "MN" else None
            if reading is not None:
                times[type(reading.message).__name__, reading.destination].append(sent.at)
    return tuple(
        f"MN sends {name} to {peer} {_MOST + 1} times within {later - earlier} ms"
        for (name, peer), when in sorted(times.items(), key=str)
        for earlier, later in zip(when, when[_MOST:], strict=False)
        if later - earlier < SECOND
    )


ATTACK = Attack(
    8,
    "Needless updates",
    Defence.RATE,
    _succeeded,
    until=8 * SECOND,
    placed=placing(_react, "B"),
    planned=(
        moves(1 * SECOND, "A"),
        asks(5 * SECOND),
        *acts_at(*(7 * SECOND + _GAP * number for number in range(_ROUNDS))),
    ),
)
