"""Packets of scenarios as octets, and captured octets as header chains."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from xfrmspec.scenario.terms import PAYLOAD_OCTETS, Receive
from xfrmspec.wire.checksum import upper_checksum
from xfrmspec.wire.encode import encode_behind, protocol_of
from xfrmspec.xfrm.session import ReceivedHeaders
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    HopByHopHeader,
    IPCompHeader,
    OptionsHeader,
    WireHeader,
)
from xfrmspec_terms.options import PadN
from xfrmspec_terms.packet import Header, UpperLayer, header_name, upper_header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow, Protocol, SlotMeaning, slot_meaning

_HOP_LIMIT = 64
_WINDOW_BITS = -11
_NEVER_ZERO = 0xFFFF
_ICMPV6_CHECKSUM_AT = 2
_MOBILITY_CHECKSUM_AT = 4
_UDP_CHECKSUM_AT = 6
_PADDING_ONLY = (PadN(bytes(4)),)
EXTENSIONS: Mapping[Header, OptionsHeader] = {
    Header.HOP_BY_HOP: HopByHopHeader(_PADDING_ONLY),
    Header.DESTINATION_OPTIONS: DestinationOptionsHeader(_PADDING_ONLY),
}
"""The extension headers of no interest that scenarios name, as they stand in packets."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands behind an IPv6 header: its first header's number, the octets, and the addresses."""

    next_header: int
    octets: bytes
    source: Address
    destination: Address


def received_packet(receive: Receive) -> bytes:
    """Return the whole IPv6 packet of a reception, null algorithms throughout.

    ValueError for a layer that no packet can have (BEET, or an extension header without a layout).
    """
    piece = _upper_piece(receive.flow)
    for layer, sequence in reversed(tuple(zip(receive.layers, layer_sequences(receive), strict=True))):
        piece = wrap(piece, layer, sequence=sequence)
    return whole_packet(piece)


def layer_sequences(receive: Receive) -> tuple[int, ...]:
    """Return the sequence number in each layer, 0 for a layer that has none."""
    numbers = iter(receive.sequences)
    return tuple(next(numbers, 1) if _is_numbered(layer) else 0 for layer in receive.layers)


def _is_numbered(layer: Header | SecurityAssociation) -> bool:
    return isinstance(layer, SecurityAssociation) and layer.protocol in (Protocol.ESP, Protocol.AH)


@lru_cache(maxsize=256)
def upper_octets(flow: Flow, octets: int = PAYLOAD_OCTETS) -> bytes:
    """Return the upper-layer header and payload of a flow, checksum included; `octets` is an even length."""
    body = (_upper_header(flow, octets)).ljust(octets, b"\0")
    place = _checksum_place(flow.protocol)
    if place is None:
        return body
    value = upper_checksum((flow.source, flow.destination), flow.protocol, body)
    if not value and flow.protocol in (Protocol.UDP, Protocol.UDPLITE):
        value = _NEVER_ZERO
    return body[:place] + value.to_bytes(2, "big") + body[place + 2 :]


@clause("XFRM-FLOW-003")
def headers_at_check(receive: Receive, *, forwarded: bool = False) -> ReceivedHeaders:
    """Return what follows the IPv6 header when the policy check runs: IPsec gone, the rest worked through.

    A router works through a hop-by-hop header only; destination options are not for it.
    """
    kept: list[Header | SecurityAssociation] = []
    for layer in receive.layers:
        if isinstance(layer, Header) or layer.mode is Mode.RO:
            kept.append(layer)
        elif layer.mode is Mode.TUNNEL:
            kept.clear()
    piece = _upper_piece(receive.flow)
    for layer in reversed(kept):
        piece = wrap(piece, layer, segments_left=0)
    processed = [layer for layer in kept if not forwarded or layer is Header.HOP_BY_HOP]
    return ReceivedHeaders(piece.next_header, piece.octets, len(processed))


def read_chain(packet: bytes) -> tuple[str, ...]:
    """Return the header names of a captured packet after its outermost IP header.

    Assumes null algorithms: ESP without IV and ICV. A header that does not parse is named TRUNCATED.
    """
    names: list[str] = []
    try:
        _read_headers(packet[6], packet[40:], names)
    except (IndexError, zlib.error):
        names.append("TRUNCATED")
    return tuple(names)


def whole_packet(piece: Piece) -> bytes:
    """Return the IPv6 packet around what there is."""
    head = bytes((0x60, 0, 0, 0)) + len(piece.octets).to_bytes(2, "big")
    head += bytes((piece.next_header, _HOP_LIMIT))
    return head + piece.source.packed + piece.destination.packed + piece.octets


def _upper_piece(flow: Flow) -> Piece:
    return Piece(flow.protocol, upper_octets(flow), flow.source, flow.destination)


