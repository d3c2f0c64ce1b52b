"""Counters of states on netlink: what a NEWAE event tells, and the REPLAY_VAL and LTIME_VAL attributes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.kernel.netlink_attributes import Attribute, AttributeKind, value_of
from xfrmspec.kernel.netlink_bodies import StateKeyBody
from xfrmspec.kernel.netlink_values import (
    USAGE_SIZE,
    MalformedMessageError,
    Usage,
    pack_address,
    pack_usage,
    unpack_address,
    unpack_usage,
)
from xfrmspec_terms.selector import Address

_TAIL = struct.Struct("=16sII")
_KEY_SIZE = 24
_REPLAY = struct.Struct("=III")

COUNTERS_SIZE = _KEY_SIZE + _TAIL.size


@dataclass(frozen=True, slots=True)
class CountersBody:
    """xfrm_aevent_id: the key and source of a state, why it is told (XFRM_AE_* bits), and its reqid."""

    key: StateKeyBody
    source: Address
    flags: int = 0
    reqid: int = 0

    def pack(self) -> bytes:
        """Return the 48 octets of the structure."""
        return self.key.pack() + _TAIL.pack(pack_address(self.source), self.flags, self.reqid)

    @classmethod
    def unpack(cls, octets: bytes) -> CountersBody:
        """Read the structure; MalformedMessageError when it is too short."""
        if len(octets) < COUNTERS_SIZE:
            raise MalformedMessageError(f"{len(octets)} octets where a message needs {COUNTERS_SIZE}")
        key = StateKeyBody.unpack(octets[:_KEY_SIZE])
        source, flags, reqid = _TAIL.unpack_from(octets, _KEY_SIZE)
        return cls(key, unpack_address(source, key.family), flags, reqid)


@dataclass(frozen=True, slots=True)
class Replay:
    """xfrm_replay_state: the counters of both directions, and the last 32 numbers as a bitmap."""

    out_sequence: int = 0
    sequence: int = 0
    bitmap: int = 0


def replay_attribute(replay: Replay) -> Attribute:
    """Return the REPLAY_VAL attribute."""
    value = _REPLAY.pack(replay.out_sequence, replay.sequence, replay.bitmap)
    return Attribute(AttributeKind.REPLAY_VAL, value)


def replay_in(attributes: Sequence[Attribute]) -> Replay | None:
    """Return the replay state of a message, or None; MalformedMessageError when it is too short."""
    value = value_of(attributes, AttributeKind.REPLAY_VAL)
    if value is None:
        return None
    if len(value) < _REPLAY.size:
        raise MalformedMessageError(f"replay state of {len(value)} octets")
    return Replay(*_REPLAY.unpack_from(value))


def usage_attribute(usage: Usage) -> Attribute:
    """Return the LTIME_VAL attribute."""
    return Attribute(AttributeKind.LTIME_VAL, pack_usage(usage))


def usage_in(attributes: Sequence[Attribute]) -> Usage | None:
    """Return the usage that a LTIME_VAL attribute tells, or None."""
    value = value_of(attributes, AttributeKind.LTIME_VAL)
    return None if value is None else unpack_usage(value[:USAGE_SIZE])
