"""Attributes of XFRM messages: type, length, value, and what the values mean."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from xfrmspec.kernel.netlink_values import (
    TEMPLATE_SIZE,
    MalformedMessageError,
    pack_address,
    pack_template,
    unpack_template,
)
from xfrmspec.wire.secret import NO_KEY, Secret
from xfrmspec_terms.association import Encapsulation
from xfrmspec_terms.policy import ANY_MARK, Mark, PolicyType, Template
from xfrmspec_terms.selector import Address

_HEADER = struct.Struct("=HH")
_MARK = struct.Struct("=II")
_WORD = struct.Struct("=I")
_POLICY_TYPE = struct.Struct("=BxHBx")
_ALGORITHM = struct.Struct("=64sI")
_ALGORITHM_WITH_ICV = struct.Struct("=64sII")
_REPLAY_ESN = struct.Struct("=6I")
_ENCAPSULATION = struct.Struct("=HHHH16x")
_NAT_TRAVERSAL_PORT = 4500


class AttributeKind(IntEnum):
    """The XFRMA_* numbers that the codec reads or writes."""

    ALG_AUTH = 1
    ALG_CRYPT = 2
    ALG_COMP = 3
    ENCAP = 4
    TMPL = 5
    SA = 6
    POLICY = 7
    SEC_CTX = 8
    LTIME_VAL = 9
    REPLAY_VAL = 10
    SRCADDR = 13
    COADDR = 14
    LASTUSED = 15
    POLICY_TYPE = 16
    MIGRATE = 17
    ALG_AEAD = 18
    KMADDRESS = 19
    ALG_AUTH_TRUNC = 20
    MARK = 21
    REPLAY_ESN_VAL = 23
    SA_EXTRA_FLAGS = 24
    PROTO = 25
    SET_MARK = 29
    SET_MARK_MASK = 30
    IF_ID = 31


KEYED = frozenset(
    {
        AttributeKind.ALG_AUTH,
        AttributeKind.ALG_CRYPT,
        AttributeKind.ALG_AEAD,
        AttributeKind.ALG_AUTH_TRUNC,
    }
)
"""Attributes that carry a key; their octets are never shown."""

_OPEN = frozenset(AttributeKind) - KEYED
"""Attributes that are known to carry no key: what a kernel sends otherwise is not shown either."""


class ThresholdKind(IntEnum):
    """Attributes of NEWSPDINFO and GETSPDINFO (XFRMA_SPD_*)."""

    INFO = 1
    HASH_INFO = 2
    IPV4_THRESHOLDS = 3
    IPV6_THRESHOLDS = 4


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its number and its value, without header and padding; octets with a key are secret."""

    kind: int
    value: bytes | Secret

    @property
    def octets(self) -> bytes:
        """The octets of the value, for a message and nothing else."""
        return self.value.reveal() if isinstance(self.value, Secret) else self.value

    def __repr__(self) -> str:
        shown = self.value.hex() if isinstance(self.value, bytes) else repr(self.value)
        return f"Attribute(kind={self.kind}, value={shown})"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm of a state: its crypto name, its key, and the ICV length in bits.

    `integrity_bits` is None where the attribute has no such field.
    """

    kind: AttributeKind
    name: str
    key: Secret = NO_KEY
    integrity_bits: int | None = None


@dataclass(frozen=True, slots=True)
class ReplayEsn:
    """xfrm_replay_state_esn: counters, window size in packets, and the bitmap as 32-bit words."""

    out_sequence: int = 0
    sequence: int = 0
    out_sequence_high: int = 0
    sequence_high: int = 0
    window: int = 0
    bitmap: tuple[int, ...] = ()


def join(attributes: Iterable[Attribute]) -> bytes:
    """Return attributes as octets, each padded to a multiple of four."""
    parts = []
    for attribute in attributes:
        length = _HEADER.size + len(attribute.octets)
        padding = b"\0" * (-length % 4)
        parts.append(_HEADER.pack(length, attribute.kind) + attribute.octets + padding)
    return b"".join(parts)


def split(octets: bytes) -> tuple[Attribute, ...]:
    """Read attributes up to the end; MalformedMessageError for a length that does not fit."""
    found: list[Attribute] = []
    offset = 0
    while offset + _HEADER.size <= len(octets):
        length, kind = _HEADER.unpack_from(octets, offset)
        if length < _HEADER.size or offset + length > len(octets):
            raise MalformedMessageError(f"attribute {kind} at octet {offset} has length {length}")
        value = octets[offset + _HEADER.size : offset + length]
        found.append(Attribute(kind, value if kind in _OPEN else Secret(value)))
        offset += length + (-length % 4)
    return tuple(found)


def value_of(attributes: Sequence[Attribute], kind: int) -> bytes | None:
    """Return the value of the last attribute of a kind (the kernel reads the last), or None."""
    return next((a.octets for a in reversed(attributes) if a.kind == kind), None)


def templates_attribute(templates: Sequence[Template]) -> Attribute:
    """Return the TMPL attribute of a template list."""
    return Attribute(AttributeKind.TMPL, b"".join(pack_template(template) for template in templates))


def templates_in(attributes: Sequence[Attribute]) -> tuple[Template, ...]:
    """Return the templates of a message; none without a TMPL attribute."""
    value = value_of(attributes, AttributeKind.TMPL) or b""
    return tuple(
        unpack_template(value[start : start + TEMPLATE_SIZE]) for start in range(0, len(value), TEMPLATE_SIZE)
    )


def mark_attribute(mark: Mark) -> Attribute:
    """Return the MARK attribute."""
    return Attribute(AttributeKind.MARK, _MARK.pack(mark.value, mark.mask))


def mark_in(attributes: Sequence[Attribute]) -> Mark:
    """Return the mark of a message; the wildcard without a MARK attribute."""
    value = value_of(attributes, AttributeKind.MARK)
    return Mark(*_MARK.unpack_from(value)) if value else ANY_MARK


def encapsulation_attribute(kind: Encapsulation) -> Attribute:
    """Return the ENCAP attribute, with the port of IKE's own encapsulation at both ends."""
    port = socket.htons(_NAT_TRAVERSAL_PORT)
    return Attribute(AttributeKind.ENCAP, _ENCAPSULATION.pack(kind, port, port, 0))


