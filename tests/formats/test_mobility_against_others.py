"""Mobility messages of other programs: scapy, and a daemon whose tokens vouch for its updates."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest
from scapy.compat import raw
from scapy.layers import inet6

from xfrmspec.mipv6.tokens import binding_management_key, is_authentic
from xfrmspec.wire.capture import read_capture
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of, message_of, option_of, without_padding
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingErrorStatus,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    MobilityRefusal,
    NonceIndices,
    UnknownMessage,
)

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "mip6d"
HOME, CARE_OF, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("1", "c", "2"))
COOKIE, TOKEN, PROOF = bytes(range(8)), bytes(range(8, 16)), bytes(range(12))
NONCES, ALTERNATE = NonceIndices(3, 4), AlternateCareOfAddress(CARE_OF)
PAIRS: dict[str, tuple[MobilityMessage, Any]] = {
    "refresh request": (BindingRefreshRequest(), inet6.MIP6MH_BRR()),
    "home test init": (HomeTestInit(COOKIE), inet6.MIP6MH_HoTI(cookie=COOKIE)),
    "care-of test init": (CareOfTestInit(COOKIE), inet6.MIP6MH_CoTI(cookie=COOKIE)),
    "home test": (HomeTest(7, COOKIE, TOKEN), inet6.MIP6MH_HoT(index=7, cookie=COOKIE, token=TOKEN)),
    "care-of test": (CareOfTest(7, COOKIE, TOKEN), inet6.MIP6MH_CoT(index=7, cookie=COOKIE, token=TOKEN)),
    "update": (
        BindingUpdate(7, True, True, True, True, 9, (ALTERNATE,)),
        inet6.MIP6MH_BU(seq=7, flags="AHLK", mhtime=9, options=[inet6.MIP6OptAltCoA(acoa=str(CARE_OF))]),
    ),
    "authorised update": (
        BindingUpdate(7, True, lifetime=9, options=(NONCES, BindingAuthorizationData(PROOF))),
        inet6.MIP6MH_BU(
            seq=7,
            flags="A",
            mhtime=9,
            options=[
                inet6.MIP6OptNonceIndices(olen=4, hni=3, coni=4),
                inet6.MIP6OptBindingAuthData(olen=12, authenticator=int.from_bytes(PROOF, "big")),
            ],
        ),
    ),
    "acknowledgement": (
        BindingAcknowledgement(BindingStatus.EXPIRED_NONCES, True, 7, 9, (BindingRefreshAdvice(5),)),
        inet6.MIP6MH_BA(
            status=138, flags="K", seq=7, mhtime=9, options=[inet6.MIP6OptBRAdvice(rinter=5)]
        ),
    ),
    "error": (
        BindingError(BindingErrorStatus.UNKNOWN_BINDING, HOME), inet6.MIP6MH_BE(status=1, ha=str(HOME)),
    ),
}  # fmt: skip


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-003", "XFRM-MH-004")
@pytest.mark.parametrize("name", sorted(PAIRS))
def test_scapy_writes_the_same_octets(name: str) -> None:
    ours, theirs = PAIRS[name]
    octets = raw(inet6.IPv6(src=str(HOME), dst=str(PEER), hlim=64) / theirs)
    assert encode(Packet((IPv6Header(HOME, PEER), header_of(ours)))) == octets
    packet = decode(octets)
    assert isinstance(packet, Packet)
    header = packet.headers[-1]
    assert isinstance(header, MobilityHeader)
    found = message_of(header)
    assert not isinstance(found, MobilityRefusal | UnknownMessage)
    assert without_padding(found) == ours


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-003", "XFRM-MH-004")
@pytest.mark.parametrize("name", sorted(PAIRS))
def test_scapy_reads_our_fields(name: str) -> None:
    ours, theirs = PAIRS[name]
    seen = inet6.IPv6(encode(Packet((IPv6Header(HOME, PEER), header_of(ours))))).payload
    assert type(seen) is type(theirs)
    for field in ("seq", "mhtime", "status", "cookie", "token", "index", "flags", "ha"):
        if hasattr(theirs, field):
            assert getattr(seen, field) == getattr(theirs, field), field


def captured() -> Iterator[tuple[str, IPv6Header, MobilityHeader]]:
    """Every mobility header of the captures, with the scenario and the IP header it belongs to."""
    for path in sorted(SAMPLES.glob("*/pcap/*.pcap")):
        with path.open("rb") as stream:
            for frame in read_capture(stream):
                packet = decode(frame.octets)
                assert isinstance(packet, Packet)
                header = packet.headers[-1]
                if isinstance(header, MobilityHeader):
                    nearest = [found for found in packet.headers if isinstance(found, IPv6Header)][-1]
                    yield path.parts[-3], nearest, header


@pytest.fixture(scope="module")
def messages() -> list[tuple[str, IPv6Header, MobilityHeader, MobilityMessage]]:
    found = []
    for scenario, outer, header in captured():
        message = message_of(header)
        assert not isinstance(message, MobilityRefusal), (scenario, str(message))
        found.append((scenario, outer, header, message))
    if not found:
        pytest.skip("the captures of a Mobile IPv6 daemon (shared/samples/mip6d) are not here")
    return found


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-003", "XFRM-MH-004")
def test_a_daemon_writes_its_messages_as_we_do(
    messages: list[tuple[str, IPv6Header, MobilityHeader, MobilityMessage]],
) -> None:
    kinds = set()
    for scenario, _, header, message in messages:
        assert header_of(message) == header, scenario
        kinds.add(type(message))
    assert {HomeTestInit, CareOfTestInit, HomeTest, CareOfTest, BindingUpdate} <= kinds
    assert BindingAcknowledgement in kinds


@pytest.mark.clause("XFRM-MH-005", "XFRM-TOKEN-002", "XFRM-TOKEN-003")
def test_the_tokens_of_a_daemon_make_the_authenticators_of_its_updates(
    messages: list[tuple[str, IPv6Header, MobilityHeader, MobilityMessage]],
) -> None:
    """Tokens and updates of one scenario go by in the clear; each update needs the two that it names."""
    tokens: dict[tuple[str, type, int], set[bytes]] = {}
    for scenario, _, _, message in messages:
        if isinstance(message, HomeTest | CareOfTest):
            tokens.setdefault((scenario, type(message), message.nonce_index), set()).add(message.keygen_token)
    proved = 0
    for scenario, outer, header, message in messages:
        nonces, data = option_of(message, NonceIndices), option_of(message, BindingAuthorizationData)
        if not isinstance(message, BindingUpdate) or nonces is None or data is None or not message.lifetime:
            continue
        home = tokens.get((scenario, HomeTest, nonces.home), set())
        care_of = tokens.get((scenario, CareOfTest, nonces.care_of), set())
        keys = [binding_management_key(one, other) for one in home for other in care_of]
        if keys:
            assert any(is_authentic(header, key, outer.source, outer.destination) for key in keys), scenario
            proved += 1
    assert proved > 3
