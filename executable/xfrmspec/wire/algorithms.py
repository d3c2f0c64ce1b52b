"""The algorithms of ESP and AH by their kernel names, their key lengths, and how each is put to work."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from xfrmspec.wire.secret import NO_KEY, Secret
from xfrmspec_terms.clauses import clause

_SALT_OCTETS = 4
_AES_KEYS = (16, 24, 32)
_SALTED_AES_KEYS = tuple(size + _SALT_OCTETS for size in _AES_KEYS)
_COMBINED_ICVS = (64, 96, 128)
_BITS = 8


class AlgorithmError(ValueError):
    """An algorithm is unknown, or a key or ICV has a length it does not take; never shows the key."""


@dataclass(frozen=True, slots=True)
class Integrity:
    """One integrity algorithm with its key: `icv_octets` of its output go on the wire.

    Source: XFRM-ESP-007; kernel aalg_list.
    """

    name: str
    key: Secret
    icv_octets: int
    full_octets: int

    def icv(self, octets: bytes) -> bytes:
        """Return the truncated integrity value of the octets."""
        digest = _DIGESTS[self.name]
        if not digest:
            return b""
        return hmac.digest(self.key.reveal(), octets, digest)[: self.icv_octets]


class Encryption(Protocol):
    """What ESP asks of an algorithm that encrypts. Lengths are in octets."""

    @property
    def block(self) -> int:
        """The length that the encrypted octets are a multiple of, at least 4."""

    @property
    def iv_octets(self) -> int:
        """The length of the initialisation vector in the packet."""

    @property
    def icv_octets(self) -> int:
        """The length of the integrity value that the algorithm makes by itself, or 0."""

    def encrypt(self, iv: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return the encrypted octets, and behind them the integrity value if there is one."""

    def decrypt(self, iv: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Undo `encrypt`; None when the integrity value is wrong."""


@dataclass(frozen=True, slots=True)
class NullEncryption:
    """ecb(cipher_null). Source: RFC 2410."""

    block: int = 4
    iv_octets: int = 0
    icv_octets: int = 0

    def encrypt(self, iv: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return the octets as they are."""
        return plain

    def decrypt(self, iv: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Return the octets as they are."""
        return sealed


@dataclass(frozen=True, slots=True)
class BlockChaining:
    """cbc(aes). Source: RFC 3602."""

    key: Secret
    block: int = 16
    iv_octets: int = 16
    icv_octets: int = 0

    def encrypt(self, iv: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return as many octets as there are."""
        work = Cipher(algorithms.AES(self.key.reveal()), modes.CBC(iv)).encryptor()
        return work.update(plain) + work.finalize()

    def decrypt(self, iv: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Return as many octets as there are, which must be whole blocks."""
        work = Cipher(algorithms.AES(self.key.reveal()), modes.CBC(iv)).decryptor()
        return work.update(sealed) + work.finalize()


@dataclass(frozen=True, slots=True)
class CounterMode:
    """rfc3686(ctr(aes)): the last four octets of the key are the nonce; blocks are counted from 1."""

    key: Secret
    block: int = 4
    iv_octets: int = 8
    icv_octets: int = 0

    def encrypt(self, iv: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return as many octets as there are."""
        key = self.key.reveal()
        counter = key[-_SALT_OCTETS:] + iv + (1).to_bytes(4, "big")
        work = Cipher(algorithms.AES(key[:-_SALT_OCTETS]), modes.CTR(counter)).encryptor()
        return work.update(plain) + work.finalize()

    def decrypt(self, iv: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Return as many octets as there are."""
        return self.encrypt(iv, sealed, associated)


@dataclass(frozen=True, slots=True)
class GaloisCounter:
    """rfc4106(gcm(aes)): the last four octets of the key are the salt."""

    key: Secret
    icv_octets: int
    block: int = 4
    iv_octets: int = 8

    def encrypt(self, iv: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return the encrypted octets and the first `icv_octets` of the tag."""
        key = self.key.reveal()
        work = Cipher(algorithms.AES(key[:-_SALT_OCTETS]), modes.GCM(key[-_SALT_OCTETS:] + iv)).encryptor()
        work.authenticate_additional_data(associated)
        sealed = work.update(plain) + work.finalize()
        return sealed + work.tag[: self.icv_octets]

    def decrypt(self, iv: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Return the octets without their tag; None when it is wrong."""
        key = self.key.reveal()
        tag = sealed[-self.icv_octets :]
        mode = modes.GCM(key[-_SALT_OCTETS:] + iv, tag, min_tag_length=self.icv_octets)
        work = Cipher(algorithms.AES(key[:-_SALT_OCTETS]), mode).decryptor()
        work.authenticate_additional_data(associated)
        try:
            return work.update(sealed[: -self.icv_octets]) + work.finalize()
        except InvalidTag:
            return None


@dataclass(frozen=True, slots=True)
class ChaChaPoly:
    """rfc7539esp(chacha20,poly1305): the last four octets of the key are the salt. Source: RFC 7634."""

    key: Secret
    block: int = 4
    iv_octets: int = 8
    icv_octets: int = 16

    def encrypt(self, iv: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return the encrypted octets and the tag."""
        key = self.key.reveal()
        return ChaCha20Poly1305(key[:-_SALT_OCTETS]).encrypt(key[-_SALT_OCTETS:] + iv, plain, associated)

    def decrypt(self, iv: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Return the octets without their tag; None when it is wrong."""
        key = self.key.reveal()
        try:
            return ChaCha20Poly1305(key[:-_SALT_OCTETS]).decrypt(key[-_SALT_OCTETS:] + iv, sealed, associated)
        except InvalidTag:
            return None


@dataclass(frozen=True, slots=True)
class _Digest:
    full: int
    usual_bits: int
    smallest_key: int = 1


_DIGESTS: Mapping[str, str] = {
    "digest_null": "",
    "hmac(md5)": "md5",
    "hmac(sha1)": "sha1",
    "hmac(sha256)": "sha256",
    "hmac(sha384)": "sha384",
    "hmac(sha512)": "sha512",
}
_OUTPUTS: Mapping[str, _Digest] = {
    "digest_null": _Digest(0, 0, 0),
    "hmac(md5)": _Digest(16, 96),
    "hmac(sha1)": _Digest(20, 96),
    "hmac(sha256)": _Digest(32, 96),
    "hmac(sha384)": _Digest(48, 192),
    "hmac(sha512)": _Digest(64, 256),
}
_ENCRYPTION_KEYS: Mapping[str, tuple[int, ...]] = {
    "ecb(cipher_null)": (0,),
    "cbc(aes)": _AES_KEYS,
    "rfc3686(ctr(aes))": _SALTED_AES_KEYS,
    "rfc4106(gcm(aes))": _SALTED_AES_KEYS,
    "rfc7539esp(chacha20,poly1305)": (32 + _SALT_OCTETS,),
}
_COMBINED: Mapping[str, tuple[int, ...]] = {
    "rfc4106(gcm(aes))": _COMBINED_ICVS,
    "rfc7539esp(chacha20,poly1305)": (128,),
}
INTEGRITY_NAMES = tuple(sorted(_DIGESTS))
ENCRYPTION_NAMES = tuple(sorted(_ENCRYPTION_KEYS))


@clause("XFRM-ESP-007")
def integrity(name: str, key: Secret, icv_bits: int | None = None) -> Integrity:
    """Return an integrity algorithm with its key; without a length the ICV has the algorithm's usual one.

    AlgorithmError for an unknown name, a missing key, or an ICV that is not whole octets of the output.
    Source: XFRM-ESP-007; kernel aalg_list.
    """
    if name not in _OUTPUTS:
        raise AlgorithmError(
            f"integrity algorithm {name!r} is unknown; there are: {', '.join(INTEGRITY_NAMES)}"
        )
    output = _OUTPUTS[name]
    bits = output.usual_bits if icv_bits is None else icv_bits
    if bits % _BITS or not 0 <= bits <= output.full * _BITS or (output.full and not bits):
        raise AlgorithmError(
            f"{name}: an ICV of {bits} bits; whole octets up to {output.full * _BITS} bits fit"
        )
    if len(key) < output.smallest_key:
        raise AlgorithmError(f"{name}: the key is empty; give at least one octet")
    return Integrity(name, key, bits // _BITS, output.full)


@clause("XFRM-ESP-007")
def encryption(name: str, key: Secret, icv_bits: int | None = None) -> Encryption:
    """Return an encryption algorithm with its key; `icv_bits` is for those that make an ICV themselves.

    AlgorithmError for an unknown name and for key and ICV lengths that the algorithm does not take.
    Source: XFRM-ESP-007; kernel aead_list, ealg_list.
    """
    if name not in _ENCRYPTION_KEYS:
        raise AlgorithmError(
            f"encryption algorithm {name!r} is unknown; there are: {', '.join(ENCRYPTION_NAMES)}"
        )
    if len(key) not in _ENCRYPTION_KEYS[name]:
        sizes = " or ".join(str(size) for size in _ENCRYPTION_KEYS[name])
        raise AlgorithmError(f"{name}: the key has {len(key)} octets; it takes {sizes}")
    allowed = _COMBINED.get(name)
    bits = 128 if icv_bits is None and allowed else icv_bits
    if bits is not None and bits not in (allowed or ()):
        lengths = " or ".join(str(length) for length in allowed) if allowed else "none"
        raise AlgorithmError(f"{name}: an ICV of {bits} bits; it makes {lengths}")
    return _bound(name, key, (bits or 0) // _BITS)


def _bound(name: str, key: Secret, icv_octets: int) -> Encryption:
    if name == "cbc(aes)":
        return BlockChaining(key)
    if name == "rfc3686(ctr(aes))":
        return CounterMode(key)
    if name == "rfc4106(gcm(aes))":
        return GaloisCounter(key, icv_octets)
    return ChaChaPoly(key) if name in _COMBINED else NullEncryption()


NO_INTEGRITY = integrity("digest_null", NO_KEY)
NO_ENCRYPTION = encryption("ecb(cipher_null)", NO_KEY)
