"""ESP octet by octet, its refusals, its algorithms and the keys that never show."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from ipsec_keys import UNVERIFIED, VERIFIED, esp_keys, secret

from xfrmspec.wire.algorithms import AlgorithmError, encryption, integrity
from xfrmspec.wire.esp import EspKeys, Opened, Refused, open_sealed, seal
from xfrmspec.wire.secret import NO_KEY, Secret

NULL = EspKeys()
NULL_MAC = esp_keys("null+sha256-128")


def iv_of(keys: EspKeys) -> bytes:
    return bytes(range(keys.encryption.iv_octets))


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-002")
def test_the_octets_of_a_packet_without_encryption() -> None:
    sealed = seal(NULL, 0x01020304, 0xAABBCCDD11223344, 17, b"payload", b"")
    assert sealed == bytes.fromhex("0102030411223344") + b"payload" + bytes((1, 2, 3, 3, 17))


@pytest.mark.clause("XFRM-ESP-002")
@pytest.mark.parametrize("name", [*VERIFIED, *UNVERIFIED])
def test_padding_is_the_shortest_that_fills_a_block_of_the_algorithm(name: str) -> None:
    keys = esp_keys(name)
    block = 16 if name.startswith("cbc") else 4
    fixed = 8 + keys.encryption.iv_octets + keys.encryption.icv_octets + keys.integrity.icv_octets
    for size in range(1, 40):
        inside = len(seal(keys, 1, 1, 17, bytes(size), iv_of(keys))) - fixed
        assert inside % block == 0
        assert size + 2 <= inside < size + 2 + block


@pytest.mark.clause("XFRM-ESP-002")
def test_the_content_of_the_padding_is_not_looked_at() -> None:
    assert open_sealed(NULL, bytes(8) + b"payload" + bytes((9, 9, 9, 3, 17))) == Opened(17, b"payload")


@pytest.mark.clause("XFRM-ESP-003")
@pytest.mark.parametrize("name", VERIFIED)
def test_the_high_half_is_covered_and_not_sent(name: str) -> None:
    keys = esp_keys(name, extended=True)
    sealed = seal(keys, 5, 7 << 32 | 9, 17, b"payload", iv_of(keys))
    assert len(sealed) == len(seal(esp_keys(name), 5, 9, 17, b"payload", iv_of(keys)))
    assert open_sealed(keys, sealed, 7) == Opened(17, b"payload")
    assert open_sealed(keys, sealed, 8) is Refused.INTEGRITY
    assert open_sealed(esp_keys(name), sealed) is Refused.INTEGRITY


@pytest.mark.clause("XFRM-ESP-004")
@pytest.mark.parametrize("name", [*VERIFIED, *UNVERIFIED])
def test_a_packet_that_is_too_short_is_refused_by_its_length(name: str) -> None:
    keys = esp_keys(name)
    fixed = 8 + keys.encryption.iv_octets + keys.encryption.icv_octets + keys.integrity.icv_octets
    sealed = seal(keys, 5, 9, 17, b"payload", iv_of(keys))
    for size in range(len(sealed)):
        answer = open_sealed(keys, sealed[:size])
        assert isinstance(answer, Refused | Opened)
        if size < fixed or size <= 8 + keys.encryption.iv_octets:
            assert answer is Refused.TRUNCATED


@pytest.mark.clause("XFRM-ESP-004")
def test_broken_blocks_are_refused_after_the_integrity_check() -> None:
    keys = esp_keys("cbc-128+sha256-128")
    body = bytes(8 + 16 + 17)
    assert open_sealed(keys, body + keys.integrity.icv(body)) is Refused.MISALIGNED
    assert open_sealed(keys, body + bytes(16)) is Refused.INTEGRITY
    odd = bytes(8) + b"payl" + bytes((0, 17))
    assert open_sealed(NULL, odd) == Opened(17, b"payl")


@pytest.mark.clause("XFRM-ESP-004")
@pytest.mark.parametrize(("size", "padding"), [(0, 2), (3, 6), (3, 255), (0, 0)])
def test_padding_must_leave_a_payload(size: int, padding: int) -> None:
    body = bytes(size) + bytes(min(padding, 3)) + bytes((padding, 17))
    assert open_sealed(NULL, bytes(8) + body) is Refused.PADDING


@pytest.mark.clause("XFRM-ESP-005")
def test_a_dummy_packet_is_refused_only_after_it_was_verified() -> None:
    dummy = seal(NULL_MAC, 5, 9, 59, b"noise", b"")
    assert open_sealed(NULL_MAC, dummy) is Refused.DUMMY
    assert open_sealed(NULL_MAC, dummy[:-1] + bytes((dummy[-1] ^ 1,))) is Refused.INTEGRITY


@pytest.mark.clause("XFRM-ESP-006")
def test_the_vector_is_given_and_stands_in_clear() -> None:
    keys = esp_keys("cbc-128+sha256-128")
    first, second = (seal(keys, 5, 9, 17, b"payload", bytes((n,)) * 16) for n in (1, 2))
    assert (first[8:24], second[8:24]) == (b"\1" * 16, b"\2" * 16)
    assert first[24:] != second[24:]
    assert open_sealed(keys, first) == open_sealed(keys, second)
    with pytest.raises(ValueError, match="the IV has 8 octets; the algorithm takes 16"):
        seal(keys, 5, 9, 17, b"payload", bytes(8))


@pytest.mark.clause("XFRM-ESP-007")
@pytest.mark.parametrize(
    ("name", "size", "bits", "message"),
    [
        ("cbc(aes)", 17, None, "the key has 17 octets; it takes 16 or 24 or 32"),
        ("ecb(cipher_null)", 1, None, "the key has 1 octets; it takes 0"),
        ("rfc3686(ctr(aes))", 16, None, "it takes 20 or 28 or 36"),
        ("rfc4106(gcm(aes))", 20, 80, "an ICV of 80 bits; it makes 64 or 96 or 128"),
        ("rfc7539esp(chacha20,poly1305)", 32, None, "it takes 36"),
        ("rfc7539esp(chacha20,poly1305)", 36, 96, "it makes 128"),
        ("cbc(aes)", 16, 96, "it makes none"),
        ("cbc(des)", 8, None, "is unknown; there are: cbc"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_without_being_shown(
    name: str, size: int, bits: int | None, message: str
) -> None:
    planted = Secret((b"QZ" * size)[:size])
    with pytest.raises(AlgorithmError) as caught:
        encryption(name, planted, bits)
    told = "".join(traceback.format_exception(caught.value))
    assert message in told
    assert "QZ" not in told
    assert "515a" not in told


@pytest.mark.clause("XFRM-ESP-007")
@pytest.mark.parametrize(
    ("name", "size", "bits"),
    [
        *(("hmac(sha256)", 32, bits) for bits in (0, 100, 264, -8)),
        *(("hmac(sha256)", 0, 96), ("digest_null", 0, 96), ("hmac(sha3)", 32, 96)),
    ],
)
def test_an_integrity_value_that_does_not_fit_is_refused(name: str, size: int, bits: int) -> None:
    with pytest.raises(AlgorithmError):
        integrity(name, secret(size), bits)


@pytest.mark.clause("XFRM-ESP-007")
def test_no_view_of_a_key_shows_it() -> None:
    planted = Secret(b"planted key mate")
    algorithm = encryption("cbc(aes)", planted)
    keys = EspKeys(algorithm, integrity("hmac(sha256)", planted))
    for shown in (planted, algorithm, keys):
        assert "planted" not in f"{shown!r} {shown!s} {[shown]}"
        assert "706c616e" not in repr(shown)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(shown)
    assert copy.deepcopy(planted) is copy.copy(planted) is planted
    assert planted == Secret(b"planted key mate") != NO_KEY
    assert len({planted, Secret(b"planted key mate"), NO_KEY}) == 2


def test_two_integrity_values_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="takes no integrity algorithm"):
        EspKeys(encryption("rfc4106(gcm(aes))", secret(20)), integrity("hmac(sha1)", secret(20)))
