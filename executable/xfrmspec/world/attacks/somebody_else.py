"""Attack 13: a mobile node registers the home address of another under its own association."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.host.node import Node
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.wire.applying import Provision, apply_state
from xfrmspec.wire.esp import EspKeys
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.forging import GUESSES, LONGEST, put_on, saying
from xfrmspec.world.attacks.places import NAME, THIEF, acts_at, moves
from xfrmspec.world.bindings import registrations_at
from xfrmspec.world.cast import HOME_ADDRESS, HOME_AGENT, SECOND_HOME_ADDRESS, SECOND_PLUG, Casting
from xfrmspec.world.sent import Sent
from xfrmspec.world.world import World
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.mobility import BindingUpdate
from xfrmspec_terms.policy import Mode

_AWAY = 1000


def _placed(world: World) -> World:
    """Let the second mobile node be the attacker, with its kernel and the keys in it."""
    own = world.stations["M2"].node
    attacker = Attacker(NAME, frozenset({"B"}), _react, own=own)
    world = replace(world, topology=world.topology.moved(SECOND_PLUG, None))
    return world.with_attacker(attacker)


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    if sent or attacker.own is None:
        return Move(attacker)
    own = attacker.own
    sealed = [_sealed(own, _update(guess), number) for number, guess in enumerate(GUESSES, 1)]
    return Move(attacker, tuple(put_on("B", packet) for packet in sealed))


def _update(number: int) -> Packet:
    update = BindingUpdate(number, True, home_registration=True, lifetime=LONGEST)
    return saying(update, THIEF, HOME_AGENT, home=HOME_ADDRESS)


def _sealed(own: Node, packet: Packet, number: int) -> Packet:
    """Protect a packet with the association of the attacker's own home address."""
    entry = next(
        one
        for one in own.states
        if one.association.mode is Mode.TRANSPORT and one.association.source == SECOND_HOME_ADDRESS
    )
    keys = own.of(entry.age).keys
    assert isinstance(keys, EspKeys)
    provision = Provision(keys, number=number, iv=bytes(keys.encryption.iv_octets))
    return apply_state(packet, entry.association, provision).packet


@clause("XFRM-ATTACK-013")
def _succeeded(run: Run) -> tuple[str, ...]:
    """The attacker is on link B, the mobile node is not."""
    foreign: list[tuple[IPv6Address, IPv6Address]] = [
        (one.home_address, one.care_of)
        for one in registrations_at(run.end, "HA")
        if one.home_address == HOME_ADDRESS and one.care_of == THIEF
    ]
    return tuple(f"HA sends what is for {home} to {care_of}" for home, care_of in foreign)


ATTACK = Attack(
    13,
    "Registering somebody else",
    Defence.ASSOCIATION,
    _succeeded,
    until=_AWAY + 4000,
    casting=Casting(protection=Protection.SIGNALLING, mobiles=("MN", "M2")),
    placed=_placed,
    planned=(moves(_AWAY, "A"), *acts_at(_AWAY + 3500)),
)
