"""ESP on octets: how a payload is sealed, and how it is opened or refused."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from enum import Enum

from xfrmspec.wire.algorithms import NO_ENCRYPTION, NO_INTEGRITY, Encryption, Integrity
from xfrmspec_terms.clauses import clause

_HEADER = struct.Struct(">II")
_HIGH = struct.Struct(">I")
_HALF = 0xFFFFFFFF
_TRAILER = 2
NO_NEXT_HEADER = 59
_PADDING = bytes(range(1, 256))


class Refused(Enum):
    """Why octets are no packet of a state; `INTEGRITY` alone counts as failed integrity check."""

    TRUNCATED = "too short for its headers"
    INTEGRITY = "the integrity value is wrong"
    MISALIGNED = "no whole number of blocks"
    PADDING = "the padding leaves no payload"
    DUMMY = "a dummy packet"
    OPTIONS = "an extension header overruns its length"
    COMPRESSION = "not what a compressor makes"


@dataclass(frozen=True, slots=True)
class EspKeys:
    """What both ends of an ESP state share. `extended` says that numbers have 64 bits.

    An encryption that makes its own integrity value takes no other: ValueError.
    """

    encryption: Encryption = NO_ENCRYPTION
    integrity: Integrity = NO_INTEGRITY
    extended: bool = False

    def __post_init__(self) -> None:
        if self.encryption.icv_octets and self.integrity.icv_octets:
            raise ValueError("an encryption with an integrity value of its own takes no integrity algorithm")


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside: the header type that the trailer names, and the payload without padding."""

    next_header: int
    payload: bytes


@clause("XFRM-ESP-001", "XFRM-ESP-002")
def seal(keys: EspKeys, spi: int, number: int, next_header: int, payload: bytes, iv: bytes) -> bytes:
    """Return the octets from the SPI to the integrity value.

    `number` has 64 bits, of which the low 32 are sent. ValueError for an IV of another length than the
    algorithm's. Source: XFRM-ESP-001..003; kernel esp6_output.
    """
    if len(iv) != keys.encryption.iv_octets:
        raise ValueError(f"the IV has {len(iv)} octets; the algorithm takes {keys.encryption.iv_octets}")
    padding = -(len(payload) + _TRAILER) % keys.encryption.block
    plain = payload + _PADDING[:padding] + bytes((padding, next_header))
    header = _HEADER.pack(spi, number & _HALF)
    high = _HIGH.pack(number >> 32 & _HALF) if keys.extended else b""
    sealed = keys.encryption.encrypt(iv, plain, _associated(header, high))
    packet = header + iv + sealed
    return packet + keys.integrity.icv(packet + high)


@clause("XFRM-ESP-004", "XFRM-ESP-005")
def open_sealed(keys: EspKeys, octets: bytes, high: int = 0) -> Opened | Refused:
    """Open the octets from the SPI on; `high` is the half of the number that was inferred.

    The content of the padding is not looked at. Source: XFRM-ESP-003..005; kernel esp6_input.
    """
    start = _HEADER.size + keys.encryption.iv_octets
    icv_octets = keys.encryption.icv_octets + keys.integrity.icv_octets
    if len(octets) <= start or len(octets) < start + icv_octets:
        return Refused.TRUNCATED
    plain = _decrypted(keys, octets, start, _HIGH.pack(high) if keys.extended else b"")
    if isinstance(plain, Refused):
        return plain
    if len(plain) < _TRAILER or plain[-2] + _TRAILER >= len(plain):
        return Refused.PADDING
    if plain[-1] == NO_NEXT_HEADER:
        return Refused.DUMMY
    return Opened(plain[-1], plain[: -_TRAILER - plain[-2]])


@clause("XFRM-ESP-003")
def _decrypted(keys: EspKeys, octets: bytes, start: int, high: bytes) -> bytes | Refused:
    end = len(octets) - keys.integrity.icv_octets
    if not hmac.compare_digest(keys.integrity.icv(octets[:end] + high), octets[end:]):
        return Refused.INTEGRITY
    if (end - start - keys.encryption.icv_octets) % _alignment(keys.encryption):
        return Refused.MISALIGNED
    header, iv = octets[: _HEADER.size], octets[_HEADER.size : start]
    plain = keys.encryption.decrypt(iv, octets[start:end], _associated(header, high))
    return Refused.INTEGRITY if plain is None else plain


def _alignment(encryption: Encryption) -> int:
    """Only a block cipher insists on whole blocks; that others are padded to 4 is not checked."""
    return encryption.block if encryption.block > 4 else 1


@clause("XFRM-ESP-003")
def _associated(header: bytes, high: bytes) -> bytes:
    """Where an algorithm makes the integrity value itself, the high half stands before the low one."""
    return header[:4] + high + header[4:] if high else header
