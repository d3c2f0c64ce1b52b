"""Small nodes of the executable specification, and packets for them, that witnesses of the loops need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv6Address

from xfrmspec.host.node import AddressKind, Node, Secured
from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.applying import Provision, apply_state
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_proofs.replay import installed
from xfrmspec_terms.association import Encapsulation, Lifecycle, SecurityAssociation
from xfrmspec_terms.headers import IPv6Header, Packet, UdpHeader
from xfrmspec_terms.policy import NO_LIMITS, Mode, Policy
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Protocol
from xfrmspec_terms.state import InstalledState

HERE, PEER = IPv6Address("2001:db8:a::1"), IPv6Address("2001:db8:b::1")
HERE_OUTSIDE, PEER_OUTSIDE = IPv6Address("2001:db8:d::1"), IPv6Address("2001:db8:c::1")
NOW = 100
NUMBER = 5
"""The sequence number of every header that a witness receives."""

_FIRST_SPI = 0x100
_IV_OCTETS = 16


@dataclass(frozen=True, slots=True)
class Holding:
    """One state of a node, with the sequence numbers that it has sent and received."""

    state: SecurityAssociation
    numbers: ReplayState = field(default_factory=lambda: ReplayState(window=32))


@cache
def _keys() -> EspKeys:
    return EspKeys(
        encryption("cbc(aes)", Secret(bytes(range(16)))), integrity("hmac(sha1)", Secret(bytes(20)))
    )


def esp_state(place: int, mode: Mode = Mode.TRANSPORT) -> SecurityAssociation:
    """Return an ESP state from PEER to HERE; a tunnel leads from and to the outside addresses."""
    ends = (PEER_OUTSIDE, HERE_OUTSIDE) if mode is Mode.TUNNEL else (PEER, HERE)
    return SecurityAssociation(*ends, Protocol.ESP, mode, _FIRST_SPI + place)


def binding_of_peer() -> SecurityAssociation:
    """Return the home address option state of PEER, which is at its outside address."""
    return SecurityAssociation(PEER, HERE, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=PEER_OUTSIDE)


def with_troubles(
    state: SecurityAssociation, *, lifecycle: int, spent: bool, wrapped: bool = False
) -> SecurityAssociation:
    """Return a state in some lifecycle, with no packet left to it or with another encapsulation."""
    return replace(
        state,
        lifecycle=Lifecycle(lifecycle),
        limits=replace(NO_LIMITS, hard_packets=0) if spent else NO_LIMITS,
        encapsulation=Encapsulation.UDP if wrapped else Encapsulation.NONE,
    )


def node_with(held: Sequence[Holding], profile: Profile, policies: Sequence[Policy] = ()) -> Node:
    """Return a node at HERE with these states, of ages 1, 2 and so on, and these policies."""
    states, secured = StateDatabase(profile), dict[int, Secured]()
    for holding in held:
        stored = states.linked(InstalledState(holding.state, 0))
        states = stored.database
        secured[stored.entry.age] = Secured(_keys_for(holding.state), holding.numbers)
    addresses: dict[Address, AddressKind] = dict.fromkeys((HERE, HERE_OUTSIDE), AddressKind.PLAIN)
    return Node(XfrmTables(installed(policies, profile)), states, secured, addresses)


def _keys_for(state: SecurityAssociation) -> EspKeys | None:
    return _keys() if state.protocol is Protocol.ESP else None


def datagram() -> Packet:
    """Return a UDP packet from PEER to HERE."""
    return Packet((IPv6Header(PEER, HERE), UdpHeader(4000, 5000)), b"payload")


def protected(packet: Packet, states: Sequence[SecurityAssociation]) -> Packet:
    """Return a packet to which PEER has applied states, innermost first."""
    for state in states:
        keys = _keys_for(state)
        iv = bytes(_IV_OCTETS) if keys else b""
        packet = apply_state(packet, state, Provision(keys, NUMBER, iv)).packet
    return packet


def damaged(packet: Packet) -> Packet:
    """Return a packet with the last bit turned over."""
    octets = encode(packet)
    read = decode(octets[:-1] + bytes((octets[-1] ^ 1,)))
    assert isinstance(read, Packet)
    return read


def packets_counted(node: Node, age: int) -> int:
    """Return how many packets a state of a node has carried; 0 for a state that is not there."""
    entry = node.states.entry(age)
    return entry.packets if entry else 0
