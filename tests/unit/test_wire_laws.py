"""Laws of ESP, AH and IPComp: what was sealed opens, what was touched does not, nothing raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsec_keys import INTEGRITIES, UNVERIFIED, VERIFIED, esp_keys

from xfrmspec.wire.ah import AhKeys, Verified, protect, verify
from xfrmspec.wire.esp import Opened, Refused, open_sealed, seal
from xfrmspec.wire.ipcomp import Compressed, compress, expand

NUMBERS = st.integers(0, 2**64 - 1)
PAYLOADS = st.binary(min_size=1, max_size=200)
TYPES = st.integers(0, 255).filter(lambda kind: kind != 59)


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-002", "XFRM-ESP-004")
@given(st.sampled_from((*VERIFIED, *UNVERIFIED)), st.booleans(), NUMBERS, TYPES, PAYLOADS, st.data())
def test_what_was_sealed_opens(
    name: str, extended: bool, number: int, kind: int, payload: bytes, data: st.DataObject
) -> None:
    keys = esp_keys(name, extended=extended)
    size = keys.encryption.iv_octets
    iv = data.draw(st.binary(min_size=size, max_size=size))
    sealed = seal(keys, 0x1001, number, kind, payload, iv)
    assert open_sealed(keys, sealed, number >> 32) == Opened(kind, payload)


@pytest.mark.clause("XFRM-ESP-003", "XFRM-ESP-004")
@given(st.sampled_from(VERIFIED), st.booleans(), PAYLOADS, st.data())
def test_one_wrong_bit_is_refused(name: str, extended: bool, payload: bytes, data: st.DataObject) -> None:
    keys = esp_keys(name, extended=extended)
    sealed = bytearray(seal(keys, 0x1001, 9, 17, payload, bytes(keys.encryption.iv_octets)))
    place = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[place // 8] ^= 1 << place % 8
    assert open_sealed(keys, bytes(sealed)) is Refused.INTEGRITY


@pytest.mark.clause("XFRM-ESP-004", "XFRM-AH-007", "XFRM-COMP-003")
@given(st.sampled_from((*VERIFIED, *UNVERIFIED)), st.binary(max_size=120), st.integers(0, 80))
def test_no_octets_make_a_receiver_raise(name: str, octets: bytes, at: int) -> None:
    assert isinstance(open_sealed(esp_keys(name), octets), Opened | Refused)
    assert isinstance(expand(octets), Opened | Refused)
    keys = AhKeys(INTEGRITIES["sha1-96"])
    assert isinstance(verify(keys, octets, at), Refused)


@pytest.mark.clause("XFRM-AH-001", "XFRM-AH-002")
@given(st.sampled_from(sorted(INTEGRITIES)), st.booleans(), NUMBERS, st.binary(max_size=60))
def test_ah_comes_off_as_it_went_on(name: str, extended: bool, number: int, payload: bytes) -> None:
    keys = AhKeys(INTEGRITIES[name], extended)
    packet = bytes((0x60, 0, 0, 0)) + len(payload).to_bytes(2, "big") + bytes((17, 64)) + bytes(32) + payload
    sealed = protect(keys, packet, 40, 0x1001, number)
    assert verify(keys, sealed, 40, number >> 32) == Verified(17, packet)


@pytest.mark.clause("XFRM-COMP-001", "XFRM-COMP-003")
@given(st.binary(min_size=1, max_size=20), st.integers(1, 400), TYPES)
def test_what_was_compressed_expands_and_is_shorter(piece: bytes, times: int, kind: int) -> None:
    payload = piece * times
    packed = compress(5, kind, payload)
    if isinstance(packed, Compressed):
        assert len(packed.octets) < len(payload)
        assert expand(packed.octets) == Opened(kind, payload)
