"""One header undone: what every step of the input loop does to the octets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.wire.ah import AhKeys, verify
from xfrmspec.wire.applying import StateKeys
from xfrmspec.wire.coverage import Arrangement
from xfrmspec.wire.decode import decode_received
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys, Opened, Refused, open_sealed
from xfrmspec.wire.ipcomp import expand
from xfrmspec.wire.placing import Opening, open_at
from xfrmspec.wire.tunnel import decapsulate, with_addresses
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    EspHeader,
    IPCompHeader,
    IPv4Header,
    IPv6Header,
    Malformed,
    Packet,
    WireHeader,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

TransformHeader = AuthenticationHeader | EspHeader | IPCompHeader


@dataclass(frozen=True, slots=True)
class Undone:
    """What one header hid: the protocol behind it and its octets, with the headers that stood before."""

    before: tuple[WireHeader, ...]
    inside: Opened


@clause("XFRM-RECV-001")
def undo_header(
    packet: Packet, index: int, keys: StateKeys, high: int, named: int | None = None
) -> Undone | Refused:
    """Undo the AH, ESP or IPComp header of an index (1 or more).

    `named` is the type by which the header before still names it, None for its own.
    `high` is the half of the sequence number that was inferred. ValueError for another header, or for keys
    that do not fit it. Source: XFRM-RECV-001, XFRM-ESP-004, XFRM-AH-007, XFRM-COMP-003.
    """
    header = packet.headers[index]
    opening = open_at(packet, index)
    if isinstance(header, EspHeader) and isinstance(keys, EspKeys):
        inside = open_sealed(keys, opening.octets, high)
    elif isinstance(header, IPCompHeader):
        inside = expand(opening.octets)
    elif isinstance(header, AuthenticationHeader) and isinstance(keys, AhKeys):
        inside = _verified(packet, opening, keys, (high, named))
    else:
        raise ValueError(f"no keys for {type(header).__name__}")
    return inside if isinstance(inside, Refused) else Undone(opening.before, inside)


def _verified(
    packet: Packet, opening: Opening, keys: AhKeys, seen: tuple[int, int | None]
) -> Opened | Refused:
    """Home address option and routing header in front of AH were processed before it."""
    whole = encode(packet)
    at = len(whole) - len(opening.octets)
    high, named = seen
    bare = verify(keys, whole, at, high, Arrangement.PROCESSED, named)
    return bare if isinstance(bare, Refused) else Opened(bare.next_header, bare.packet[at:])


class ModeError(ValueError):
    """What was inside is not what the mode of the state says."""


@clause("XFRM-RECV-002", "XFRM-TUN-002", "XFRM-TUN-003")
def without_header(undone: Undone, state: SecurityAssociation) -> Packet | Malformed:
    """Return the packet that goes on when a header has been undone: the inner one of a tunnel.

    ModeError when a tunnel holds no packet. Source: XFRM-RECV-002; kernel xfrm_inner_mode_input.
    """
    if state.mode is Mode.TUNNEL:
        return _out_of_tunnel(undone, state)
    packet = _in_place(undone)
    if state.mode is not Mode.BEET or isinstance(packet, Malformed):
        return packet
    selector = state.selector
    if selector is None:
        raise ModeError("a beet state without the addresses of its inside")
    ends = selector.source.address, selector.destination.address
    if not all(isinstance(end, IPv6Address) for end in ends):
        raise ModeError("beet mode is described for IPv6 in IPv6 only")
    return with_addresses(packet, IPv6Address(ends[0]), IPv6Address(ends[1]))


def _in_place(undone: Undone) -> Packet | Malformed:
    """Read what was inside behind the headers before it, which stay as they were worked through."""
    tail = Packet((undone.before[0], UpperLayer(undone.inside.next_header)), undone.inside.payload)
    packet = decode_received(encode(tail))
    if isinstance(packet, Malformed):
        return packet
    return replace(packet, headers=(*undone.before, *packet.headers[1:]))


def _out_of_tunnel(undone: Undone, state: SecurityAssociation) -> Packet | Malformed:
    if undone.inside.next_header not in (Protocol.IPV6, Protocol.IPIP):
        raise ModeError(f"a tunnel holds protocol {undone.inside.next_header}")
    inner = decode_received(undone.inside.payload)
    if isinstance(inner, Malformed):
        return inner
    outer = undone.before[0]
    assert isinstance(outer, IPv6Header | IPv4Header)
    return decapsulate(outer, inner, state.flags)
