"""What the recipe clean installs on a mobile node, by the reference and by the model, written apart."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.mipv6.recipes.terms import Memory
from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec_model.mobility_clean import HOME_STAGES, ROUTE_STAGES, CleanTerm, Kept, Protection, Shield
from xfrmspec_model.mobility_rows import UPDATE
from xfrmspec_model.mobility_rules import MOBILITY_RULES
from xfrmspec_proofs.recipes import (
    FIRST_PLACE,
    HOME_ADDRESS,
    HOME_AGENT,
    PEER_ADDRESS,
    SECOND_PLACE,
    Moment,
    clean_table,
    mobile_memory,
    tunnel_ends,
)
from xfrmspec_terms.daemon import StageKind
from xfrmspec_terms.policy import Action, Direction, Policy, PolicyType
from xfrmspec_terms.selector import Address, Protocol

MODELLED = {
    Protected.NONE: Protection(signalling=False, tests=False, payload=False),
    Protected.SIGNALLING: Protection(signalling=True, tests=False, payload=False),
    Protected.TESTS: Protection(signalling=False, tests=True, payload=False),
    Protected.PAYLOAD: Protection(signalling=False, tests=False, payload=True),
}
places = st.sampled_from((FIRST_PLACE, SECOND_PLACE))
_REGISTERING, _REGISTERED = StageKind.REGISTERING, StageKind.REGISTERED
_COURSES = (
    (_REGISTERING,),
    (_REGISTERING, _REGISTERED),
    (_REGISTERING, _REGISTERED),
    (_REGISTERING, StageKind.REFUSED),
    (StageKind.RETURNING,),
    (StageKind.RETURNING, StageKind.RETURNED),
)
"""What a home registration may go through in one piece."""

courses = st.builds(
    lambda kinds, place: [Moment(kind, place) for kind in kinds], st.sampled_from(_COURSES), places
)
routes = st.builds(lambda kind, place: [Moment(kind, place, True)], st.sampled_from(ROUTE_STAGES), places)
histories = st.lists(st.one_of(courses, routes), min_size=1, max_size=7).map(
    lambda pieces: [moment for piece in pieces for moment in piece]
)


def _owned_policies(memory: Memory, there: Address | None, *, updates: bool) -> list[Policy]:
    """Return the outbound SUB policies of the home address to an address, None for any."""
    found = []
    for policy in memory.policies:
        selector = policy.selector
        ends = (selector.source.address, selector.destination.address)
        wanted = (HOME_ADDRESS, there) if there is not None else (HOME_ADDRESS, type(HOME_ADDRESS)(0))
        is_update = selector.protocol == Protocol.MOBILITY and selector.source_port.value == UPDATE
        place = (policy.type, policy.direction) == (PolicyType.SUB, Direction.OUT)
        if place and ends == wanted and is_update is updates:
            found.append(policy)
    assert len(found) <= 1
    return found


def _kept(policies: list[Policy]) -> Kept:
    if not policies:
        return Kept.ABSENT
    return Kept.FULL if policies[0].templates else Kept.BARE


def _shield(policies: list[Policy]) -> Shield:
    if not policies:
        return Shield.NONE
    return Shield.BLOCK if policies[0].action is Action.BLOCK else Shield.TRIGGER


def _state(memory: Memory, there: Address) -> int:
    ends = (HOME_ADDRESS, there)
    found = [state for state in memory.states if (state.source, state.destination) == ends]
    return int(found[0].care_of or 0) if found else 0


def _read(memory: Memory) -> CleanTerm:
    """Return the model's value for what the reference has installed."""
    tunnel = max((int(end) for end in tunnel_ends(memory)), default=0)
    return CleanTerm(
        int(_shield(_owned_policies(memory, None, updates=False))),
        _state(memory, HOME_AGENT),
        int(_kept(_owned_policies(memory, HOME_AGENT, updates=True))),
        int(_kept(_owned_policies(memory, HOME_AGENT, updates=False))),
        tunnel,
        tunnel,
        _state(memory, PEER_ADDRESS),
        int(_kept(_owned_policies(memory, PEER_ADDRESS, updates=True))),
        int(_kept(_owned_policies(memory, PEER_ADDRESS, updates=False))),
    )


@pytest.mark.clause(
    "XFRM-DAEMON-024",
    "XFRM-DAEMON-025",
    "XFRM-DAEMON-029",
    "XFRM-DAEMON-030",
    "XFRM-DAEMON-031",
    "XFRM-DAEMON-032",
    "XFRM-DAEMON-033",
)
@pytest.mark.parametrize("protection", list(Protected), ids=lambda one: one.value)
def test_clean_agrees_stage_by_stage(protection: Protected) -> None:
    met: Counter[StageKind] = Counter()

    @given(histories)
    @settings(max_examples=120, deadline=None)
    def law(history: list[Moment]) -> None:
        met.update(moment.kind for moment in history)
        told = [Moment(StageKind.STARTED), *history]
        installed = mobile_memory(told, protection)
        assert clean_table(told, MODELLED[protection], MOBILITY_RULES) == _read(installed)

    law()
    assert set(met) == {*HOME_STAGES, *ROUTE_STAGES}
