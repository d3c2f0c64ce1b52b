"""What a node sends, its mirror receives: both loops on real octets with real algorithms."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.host.node import AddressKind, Node, Secured
from xfrmspec.host.receiving import Arrived, Fate, receive
from xfrmspec.host.sending import emit
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.applying import StateKeys
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.insertion import wire_chain
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec.xfrm.templates import merge_states
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.headers import HopByHopHeader, IPv6Header, Packet, UdpHeader, WireHeader
from xfrmspec_terms.options import PadN
from xfrmspec_terms.packet import TRANSFORM_HEADERS, Header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Address, Family, Protocol
from xfrmspec_terms.state import InstalledState

HOME, CARE_OF = IPv6Address("2001:db8:a::1"), IPv6Address("2001:db8:c::1")
PEER, GATEWAY = IPv6Address("2001:db8:b::1"), IPv6Address("2001:db8:b::ff")
WINDOW = 32
_LONG_ENOUGH = 30
_COMPARED = frozenset({Header.ESP, Header.AH, Header.HAO, Header.RT2})
"""IPComp is left out where it would not shrink the packet, so it need not be met."""

ESP_KEYS = st.sampled_from(
    [
        EspKeys(
            encryption("cbc(aes)", Secret(bytes(range(16)))), integrity("hmac(sha256)", Secret(b"k" * 32))
        ),
        EspKeys(encryption("rfc4106(gcm(aes))", Secret(bytes(range(20))))),
        EspKeys(integrity=integrity("hmac(sha1)", Secret(b"q" * 20))),
    ]
)
AH_KEYS = st.just(AhKeys(integrity("hmac(sha256)", Secret(b"a" * 32))))


def association(protocol: Protocol, mode: Mode, spi: int) -> SecurityAssociation:
    if mode is Mode.TUNNEL:
        return SecurityAssociation(CARE_OF, GATEWAY, protocol, mode, spi)
    if protocol is Protocol.DESTINATION_OPTIONS:
        return SecurityAssociation(HOME, PEER, protocol, mode, care_of=CARE_OF)
    if protocol is Protocol.ROUTING:
        return SecurityAssociation(HOME, PEER, protocol, mode, care_of=GATEWAY)
    return SecurityAssociation(HOME, PEER, protocol, mode, spi)


def _keys_for(protocol: Protocol) -> st.SearchStrategy[StateKeys]:
    if protocol is Protocol.ESP:
        return ESP_KEYS
    return AH_KEYS if protocol is Protocol.AH else st.none()


@st.composite
def lists(draw: st.DrawFn) -> tuple[tuple[SecurityAssociation, StateKeys], ...]:
    """Lists that a merged pair may have, as sorted for output: at most one HAO, one RT2 and one tunnel."""
    kinds = draw(
        st.lists(
            st.sampled_from(
                [
                    (Protocol.ESP, Mode.TRANSPORT),
                    (Protocol.AH, Mode.TRANSPORT),
                    (Protocol.IPCOMP, Mode.TRANSPORT),
                    (Protocol.DESTINATION_OPTIONS, Mode.RO),
                    (Protocol.ROUTING, Mode.RO),
                    (Protocol.ESP, Mode.TUNNEL),
                    (Protocol.AH, Mode.TUNNEL),
                ]
            ),
            max_size=5,
            unique_by=lambda kind: (
                kind[0] if kind[1] is Mode.RO else (kind[1] is Mode.TUNNEL and "tunnel") or object()
            ),
        )
    )
    states = merge_states(
        [(), [association(p, m, 0x100 + n) for n, (p, m) in enumerate(kinds)]], Family.INET6
    )
    return tuple((state, draw(_keys_for(state.protocol))) for state in states)


def _window_of(state: SecurityAssociation) -> ReplayState:
    """IPComp has no numbers: a window would refuse everything."""
    return ReplayState(window=0 if state.protocol is Protocol.IPCOMP else WINDOW)


def node(
    held: Sequence[tuple[SecurityAssociation, StateKeys]], *addresses: IPv6Address, profile: Profile = CLEAN
) -> tuple[Node, tuple[int, ...]]:
    """A node with the states and keys, and their ages in the given order."""
    states = StateDatabase(profile)
    secured: dict[int, Secured] = {}
    ages: list[int] = []
    for state, keys in held:
        stored = states.linked(InstalledState(state, 0))
        states = stored.database
        ages.append(stored.entry.age)
        secured[stored.entry.age] = Secured(keys, _window_of(state))
    tables = XfrmTables(PolicyDatabase(profile))
    kinds: dict[Address, AddressKind] = {}
    for address in addresses:
        kinds[address] = AddressKind.HOME
    return Node(tables, states, secured, kinds), tuple(ages)


def plain(payload: bytes, extensions: tuple[WireHeader, ...]) -> Packet:
    return Packet((IPv6Header(HOME, PEER), *extensions, UdpHeader(4000, 5000)), payload)


def sent_and_received(
    held: Sequence[tuple[SecurityAssociation, StateKeys]], packet: Packet
) -> tuple[bytes, Arrived]:
    sender, ages = node(held, HOME, CARE_OF)
    emitted = emit(sender, packet, ages, 10, lambda octets: bytes(range(octets)))
    assert emitted.packet is not None, emitted.failed
    octets = encode(emitted.packet)
    receiver, _ = node(held, PEER, GATEWAY)
    return octets, receive(receiver, octets, 10)


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-RECV-001", "XFRM-RECV-002", "XFRM-RECV-004", "XFRM-ARCH-003")
@settings(max_examples=300, deadline=None)
@given(lists(), st.binary(max_size=400), st.booleans())
def test_the_mirror_gets_the_packet_and_the_states_in_the_order_of_the_wire(
    held: tuple[tuple[SecurityAssociation, StateKeys], ...], payload: bytes, with_options: bool
) -> None:
    extensions = (HopByHopHeader((PadN(bytes(4)),)),) if with_options else ()
    packet = plain(payload, extensions)
    octets, arrived = sent_and_received(held, packet)
    assert arrived.fate is Fate.LOCAL, (arrived.counter, [s.protocol.name for s, _ in held])
    assert arrived.packet is not None
    assert (arrived.packet.headers[-1], arrived.packet.payload) == (packet.headers[-1], payload)
    outer = arrived.packet.headers[0]
    assert isinstance(outer, IPv6Header)
    assert (outer.source, outer.destination) == (HOME, PEER)
    on_the_wire = wire_chain((Header.UDP,), [state for state, _ in held])
    expected = [header for header in on_the_wire if header in _COMPARED]
    used = [TRANSFORM_HEADERS[state.protocol] for state in arrived.path]
    assert [header for header in used if header in _COMPARED] == expected
    hidden = any(isinstance(keys, EspKeys) and keys.encryption.iv_octets for _, keys in held)
    assert len(payload) < _LONG_ENOUGH or not hidden or payload not in octets


@pytest.mark.clause("XFRM-RECV-001", "XFRM-REPLAY-002")
@settings(max_examples=50, deadline=None)
@given(lists())
def test_a_packet_received_twice_is_dropped_by_the_window_of_its_outermost_numbered_state(
    held: tuple[tuple[SecurityAssociation, StateKeys], ...],
) -> None:
    octets, first = sent_and_received(held, plain(b"once", ()))
    again = receive(first.node, octets, 10)
    numbered = any(state.protocol in (Protocol.ESP, Protocol.AH) for state, _ in held)
    assert (again.fate is Fate.DROPPED) is numbered
    if numbered:
        assert again.counter is not None and again.counter.value == "XfrmInStateSeqError"
