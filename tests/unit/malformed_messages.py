"""Mobility headers that are damaged in every way, put before the nodes of a world, and what is due for each.

By hand: `python tests/unit/malformed_messages.py NUMBER SEED` tries that many by chance.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv6Address
from random import Random

from xfrmspec.wire.checksum import upper_checksum
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec.wire.options import home_address_header
from xfrmspec.world.attacks.places import THIEF, asks, moves
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, HOME_AGENT, ROUTER_INSIDE, Casting, usual_world
from xfrmspec.world.handled import Handled
from xfrmspec.world.receiving import Setting, take
from xfrmspec.world.starting import started
from xfrmspec.world.telling import settle
from xfrmspec.world.turning import turns
from xfrmspec.world.world import World
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, MobilityHeader, Packet, Type2RoutingHeader
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    NonceIndices,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.profile import PROFILES
from xfrmspec_terms.selector import Protocol

CARE_OF = IPv6Address("2001:db8:a::ff:fe00:505")
NOW = 7000
LEAST = {0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 5: 1, 6: 1, 7: 2}
"""The least length field of every message that is known (XFRM-MH-002)."""
MESSAGES: tuple[MobilityMessage, ...] = (
    BindingRefreshRequest(),
    HomeTestInit(b"cookie 1"),
    CareOfTestInit(b"cookie 2"),
    HomeTest(1, b"cookie 3", b"token 3."),
    CareOfTest(1, b"cookie 4", b"token 4."),
    BindingUpdate(
        9,
        True,
        lifetime=5,
        options=(AlternateCareOfAddress(CARE_OF), NonceIndices(0, 0), BindingAuthorizationData(bytes(12))),
    ),
    BindingAcknowledgement(BindingStatus.ACCEPTED, False, 1, 5, (BindingRefreshAdvice(3),)),
    BindingError(1, HOME_ADDRESS),
)


class Way(Enum):
    """By which headers a mobility header comes, and to whom: the station is the value's first word."""

    CORRESPONDENT = "CN"
    BOUND = "CN by the option of a binding"
    AGENT = "HA"
    MOBILE = "MN"
    ROUTED = "MN by a routing header"
    ROUTER = "R"

    @property
    def station(self) -> str:
        """Return the name of the station."""
        return self.value.split()[0]


class Due(Enum):
    """What chapter 10 asks of a node; SILENCE is a drop without a word, JUDGED is for the machines."""

    SILENCE = "silence"
    UNHEARD = "parameter problem 1"
    WRONG_PROTOCOL = "parameter problem 0 at the payload protocol"
    WRONG_LENGTH = "parameter problem 0 at the length"
    UNKNOWN_TYPE = "binding error 2"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Trial:
    """One mobility header in octets, the way it comes, and the profile of the nodes."""

    way: Way
    octets: bytes
    profile: str = "clean"


_OUTER = {
    Way.CORRESPONDENT: (IPv6Header(THIEF, CORRESPONDENT),),
    Way.BOUND: (IPv6Header(CARE_OF, CORRESPONDENT), home_address_header(HOME_ADDRESS)),
    Way.AGENT: (IPv6Header(THIEF, HOME_AGENT),),
    Way.MOBILE: (IPv6Header(CORRESPONDENT, CARE_OF),),
    Way.ROUTED: (IPv6Header(CORRESPONDENT, CARE_OF), Type2RoutingHeader(HOME_ADDRESS)),
    Way.ROUTER: (IPv6Header(THIEF, ROUTER_INSIDE),),
}
_ENDS = {
    Way.CORRESPONDENT: (THIEF, CORRESPONDENT),
    Way.BOUND: (HOME_ADDRESS, CORRESPONDENT),
    Way.AGENT: (THIEF, HOME_AGENT),
    Way.MOBILE: (CORRESPONDENT, CARE_OF),
    Way.ROUTED: (CORRESPONDENT, HOME_ADDRESS),
    Way.ROUTER: (THIEF, ROUTER_INSIDE),
}
"""The addresses that the checksum covers."""
_STARTS = {Way.BOUND: 64, Way.ROUTED: 64}


@cache
def optimised(profile: str) -> World:
    """Return a world in which the mobile node is on link A and optimised with the correspondent node."""
    plan = moves(1000, "A"), asks(5000)
    *_, last = turns(started(usual_world(Casting(profile=PROFILES[profile]))).planning(*plan), NOW)
    return last.world


def with_checksum(way: Way, octets: bytes) -> bytes:
    """Return the header with a right checksum, if it is long enough to have one."""
    if len(octets) < 6:
        return octets
    blank = octets[:4] + bytes(2) + octets[6:]
    right = upper_checksum(_ENDS[way], Protocol.MOBILITY, blank)
    return blank[:4] + right.to_bytes(2, "big") + blank[6:]


def packet_of(trial: Trial) -> bytes:
    """Return the packet in octets."""
    return encode(Packet((*_OUTER[trial.way], UpperLayer(Protocol.MOBILITY)), trial.octets))


def put_before(trial: Trial) -> Handled:
    """Let the station take the packet, and its daemon hear what follows."""
    world = optimised(trial.profile)
    setting = Setting(world.topology, NOW + 1)
    taken = take(world.stations[trial.way.station], packet_of(trial), setting)
    return settle(taken, world.topology, NOW + 1)


