"""Attack 11: a packet that says it is from somebody else, whom the answer then reaches."""

from __future__ import annotations

from xfrmspec.wire.options import home_address_options
from xfrmspec.wire.route_optimisation import add_home_address
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import echo, put_on
from xfrmspec.world.attacks.places import STATIONARY, THIEF, acts_at, placing
from xfrmspec.world.bindings import all_bindings
from xfrmspec.world.cast import CORRESPONDENT
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import Packet


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    if sent:
        return Move(attacker)
    packet = add_home_address(echo(STATIONARY, CORRESPONDENT), THIEF)
    return Move(attacker, (put_on("B", packet),))


@clause("XFRM-ATTACK-011")
def _succeeded(run: Run) -> tuple[str, ...]:
    """Deliveries are what upper layers read; updates are a daemon's and none of them."""
    found: list[str] = []
    before = run.start
    for turn in run.turns:
        standing = {(name, one.home_address, one.care_of) for name, one in all_bindings(before)}
        for read in (delivery for handled in turn.handled for delivery in handled.deliveries):
            for care_of in _sources_on_the_wire(read.packet):
                if (read.station, read.source, care_of) not in standing:
                    found.append(f"{read.station} reads a packet of {care_of} as one of {read.source}")
        before = turn.world
    return tuple(found)


def _sources_on_the_wire(packet: Packet) -> tuple[object, ...]:
    return tuple(option.address for option in home_address_options(packet.headers) if option.exchanged)


ATTACK = Attack(
    11,
    "Reflection by a home address option",
    Defence.HOME_ADDRESS_OPTION,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
)
