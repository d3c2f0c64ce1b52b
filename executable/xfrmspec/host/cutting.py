"""Where the packet of one sender is cut: by its socket, before a tunnel, or behind all transforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec.host.node import Node
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.applying import StateKeys
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.fragments import CuttingPoint, LocalWish, cutting_point, fragments
from xfrmspec.wire.mtu import EspRoom, PlainRoom, Room, bundle_mtu
from xfrmspec.wire.placing import open_at
from xfrmspec.wire.socket_pieces import Pieces, socket_pieces
from xfrmspec.xfrm.bundle import ROUTE_OPTIMISATION_OCTETS, octets_in_every_fragment
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import HopByHopHeader, Packet
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

_IPV6_OCTETS = 40
_ESP_FIXED = 8
_NOT_CUT = Pieces((), 0)


class Origin(Enum):
    """Who made the packet; the value is printed."""

    SOCKET = "a socket of this node"
    ELSEWHERE = "another node, for which it is forwarded"


@clause("XFRM-MTU-001")
def room_of(state: SecurityAssociation, keys: StateKeys) -> Room:
    """Return the octets that a state adds. Source: kernel x->props.header_len."""
    outer = _IPV6_OCTETS if state.mode is Mode.TUNNEL else 0
    if isinstance(keys, EspKeys):
        cipher = keys.encryption
        icv = cipher.icv_octets + keys.integrity.icv_octets
        return EspRoom(_ESP_FIXED + cipher.iv_octets + outer, cipher.block, icv, state.mode)
    if isinstance(keys, AhKeys):
        return PlainRoom(keys.header_octets(keys.integrity.icv_octets) + outer)
    return PlainRoom(outer if state.protocol is Protocol.IPCOMP else ROUTE_OPTIMISATION_OCTETS)


def states_of(node: Node, ages: Sequence[int]) -> tuple[SecurityAssociation, ...]:
    """Return the states of these ages; those that are gone are left out."""
    entries = (node.states.entry(age) for age in ages)
    return tuple(entry.association for entry in entries if entry is not None)


@dataclass(frozen=True, slots=True)
class Cutting:
    """The packet before any transform, and the bundle that it goes through; `path_mtu` is in octets."""

    node: Node
    packet: Packet
    ages: tuple[int, ...]
    path_mtu: int
    origin: Origin

    @property
    def states(self) -> tuple[SecurityAssociation, ...]:
        """The states of the bundle in application order."""
        return states_of(self.node, self.ages)

    @property
    def starts_with_tunnel(self) -> bool:
        """Tell whether the innermost state is a tunnel, inside which sockets know the MTU."""
        return bool(self.states) and self.states[0].mode is Mode.TUNNEL

    @clause("XFRM-FRAG-001")
    def before(self, identification: int) -> tuple[Packet, ...]:
        """Return the fragments that go through the transforms each, or the packet alone.

        Source: kernel __xfrm6_output.
        """
        if not self.starts_with_tunnel:
            return (self.packet,)
        mtu = bundle_mtu(self._rooms(), self.path_mtu)
        if cutting_point(self.packet, Mode.TUNNEL, mtu, LocalWish.ALLOWS) is not CuttingPoint.BEFORE:
            return (self.packet,)
        return fragments(self.packet, mtu, identification, self._pieces(mtu, mtu))

    @clause("XFRM-FRAG-001")
    def behind(self, sent: Packet, identification: int) -> tuple[Packet, ...]:
        """Return the fragments of what the transforms have made, or that alone.

        IPComp lays the packet out in one piece again.
        """
        compressed = any(state.protocol is Protocol.IPCOMP for state in self.states)
        if self.starts_with_tunnel or compressed:
            return fragments(sent, self.path_mtu, identification)
        added = sum(room.header for room in self._rooms())
        pieces = self._pieces(self.path_mtu - added, self.path_mtu)
        appended = len(encode(sent)) - len(encode(self.packet)) - added
        return fragments(sent, self.path_mtu, identification, replace(pieces, appended=appended))

    def _rooms(self) -> tuple[Room, ...]:
        keyed = (self.node.of(age).keys for age in self.ages)
        return tuple(room_of(state, keys) for state, keys in zip(self.states, keyed, strict=True))

    @clause("XFRM-FRAG-003", "XFRM-BUNDLE-003")
    def _pieces(self, first_mtu: int, mtu: int) -> Pieces:
        """Return how the socket cut the packet, where that differs from fragments as full as they can be.

        It does so only while a quirk makes it subtract the headers of every fragment twice.
        """
        optimised = octets_in_every_fragment(self.states)
        twice = self.node.profile.repeated_headers_reserved_twice and self.origin is Origin.SOCKET
        if not optimised or not twice:
            return _NOT_CUT
        own = self.packet.headers
        place = 2 if isinstance(own[1], HopByHopHeader) else 1
        octets = len(open_at(self.packet, place).octets)
        repeated = len(encode(self.packet)) - octets + optimised
        return socket_pieces(octets, repeated, first_mtu, mtu)