def encapsulation_in(attributes: Sequence[Attribute]) -> Encapsulation:
    """Return how a state is wrapped: NONE without an ENCAP attribute."""
    value = value_of(attributes, AttributeKind.ENCAP)
    return Encapsulation(_ENCAPSULATION.unpack_from(value)[0]) if value else Encapsulation.NONE


def word_attribute(kind: AttributeKind, word: int) -> Attribute:
    """Return an attribute that holds one 32-bit number (IF_ID, SA_EXTRA_FLAGS)."""
    return Attribute(kind, _WORD.pack(word))


def word_in(attributes: Sequence[Attribute], kind: AttributeKind) -> int:
    """Return the 32-bit number of an attribute; 0 without it."""
    value = value_of(attributes, kind)
    return int(_WORD.unpack_from(value)[0]) if value else 0


def policy_type_attribute(type_: PolicyType) -> Attribute:
    """Return the POLICY_TYPE attribute."""
    return Attribute(AttributeKind.POLICY_TYPE, _POLICY_TYPE.pack(type_, 0, 0))


def policy_type_in(attributes: Sequence[Attribute]) -> PolicyType:
    """Return the policy type of a message; MAIN without a POLICY_TYPE attribute."""
    value = value_of(attributes, AttributeKind.POLICY_TYPE)
    return PolicyType(value[0]) if value else PolicyType.MAIN


def address_attribute(kind: AttributeKind, address: Address) -> Attribute:
    """Return a COADDR or SRCADDR attribute."""
    return Attribute(kind, pack_address(address))


def algorithm_attribute(algorithm: Algorithm) -> Attribute:
    """Return the ALG_* attribute of an algorithm."""
    name = algorithm.name.encode("ascii")
    bits = 8 * len(algorithm.key)
    if algorithm.integrity_bits is None:
        head = _ALGORITHM.pack(name, bits)
    else:
        head = _ALGORITHM_WITH_ICV.pack(name, bits, algorithm.integrity_bits)
    value = head + algorithm.key.reveal()
    return Attribute(algorithm.kind, Secret(value) if algorithm.kind in KEYED else value)


def algorithms_in(attributes: Sequence[Attribute]) -> tuple[Algorithm, ...]:
    """Return the algorithms of a message in its order."""
    return tuple(_algorithm(a) for a in attributes if a.kind in KEYED or a.kind == AttributeKind.ALG_COMP)


def _algorithm(attribute: Attribute) -> Algorithm:
    kind = AttributeKind(attribute.kind)
    if kind in (AttributeKind.ALG_AEAD, AttributeKind.ALG_AUTH_TRUNC):
        name, bits, integrity = _ALGORITHM_WITH_ICV.unpack_from(attribute.octets)
        start = _ALGORITHM_WITH_ICV.size
    else:
        name, bits = _ALGORITHM.unpack_from(attribute.octets)
        start, integrity = _ALGORITHM.size, None
    key = Secret(attribute.octets[start : start + (bits + 7) // 8])
    return Algorithm(kind, name.rstrip(b"\0").decode("ascii", "replace"), key, integrity)


def replay_esn_attribute(replay: ReplayEsn) -> Attribute:
    """Return the REPLAY_ESN_VAL attribute."""
    head = _REPLAY_ESN.pack(
        len(replay.bitmap),
        replay.out_sequence,
        replay.sequence,
        replay.out_sequence_high,
        replay.sequence_high,
        replay.window,
    )
    words = b"".join(_WORD.pack(word) for word in replay.bitmap)
    return Attribute(AttributeKind.REPLAY_ESN_VAL, head + words)


def replay_esn_in(attributes: Sequence[Attribute]) -> ReplayEsn | None:
    """Return the extended replay state of a message, or None."""
    value = value_of(attributes, AttributeKind.REPLAY_ESN_VAL)
    if value is None:
        return None
    fields = _REPLAY_ESN.unpack_from(value)
    length, out_sequence, sequence, out_high, high, window = fields
    words = tuple(word for (word,) in _WORD.iter_unpack(value[_REPLAY_ESN.size :]))
    if len(words) != length:
        raise MalformedMessageError(f"replay bitmap of {len(words)} words says that it has {length}")
    return ReplayEsn(out_sequence, sequence, out_high, high, window, words)
