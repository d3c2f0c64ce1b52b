"""Policies of a recipe as rows whose addresses are unknown, and which of them owns a flow.

Rows of one database and direction that match one flow have different priorities, or the one that stands
earlier owns it; that they differ in `clean` is a theorem of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, negate, same
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Direction, PolicyType
from xfrmspec_terms.selector import Protocol


class Part(IntEnum):
    """What a template of a recipe asks for."""

    HOME_ADDRESS = 0
    OPTIONAL_HOME_ADDRESS = 1
    ROUTING = 2
    OPTIONAL_ROUTING = 3
    TRIGGER = 4
    ESP = 5
    TUNNEL = 6


MOBILITY = int(Protocol.MOBILITY)
DISCOVERY = int(Protocol.ICMPV6)
UPDATE, ACKNOWLEDGEMENT = 5, 6
SOLICITATION, ADVERTISEMENT = 135, 136


@dataclass(frozen=True, slots=True)
class RowFlow:
    """A flow: addresses, protocol, and the type of a mobility header or ICMPv6 message (0 without one)."""

    source: Number
    destination: Number
    protocol: Number
    type: Number


@dataclass(frozen=True, slots=True)
class Row:
    """A policy: None stands for any address, protocol or type; `present` tells whether it is installed."""

    name: str
    database: PolicyType
    direction: Direction
    source: Number | None
    destination: Number | None
    protocol: int | None
    type: int | None
    priority: Number
    templates: tuple[Part, ...] = ()
    blocks: bool = False
    present: Truth = True


@clause("XFRM-LOOKUP-001")
def row_matches(row: Row, flow: RowFlow) -> Truth:
    """Tell whether a row is installed and its selector holds a flow. Source: XFRM-LOOKUP-001."""
    pairs = (
        (row.source, flow.source),
        (row.destination, flow.destination),
        (row.protocol, flow.protocol),
        (row.type, flow.type),
    )
    return both(row.present, all_of(same(wanted, found) for wanted, found in pairs if wanted is not None))


@clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002")
def owns(rows: Sequence[Row], row: Row, flow: RowFlow) -> Truth:
    """Tell whether a row owns a flow among all rows of its database and direction.

    Source: XFRM-LOOKUP-001, XFRM-LOOKUP-002.
    """
    place = rows.index(row)
    stronger = [
        both(_comes_first(other, row, earlier=rows.index(other) < place), row_matches(other, flow))
        for other in rows
        if other is not row and (other.database, other.direction) == (row.database, row.direction)
    ]
    return both(row_matches(row, flow), negate(any_of(stronger)))


def _comes_first(other: Row, row: Row, *, earlier: bool) -> Truth:
    if isinstance(other.priority, int) and isinstance(row.priority, int):
        return other.priority < row.priority or (other.priority == row.priority and earlier)
    lower: Truth = other.priority < row.priority
    return any_of((lower, both(earlier, same(other.priority, row.priority))))


def is_update_to(flow: RowFlow, home: Number, agent: Number) -> Truth:
    """Tell whether a flow is that of binding updates from a home address to an address."""
    ends = both(same(flow.source, home), same(flow.destination, agent))
    return both(ends, both(same(flow.protocol, MOBILITY), same(flow.type, UPDATE)))


def is_discovery(flow: RowFlow) -> Truth:
    """Tell whether a flow is that of neighbour discovery."""
    kinds = any_of((same(flow.type, SOLICITATION), same(flow.type, ADVERTISEMENT)))
    return both(same(flow.protocol, DISCOVERY), kinds)
