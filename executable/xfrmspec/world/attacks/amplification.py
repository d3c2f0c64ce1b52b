"""Attack 10: one test that is answered twice."""

from __future__ import annotations

from collections import Counter

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, Wish, proven, put_on, readings, saying, test_for
from xfrmspec.world.attacks.places import THIEF, THIEFS_OTHER, acts_at, placing
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)

_DOUBLE = b"twofold!"
_TESTS = HomeTest | CareOfTest


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Bind an own address to another own one: only then the policies let a test with the option through."""
    if not sent:
        first = saying(HomeTestInit(COOKIE), THIEF), saying(CareOfTestInit(COOKIE), THIEFS_OTHER)
        return Move(attacker, tuple(put_on("B", packet) for packet in first))
    new = readings(sent)
    if any(isinstance(one.message, BindingAcknowledgement) for one in new):
        double = saying(CareOfTestInit(_DOUBLE), THIEFS_OTHER, home=THIEF)
        return Move(attacker, (put_on("B", double),))
    care_of = test_for(sent, CareOfTest, THIEFS_OTHER)
    home = test_for(attacker.seen, HomeTest, THIEF)
    if care_of is None or home is None or care_of.cookie == _DOUBLE:
        return Move(attacker)
    update = proven(Wish(), THIEFS_OTHER, home, care_of)
    return Move(attacker, (put_on("B", saying(update, THIEFS_OTHER, home=THIEF)),))


@clause("XFRM-ATTACK-010")
def _succeeded(run: Run) -> tuple[str, ...]:
    """Every test that CN sends has the cookie of the one that it answers, and each of these is sent once."""
    answers = Counter(
        (type(reading.message).__name__, reading.message.cookie)
        for turn in run.turns
        for reading in readings(one for one in turn.sent if one.sender == "CN")
        if isinstance(reading.message, _TESTS)
    )
    return tuple(f"CN answers one test {count} times" for _, count in sorted(answers.items()) if count > 1)


ATTACK = Attack(
    10,
    "Amplification",
    Defence.ONE_REPLY,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
)
