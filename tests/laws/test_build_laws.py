"""One pass over the octets gives what one state after the other gives, octet for octet."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.applying import Provision, apply_state
from xfrmspec.wire.build import Application, build
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    HopByHopHeader,
    IPv6Header,
    Packet,
    RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, PadN
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

HERE, THERE, ELSEWHERE = (IPv6Address(f"2001:db8:{n}::1") for n in "abc")
ESP = EspKeys(encryption("cbc(aes)", Secret(bytes(16))), integrity("hmac(sha1)", Secret(bytes(20))))
AH = AhKeys(integrity("hmac(sha256)", Secret(bytes(32))))
PADDING = PadN(bytes(4))

EXTENSIONS: tuple[WireHeader, ...] = (
    DestinationOptionsHeader((PADDING,)),
    RoutingHeader(4, 0, bytes(4)),
    DestinationOptionsHeader((PadN(bytes(2)), HomeAddressOption(ELSEWHERE))),
)
KINDS = (
    *((Protocol.ESP, mode) for mode in (Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET, Mode.RO)),
    *((Protocol.AH, mode) for mode in (Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)),
    *((Protocol.IPCOMP, mode) for mode in (Mode.TRANSPORT, Mode.TUNNEL)),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
)


def application(kind: tuple[Protocol, Mode], number: int) -> Application:
    protocol, mode = kind
    care_of = ELSEWHERE if protocol in (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING) else None
    state = SecurityAssociation(
        HERE, THERE, protocol, mode, 0 if care_of else 0x100 + number, care_of=care_of
    )
    keys = ESP if protocol is Protocol.ESP else AH if protocol is Protocol.AH else None
    iv = bytes(range(16)) if protocol is Protocol.ESP else b""
    return Application(state, Provision(keys, number + 1, iv))


applications = st.lists(st.sampled_from(KINDS), max_size=6).map(
    lambda kinds: [application(kind, number) for number, kind in enumerate(kinds)]
)


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    first = draw(st.sampled_from(((), (HopByHopHeader((PADDING,)),))))
    extensions = draw(st.lists(st.sampled_from(EXTENSIONS), max_size=3))
    payload = draw(st.sampled_from((b"", b"abc", bytes(200), bytes(range(256)))))
    return Packet((IPv6Header(HERE, THERE), *first, *extensions, UdpHeader(1, 2)), payload)


def step_by_step(packet: Packet, steps: Sequence[Application]) -> bytes:
    for step in steps:
        packet = apply_state(packet, step.state, step.provision).packet
    return encode(packet)


@pytest.mark.clause("XFRM-BUILD-002", "XFRM-BUILD-001", "XFRM-SORT-006")
@settings(max_examples=1500, deadline=None)
@given(packets(), applications)
def test_one_pass_writes_the_octets_of_step_by_step(packet: Packet, steps: list[Application]) -> None:
    assert build(packet, steps) == step_by_step(packet, steps)
