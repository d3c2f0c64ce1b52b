"""The session key of a received packet: which flow the inbound and forward checks look up."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import MobilityTypeDecoding, Profile
from xfrmspec_terms.selector import Protocol, SlotMeaning, slot_meaning

_EXTENSION_HEADERS = frozenset(
    {Protocol.HOP_BY_HOP, Protocol.ROUTING, Protocol.DESTINATION_OPTIONS, Protocol.FRAGMENT}
)
_GRE_HAS_CHECKSUM = 0x80
_GRE_HAS_KEY = 0x20


@dataclass(frozen=True, slots=True)
class ReceivedHeaders:
    """What follows the 40-octet IPv6 header of a received packet.

    `next_header` is the IPv6 header's own next-header number, `payload` the octets after the IPv6 header,
    `processed` how many leading extension headers the IPv6 layer has already worked through.
    """

    next_header: int
    payload: bytes
    processed: int


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Protocol number and the two 16-bit port slots as XFRM-SEL-002 defines them."""

    protocol: int
    source_slot: int = 0
    destination_slot: int = 0


@dataclass(frozen=True, slots=True)
class _Walk:
    protocol: int
    offset: int
    fragment: bool


@clause("XFRM-FLOW-001", "XFRM-FLOW-002", "XFRM-FLOW-003", "XFRM-FLOW-004")
def decode_session(headers: ReceivedHeaders, profile: Profile) -> SessionKey:
    """Return the session key that the profile's kernel reads off a received packet.

    Clean rule: the slots of the last header of the chain; after a fragment header they are zero.
    Source: XFRM-FLOW-001..004; kernel decode_session6.
    """
    correct = _walk(headers.payload, headers.next_header, 0)
    if correct.protocol == Protocol.MOBILITY:
        return _mobility_session(headers, correct, profile)
    if profile.ports_behind_extension_header:
        return _session_at(headers.payload, correct, correct.offset)
    confused = _walk(headers.payload, _protocol_at_cursor(headers), 0)
    return _session_at(headers.payload, confused, confused.offset)


def _mobility_session(headers: ReceivedHeaders, correct: _Walk, profile: Profile) -> SessionKey:
    if profile.mh_type_inbound is MobilityTypeDecoding.ALWAYS_ZERO:
        return SessionKey(Protocol.MOBILITY)
    if profile.mh_type_inbound is MobilityTypeDecoding.CORRECT:
        return _session_at(headers.payload, correct, correct.offset)
    confused = _walk(headers.payload, _protocol_at_cursor(headers), 0)
    skipped_once_more = confused.offset + _length(headers.payload, confused.offset)
    return _session_at(headers.payload, confused, skipped_once_more)


def _walk(payload: bytes, protocol: int, offset: int) -> _Walk:
    fragment = False
    while protocol in _EXTENSION_HEADERS and offset + 2 <= len(payload):
        fragment = fragment or protocol == Protocol.FRAGMENT
        protocol, offset = payload[offset], offset + _length(payload, offset)
    return _Walk(protocol, offset, fragment)


def _protocol_at_cursor(headers: ReceivedHeaders) -> int:
    protocol, offset = headers.next_header, 0
    for _ in range(headers.processed):
        if protocol not in _EXTENSION_HEADERS or offset + 2 > len(headers.payload):
            return protocol
        protocol, offset = headers.payload[offset], offset + _length(headers.payload, offset)
    return protocol


def _length(payload: bytes, offset: int) -> int:
    """Length in octets of the header at an offset; every kind is read in units of eight octets."""
    return (payload[offset + 1] + 1) * 8 if offset + 2 <= len(payload) else 0


def _session_at(payload: bytes, walk: _Walk, offset: int) -> SessionKey:
    if walk.fragment:
        return SessionKey(walk.protocol)
    source, destination = _slots(payload[offset:], walk.protocol)
    return SessionKey(walk.protocol, source, destination)


def _slots(octets: bytes, protocol: int) -> tuple[int, int]:
    meaning = slot_meaning(protocol)
    if meaning is SlotMeaning.PORTS and len(octets) >= 4:
        return int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")
    if protocol == Protocol.ICMPV6 and len(octets) >= 2:
        return octets[0], octets[1]
    if meaning is SlotMeaning.MOBILITY_TYPE and len(octets) >= 3:
        return octets[2], 0
    if meaning is SlotMeaning.GRE_KEY and len(octets) >= 12:
        return _gre_key_halves(octets)
    return 0, 0


def _gre_key_halves(octets: bytes) -> tuple[int, int]:
    if not octets[0] & _GRE_HAS_KEY:
        return 0, 0
    start = 8 if octets[0] & _GRE_HAS_CHECKSUM else 4
    key = octets[start : start + 4]
    return int.from_bytes(key[:2], "big"), int.from_bytes(key[2:], "big")
