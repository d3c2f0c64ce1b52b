"""The small fixed parts: flushes, default actions, thresholds, reports, and migration entries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xfrmspec.kernel.netlink_values import (
    SELECTOR_SIZE,
    MalformedMessageError,
    pack_address,
    pack_selector,
    unpack_address,
    unpack_selector,
)
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family, Protocol, Selector

_MIGRATE = struct.Struct("=16s16s16s16sBB2xIHH")
_WORD = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class FlushStatesBody:
    """xfrm_usersa_flush: the protocol whose states go; 0 all, 255 AH, ESP and IPComp."""

    protocol: int

    def pack(self) -> bytes:
        """Return the single octet of the structure."""
        return bytes((self.protocol,))

    @classmethod
    def unpack(cls, octets: bytes) -> FlushStatesBody:
        """Read the structure."""
        return cls(_part(octets, 1)[0])


@dataclass(frozen=True, slots=True)
class DefaultsBody:
    """xfrm_userpolicy_default: one number per direction, 1 block, 2 accept, anything else as it was."""

    inbound: int
    forward: int
    outbound: int

    def pack(self) -> bytes:
        """Return the three octets of the structure."""
        return bytes((self.inbound, self.forward, self.outbound))

    @classmethod
    def unpack(cls, octets: bytes) -> DefaultsBody:
        """Read the structure."""
        return cls(*_part(octets, 3))


@dataclass(frozen=True, slots=True)
class FlagsBody:
    """The 32-bit word that NEWSPDINFO and GETSPDINFO start with."""

    flags: int = 0

    def pack(self) -> bytes:
        """Return the four octets of the word."""
        return _WORD.pack(self.flags)

    @classmethod
    def unpack(cls, octets: bytes) -> FlagsBody:
        """Read the word."""
        return cls(*_WORD.unpack(_part(octets, 4)))


@dataclass(frozen=True, slots=True)
class EmptyBody:
    """No fixed part at all (FLUSHPOLICY)."""

    def pack(self) -> bytes:
        """Return nothing."""
        return b""

    @classmethod
    def unpack(cls, octets: bytes) -> EmptyBody:
        """Read nothing."""
        return cls()


@dataclass(frozen=True, slots=True)
class ReportBody:
    """xfrm_user_report: the protocol that rejected a packet, and the packet's flow as a selector."""

    protocol: int
    selector: Selector

    def pack(self) -> bytes:
        """Return the 60 octets of the structure."""
        return struct.pack("=B3x", self.protocol) + pack_selector(self.selector)

    @classmethod
    def unpack(cls, octets: bytes) -> ReportBody:
        """Read the structure."""
        part = _part(octets, 4 + SELECTOR_SIZE)
        return cls(part[0], unpack_selector(part[4:]))


def pack_migrate(entry: Migration) -> bytes:
    """Return the 76 octets of one entry."""
    return _MIGRATE.pack(
        pack_address(entry.old_destination),
        pack_address(entry.old_source),
        pack_address(entry.new_destination),
        pack_address(entry.new_source),
        entry.protocol,
        entry.mode,
        entry.reqid,
        entry.old_family,
        entry.new_family,
    )


def unpack_migrate(octets: bytes) -> tuple[Migration, ...]:
    """Read the entries of a MIGRATE attribute; MalformedMessageError for an unknown mode or protocol."""
    entries = []
    for start in range(0, len(octets) - _MIGRATE.size + 1, _MIGRATE.size):
        fields = _MIGRATE.unpack_from(octets, start)
        old_daddr, old_saddr, new_daddr, new_saddr, protocol, mode, reqid, old, new = fields
        try:
            entry = Migration(
                unpack_address(old_saddr, old),
                unpack_address(old_daddr, old),
                unpack_address(new_saddr, new),
                unpack_address(new_daddr, new),
                Protocol(protocol),
                Mode(mode),
                reqid,
                Family(old),
                Family(new),
            )
        except ValueError as error:
            raise MalformedMessageError(f"migration entry: {error}") from error
        entries.append(entry)
    return tuple(entries)


def _part(octets: bytes, size: int) -> bytes:
    if len(octets) < size:
        raise MalformedMessageError(f"{len(octets)} octets where a message needs {size}")
    return octets[:size]