def due(trial: Trial) -> Due:
    """Return what is due for a header, from chapter 10 and nothing else."""
    octets = trial.octets
    if len(octets) < 8 or 8 * (octets[1] + 1) > len(octets):
        return Due.SILENCE
    if trial.way is Way.ROUTER:
        return Due.UNHEARD
    protocol, length, kind = octets[0], octets[1], octets[2]
    faults = {
        Due.SILENCE: with_checksum(trial.way, octets) != octets,
        Due.UNKNOWN_TYPE: kind > 7,
        Due.WRONG_PROTOCOL: protocol != Protocol.NO_NEXT_HEADER,
        Due.WRONG_LENGTH: length < LEAST.get(kind, 0),
    }
    early = (Due.WRONG_LENGTH, Due.WRONG_PROTOCOL, Due.SILENCE, Due.UNKNOWN_TYPE)
    order = early if trial.profile == "linux-6.1" else tuple(faults)
    return next((fault for fault in order if faults[fault]), Due.JUDGED)


def seen(trial: Trial, handled: Handled) -> Due:
    """Return what a station did: its answer, silence with a drop that names its reason, or its own thing."""
    answers = [one for frame in handled.frames if (one := _answer(trial, frame.octets)) is not None]
    if answers:
        assert len(answers) == 1
        return answers[0]
    if handled.losses:
        assert all(lost.why for lost in handled.losses)
        return Due.SILENCE
    return Due.JUDGED


def _answer(trial: Trial, octets: bytes) -> Due | None:
    packet = decode(octets)
    assert isinstance(packet, Packet)
    upper = packet.headers[-1]
    start = _STARTS.get(trial.way, 40)
    if isinstance(upper, IcmpV6Header) and upper.type == 4:
        found = {(1, 6): Due.UNHEARD, (0, start): Due.WRONG_PROTOCOL, (0, start + 1): Due.WRONG_LENGTH}
        assert _is_quoted(trial, packet.payload)
        return found[upper.code, int.from_bytes(upper.body, "big")]
    if isinstance(upper, MobilityHeader) and upper.type == 7 and upper.data[0] == 2:
        return Due.UNKNOWN_TYPE
    return None


def _is_quoted(trial: Trial, quotation: bytes) -> bool:
    """A routing header is quoted as it was left: its address is the destination, and one hop is taken."""
    sent = packet_of(trial)
    if trial.way is not Way.ROUTED:
        return quotation == sent
    return quotation[64:] == sent[64:] and quotation[24:40] == HOME_ADDRESS.packed


def agrees(trial: Trial) -> bool:
    """Tell whether a node does what is due; options that chapter 10 refuses are dropped in silence."""
    wanted, found = due(trial), seen(trial, put_before(trial))
    return found is wanted or (wanted is Due.JUDGED and found is Due.SILENCE)


def truncations(way: Way) -> Iterator[Trial]:
    """Yield every message cut at every octet, with and without a right checksum."""
    for message in MESSAGES:
        whole = octets_of(message)
        for size in range(len(whole)):
            yield Trial(way, whole[:size])
            yield Trial(way, with_checksum(way, whole[:size]))


def wrong_lengths(way: Way, profile: str = "clean") -> Iterator[Trial]:
    """Yield every message with every value in its length field, and in the length of each option."""
    for message in MESSAGES:
        whole = octets_of(message)
        for at in (1, *_option_lengths(whole)):
            for value in range(256):
                octets = whole[:at] + bytes((value,)) + whole[at + 1 :]
                yield Trial(way, with_checksum(way, octets), profile)


_FIXED = {5: 12, 6: 12}


def _option_lengths(whole: bytes) -> Iterator[int]:
    """Yield where the lengths of options stand in an update or acknowledgement."""
    at = _FIXED.get(whole[2], len(whole))
    while at < len(whole):
        if whole[at] == 0:
            at += 1
            continue
        yield at + 1
        at += 2 + whole[at + 1]


def octets_of(message: MobilityMessage) -> bytes:
    """Return a message in octets, as it stands behind an IPv6 header."""
    packet = Packet((IPv6Header(THIEF, CORRESPONDENT), header_of(message)))
    return encode(packet)[40:]


def by_chance(random: Random) -> Trial:
    """Return noise, or a message with a few octets changed, mostly with right length and checksum."""
    way = random.choice(list(Way))
    profile = random.choice(("clean", "linux-6.1"))
    if random.random() < 0.4:
        octets = random.randbytes(random.randrange(72))
    else:
        changed = bytearray(octets_of(random.choice(MESSAGES)))
        for _ in range(random.randrange(4)):
            changed[random.randrange(len(changed))] = random.randrange(256)
        octets = bytes(changed) + random.randbytes(random.choice((0, 0, 0, 8)))
    if len(octets) >= 8 and random.random() < 0.5:
        head = bytes((59 if random.random() < 0.8 else octets[0], len(octets) // 8 - 1))
        octets = head + octets[2:]
    right = random.random() < 0.85
    return Trial(way, with_checksum(way, octets) if right else octets, profile)


def main(number: int, seed: int) -> int:
    """Try many by chance, print what was due how often, and name the first that disagrees."""
    random, counts, began = Random(seed), Counter[str](), time.monotonic()
    for index in range(number):
        trial = by_chance(random)
        if not agrees(trial):
            sys.stdout.write(f"number {index}: {trial}\n")
            return 1
        counts[due(trial).value] += 1
    took, what = time.monotonic() - began, dict(sorted(counts.items()))
    sys.stdout.write(f"{number} headers in {took:.0f} s, all as due: {what}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
