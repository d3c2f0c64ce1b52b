"""The Internet checksum, its pseudo-header, and the addresses that stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    IPv4Header,
    IPv6Header,
    RoutingHeader,
    Type2RoutingHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption
from xfrmspec_terms.selector import Address, Protocol

_ONES = 0xFFFF
_SOURCE_ROUTE = 0
_SEGMENT_ROUTING = 4
_FIRST_SEGMENT_ENDS = 20


def internet_checksum(octets: bytes, field: int = 0) -> int:
    """Return the 16-bit checksum of octets in which the checksum field holds `field`; RFC 1071.

    An odd last octet is padded with zero. A sum of 16-bit words with end-around carry is a remainder by
    2**16 - 1, which Python finds for the whole number at once.
    """
    if len(octets) % 2:
        octets += b"\0"
    total = int.from_bytes(octets, "big")
    remainder = (total - field) % _ONES
    if remainder == 0:
        return 0 if total > field else _ONES
    return _ONES - remainder


@clause("XFRM-PKT-003")
def upper_checksum(addresses: tuple[Address, Address], protocol: int, octets: bytes, field: int = 0) -> int:
    """Return the checksum of upper-layer octets behind the pseudo-header of the given final addresses.

    `field` is what stands in the checksum field of `octets`. Source: RFC 8200 8.1, RFC 9293 3.1.
    """
    source, destination = addresses
    length = len(octets).to_bytes(4, "big")
    pseudo = source.packed + destination.packed + length + protocol.to_bytes(4, "big")
    return internet_checksum(pseudo + octets, field)


def udp_checksum(addresses: tuple[Address, Address], octets: bytes, field: int = 0) -> int:
    """Return the checksum of a UDP header and payload; its length field says how many octets it covers.

    Zero would mean that there is none, so it is sent as 0xFFFF. Source: RFC 768.
    """
    covered = octets[: int.from_bytes(octets[4:6], "big")]
    return upper_checksum(addresses, Protocol.UDP, covered, field) or _ONES


@clause("XFRM-PKT-003")
def final_addresses(headers: Iterable[WireHeader]) -> tuple[Address, Address]:
    """Return the source and destination that count for what comes behind these headers.

    A home address option that is not yet exchanged gives the source, a routing header with segments left
    the destination. ValueError without an IP header. Source: RFC 8200 8.1, RFC 6275 6.1.1, K-MIP-31.
    """
    addresses: tuple[Address, Address] | None = None
    for header in headers:
        if isinstance(header, IPv6Header | IPv4Header):
            addresses = header.source, header.destination
        elif addresses is not None:
            addresses = _worked_through(header, addresses)
    if addresses is None:
        raise ValueError("the headers have no IP header, so there are no addresses for a checksum")
    return addresses


def _worked_through(header: WireHeader, addresses: tuple[Address, Address]) -> tuple[Address, Address]:
    source, destination = addresses
    if isinstance(header, DestinationOptionsHeader):
        for option in header.options:
            if isinstance(option, HomeAddressOption) and not option.exchanged:
                source = option.address
    elif isinstance(header, Type2RoutingHeader) and header.segments_left:
        destination = header.address
    elif isinstance(header, RoutingHeader) and header.segments_left:
        destination = _last_segment(header, destination)
    return source, destination


def _last_segment(header: RoutingHeader, otherwise: Address) -> Address:
    """Type 0 lists its addresses in travelling order, segment routing in reverse order."""
    if len(header.octets) < _FIRST_SEGMENT_ENDS or not isinstance(otherwise, IPv6Address):
        return otherwise
    if header.type == _SOURCE_ROUTE:
        return IPv6Address(header.octets[-16:])
    if header.type == _SEGMENT_ROUTING:
        return IPv6Address(header.octets[4:_FIRST_SEGMENT_ENDS])
    return otherwise
