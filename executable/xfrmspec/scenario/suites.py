"""Algorithms for the states of scenarios: a closed list, with keys that anybody can derive.

A scenario names a suite and never a key: the octets follow from suite, SPI and purpose by a hash, so that the
kernel and the reference come to the same ones. Such keys protect nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.applying import StateKeys
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.selector import Protocol


@dataclass(frozen=True, slots=True)
class Part:
    """One algorithm of a suite by its kernel name: key length in octets, ICV length in bits (0 for none)."""

    name: str
    key_octets: int = 0
    icv_bits: int = 0


_NO_CIPHER = Part("ecb(cipher_null)")
_NO_DIGEST = Part("digest_null")
_MD5 = Part("hmac(md5)", 16, 96)
_SHA1 = Part("hmac(sha1)", 20, 96)
_SHA256 = Part("hmac(sha256)", 32, 128)
_SHA384 = Part("hmac(sha384)", 48, 192)
_SHA512 = Part("hmac(sha512)", 64, 256)


@dataclass(frozen=True, slots=True)
class Parts:
    """The algorithms of a suite; a combined cipher has no `digest` beside it, and AH has no use for it."""

    cipher: Part
    digest: Part | None


class Suite(Enum):
    """The algorithms of one state; AH takes the second part alone, IPComp always deflates."""

    READABLE = Parts(_NO_CIPHER, _NO_DIGEST)
    NULL_MD5 = Parts(_NO_CIPHER, _MD5)
    NULL_SHA256_96 = Parts(_NO_CIPHER, Part("hmac(sha256)", 32, 96))
    CBC128_SHA1 = Parts(Part("cbc(aes)", 16), _SHA1)
    CBC192_SHA384 = Parts(Part("cbc(aes)", 24), _SHA384)
    CBC256_SHA256 = Parts(Part("cbc(aes)", 32), _SHA256)
    CTR128_SHA512 = Parts(Part("rfc3686(ctr(aes))", 20), _SHA512)
    GCM128 = Parts(Part("rfc4106(gcm(aes))", 20, 128), None)
    GCM256_64 = Parts(Part("rfc4106(gcm(aes))", 36, 64), None)
    CHACHA = Parts(Part("rfc7539esp(chacha20,poly1305)", 36, 128), None)


AH_SUITES = tuple(s for s in Suite if s.value.digest is not None and s.value.digest.key_octets)
"""The suites that verify what AH covers."""

ESP_SUITES = tuple(suite for suite in Suite if suite is not Suite.READABLE)


def key_for(suite: Suite, spi: int, part: Part) -> Secret:
    """Return the key of one algorithm of a state: `part.key_octets` octets that suite and SPI determine."""
    words = f"xfrmspec scenario {suite.name} {spi} {part.name}"
    return Secret(hashlib.shake_256(words.encode("ascii")).digest(part.key_octets))


def keys_of(suite: Suite, state: SecurityAssociation) -> StateKeys:
    """Return what both ends of a state share; None for states that need no keys.

    ValueError for AH with a combined cipher, which leaves it without an algorithm.
    """
    extended = bool(state.flags & StateFlag.ESN)
    cipher, digest = suite.value.cipher, suite.value.digest
    mac = (
        None if digest is None else integrity(digest.name, key_for(suite, state.spi, digest), digest.icv_bits)
    )
    if state.protocol is Protocol.AH:
        if mac is None:
            raise ValueError(f"AH has no algorithm in the suite {suite.name}")
        return AhKeys(mac, extended)
    if state.protocol is not Protocol.ESP:
        return None
    sealing = encryption(cipher.name, key_for(suite, state.spi, cipher), cipher.icv_bits or None)
    return EspKeys(sealing, extended=extended) if mac is None else EspKeys(sealing, mac, extended)
