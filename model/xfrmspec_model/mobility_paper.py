"""Figure 6 as printed and as corrected, with IPsec, when a home registration has ended: rows as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import Number
from xfrmspec_model.mobility_clean import Places
from xfrmspec_model.mobility_rows import ACKNOWLEDGEMENT, MOBILITY, UPDATE, Part, Row
from xfrmspec_model.mobility_times import Defences
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Direction, PolicyType


@dataclass(frozen=True, slots=True)
class FigureOrder:
    """The priorities of signalling and of data with HAO or RT2; the tunnel has the weakest."""

    signalling: int
    data: int
    tunnel: int = 30


PRINTED = FigureOrder(signalling=20, data=10)
CORRECTED = FigureOrder(signalling=10, data=20)

_OUT, _IN, _FWD = Direction.OUT, Direction.IN, Direction.FWD
_OPTION, _ROUTED, _TUNNEL = (Part.HOME_ADDRESS,), (Part.ROUTING,), (Part.TUNNEL,)
_SIGNED = (Part.ESP, Part.HOME_ADDRESS)
_ANSWERED = (Part.ESP, Part.ROUTING)


def _row(
    name: str,
    direction: Direction,
    ends: tuple[Number | None, Number | None],
    kind: int | None,
    priority: int,
    templates: tuple[Part, ...],
) -> Row:
    protocol = None if kind is None else MOBILITY
    return Row(name, PolicyType.MAIN, direction, *ends, protocol, kind, priority, templates)


@clause("XFRM-DAEMON-005", "XFRM-DAEMON-007", "XFRM-DAEMON-008", "XFRM-DAEMON-010")
def figure_on_mobile_node(places: Places, order: FigureOrder) -> tuple[Row, ...]:
    """Return the policies of a mobile node whose registration has ended.

    As printed the policy for the acknowledgement has the ends and the type of the update.
    Source: XFRM-DAEMON-005, XFRM-DAEMON-007, XFRM-DAEMON-008, XFRM-DAEMON-010.
    """
    home, agent = places.home, places.agent
    there, back = (home, agent), (agent, home)
    mended = order == CORRECTED
    answer_ends, answer_type = (back, ACKNOWLEDGEMENT) if mended else (there, UPDATE)
    return (
        _row("update", _OUT, there, UPDATE, order.signalling, _SIGNED),
        _row("acknowledgement", _IN, answer_ends, answer_type, order.signalling, _ANSWERED),
        _row("data", _OUT, there, None, order.data, _OPTION),
        _row("data in", _IN, back, None, order.data, _ROUTED),
        _row("tunnel", _OUT, (home, None), None, order.tunnel, _TUNNEL),
        _row("tunnel in", _IN, (None, home), None, order.tunnel, _TUNNEL),
    )


@clause("XFRM-DAEMON-006", "XFRM-DAEMON-007", "XFRM-DAEMON-008", "XFRM-DAEMON-010")
def figure_on_home_agent(places: Places, order: FigureOrder) -> tuple[Row, ...]:
    """Return the policies of a home agent that has registered one home address.

    Source: XFRM-DAEMON-006, XFRM-DAEMON-007, XFRM-DAEMON-008, XFRM-DAEMON-010.
    """
    home, agent = places.home, places.agent
    there, back = (home, agent), (agent, home)
    mended = order == CORRECTED
    rows = (
        _row("update", _IN, (None, agent), UPDATE, order.signalling, _SIGNED),
        _row("acknowledgement", _OUT, (agent, None), ACKNOWLEDGEMENT, order.signalling, _answer(mended)),
        _row("data in", _IN, there, None, order.data, _OPTION),
        _row("data", _OUT, back, None, order.data, _ROUTED),
        _row("tunnel", _OUT, (None, home), None, order.tunnel, _TUNNEL),
        _row("tunnel in", _IN, (home, None), None, order.tunnel, _TUNNEL),
    )
    forward = _row("tunnel forward", _FWD, (home, None), None, order.tunnel, _TUNNEL)
    return (*rows, forward) if mended else rows


def _answer(mended: bool) -> tuple[Part, ...]:
    return _ANSWERED if mended else (Part.ESP,)


@clause("XFRM-DAEMON-010")
def figure_order(defences: Defences) -> FigureOrder:
    """Return the priorities of the figure: corrected, or without POLICY_ORDER as printed.

    Source: XFRM-DAEMON-010, XFRM-ATTACK-015.
    """
    return CORRECTED if Defence.POLICY_ORDER in defences else PRINTED


@clause("XFRM-DAEMON-009")
def counted_as(direction: Direction) -> Direction:
    """Return the direction with which a policy is counted. Source: XFRM-DAEMON-009."""
    return _IN if direction is _FWD else direction


@clause("XFRM-DAEMON-009")
def counted(
    rows: Sequence[Row], places: Places, direction: Callable[[Direction], Direction] = counted_as
) -> int:
    """Return how many policies of a home registration there are, counted as people count them.

    Source: XFRM-DAEMON-009.
    """
    ends = (places.home, places.agent)
    seen = {
        (direction(row.direction), id(row.source), id(row.destination), row.type)
        for row in rows
        if any(part is not Part.TRIGGER for part in row.templates)
        and any(place is end for place in (row.source, row.destination) for end in ends)
    }
    return len(seen)
