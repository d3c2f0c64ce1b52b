"""Attack 9: so many tests that a correspondent node has no memory left for honest ones."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.mipv6.kept_tests import MOST_KEPT_TESTS, KeptTests
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import COOKIE, put_on, saying
from xfrmspec.world.attacks.places import THIEF, acts_at, placing
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import CareOfTestInit

_MOST_NONCES = 8


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Ask from ever other addresses, all of the link that the attacker is on."""
    if sent:
        return Move(attacker)
    sources = [IPv6Address(int(THIEF) + 0x10000 * (number + 1)) for number in range(MOST_KEPT_TESTS)]
    return Move(attacker, tuple(put_on("B", saying(CareOfTestInit(COOKIE), one)) for one in sources))


@clause("XFRM-ATTACK-009")
def _succeeded(run: Run) -> tuple[str, ...]:
    daemon = run.end.stations["CN"].daemon
    assert daemon is not None and daemon.correspondent is not None
    node = daemon.correspondent
    if isinstance(node.tests, KeptTests):
        kept, what = len(node.tests.tests), "tests"
    else:
        kept, what = max(len(node.tests.held) - _MOST_NONCES, 0), "nonces too many"
    return (f"CN keeps {kept} {what}",) if kept or node.entries else ()


ATTACK = Attack(
    9,
    "State exhaustion",
    Defence.STATELESS,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
)
