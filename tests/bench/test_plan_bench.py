"""One pass against step by step, on the lists that a merged pair of policies really has; prints the ratio."""

from __future__ import annotations

from timeit import repeat

import pytest

from xfrmspec.wire.insertion import wire_chain
from xfrmspec.wire.plan import plan_headers, written_at_once
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family, Protocol, unspecified

_ROUNDS = 20_000
_PLAIN = (
    Header.HOP_BY_HOP,
    Header.DESTINATION_OPTIONS,
    Header.ROUTING,
    Header.DESTINATION_OPTIONS,
    Header.UDP,
)
_LIST = (
    (Protocol.IPCOMP, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
)


@pytest.mark.bench
def test_one_pass_is_faster_than_step_by_step() -> None:
    nowhere = unspecified(Family.INET6)
    states = [SecurityAssociation(nowhere, nowhere, protocol, mode) for protocol, mode in _LIST]
    plan = plan_headers(_PLAIN, states)
    assert written_at_once(_PLAIN, plan) == wire_chain(_PLAIN, states)
    stepwise = min(repeat(lambda: wire_chain(_PLAIN, states), number=_ROUNDS, repeat=5))
    planned = min(repeat(lambda: written_at_once(_PLAIN, plan), number=_ROUNDS, repeat=5))
    afresh = min(
        repeat(lambda: written_at_once(_PLAIN, plan_headers(_PLAIN, states)), number=_ROUNDS, repeat=5)
    )
    print(
        f"\n{_ROUNDS} packets of six states: step by step {stepwise:.2f} s, planned for each packet"
        f" {afresh:.2f} s (ratio {stepwise / afresh:.2f}), planned once {planned:.2f} s"
        f" (ratio {stepwise / planned:.2f})"
    )
    assert planned < stepwise
    assert afresh < stepwise
