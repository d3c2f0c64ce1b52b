"""Router advertisements as packets: what movement detection reads of them, and nothing more."""

from __future__ import annotations

import struct
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.world.links import ALL_NODES, Link
from xfrmspec_terms.advertisement import Advertised, AdvertisedPrefix
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet

ROUTER_ADVERTISEMENT = 134
ROUTER_LIFETIME = 30
_HOP_LIMIT = 255
_ADVISED_HOP_LIMIT = 64
_FIXED = struct.Struct(">BBH")
_TIMERS = struct.Struct(">II")
_PREFIX = struct.Struct(">BBBBIII16s")
_PREFIX_TYPE, _PREFIX_UNITS = 3, 4
_ON_LINK_AND_AUTONOMOUS = 0xC0
_AUTONOMOUS = 0x40


def advertisement_packet(link: Link, router: IPv6Address) -> Packet:
    """Return a router's advertisement of its link's prefix to all nodes. Source: RFC 4861 4.2, 4.6.2."""
    body = _FIXED.pack(_ADVISED_HOP_LIMIT, 0, ROUTER_LIFETIME)
    option = _PREFIX.pack(
        _PREFIX_TYPE,
        _PREFIX_UNITS,
        link.prefix.prefixlen,
        _ON_LINK_AND_AUTONOMOUS,
        ROUTER_LIFETIME,
        ROUTER_LIFETIME,
        0,
        link.prefix.network_address.packed,
    )
    outer = IPv6Header(router, ALL_NODES, hop_limit=_HOP_LIMIT)
    return Packet((outer, IcmpV6Header(ROUTER_ADVERTISEMENT, 0, body)), _TIMERS.pack(0, 0) + option)


def advertised(packet: Packet) -> Advertised | None:
    """Return what a packet advertises, or None for one that is no advertisement or a damaged one.

    Source: RFC 4861 6.1.2.
    """
    outer, upper = packet.headers[0], packet.headers[-1]
    if not isinstance(upper, IcmpV6Header) or upper.type != ROUTER_ADVERTISEMENT:
        return None
    if (
        not isinstance(outer, IPv6Header)
        or outer.hop_limit != _HOP_LIMIT
        or len(packet.payload) < _TIMERS.size
    ):
        return None
    _, _, lifetime = _FIXED.unpack(upper.body)
    prefixes = _prefixes(packet.payload[_TIMERS.size :])
    return None if prefixes is None else Advertised(lifetime, prefixes)


def _prefixes(options: bytes) -> tuple[AdvertisedPrefix, ...] | None:
    found: list[AdvertisedPrefix] = []
    place = 0
    while place < len(options):
        units = options[place + 1] if place + 1 < len(options) else 0
        option = options[place : place + units * 8]
        if not units or len(option) < units * 8:
            return None
        if option[0] == _PREFIX_TYPE and units == _PREFIX_UNITS:
            found.append(_prefix(option))
        place += units * 8
    return tuple(found)


def _prefix(option: bytes) -> AdvertisedPrefix:
    _, _, length, flags, valid, _, _, address = _PREFIX.unpack(option)
    network = IPv6Network((address, min(length, 128)), strict=False)
    return AdvertisedPrefix(network, valid, bool(flags & _AUTONOMOUS))
