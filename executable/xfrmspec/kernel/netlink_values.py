"""The fixed structures of linux/xfrm.h that several messages share, to and from terms."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from xfrmspec_terms.policy import Limits, Mode, Share, Template
from xfrmspec_terms.selector import Address, Family, PortMatch, Prefix, Protocol, Selector

INFINITE = (1 << 64) - 1
"""XFRM_INF: no octet or packet limit."""

_SELECTOR = struct.Struct("=16s16s2s2s2s2sHBBB3xiI")
_LIMITS = struct.Struct("=8Q")
_USAGE = struct.Struct("=4Q")
_IDENTITY = struct.Struct("=16s4sB3x")
_TEMPLATE = struct.Struct("=24sH2x16sIBBBxIII")

SELECTOR_SIZE = _SELECTOR.size
LIMITS_SIZE = _LIMITS.size
USAGE_SIZE = _USAGE.size
IDENTITY_SIZE = _IDENTITY.size
TEMPLATE_SIZE = _TEMPLATE.size


class MalformedMessageError(ValueError):
    """A netlink payload is shorter than its structure, or holds a number that the terms do not know."""


@dataclass(frozen=True, slots=True)
class Usage:
    """xfrm_lifetime_cur: octets and packets so far, and the seconds since 1970 of creation and first use."""

    octets: int = 0
    packets: int = 0
    add_time: int = 0
    use_time: int = 0


@dataclass(frozen=True, slots=True)
class StateIdentity:
    """xfrm_id: destination, 32-bit SPI (in network order on the wire) and protocol number."""

    destination: Address
    spi: int
    protocol: int


UNUSED = Usage()
"""Nothing was counted yet."""


def pack_address(address: Address) -> bytes:
    """Return the 16 octets of an xfrm_address_t; an IPv4 address fills the first four."""
    return address.packed.ljust(16, b"\0")


@lru_cache(maxsize=4096)
def unpack_address(octets: bytes, family: int) -> Address:
    """Read an xfrm_address_t as an address of the family; any family but INET reads as IPv6."""
    if family == Family.INET:
        return IPv4Address(octets[:4])
    return IPv6Address(octets)


def _pack_port(port: PortMatch) -> tuple[bytes, bytes]:
    return port.value.to_bytes(2, "big"), port.mask.to_bytes(2, "big")


def _port(value: bytes, mask: bytes) -> PortMatch:
    return PortMatch(int.from_bytes(value, "big"), int.from_bytes(mask, "big"))


def pack_selector(selector: Selector) -> bytes:
    """Return the 56 octets of an xfrm_selector; ports in network order, the rest in the host's."""
    return _SELECTOR.pack(
        pack_address(selector.destination.address),
        pack_address(selector.source.address),
        *_pack_port(selector.destination_port),
        *_pack_port(selector.source_port),
        selector.family,
        selector.destination.length,
        selector.source.length,
        selector.protocol,
        selector.ifindex,
        selector.user,
    )


@lru_cache(maxsize=4096)
def unpack_selector(octets: bytes) -> Selector:
    """Read an xfrm_selector; MalformedMessageError for an unknown family or an overlong prefix."""
    fields = _unpacked(_SELECTOR, octets)
    daddr, saddr, dport, dmask, sport, smask, family, plen_d, plen_s, proto, ifindex, user = fields
    try:
        return Selector(
            Prefix(unpack_address(saddr, family), plen_s),
            Prefix(unpack_address(daddr, family), plen_d),
            proto,
            _port(sport, smask),
            _port(dport, dmask),
            ifindex,
            user,
            Family(family),
        )
    except ValueError as error:
        raise MalformedMessageError(f"selector: {error}") from error


def _limit(value: int) -> int | None:
    return None if value == INFINITE else value


@lru_cache(maxsize=1024)
def pack_limits(limits: Limits) -> bytes:
    """Return the 64 octets of an xfrm_lifetime_cfg; None becomes XFRM_INF."""
    sizes = (limits.soft_bytes, limits.hard_bytes, limits.soft_packets, limits.hard_packets)
    return _LIMITS.pack(
        *(INFINITE if size is None else size for size in sizes),
        limits.soft_add_seconds,
        limits.hard_add_seconds,
        limits.soft_use_seconds,
        limits.hard_use_seconds,
    )


@lru_cache(maxsize=1024)
def unpack_limits(octets: bytes) -> Limits:
    """Read an xfrm_lifetime_cfg."""
    fields = _unpacked(_LIMITS, octets)
    soft_octets, hard_octets, soft_packets, hard_packets = map(_limit, fields[:4])
    return Limits(soft_octets, hard_octets, soft_packets, hard_packets, *fields[4:])


def pack_usage(usage: Usage) -> bytes:
    """Return the 32 octets of an xfrm_lifetime_cur."""
    return _USAGE.pack(usage.octets, usage.packets, usage.add_time, usage.use_time)


def unpack_usage(octets: bytes) -> Usage:
    """Read an xfrm_lifetime_cur."""
    return Usage(*_unpacked(_USAGE, octets))


def pack_identity(identity: StateIdentity) -> bytes:
    """Return the 24 octets of an xfrm_id."""
    spi = identity.spi.to_bytes(4, "big")
    return _IDENTITY.pack(pack_address(identity.destination), spi, identity.protocol)


def unpack_identity(octets: bytes, family: int) -> StateIdentity:
    """Read an xfrm_id whose address is of the family."""
    destination, spi, protocol = _unpacked(_IDENTITY, octets)
    return StateIdentity(unpack_address(destination, family), int.from_bytes(spi, "big"), protocol)


def pack_template(template: Template) -> bytes:
    """Return the 64 octets of an xfrm_user_tmpl."""
    identity = StateIdentity(template.destination, template.spi, template.protocol)
    return _TEMPLATE.pack(
        pack_identity(identity),
        template.family,
        pack_address(template.source),
        template.reqid,
        template.mode,
        template.share,
        int(template.optional),
        template.authentication_mask,
        template.encryption_mask,
        template.compression_mask,
    )


@lru_cache(maxsize=4096)
def unpack_template(octets: bytes) -> Template:
    """Read an xfrm_user_tmpl; MalformedMessageError for a mode, protocol, share or family the terms lack."""
    fields = _unpacked(_TEMPLATE, octets)
    identity_octets, family, source, reqid, mode, share, optional, auth, encryption, compression = fields
    identity = unpack_identity(identity_octets, family)
    try:
        return Template(
            Protocol(identity.protocol),
            Mode(mode),
            unpack_address(source, family),
            identity.destination,
            identity.spi,
            reqid,
            bool(optional),
            Family(family),
            Share(share),
            encryption,
            auth,
            compression,
        )
    except ValueError as error:
        raise MalformedMessageError(f"template: {error}") from error


def _unpacked(layout: struct.Struct, octets: bytes) -> tuple[Any, ...]:
    if len(octets) < layout.size:
        raise MalformedMessageError(f"{len(octets)} octets where a structure needs {layout.size}")
    return layout.unpack_from(octets)
