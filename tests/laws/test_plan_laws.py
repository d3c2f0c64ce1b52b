"""Planning all headers at once and inserting one after the other build the same packet."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xfrmspec.wire.insertion import wire_chain
from xfrmspec.wire.plan import plan_headers, written_at_once
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import ChainElement, Header, UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family, Protocol, unspecified

_NOWHERE = unspecified(Family.INET6)
PAIRS = [(p, m) for p in (50, 51, 108, 43, 60) for m in Mode if instantiable(p, m)]
EXTENSIONS = (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.ROUTING, Header.RT2, Header.HAO)
ELEMENTS: list[ChainElement] = [*Header, UpperLayer(200)]

applied = st.lists(
    st.sampled_from(PAIRS).map(
        lambda pair: SecurityAssociation(_NOWHERE, _NOWHERE, Protocol(pair[0]), pair[1])
    ),
    max_size=8,
)
plain_chains = st.lists(st.sampled_from(EXTENSIONS) | st.sampled_from(ELEMENTS), max_size=6).map(tuple)


def _state(protocol: Protocol, mode: Mode = Mode.TRANSPORT) -> SecurityAssociation:
    return SecurityAssociation(_NOWHERE, _NOWHERE, protocol, mode)


@pytest.mark.clause("XFRM-BUILD-001", "XFRM-BUILD-002")
@settings(max_examples=2000)
@given(plain_chains, applied)
@example(
    (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.ROUTING, Header.DESTINATION_OPTIONS, Header.UDP),
    [_state(Protocol.DESTINATION_OPTIONS, Mode.RO), _state(Protocol.ESP), _state(Protocol.ROUTING, Mode.RO)],
)
@example(
    (Header.HAO, Header.DESTINATION_OPTIONS, Header.UDP),
    [_state(Protocol.AH), _state(Protocol.ROUTING, Mode.RO), _state(Protocol.ESP)],
)
@example((Header.HAO, Header.UDP), [_state(Protocol.DESTINATION_OPTIONS, Mode.RO), _state(Protocol.AH)])
def test_one_pass_equals_step_by_step(
    plain: tuple[ChainElement, ...], states: list[SecurityAssociation]
) -> None:
    assert written_at_once(plain, plan_headers(plain, states)) == wire_chain(plain, states)


@pytest.mark.clause("XFRM-BUILD-001")
def test_the_order_on_the_wire_is_not_the_order_of_processing() -> None:
    processed = [
        _state(Protocol.DESTINATION_OPTIONS, Mode.RO),
        _state(Protocol.ROUTING, Mode.RO),
        _state(Protocol.ESP),
        _state(Protocol.AH),
    ]
    plan = plan_headers((Header.UDP,), processed)
    (stack,) = plan.stacks
    assert (stack.routing, stack.home_address, stack.late_protection, stack.protection) == (
        (Header.RT2,),
        (Header.HAO,),
        (Header.AH, Header.ESP),
        (),
    )
    assert written_at_once((Header.UDP,), plan) == (
        Header.RT2,
        Header.HAO,
        Header.AH,
        Header.ESP,
        Header.UDP,
    )