def _upper_header(flow: Flow, octets: int) -> bytes:
    meaning = slot_meaning(flow.protocol)
    first, second = flow.source_slot, flow.destination_slot
    if flow.protocol in (Protocol.UDP, Protocol.UDPLITE):
        return first.to_bytes(2, "big") + second.to_bytes(2, "big") + octets.to_bytes(2, "big")
    if meaning is SlotMeaning.PORTS:
        return first.to_bytes(2, "big") + second.to_bytes(2, "big")
    if meaning is SlotMeaning.TYPE_AND_CODE:
        return bytes((first & 0xFF, second & 0xFF))
    if meaning is SlotMeaning.MOBILITY_TYPE:
        return bytes((Protocol.NO_NEXT_HEADER, octets // 8 - 1, first & 0xFF))
    if meaning is SlotMeaning.GRE_KEY:
        return bytes.fromhex("200086dd") + first.to_bytes(2, "big") + second.to_bytes(2, "big")
    return b""


def _checksum_place(protocol: int) -> int | None:
    if protocol in (Protocol.UDP, Protocol.UDPLITE):
        return _UDP_CHECKSUM_AT
    if protocol == Protocol.ICMPV6:
        return _ICMPV6_CHECKSUM_AT
    return _MOBILITY_CHECKSUM_AT if protocol == Protocol.MOBILITY else None


def wrap(
    piece: Piece, layer: Header | SecurityAssociation, segments_left: int = 1, sequence: int = 1
) -> Piece:
    """Put one more layer around what there is, with null algorithms; ValueError for BEET."""
    if isinstance(layer, Header):
        return _wrap_extension(piece, layer)
    if layer.protocol is Protocol.DESTINATION_OPTIONS:
        return _wrap_home_address(piece, layer)
    if layer.protocol is Protocol.ROUTING:
        return _wrap_routing(piece, layer, segments_left)
    if layer.mode is Mode.TUNNEL:
        piece = Piece(Protocol.IPV6, whole_packet(piece), layer.source, layer.destination)
    elif layer.mode is not Mode.TRANSPORT:
        raise ValueError(f"no packet is built for mode {layer.mode.name}")
    return Piece(layer.protocol, _protected(piece, layer, sequence), piece.source, piece.destination)


def _wrap_extension(piece: Piece, header: Header) -> Piece:
    if header not in EXTENSIONS:
        raise ValueError(f"no packet is built with a header {header.value}")
    wrapped = EXTENSIONS[header]
    return replace(piece, next_header=protocol_of(wrapped), octets=_behind(wrapped, piece))


def _behind(header: WireHeader, piece: Piece) -> bytes:
    return encode_behind((), (header, UpperLayer(piece.next_header)), piece.octets)


def _wrap_home_address(piece: Piece, state: SecurityAssociation) -> Piece:
    """PadN of four octets, then the home address option (RFC 6275, 6.3)."""
    option = bytes((piece.next_header, 2, 1, 2, 0, 0, 0xC9, 16)) + piece.source.packed
    source = state.care_of or piece.source
    return Piece(Protocol.DESTINATION_OPTIONS, option + piece.octets, source, piece.destination)


def _wrap_routing(piece: Piece, state: SecurityAssociation, segments_left: int) -> Piece:
    """Routing header type 2 (RFC 6275, 6.4)."""
    header = bytes((piece.next_header, 2, 2, segments_left, 0, 0, 0, 0)) + piece.destination.packed
    destination = state.care_of or piece.destination
    return Piece(Protocol.ROUTING, header + piece.octets, piece.source, destination)


def _protected(piece: Piece, state: SecurityAssociation, sequence: int) -> bytes:
    if state.protocol is Protocol.ESP:
        padding = -(len(piece.octets) + 2) % 4
        trailer = bytes(range(1, padding + 1)) + bytes((padding, piece.next_header))
        return encode_behind((), (EspHeader(state.spi, sequence),), piece.octets + trailer)
    if state.protocol is Protocol.AH:
        return _behind(AuthenticationHeader(state.spi, sequence, bytes(4)), piece)
    deflate = zlib.compressobj(wbits=_WINDOW_BITS)
    squeezed = deflate.compress(piece.octets) + deflate.flush()
    return encode_behind((), (IPCompHeader(piece.next_header, state.spi),), squeezed)


def _read_headers(protocol: int, octets: bytes, names: list[str]) -> None:
    while True:
        name, following, rest = _read_one(protocol, octets)
        names.append(name)
        if following is None:
            return
        protocol, octets = following, rest


def _read_one(protocol: int, octets: bytes) -> tuple[str, int | None, bytes]:
    """Return (name, next header or None at the upper layer, octets behind it)."""
    if protocol in (Protocol.HOP_BY_HOP, Protocol.DESTINATION_OPTIONS, Protocol.ROUTING):
        length = 8 * (octets[1] + 1)
        return _extension_name(protocol, octets[:length]), octets[0], octets[length:]
    if protocol == Protocol.FRAGMENT:
        return Header.FRAGMENT.value, octets[0], octets[8:]
    if protocol == Protocol.AH:
        return Header.AH.value, octets[0], octets[4 * (octets[1] + 2) :]
    if protocol == Protocol.ESP:
        return Header.ESP.value, octets[-1], octets[8 : -2 - octets[-2]]
    if protocol == Protocol.IPCOMP:
        return Header.IPCOMP.value, octets[0], zlib.decompress(octets[4:], _WINDOW_BITS)
    if protocol == Protocol.IPV6:
        return Header.IP.value, octets[6], octets[40:]
    return _upper_name(protocol), None, b""


def _extension_name(protocol: int, header: bytes) -> str:
    if protocol == Protocol.HOP_BY_HOP:
        return Header.HOP_BY_HOP.value
    if protocol == Protocol.ROUTING:
        return Header.RT2.value if header[2] == 2 else Header.ROUTING.value
    return Header.HAO.value if _has_home_address(header[2:]) else Header.DESTINATION_OPTIONS.value


def _has_home_address(options: Sequence[int]) -> bool:
    place = 0
    while place + 1 < len(options):
        if options[place] == 0xC9:
            return True
        place += 1 if options[place] == 0 else 2 + options[place + 1]
    return False


def _upper_name(protocol: int) -> str:
    return header_name(upper_header(protocol))
