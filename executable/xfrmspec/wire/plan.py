"""All headers of a merged list of states at once: one look at the plain packet, one list of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.wire.insertion import Chain
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, Header
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode

_PROTECTION = 2
_ROWS = {Header.RT2: 0, Header.HAO: 1}


@dataclass(frozen=True, slots=True)
class Stack:
    """The headers that go between two IP headers, in the only three places there are.

    Each tuple is outermost first. `seal` is the header that closes the stack outwards: that of a tunnel,
    which brings an IP header of its own, or of beet, which does not; empty for the outermost stack.
    """

    routing: tuple[Header, ...] = ()
    home_address: tuple[Header, ...] = ()
    protection: tuple[Header, ...] = ()
    seal: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every header of a merged list goes: stacks innermost first, and the places in the plain chain.

    The three places are indexes into the plain chain, in the order of the packet; the innermost stack uses
    them, every further stack stands in front of the seal of the one before.
    """

    stacks: tuple[Stack, ...]
    routing_place: int
    home_address_place: int
    protection_place: int


@clause("XFRM-BUILD-002")
def plan_headers(plain: Chain, states: Sequence[SecurityAssociation]) -> Plan:
    """Plan the headers of states given in application order, innermost first.

    Nothing that is put in moves a later header's place: a place is ended by what stood there before, or by
    a header that goes behind the later one anyway. Source: XFRM-WIRE-001..005, XFRM-BUILD-002.
    """
    stacks: list[Stack] = []
    rows: tuple[list[Header], ...] = ([], [], [])
    for state in states:
        header = TRANSFORM_HEADERS[state.protocol]
        if state.mode in ENDPOINT_MODES:
            seal = (header, Header.IP) if state.mode is Mode.TUNNEL else (header,)
            stacks.append(_stack(rows, seal))
            rows = ([], [], [])
        else:
            rows[_ROWS.get(header, _PROTECTION)].append(header)
    stacks.append(_stack(rows, ()))
    return Plan(tuple(stacks), *_places(plain))


def _stack(rows: tuple[list[Header], ...], seal: tuple[Header, ...]) -> Stack:
    """Of headers of one row, whatever is applied later stands outside its like."""
    routing, home_address, protection = rows
    return Stack(tuple(routing[::-1]), tuple(home_address[::-1]), tuple(protection[::-1]), seal)


@clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003")
def _places(plain: Chain) -> tuple[int, int, int]:
    """Return where RT2, HAO and the headers of IPsec go, all found in one walk over the plain chain."""
    routing: int | None = None
    home_address: int | None = None
    routing_seen = False
    for index, element in enumerate(plain):
        if element is Header.ROUTING or element is Header.RT2:
            routing_seen = True
        elif element is Header.HAO:
            home_address = index if home_address is None else home_address
        elif element is Header.DESTINATION_OPTIONS:
            if routing_seen:
                return _filled(routing, home_address, index)
            continue
        elif element is not Header.HOP_BY_HOP:
            return _filled(routing, home_address, index)
        else:
            continue
        routing = index if routing is None else routing
    return _filled(routing, home_address, len(plain))


def _filled(routing: int | None, home_address: int | None, end: int) -> tuple[int, int, int]:
    """A place that nothing ended before is the end of the walk."""
    return end if routing is None else routing, end if home_address is None else home_address, end


@clause("XFRM-BUILD-002")
def written_at_once(plain: Chain, plan: Plan) -> Chain:
    """Write the chain that a plan describes, outermost header first, in one go."""
    chain: list[ChainElement] = []
    for stack in reversed(plan.stacks[1:]):
        chain += (*stack.seal, *stack.routing, *stack.home_address, *stack.protection)
    inner = plan.stacks[0]
    chain += inner.seal
    chain += plain[: plan.routing_place]
    chain += inner.routing
    chain += plain[plan.routing_place : plan.home_address_place]
    chain += inner.home_address
    chain += plain[plan.home_address_place : plan.protection_place]
    chain += inner.protection
    chain += plain[plan.protection_place :]
    return tuple(chain)
