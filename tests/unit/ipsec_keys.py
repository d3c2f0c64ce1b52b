"""Keys for tests of ESP and AH: one of every algorithm, with recognisable octets."""

from __future__ import annotations

from xfrmspec.wire.algorithms import NO_INTEGRITY, encryption, integrity
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.secret import Secret


def secret(size: int) -> Secret:
    return Secret(bytes((7 * n + 0x41) & 0xFF for n in range(size)))


ENCRYPTIONS = {
    "null": encryption("ecb(cipher_null)", secret(0)),
    **{f"cbc-{8 * n}": encryption("cbc(aes)", secret(n)) for n in (16, 24, 32)},
    **{f"ctr-{8 * n}": encryption("rfc3686(ctr(aes))", secret(n + 4)) for n in (16, 24, 32)},
}
INTEGRITIES = {
    "md5-96": integrity("hmac(md5)", secret(16)),
    "sha1-96": integrity("hmac(sha1)", secret(20)),
    "sha256-96": integrity("hmac(sha256)", secret(32)),
    "sha256-128": integrity("hmac(sha256)", secret(32), 128),
    "sha384-192": integrity("hmac(sha384)", secret(48)),
    "sha512-256": integrity("hmac(sha512)", secret(64)),
}
COMBINED = {
    **{f"gcm-{n}": encryption("rfc4106(gcm(aes))", secret(20), n) for n in (64, 96, 128)},
    "gcm-256": encryption("rfc4106(gcm(aes))", secret(36), 128),
    "chacha20poly1305": encryption("rfc7539esp(chacha20,poly1305)", secret(36)),
}


def esp_keys(name: str, *, extended: bool = False) -> EspKeys:
    if name in COMBINED:
        return EspKeys(COMBINED[name], extended=extended)
    cipher, _, mac = name.partition("+")
    return EspKeys(ENCRYPTIONS[cipher], INTEGRITIES.get(mac, NO_INTEGRITY), extended)


VERIFIED = (
    *COMBINED,
    *(f"{cipher}+sha256-128" for cipher in ENCRYPTIONS),
    *(f"cbc-128+{mac}" for mac in INTEGRITIES if mac != "sha256-128"),
)
"""Every way to seal that has an integrity value."""

UNVERIFIED = tuple(f"{cipher}+none" for cipher in ENCRYPTIONS)
