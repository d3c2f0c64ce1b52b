"""Attack 16: two home addresses, each bound to the other."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import LONGEST, put_on, saying
from xfrmspec.world.attacks.places import THIEF, acts_at, placing
from xfrmspec.world.cast import CORRESPONDENT, HOME_AGENT
from xfrmspec.world.plan import Ping, Planned
from xfrmspec.world.sending import TUNNELS_IN_ONE_ANOTHER
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.mobility import AlternateCareOfAddress, BindingUpdate

_ONE = IPv6Address("2001:db8:1::a")
_OTHER = IPv6Address("2001:db8:1::b")


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Register both; nobody else has these home addresses, and without IPsec nobody asks whose they are."""
    if sent:
        return Move(attacker)
    return Move(attacker, (put_on("B", _update(_ONE, _OTHER)), put_on("B", _update(_OTHER, _ONE))))


def _update(home: IPv6Address, care_of: IPv6Address) -> Packet:
    options = (AlternateCareOfAddress(care_of),)
    update = BindingUpdate(1, True, home_registration=True, lifetime=LONGEST, options=options)
    return saying(update, THIEF, HOME_AGENT, home=home)


@clause("XFRM-ATTACK-016")
def _succeeded(run: Run) -> tuple[str, ...]:
    return tuple(
        f"{lost.station} puts a packet for {_ONE} into one tunnel after the other"
        for turn in run.turns
        for handled in turn.handled
        for lost in handled.losses
        if lost.why == TUNNELS_IN_ONE_ANOTHER
    )


ATTACK = Attack(
    16,
    "Circles",
    Defence.ACYCLIC,
    _succeeded,
    until=3100,
    placed=placing(_react, "B"),
    planned=(*acts_at(1000), Planned(3000, Ping("CN", CORRESPONDENT, _ONE))),
)
