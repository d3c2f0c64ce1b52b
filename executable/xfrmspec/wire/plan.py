"""All headers of a merged list of states at once: one look at the plain packet, one list of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.wire.insertion import Chain
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, Header
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode

_PROTECTION, _LATE = 2, 3
_ROWS = {Header.RT2: 0, Header.HAO: 1}
_Rows = tuple[list[Header], list[Header], list[Header], list[Header]]


@dataclass(frozen=True, slots=True)
class Stack:
    """The headers that go between two IP headers, in the only four places there are.

    Each tuple is outermost first; `late_protection` are those applied when a type 2 routing header was in.
    `seal` is the header that closes the stack outwards: that of a tunnel, which brings an IP header of its
    own, or of beet, which does not; empty for the outermost stack.
    """

    routing: tuple[Header, ...] = ()
    home_address: tuple[Header, ...] = ()
    late_protection: tuple[Header, ...] = ()
    protection: tuple[Header, ...] = ()
    seal: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where headers go in the plain chain, as indexes into it, in the order of the packet.

    Behind a routing header destination options are for the final destination: so one that was just put in
    moves the place of protection in front of options that the sender wrote behind it.
    """

    routing: int
    home_address: int
    late_protection: int
    protection: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every header of a merged list goes: stacks innermost first, and the places in the plain chain.

    The innermost stack uses the places, every further stack stands in front of the seal of the one before.
    """

    stacks: tuple[Stack, ...]
    places: Places


@clause("XFRM-BUILD-002")
def plan_headers(plain: Chain, states: Sequence[SecurityAssociation]) -> Plan:
    """Plan the headers of states given in application order, innermost first.

    A header that is put in ends or moves no place but as Places says. Source: XFRM-WIRE-001..005,
    XFRM-BUILD-002.
    """
    stacks: list[Stack] = []
    rows: _Rows = ([], [], [], [])
    for state in states:
        header = TRANSFORM_HEADERS[state.protocol]
        if state.mode in ENDPOINT_MODES:
            seal = (header, Header.IP) if state.mode is Mode.TUNNEL else (header,)
            stacks.append(_stack(rows, seal))
            rows = ([], [], [], [])
        else:
            rows[_ROWS.get(header, _LATE if rows[0] else _PROTECTION)].append(header)
    stacks.append(_stack(rows, ()))
    return Plan(tuple(stacks), places_in(plain))


def _stack(rows: _Rows, seal: tuple[Header, ...]) -> Stack:
    """Of headers of one row, whatever is applied later stands outside its like."""
    routing, home_address, protection, late = (tuple(row[::-1]) for row in rows)
    return Stack(routing, home_address, late, protection, seal)


@clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003")
def places_in(plain: Chain) -> Places:
    """Return where RT2, HAO and the headers of IPsec go, all found in one walk over the plain chain."""
    routing: int | None = None
    home_address: int | None = None
    late: int | None = None
    routing_seen = False
    end = len(plain)
    for index, element in enumerate(plain):
        if element is Header.HOP_BY_HOP:
            continue
        if element is Header.DESTINATION_OPTIONS:
            if routing_seen:
                end = index
                break
            if routing is not None and late is None:
                late = index
            continue
        routing = index if routing is None else routing
        if element is Header.HAO:
            home_address = index if home_address is None else home_address
        elif element is Header.ROUTING or element is Header.RT2:
            routing_seen = True
        else:
            end = index
            break
    return Places(_or(routing, end), _or(home_address, end), _or(late, end), end)


def _or(place: int | None, end: int) -> int:
    """A place that nothing ended before is the end of the walk."""
    return end if place is None else place


@clause("XFRM-BUILD-002")
def written_at_once(plain: Chain, plan: Plan) -> Chain:
    """Write the chain that a plan describes, outermost header first, in one go."""
    chain: list[ChainElement] = []
    for stack in reversed(plan.stacks[1:]):
        chain += (*stack.seal, *stack.routing, *stack.home_address, *stack.late_protection, *stack.protection)
    inner, places = plan.stacks[0], plan.places
    chain += inner.seal
    chain += plain[: places.routing]
    chain += inner.routing
    chain += plain[places.routing : places.home_address]
    chain += inner.home_address
    chain += plain[places.home_address : places.late_protection]
    chain += inner.late_protection
    chain += plain[places.late_protection : places.protection]
    chain += inner.protection
    chain += plain[places.protection :]
    return tuple(chain)
