"""Where each transformation puts its header into a chain that is already built."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, Header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

Chain = tuple[ChainElement, ...]

_ROUTING_HEADERS = frozenset({Header.ROUTING, Header.RT2})


@clause("XFRM-WIRE-004", "XFRM-BUILD-001")
def wire_chain(plain: Chain, states: Sequence[SecurityAssociation]) -> Chain:
    """Return the headers on the wire, outermost first, after applying states innermost first.

    The outermost IP header is not listed. Source: XFRM-WIRE-001..005; kernel xfrm_output_one.
    """
    chain = plain
    for state in states:
        chain = insert(chain, state.protocol, state.mode)
    return chain


@clause("XFRM-WIRE-005")
def insert(chain: Chain, protocol: int, mode: Mode) -> Chain:
    """Return the chain with the header of one transformation put in.

    Tunnel mode puts the whole packet behind a new IP header; BEET exchanges the IP header and so puts
    its own right behind it. Source: XFRM-WIRE-005; kernel xfrm6_tunnel_encap_add, xfrm6_beet_encap_add.
    """
    header = TRANSFORM_HEADERS[Protocol(protocol)]
    if mode is Mode.TUNNEL:
        return (header, Header.IP, *chain)
    place = 0 if mode is Mode.BEET else insertion_point(chain, header)
    return (*chain[:place], header, *chain[place:])


def insertion_point(chain: Chain, header: Header) -> int:
    """Return the index in the chain at which a transport or route optimisation header goes.

    Source: XFRM-WIRE-001..003; kernel ip6_find_1stfragopt, mip6_destopt_offset, mip6_rthdr_offset.
    """
    if header is Header.RT2:
        return _routing_point(chain)
    return _scan(chain, stops_at_home_address=header is Header.HAO)


@clause("XFRM-WIRE-001", "XFRM-WIRE-002")
def _scan(chain: Chain, *, stops_at_home_address: bool) -> int:
    routing_seen = False
    for index, element in enumerate(chain):
        if element in _ROUTING_HEADERS:
            routing_seen = True
        elif element is Header.HAO:
            if stops_at_home_address:
                return index
        elif element is Header.DESTINATION_OPTIONS:
            if routing_seen:
                return index
        elif element is not Header.HOP_BY_HOP:
            return index
    return len(chain)


@clause("XFRM-WIRE-003")
def _routing_point(chain: Chain) -> int:
    """RT2 stops before any routing header but type 0, which current stacks no longer send."""
    for index, element in enumerate(chain):
        if element not in (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS):
            return index
    return len(chain)
