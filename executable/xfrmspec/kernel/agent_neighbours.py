"""Inside the guest: answers to neighbour solicitations for addresses that no station of the world has."""

from __future__ import annotations

import struct

STRANGER = bytes.fromhex("020000000bad")
"""The hardware address of whoever is no station."""
SOLICITATION = 135
ADVERTISEMENT = 136

_ETHERNET_OCTETS = 14
_IPV6_OCTETS = 40
_ICMPV6 = 58
_MOST_HOPS = 255
_SOLICITED_AND_OVERRIDING = 0x60000000
_TARGET_LINK_LAYER = bytes((2, 1))
_HEAD = struct.Struct(">IHBB16s16s")
_BODY = struct.Struct(">BBHI16s")


def target_of(frame: bytes) -> bytes:
    """Return the address that a frame of neighbour discovery is about."""
    start = _ETHERNET_OCTETS + _IPV6_OCTETS + 8
    return frame[start : start + 16]


def asker_of(frame: bytes) -> bytes:
    """Return the source address of a frame, 16 octets."""
    return frame[_ETHERNET_OCTETS + 8 : _ETHERNET_OCTETS + 24]


def answer_to(frame: bytes) -> bytes:
    """Return the frame by which a stranger says that the address asked for is its own."""
    target, asker = target_of(frame), asker_of(frame)
    body = _BODY.pack(ADVERTISEMENT, 0, 0, _SOLICITED_AND_OVERRIDING, target) + _TARGET_LINK_LAYER + STRANGER
    checksum = _checksum(target + asker + struct.pack(">II", len(body), _ICMPV6) + body)
    head = _HEAD.pack(6 << 28, len(body), _ICMPV6, _MOST_HOPS, target, asker)
    return frame[6:12] + STRANGER + frame[12:14] + head + body[:2] + struct.pack(">H", checksum) + body[4:]


def _checksum(octets: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
