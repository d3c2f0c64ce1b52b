"""Binary XFRM netlink: messages between the octets of a socket and values made of terms."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar, Protocol

from xfrmspec.kernel.netlink_attributes import Attribute, join, split
from xfrmspec.kernel.netlink_bodies import (
    POLICY_SIZE,
    STATE_SIZE,
    AcquireBody,
    ExpireBody,
    PolicyBody,
    PolicyExpireBody,
    PolicyKeyBody,
    SpiRangeBody,
    StateBody,
    StateKeyBody,
)
from xfrmspec.kernel.netlink_counters import COUNTERS_SIZE, CountersBody
from xfrmspec.kernel.netlink_small import (
    DefaultsBody,
    EmptyBody,
    FlagsBody,
    FlushStatesBody,
    ReportBody,
)
from xfrmspec.kernel.netlink_values import SELECTOR_SIZE, MalformedMessageError

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length with the header, type, flags, sequence number, port."""

NLMSG_ERROR = 2
NLMSG_DONE = 3


class MessageKind(IntEnum):
    """XFRM message types (XFRM_MSG_*)."""

    NEWSA = 16
    DELSA = 17
    GETSA = 18
    NEWPOLICY = 19
    DELPOLICY = 20
    GETPOLICY = 21
    ALLOCSPI = 22
    ACQUIRE = 23
    EXPIRE = 24
    UPDPOLICY = 25
    UPDSA = 26
    POLEXPIRE = 27
    FLUSHSA = 28
    FLUSHPOLICY = 29
    NEWAE = 30
    GETAE = 31
    REPORT = 32
    MIGRATE = 33
    NEWSPDINFO = 36
    GETSPDINFO = 37
    SETDEFAULT = 39
    GETDEFAULT = 40


class RequestFlag(IntFlag):
    """Flags of a netlink request."""

    NONE = 0
    REQUEST = 1
    ACK = 4
    DUMP = 0x300


class Body(Protocol):
    """The fixed part of a message."""

    def pack(self) -> bytes:
        """Return the structure's octets."""
        ...


@dataclass(frozen=True, slots=True)
class RawBody:
    """A fixed part of a message kind that the codec has no structure for; octets are kept as they are."""

    octets: bytes
    size: ClassVar[int] = 0

    def pack(self) -> bytes:
        """Return the octets."""
        return self.octets


@dataclass(frozen=True, slots=True)
class Message:
    """One XFRM message: kind, fixed part, and attributes in wire order."""

    kind: int
    body: Body
    attributes: tuple[Attribute, ...] = ()


class _Reader(Protocol):
    def unpack(self, octets: bytes) -> Body: ...


_STATE_KEY_SIZE = 24
_POLICY_KEY_SIZE = SELECTOR_SIZE + 8
_LAYOUTS: Mapping[int, tuple[_Reader, int]] = {
    MessageKind.NEWSA: (StateBody, STATE_SIZE),
    MessageKind.UPDSA: (StateBody, STATE_SIZE),
    MessageKind.DELSA: (StateKeyBody, _STATE_KEY_SIZE),
    MessageKind.GETSA: (StateKeyBody, _STATE_KEY_SIZE),
    MessageKind.NEWPOLICY: (PolicyBody, POLICY_SIZE),
    MessageKind.UPDPOLICY: (PolicyBody, POLICY_SIZE),
    MessageKind.DELPOLICY: (PolicyKeyBody, _POLICY_KEY_SIZE),
    MessageKind.GETPOLICY: (PolicyKeyBody, _POLICY_KEY_SIZE),
    MessageKind.ALLOCSPI: (SpiRangeBody, STATE_SIZE + 8),
    MessageKind.ACQUIRE: (AcquireBody, 280),
    MessageKind.EXPIRE: (ExpireBody, STATE_SIZE + 8),
    MessageKind.POLEXPIRE: (PolicyExpireBody, POLICY_SIZE + 8),
    MessageKind.FLUSHSA: (FlushStatesBody, 1),
    MessageKind.FLUSHPOLICY: (EmptyBody, 0),
    MessageKind.NEWAE: (CountersBody, COUNTERS_SIZE),
    MessageKind.GETAE: (CountersBody, COUNTERS_SIZE),
    MessageKind.REPORT: (ReportBody, 4 + SELECTOR_SIZE),
    MessageKind.MIGRATE: (PolicyKeyBody, _POLICY_KEY_SIZE),
    MessageKind.NEWSPDINFO: (FlagsBody, 4),
    MessageKind.GETSPDINFO: (FlagsBody, 4),
    MessageKind.SETDEFAULT: (DefaultsBody, 3),
    MessageKind.GETDEFAULT: (DefaultsBody, 3),
}


def encode(message: Message) -> bytes:
    """Return the payload of a message: what follows the 16-octet netlink header."""
    body = message.body.pack()
    if not message.attributes:
        return body
    return body + b"\0" * (-len(body) % 4) + join(message.attributes)


def decode(kind: int, payload: bytes) -> Message:
    """Read the payload of a message; MalformedMessageError when it is too short or holds unknown numbers.

    A kind without a known structure is kept as raw octets.
    """
    layout = _LAYOUTS.get(kind)
    if layout is None:
        return Message(kind, RawBody(payload))
    reader, size = layout
    if len(payload) < size:
        raise MalformedMessageError(f"{MessageKind(kind).name}: {len(payload)} octets, needs {size}")
    start = size + (-size % 4)
    return Message(kind, reader.unpack(payload[:size]), split(payload[start:]))


def frame(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    """Return a complete netlink datagram of one message."""
    return HEADER.pack(HEADER.size + len(payload), kind, flags, sequence, 0) + payload


@dataclass(frozen=True, slots=True)
class Frame:
    """One netlink message as it was received: kind, flags, sequence number and payload."""

    kind: int
    flags: int
    sequence: int
    payload: bytes


def frames(datagram: bytes) -> Iterator[Frame]:
    """Iterate over the messages of a datagram; MalformedMessageError for a length that does not fit."""
    offset = 0
    while offset + HEADER.size <= len(datagram):
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, offset)
        if length < HEADER.size or offset + length > len(datagram):
            raise MalformedMessageError(f"netlink message of length {length} at octet {offset}")
        yield Frame(kind, flags, sequence, datagram[offset + HEADER.size : offset + length])
        offset += length + (-length % 4)
