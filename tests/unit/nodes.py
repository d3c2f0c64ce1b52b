"""Nodes, states with keys, and packets that the unit tests of the two loops share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.host.node import AddressKind, Node, Secured
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.applying import Provision, StateKeys, apply_state
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.headers import IPv6Header, Packet, UdpHeader, WireHeader
from xfrmspec_terms.policy import Mode, Policy
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Address, Protocol
from xfrmspec_terms.state import InstalledState

HERE, PEER = IPv6Address("2001:db8:a::1"), IPv6Address("2001:db8:b::1")
CARE_OF, GATEWAY = IPv6Address("2001:db8:c::1"), IPv6Address("2001:db8:d::1")
ESP_KEYS = EspKeys(encryption("cbc(aes)", Secret(bytes(16))), integrity("hmac(sha1)", Secret(bytes(20))))
AH_KEYS = AhKeys(integrity("hmac(sha256)", Secret(bytes(32))))
WINDOW = 32
NOW = 100

Held = tuple[SecurityAssociation, StateKeys]


def esp(spi: int = 0x100, mode: Mode = Mode.TRANSPORT) -> SecurityAssociation:
    """An ESP state from PEER to HERE; a tunnel leads from CARE_OF to GATEWAY."""
    ends = (CARE_OF, GATEWAY) if mode is Mode.TUNNEL else (PEER, HERE)
    return SecurityAssociation(*ends, Protocol.ESP, mode, spi)


def hao() -> SecurityAssociation:
    """The binding of PEER, which is at CARE_OF."""
    return SecurityAssociation(PEER, HERE, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=CARE_OF)


def rt2() -> SecurityAssociation:
    """The binding of HERE, which is at GATEWAY, as PEER knows it."""
    return SecurityAssociation(PEER, HERE, Protocol.ROUTING, Mode.RO, care_of=GATEWAY)


def node(
    held: Sequence[Held] = (),
    *,
    profile: Profile = CLEAN,
    policies: Sequence[Policy] = (),
    addresses: Sequence[IPv6Address] = (HERE, GATEWAY),
    home: Sequence[IPv6Address] = (),
    numbers: ReplayState | None = None,
) -> Node:
    """A node with these states (the first is the oldest, of age 1), policies and addresses."""
    states, secured = StateDatabase(profile), dict[int, Secured]()
    for state, keys in held:
        stored = states.linked(InstalledState(state, 0))
        states = stored.database
        secured[stored.entry.age] = Secured(keys, numbers or ReplayState(window=WINDOW))
    database = PolicyDatabase(profile)
    for policy in policies:
        database = add(database, policy).database
    kinds: dict[Address, AddressKind] = dict.fromkeys(addresses, AddressKind.PLAIN)
    kinds |= dict.fromkeys(home, AddressKind.HOME)
    return Node(XfrmTables(database), states, secured, kinds)


def datagram(*extensions: WireHeader, payload: bytes = b"payload") -> Packet:
    """A UDP packet from PEER to HERE."""
    return Packet((IPv6Header(PEER, HERE), *extensions, UdpHeader(4000, 5000)), payload)


def wire(held: Sequence[Held], packet: Packet | None = None, number: int = 1) -> bytes:
    """The octets of a packet to which states were applied, innermost first, each with this number."""
    packet = packet or datagram()
    for state, keys in held:
        iv = bytes(16) if isinstance(keys, EspKeys) else b""
        packet = apply_state(packet, state, Provision(keys, number, iv)).packet
    return encode(packet)


def damaged(octets: bytes) -> bytes:
    """The octets with the last bit turned over."""
    return octets[:-1] + bytes((octets[-1] ^ 1,))


def with_state(held: Node, age: int, **changes: object) -> Node:
    """The node with parts of one stored state exchanged."""
    entry = held.states.entry(age)
    assert entry is not None
    changed = replace(entry, association=replace(entry.association, **changes))  # type: ignore[arg-type]
    return replace(held, states=held.states.with_entry(changed))
