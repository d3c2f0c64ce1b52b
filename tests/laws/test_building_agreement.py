"""The model's plan of headers and its coverage of AH, against the chains and the octets of the reference."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xfrmspec.wire.insertion import wire_chain
from xfrmspec_model.headers import PASSES, HeaderKind
from xfrmspec_model.rules import RULES
from xfrmspec_proofs.chains import OPTIMISING, PROTECTING, applied_state
from xfrmspec_proofs.octets import authentic
from xfrmspec_proofs.theorems.building import by_plan, verifies
from xfrmspec_terms.packet import ChainElement, Header
from xfrmspec_terms.selector import Protocol

_ALL = (*OPTIMISING, *PROTECTING)
_EARLY = (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.ROUTING, Header.RT2, Header.HAO)


@pytest.mark.clause("XFRM-BUILD-001", "XFRM-BUILD-002")
@given(
    st.lists(st.sampled_from((*_EARLY, *_EARLY, *Header)), max_size=7),
    st.lists(st.sampled_from(_ALL), max_size=7),
)
@settings(max_examples=500, deadline=None)
@example([Header.HAO, Header.DESTINATION_OPTIONS, Header.UDP], [Protocol.ROUTING, Protocol.AH])
def test_the_plan_of_the_model_is_the_chain_of_the_reference(
    plain: list[ChainElement], protocols: list[Protocol]
) -> None:
    states = [applied_state(protocol) for protocol in protocols]
    assert by_plan(plain, states, RULES) == wire_chain(tuple(plain), states)


@pytest.mark.clause("XFRM-AH-002", "XFRM-AH-004")
def test_ah_verifies_in_the_model_as_it_does_on_octets() -> None:
    seen: Counter[bool] = Counter()

    @given(st.lists(st.sampled_from((*_ALL, Protocol.AH)), max_size=5))
    @settings(max_examples=300, deadline=None)
    def law(drawn: list[Protocol]) -> None:
        once = [p for place, p in enumerate(drawn) if p not in OPTIMISING or p not in drawn[:place]]
        keys = RULES.wire.planned((int(HeaderKind.UPPER),), once, PASSES)
        told = [
            verifies(once, place, keys, RULES.wire)
            for place in reversed(range(len(once)))
            if once[place] is Protocol.AH
        ]
        expected = authentic(once)
        assert told[: len(expected)] == expected
        assert len(expected) == len(told) or not expected[-1]
        seen.update(expected)

    law()
    assert min(seen[True], seen[False]) > 20
