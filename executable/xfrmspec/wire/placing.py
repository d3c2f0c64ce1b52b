"""Headers put into packets that have octets, at the places of XFRM-WIRE-001..003."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.wire.chain import element_of
from xfrmspec.wire.encode import encode_behind, protocol_of
from xfrmspec.wire.insertion import insertion_point
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    ExtensionHeader,
    IPv4Header,
    IPv6Header,
    Packet,
    UpperHeader,
    WireHeader,
)
from xfrmspec_terms.packet import Header

TRANSFORM_PLACES = frozenset({Header.AH, Header.ESP, Header.IPCOMP, Header.HAO, Header.RT2})
"""The header kinds that have a place of their own in a packet that is already built."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A packet cut open where a header goes: what stands before, and the octets behind with their protocol.

    The octets have their final checksums, so they are what ESP encrypts and IPComp compresses.
    """

    before: tuple[WireHeader, ...]
    protocol: int
    octets: bytes

    def closed(self, header: UpperHeader, payload: bytes) -> Packet:
        """Return the packet with an ESP or IPComp header at the opening and opaque octets behind it."""
        return Packet((*self.before, header), payload)


def place_in(headers: Sequence[WireHeader], kind: Header) -> int:
    """Return the index in a packet's headers at which a transform header of this kind goes.

    An IPv4 header has it right behind itself. ValueError for a kind that no transform puts in.
    Source: XFRM-WIRE-001..003; kernel xfrm6_hdr_offset, xfrm4_transport_output.
    """
    if kind not in TRANSFORM_PLACES:
        raise ValueError(f"no transform puts in a header {kind.value}")
    if isinstance(headers[0], IPv4Header):
        return 1
    return 1 + insertion_point(tuple(map(element_of, headers[1:])), kind)


@clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003")
def insert_header(packet: Packet, header: ExtensionHeader) -> Packet:
    """Return the packet with an extension header (HAO, RT2 or AH) at its place; addresses stay as they are.

    ValueError for a header that no transform puts in.
    """
    kind = element_of(header)
    if not isinstance(kind, Header):
        raise ValueError(f"no transform puts in protocol {protocol_of(header)}")
    place = place_in(packet.headers, kind)
    return Packet((*packet.headers[:place], header, *packet.headers[place:]), packet.payload)


def open_for(packet: Packet, kind: Header) -> Opening:
    """Return the packet cut open at the place of a transform header; ValueError as in place_in."""
    return open_at(packet, place_in(packet.headers, kind))


def open_at(packet: Packet, place: int) -> Opening:
    """Return the packet cut open before the header of this index (1 or more); IndexError past its end."""
    before, behind = packet.headers[:place], packet.headers[place:]
    return Opening(before, protocol_of(behind[0]), encode_behind(before, behind, packet.payload))


def outer_section(packet: Packet) -> int:
    """Return the index of the second IP header, or how many headers there are without one."""
    for index, header in enumerate(packet.headers[1:], 1):
        if isinstance(header, IPv6Header | IPv4Header):
            return index
    return len(packet.headers)
