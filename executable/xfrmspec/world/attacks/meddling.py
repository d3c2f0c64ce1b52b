"""An attacker without keys and without a plan: it repeats, damages and forges by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.wire.route_optimisation import add_home_address
from xfrmspec.world.attacker import Attacker, Move
from xfrmspec.world.attacks.forging import COOKIE, Wish, echo, proven, put_on, saying, test_for
from xfrmspec.world.attacks.places import NAME, STATIONARY, THIEF, THIEFS_OTHER, VICTIM
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, HOME_AGENT
from xfrmspec.world.sent import Sent
from xfrmspec.world.station import Frame
from xfrmspec.world.weather import below
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
)

_CARE_OF = tuple(IPv6Address(f"2001:db8:{link}::ff:fe00:505") for link in "ab")
_ADDRESSES = (HOME_ADDRESS, THIEF, THIEFS_OTHER, VICTIM, STATIONARY, *_CARE_OF)
_PEERS = (CORRESPONDENT, HOME_AGENT)
_WAYS = 7


class _Chance:
    """Numbers out of an attacker's entropy, which they use up."""

    def __init__(self, entropy: Entropy) -> None:
        self.entropy = entropy

    def below(self, limit: int) -> int:
        number, self.entropy = below(limit, self.entropy)
        return number

    def address(self, of: tuple[IPv6Address, ...] = _ADDRESSES) -> IPv6Address:
        return of[self.below(len(of))]


def meddler(entropy: Entropy, links: frozenset[str]) -> Attacker:
    """Return an attacker that meddles whenever it is asked to act."""
    return Attacker(NAME, links, _react, entropy=entropy)


def _react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    if sent:
        return Move(attacker)
    chance = _Chance(attacker.entropy)
    links = sorted(attacker.links)
    link = links[chance.below(len(links))]
    frame = _meddled(attacker, link, chance)
    return Move(replace(attacker, entropy=chance.entropy), () if frame is None else (frame,))


def _meddled(attacker: Attacker, link: str, chance: _Chance) -> Frame | None:
    ways: tuple[Callable[[Attacker, _Chance], Packet], ...] = (_test, _update, _update, _answer, _option)
    way = chance.below(_WAYS)
    if way < len(ways):
        return put_on(link, ways[way](attacker, chance))
    if not attacker.seen:
        return None
    repeated = attacker.seen[chance.below(len(attacker.seen))].frame
    octets = repeated.octets if way == len(ways) else _damaged(repeated.octets, chance)
    return Frame(link, repeated.to, octets)


def _damaged(octets: bytes, chance: _Chance) -> bytes:
    """Change one octet, or cut the packet."""
    at = chance.below(len(octets))
    if chance.below(3) == 0:
        return octets[:at]
    return octets[:at] + bytes((octets[at] ^ 1 + chance.below(255),)) + octets[at + 1 :]


def _test(attacker: Attacker, chance: _Chance) -> Packet:
    message = (HomeTestInit, CareOfTestInit)[chance.below(2)](COOKIE)
    return saying(message, chance.address(), chance.address(_PEERS))


def _update(attacker: Attacker, chance: _Chance) -> Packet:
    """Use every token that was seen for these addresses, and do without the others."""
    home, care_of, peer = chance.address(), chance.address(), chance.address(_PEERS)
    at_home = test_for(attacker.seen, HomeTest, home)
    away = test_for(attacker.seen, CareOfTest, care_of)
    number, lifetime = chance.below(1 << 16), 150 * chance.below(3)
    if at_home is None and away is None:
        registers = chance.below(2) == 0
        update = BindingUpdate(number, True, home_registration=registers, lifetime=lifetime)
    else:
        update = proven(Wish(number, lifetime), care_of if lifetime else home, at_home, away)
    return saying(update, care_of, peer, home=home)


def _answer(attacker: Attacker, chance: _Chance) -> Packet:
    """Say something in the name of home agent or correspondent node to the mobile node."""
    statuses = tuple(BindingStatus)
    messages: tuple[MobilityMessage, ...] = (
        BindingRefreshRequest(),
        BindingError(1 + chance.below(2), HOME_ADDRESS),
        BindingAcknowledgement(statuses[chance.below(len(statuses))], False, chance.below(8), 100),
    )
    receiver = chance.address((HOME_ADDRESS, *_CARE_OF))
    return saying(messages[chance.below(len(messages))], chance.address(_PEERS), receiver)


def _option(attacker: Attacker, chance: _Chance) -> Packet:
    return add_home_address(echo(chance.address(), chance.address(_PEERS)), chance.address())
