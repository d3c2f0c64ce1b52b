"""Scapy as an independent judge: it opens what we seal, and we open what it seals."""

from __future__ import annotations

from typing import Any

import pytest
from ipsec_keys import COMBINED, ENCRYPTIONS, INTEGRITIES, VERIFIED, esp_keys
from scapy.layers import ipsec
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    HBHOptUnknown,
    IPv6,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    RouterAlert,
)
from scapy.layers.ipsec import AH, ESP

from xfrmspec.wire.ah import AhKeys, Verified, protect, verify
from xfrmspec.wire.esp import Opened, open_sealed, seal

SPI = 0x1001
_Association: Any = ipsec.SecurityAssociation
_CRYPT = {
    "null": "NULL",
    "cbc": "AES-CBC",
    "ctr": "AES-CTR",
    "gcm": "AES-GCM",
    "chacha20poly1305": "CHACHA20-POLY1305",
}
_AUTH = {
    "md5-96": "HMAC-MD5-96",
    "sha1-96": "HMAC-SHA1-96",
    "sha256-128": "SHA2-256-128",
    "sha384-192": "SHA2-384-192",
    "sha512-256": "SHA2-512-256",
}
_KNOWN = [name for name in VERIFIED if name not in ("gcm-64", "gcm-96", "cbc-128+sha256-96")]


def plain() -> Any:
    return IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2) / (b"payload" * 5)


def association(name: str, **more: Any) -> Any:
    cipher, _, mac = name.partition("+")
    keys = COMBINED.get(name) or ENCRYPTIONS[cipher]
    crypt_key = keys.key.reveal() if hasattr(keys, "key") else None
    auth = {"auth_algo": _AUTH[mac], "auth_key": INTEGRITIES[mac].key.reveal()} if mac else {}
    kind = cipher if cipher in _CRYPT else cipher.partition("-")[0]
    return _Association(ESP, SPI, crypt_algo=_CRYPT[kind], crypt_key=crypt_key, **auth, **more)


def sealed_packet(name: str, inner: Any, next_header: int, payload: bytes, extended: bool) -> bytes:
    keys = esp_keys(name, extended=extended)
    body = seal(keys, SPI, (3 << 32) | 9, next_header, payload, bytes(range(keys.encryption.iv_octets)))
    outer = IPv6(src=inner.src, dst=inner.dst, nh=50, plen=len(body), hlim=inner.hlim)
    return bytes(outer) + body


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-003")
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("name", _KNOWN)
def test_scapy_opens_our_transport_packets_and_we_open_its(name: str, extended: bool) -> None:
    numbers = {"esn_en": True, "esn": 3} if extended else {}
    theirs = association(name, **numbers)
    inner = plain()
    datagram = bytes(inner)[40:]
    opened = theirs.decrypt(IPv6(sealed_packet(name, inner, 17, datagram, extended)))
    assert bytes(opened) == bytes(inner)
    packet = bytes(theirs.encrypt(plain(), seq_num=9))
    assert open_sealed(esp_keys(name, extended=extended), packet[40:], 3) == Opened(17, datagram)


@pytest.mark.clause("XFRM-ESP-001")
@pytest.mark.parametrize("name", ["cbc-256+sha256-128", "gcm-128"])
def test_scapy_opens_our_tunnel_packets_and_we_open_its(name: str) -> None:
    outer = IPv6(src="2001:db8:1::1", dst="2001:db8:1::2")
    theirs = association(name, tunnel_header=outer)
    inner = bytes(plain())
    assert bytes(theirs.decrypt(IPv6(sealed_packet(name, outer, 41, inner, False)))) == inner
    packet = bytes(theirs.encrypt(plain(), seq_num=9))
    answer = open_sealed(esp_keys(name), packet[40:])
    assert isinstance(answer, Opened)
    assert (answer.next_header, IPv6(answer.payload).dst) == (41, "2001:db8::2")


def with_options() -> Any:
    """The second option may change on the way."""
    options = [RouterAlert(), HBHOptUnknown(otype=0x3E, optdata=b"change")]
    head = IPv6(src="2001:db8::1", dst="2001:db8::2", tc=7, fl=99) / IPv6ExtHdrHopByHop(options=options)
    return head / UDP(sport=1, dport=2) / b"data"


def through_a_hop() -> Any:
    route = IPv6ExtHdrRouting(addresses=["2001:db8::7", "2001:db8::8"], segleft=2)
    return IPv6(src="2001:db8::1", dst="2001:db8::6") / route / UDP(sport=1, dport=2) / b"data"


@pytest.mark.clause("XFRM-AH-001", "XFRM-AH-002", "XFRM-AH-003", "XFRM-AH-004")
@pytest.mark.parametrize("mac", sorted(_AUTH))
@pytest.mark.parametrize(("make", "at"), [(plain, 40), (with_options, 56), (through_a_hop, 80)])
def test_scapy_and_we_agree_on_ah_over_ipv6(mac: str, make: Any, at: int) -> None:
    keys = AhKeys(INTEGRITIES[mac])
    theirs = _Association(AH, SPI, auth_algo=_AUTH[mac], auth_key=keys.integrity.key.reveal())
    packet = bytes(make())
    signed = bytes(theirs.encrypt(make(), seq_num=9))
    assert protect(keys, packet, at, SPI, 9) == signed
    answer = verify(keys, signed, at)
    assert isinstance(answer, Verified)
    assert answer.packet == packet
    if make is not through_a_hop:  # scapy verifies a routing header only where it ends
        assert bytes(theirs.decrypt(IPv6(signed))) == packet


@pytest.mark.clause("XFRM-AH-005")
@pytest.mark.parametrize("options", [[], [IPOption_Router_Alert()]])
def test_scapy_and_we_agree_on_ah_over_ipv4(options: list[Any]) -> None:
    keys = AhKeys(INTEGRITIES["sha256-128"], alignment=4)
    theirs = _Association(AH, SPI, auth_algo="SHA2-256-128", auth_key=keys.integrity.key.reveal())
    plain4 = (
        IP(src="192.0.2.1", dst="192.0.2.2", tos=4, ttl=9, options=options) / UDP(sport=1, dport=2) / b"data"
    )
    packet = bytes(plain4)
    signed = bytes(theirs.encrypt(IP(packet), seq_num=9))
    at = (packet[0] & 15) * 4
    assert protect(keys, packet, at, SPI, 9) == signed
    assert bytes(theirs.decrypt(IP(signed))) == packet
