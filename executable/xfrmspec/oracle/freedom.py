"""Where the rules leave a choice: every set of states that one packet may be transformed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec.oracle.verdicts import Spis
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.tables import SocketPolicies, XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.selector import Flow

OUTCOME_LIMIT = 64
"""How many outcomes of one packet are followed."""

Applied = tuple[SecurityAssociation, ...]
"""States in application order, innermost first."""


class TooManyOutcomesError(Exception):
    """The rules leave more outcomes open than the limit."""


@clause("XFRM-FIND-004")
def outcomes(
    applied: Applied, tables: XfrmTables, flow: Flow, sockets: SocketPolicies, limit: int
) -> tuple[Applied, ...]:
    """Return every sequence of states that equals may be chosen to form; `applied` is one of them.

    Equals are states that differ in their place in the search order only, so each is given a chance to
    stand first. TooManyOutcomesError beyond `limit`. Source: XFRM-FIND-004.
    """
    choices = _choices(applied, tables, flow, sockets, limit)
    rivals = dict.fromkeys(state for equals in choices for state in equals)
    found = {applied: None}
    waiting = [applied]
    while waiting:
        current = waiting.pop()
        for rival in rivals:
            other = tuple(
                rival if rival in equals else state for state, equals in zip(current, choices, strict=True)
            )
            if other not in found:
                found[other] = None
                waiting.append(other)
            if len(found) > limit:
                raise TooManyOutcomesError
    return tuple(found)


def spis_on_the_wire(applied: Sequence[SecurityAssociation]) -> Spis:
    """Return the SPIs of AH, ESP and IPComp headers, outermost first."""
    return tuple(state.spi for state in reversed(applied) if state.protocol in IPSEC_PROTOCOLS)


def _choices(
    applied: Applied, tables: XfrmTables, flow: Flow, sockets: SocketPolicies, limit: int
) -> list[list[SecurityAssociation]]:
    """Return for each place of the sequence the states that could stand there, the chosen one first."""
    choices = [[state] for state in applied]
    for rival in tables.states:
        if not any(_alike(rival, state) for state in applied):
            continue
        first = replace(tables, states=(rival, *(other for other in tables.states if other is not rival)))
        again = decide_output(first, flow, sockets).applied
        for equals, state in zip(choices, again, strict=True):
            if state not in equals:
                equals.append(state)
            if len(equals) > limit:
                raise TooManyOutcomesError
    return choices


def _alike(rival: SecurityAssociation, state: SecurityAssociation) -> bool:
    """Tell whether one state may be the other's equal; most are not, which saves the search."""
    return rival != state and (rival.protocol, rival.mode, rival.reqid, rival.dying, rival.added) == (
        state.protocol,
        state.mode,
        state.reqid,
        state.dying,
        state.added,
    )
