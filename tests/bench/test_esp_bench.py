"""How fast ESP is sealed and opened, against scapy in the same run; prints its figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from scapy.layers import ipsec
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.esp import EspKeys, Opened, open_sealed, seal
from xfrmspec.wire.secret import Secret

SPI = 0x1001
_CIPHER_KEY, _MAC_KEY = bytes(range(16)), bytes(range(32))
_Association: Any = ipsec.SecurityAssociation


def rate(work: Callable[[], None], seconds: float = 1.0) -> float:
    """Return how often a second something is done."""
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        work()
        done += 1
    return done / (time.perf_counter() - start)


@pytest.mark.bench
def test_esp_transport_seals_and_opens_five_times_as_fast_as_scapy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys = EspKeys(
        encryption("cbc(aes)", Secret(_CIPHER_KEY)), integrity("hmac(sha256)", Secret(_MAC_KEY), 128)
    )
    theirs = _Association(
        ipsec.ESP,
        SPI,
        crypt_algo="AES-CBC",
        crypt_key=_CIPHER_KEY,
        auth_algo="SHA2-256-128",
        auth_key=_MAC_KEY,
    )
    plain = IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2) / bytes(512)
    payload, iv = bytes(plain)[40:], bytes(16)

    def ours_once() -> None:
        assert open_sealed(keys, seal(keys, SPI, 1, 17, payload, iv)) == Opened(17, payload)

    def theirs_once() -> None:
        theirs.decrypt(theirs.encrypt(plain, seq_num=1, iv=iv))

    ours, scapys = rate(ours_once), rate(theirs_once)
    with capsys.disabled():
        print(f"\nesp: {ours:.0f} packets/s sealed and opened, scapy {scapys:.0f}, ratio {ours / scapys:.1f}")
    assert ours >= 5 * scapys
