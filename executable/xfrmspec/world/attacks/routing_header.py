"""Attack 12: a mobile node sends packets on to wherever a routing header says."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.wire.decode import decode
from xfrmspec.wire.route_optimisation import add_type2_routing
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import echo, put_on
from xfrmspec.world.attacks.places import STATIONARY, THIEF, acts_at, placing
from xfrmspec.world.cast import HOME_ADDRESS
from xfrmspec.world.sent import Sent
from xfrmspec.world.world import Turn
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import IPv6Header, Packet, Type2RoutingHeader


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    if sent:
        return Move(attacker)
    return Move(attacker, (put_on("B", add_type2_routing(echo(THIEF, STATIONARY), HOME_ADDRESS)),))


@clause("XFRM-ATTACK-012")
def _succeeded(run: Run) -> tuple[str, ...]:
    """A header without segments left has been worked through: only its owner may have the packet then."""
    return tuple(
        f"{sent.sender} sends a packet on to {where}"
        for turn in run.turns
        for sent in turn.sent
        for where in _led_to(sent, turn)
    )[:1]


def _led_to(sent: Sent, turn: Turn) -> tuple[IPv6Address, ...]:
    packet = decode(sent.frame.octets)
    if not isinstance(packet, Packet) or sent.sender not in turn.world.stations:
        return ()
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    used = any(isinstance(one, Type2RoutingHeader) and not one.segments_left for one in packet.headers)
    return (outer.destination,) if used else ()


ATTACK = Attack(
    12,
    "Forwarding by a routing header",
    Defence.ROUTING_HEADER,
    _succeeded,
    until=1050,
    placed=placing(_react, "B"),
    planned=acts_at(1000),
)
