"""How many octets of a packet a state counts: those that the kernel's buffer holds when it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.scenario.terms import PAYLOAD_OCTETS, Receive
from xfrmspec.wire.insertion import insertion_point
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, Header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

_IP_OCTETS = 40
_OPTIONS_OCTETS = 8
_AH_OCTETS = 16
_ESP_OCTETS = 8
_OPTIMISED_OCTETS = 24
_COMPRESSION_OCTETS = 4


@dataclass(frozen=True, slots=True)
class _Piece:
    """One header of a packet, or its payload; the trailer of ESP counts as part of its header."""

    element: ChainElement
    octets: int


@clause("XFRM-LIFE-005")
def sent_octets(plain: Sequence[ChainElement], states: Sequence[SecurityAssociation]) -> tuple[int, ...]:
    """Return the octets that each state counts of a packet that leaves, innermost first.

    `plain` are the headers behind the IP header, the upper layer last. What stands behind the place of the
    new header is counted, in tunnel mode the whole packet; of what is compressed, what it was before.
    """
    pieces = [_Piece(element, _OPTIONS_OCTETS) for element in plain[:-1]]
    pieces.append(_Piece(plain[-1], PAYLOAD_OCTETS))
    counted: list[int] = []
    for state in states:
        header = TRANSFORM_HEADERS[state.protocol]
        if state.mode is Mode.TUNNEL:
            pieces.insert(0, _Piece(Header.IP, _IP_OCTETS))
        ends = state.mode in (Mode.TUNNEL, Mode.BEET)
        place = 0 if ends else insertion_point(tuple(piece.element for piece in pieces), header)
        behind = sum(piece.octets for piece in pieces[place:])
        counted.append(behind)
        pieces.insert(place, _Piece(header, _added(state.protocol, behind)))
    return tuple(counted)


@clause("XFRM-LIFE-005")
def received_octets(receive: Receive) -> tuple[int, ...]:
    """Return the octets that the state of each layer counts of a received packet, outermost first.

    They are what is left behind the layer; a route optimisation header counts itself as well.
    """
    inside, counted = PAYLOAD_OCTETS, []
    for layer in reversed(receive.layers):
        if isinstance(layer, Header):
            inside += _OPTIONS_OCTETS
            continue
        inside += _IP_OCTETS if layer.mode is Mode.TUNNEL else 0
        whole = inside + _added(layer.protocol, inside)
        counted.append(whole if layer.mode is Mode.RO else inside)
        inside = whole
    return tuple(reversed(counted))


def _added(protocol: Protocol, octets: int) -> int:
    if protocol is Protocol.ESP:
        return _ESP_OCTETS + 2 + -(octets + 2) % 4
    if protocol is Protocol.AH:
        return _AH_OCTETS
    return _COMPRESSION_OCTETS if protocol is Protocol.IPCOMP else _OPTIMISED_OCTETS
