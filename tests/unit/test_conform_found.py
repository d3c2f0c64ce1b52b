"""What campaigns found wrong in the reference, each as the small scenario that was left of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from xfrmspec.scenario.observation import Observation, PacketResult
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, Receive, Scenario, UpdatePolicy
from xfrmspec_terms.policy import Action, Direction, Policy
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Flow, Selector

FLOW = Flow(ip_address("2001:db8:b::1"), ip_address("2001:db8:a::1"), 33)
HASHED = Policy(
    Selector.between("2001:db8:b::1/128", "2001:db8:a::1/128"), Direction.IN, action=Action.BLOCK, priority=1
)
WIDE = Policy(Selector.between("2001:db8:b::1/128", "2001:db8:a::/64"), Direction.IN)
WEAKENED = Scenario(
    (AddPolicy(HASHED), AddPolicy(WIDE), UpdatePolicy(replace(WIDE, priority=1)), Receive(FLOW))
)


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-007", "XFRM-LOOKUP-008")
@pytest.mark.parametrize(
    ("profile", "delivered"),
    [(LINUX_6_1, FLOW.source), (LINUX_6_18, None), (CLEAN, None)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_policy_weakened_to_a_tie_with_a_hashed_block_evades_it_on_linux_6_1_only(
    profile: Profile, delivered: object
) -> None:
    outcome = ReferenceSubject(profile).run(WEAKENED)
    assert isinstance(outcome, Observation)
    result = outcome.results[-1]
    assert isinstance(result, PacketResult)
    assert result.delivered == delivered
