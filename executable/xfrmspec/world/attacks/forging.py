"""What attackers make: frames for the link they are on, and messages with the proofs that they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TypeVar

from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec.wire.route_optimisation import add_home_address
from xfrmspec.world.cast import CORRESPONDENT, LINKS
from xfrmspec.world.reading import Reading, reading_of
from xfrmspec.world.sent import Sent
from xfrmspec.world.station import Frame
from xfrmspec.world.upper import ECHO_REQUEST
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet
from xfrmspec_terms.mobility import (
    BindingUpdate,
    CareOfTest,
    HomeTest,
    MobilityMessage,
    MobilityOptions,
    NonceIndices,
)

COOKIE = b"attacker"
"""The cookie of every test that an attacker asks for: it need not be a secret."""
LONGEST = 0xFFFF
"""The longest lifetime that an update can ask for, in units of 4 s."""
GUESSES = (0x4000, 0xC000)
"""Whatever number the victim is at, one of these two is ahead of it."""
_LINKS = {link.name: link for link in LINKS}
_Test = TypeVar("_Test", HomeTest, CareOfTest)


def put_on(link: str, packet: Packet) -> Frame:
    """Return a frame that brings a packet to its destination on a link, or to the router there."""
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    here = _LINKS[link]
    neighbour = outer.destination if outer.destination in here.prefix else here.router
    return Frame(link, neighbour, encode(packet))


def saying(
    message: MobilityMessage,
    source: IPv6Address,
    destination: IPv6Address = CORRESPONDENT,
    home: IPv6Address | None = None,
) -> Packet:
    """Return a message from a source, with an address in a home address option if one is given."""
    header = header_of(message)
    if home is None:
        return Packet((IPv6Header(source, destination), header))
    return add_home_address(Packet((IPv6Header(home, destination), header)), source)


def echo(source: IPv6Address, destination: IPv6Address) -> Packet:
    """Return an echo request."""
    return Packet((IPv6Header(source, destination), IcmpV6Header(ECHO_REQUEST, 0, bytes(4))), b"hello?")


def readings(frames: Iterable[Sent]) -> list[Reading]:
    """Return the mobility messages that can be read in frames."""
    found = (reading_of(sent.frame.octets) for sent in frames)
    return [one for one in found if one is not None]


def test_for(frames: Iterable[Sent], kind: type[_Test], address: IPv6Address) -> _Test | None:
    """Return the last test that was sent to an address in these frames."""
    found = [one.message for one in readings(frames) if one.destination == address]
    tests = [message for message in found if isinstance(message, kind)]
    return tests[-1] if tests else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What an update asks for: its number, its lifetime in units of 4 s, and further options."""

    sequence: int = 1
    lifetime: int = LONGEST
    options: MobilityOptions = ()


def proven(
    wish: Wish,
    covered: IPv6Address,
    home: HomeTest | None = None,
    care_of: CareOfTest | None = None,
) -> BindingUpdate:
    """Return an update signed with the tokens of one test or two; `covered` is the address it binds.

    An index that no test gave is that of the other. ValueError without any test.
    """
    tests = [test for test in (home, care_of) if test is not None]
    if not tests:
        raise ValueError("an update is signed with one token at least")
    indices = NonceIndices(
        tests[0].nonce_index if home is None else home.nonce_index,
        tests[-1].nonce_index if care_of is None else care_of.nonce_index,
    )
    update = BindingUpdate(wish.sequence, True, lifetime=wish.lifetime, options=(*wish.options, indices))
    key = binding_management_key(*(test.keygen_token for test in tests))
    return authorised(update, key, covered, CORRESPONDENT)
