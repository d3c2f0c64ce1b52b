"""Requests about addresses, routes, rules, tunnels and neighbours, as complete netlink messages."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.kernel.netlink import frame

_ACKNOWLEDGED = 0x5
_MADE = 0x405
_MADE_NEW = 0x605
_REPLACED = 0x505
_HOST_BITS = 128
_NO_DAD = 0x02
_HOME = 0x10
_MAIN_TABLE = 254
_STATIC = 4
_UNICAST = 1
_LOOKUP = 1
_UP = 1
_PERMANENT = 0x80
_PROXY = 0x08
_REACHABLE = 0x02
_IPV6_IN_IPV6 = 41
_IGNORE_ENCAPSULATION_LIMIT = 1


class Change(IntEnum):
    """Whether something is made or removed: what is added to the number of a request that makes."""

    MAKE = 0
    REMOVE = 1


class _Kind(IntEnum):
    LINK = 16
    ADDRESS = 20
    ROUTE = 24
    NEIGHBOUR = 28
    RULE = 32


def _attribute(kind: int, value: bytes) -> bytes:
    padded = value.ljust((len(value) + 3) & ~3, b"\0")
    return struct.pack("=HH", 4 + len(value), kind) + padded


def _word(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _request(kind: _Kind, change: Change, payload: bytes) -> bytes:
    return frame(kind + change, _MADE if change is Change.MAKE else _ACKNOWLEDGED, 0, payload)


def address_request(change: Change, index: int, address: IPv6Address, *, home: bool = False) -> bytes:
    """Return the request for a host address of an interface, usable at once; `home` flags a home address."""
    flags = _NO_DAD | (_HOME if home else 0)
    head = struct.pack("=BBBBI", socket.AF_INET6, _HOST_BITS, flags, 0, index)
    names = _attribute(2, address.packed) + _attribute(1, address.packed) + _word(8, flags)
    return _request(_Kind.ADDRESS, change, head + names)


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A line of a routing table: packets to `prefix` leave through interface `index`, maybe to a gateway."""

    prefix: IPv6Network
    index: int
    gateway: IPv6Address | None = None
    table: int = _MAIN_TABLE


def route_request(change: Change, line: RouteLine) -> bytes:
    """Return the request for one line of a routing table."""
    bits = line.prefix.prefixlen
    head = struct.pack("=BBBBBBBBI", socket.AF_INET6, bits, 0, 0, line.table, _STATIC, 0, _UNICAST, 0)
    payload = head + _word(4, line.index)
    if bits:
        payload += _attribute(1, line.prefix.network_address.packed)
    if line.gateway is not None:
        payload += _attribute(5, line.gateway.packed)
    return _request(_Kind.ROUTE, change, payload)


def rule_request(change: Change, source: IPv6Address, table: int, priority: int) -> bytes:
    """Return the request for a rule: packets from a source address are routed by a table of their own."""
    head = struct.pack("=BBBBBBBBI", socket.AF_INET6, 0, _HOST_BITS, 0, table, 0, 0, _LOOKUP, 0)
    return _request(_Kind.RULE, change, head + _attribute(2, source.packed) + _word(6, priority))


def proxy_request(change: Change, index: int, address: IPv6Address) -> bytes:
    """Return the request that lets a node answer neighbour solicitations for an address."""
    head = struct.pack("=BBHiHBB", socket.AF_INET6, 0, 0, index, _PERMANENT, _PROXY, 0)
    return _request(_Kind.NEIGHBOUR, change, head + _attribute(1, address.packed))


def neighbour_request(index: int, address: IPv6Address, hardware: bytes) -> bytes:
    """Return the request that tells a node the hardware address of a neighbour."""
    head = struct.pack("=BBHiHBB", socket.AF_INET6, 0, 0, index, _REACHABLE, 0, 0)
    names = _attribute(1, address.packed) + _attribute(2, hardware)
    return frame(_Kind.NEIGHBOUR, _REPLACED, 0, head + names)


def _link_head(index: int) -> bytes:
    return struct.pack("=BBHiII", 0, 0, 0, index, _UP, _UP)


def _tunnel_payload(index: int, local: IPv6Address, remote: IPv6Address, hop_limit: int) -> bytes:
    data = _attribute(2, local.packed) + _attribute(3, remote.packed)
    data += _attribute(4, bytes((hop_limit,))) + _attribute(9, bytes((_IPV6_IN_IPV6,)))
    data += _word(8, _IGNORE_ENCAPSULATION_LIMIT)
    information = _attribute(1, b"ip6tnl\0") + _attribute(2, data)
    return _link_head(index) + _attribute(18, information)


def open_tunnel_request(
    index: int, name: str, local: IPv6Address, remote: IPv6Address, hop_limit: int
) -> bytes:
    """Return the request that makes a device for IPv6 in IPv6 between two addresses, and brings it up."""
    payload = _tunnel_payload(index, local, remote, hop_limit)
    payload += _attribute(3, name.encode("ascii") + b"\0")
    return frame(_Kind.LINK, _MADE_NEW, 0, payload)


def move_tunnel_request(index: int, local: IPv6Address, remote: IPv6Address, hop_limit: int) -> bytes:
    """Return the request that gives a tunnel device other ends."""
    payload = _tunnel_payload(index, local, remote, hop_limit)
    return frame(_Kind.LINK, _ACKNOWLEDGED, 0, payload)


def close_tunnel_request(index: int) -> bytes:
    """Return the request that removes a device."""
    return _request(_Kind.LINK, Change.REMOVE, _link_head(index))
