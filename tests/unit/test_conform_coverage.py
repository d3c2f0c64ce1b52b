"""Clause counting: the sample changes nothing, sees what decided, and names what never fired."""

from __future__ import annotations

from collections import Counter

import pytest

from xfrmspec.conform.campaigns import (
    CAMPAIGNS,
    Campaign,
    CampaignName,
    members,
    scenario_number,
    scenarios_of,
)
from xfrmspec.conform.coverage import SAMPLE_EVERY, Coverage, Sampler, Wanted, trace, wanted_of
from xfrmspec.scenario.observation import Outcome
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.selftest import self_test
from xfrmspec.scenario.terms import AddPolicy, Scenario
from xfrmspec_terms.policy import Direction, Policy
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Selector

REFERENCE = ReferenceSubject(LINUX_6_1)


def test_a_traced_run_sees_what_a_plain_run_sees() -> None:
    for numbered in scenarios_of(members(CampaignName.ALL), 1, 100):
        outcome, carried_out, _ = trace(REFERENCE, numbered.scenario)
        assert outcome == REFERENCE.run(numbered.scenario)
        plain = not (numbered.scenario.watched or numbered.scenario.octets)
        assert "XFRM-TIMER-003" in carried_out or not plain or not carried_out


def test_a_block_is_cited_and_a_template_check_is_not() -> None:
    blocked = self_test(states=False)[1]
    _, carried_out, cited = trace(REFERENCE, blocked)
    assert {"XFRM-OUT-004", "XFRM-CHECK-005"} <= cited
    assert "XFRM-TMPL-008" not in carried_out | cited


def test_a_refused_operation_cites_its_clause() -> None:
    policy = AddPolicy(Policy(Selector.between("::/0", "::/0"), Direction.OUT))
    assert "XFRM-DB-007" not in trace(REFERENCE, Scenario((policy,)))[2]
    assert "XFRM-DB-007" in trace(REFERENCE, Scenario((policy, policy)))[2]


def test_a_clause_that_must_decide_is_silent_when_its_code_merely_ran() -> None:
    coverage = Coverage(1, carried_out=Counter({"XFRM-OUT-005": 1}))
    assert coverage.silent(Wanted(runs=frozenset({"XFRM-OUT-005"}))) == ()
    assert coverage.silent(Wanted(cites=frozenset({"XFRM-OUT-005"}))) == ("XFRM-OUT-005",)


def test_shares_of_one_run_add_up() -> None:
    total = Coverage(1, Counter({"XFRM-SEL-001": 1}))
    total.add(Coverage(2, Counter({"XFRM-SEL-001": 2}), Counter({"XFRM-SEL-002": 1})))
    assert (total.sampled, total.fired("XFRM-SEL-001"), total.fired("XFRM-SEL-002")) == (3, 3, 1)


def test_everything_is_sampled_until_every_wanted_clause_fired() -> None:
    sampler = Sampler(REFERENCE, Wanted(cites=frozenset({"XFRM-NEVER-001"})))
    outcomes: list[Outcome] = [sampler.run(scenario) for scenario in self_test(states=True)]
    assert sampler.coverage.sampled == len(outcomes)


def test_afterwards_a_sample_is_enough() -> None:
    sampler = Sampler(REFERENCE, Wanted())
    for _ in range(4 * SAMPLE_EVERY):
        sampler.run(self_test(states=False)[0])
    assert sampler.coverage.sampled == 1 + 4


@pytest.mark.parametrize("campaign", tuple(CAMPAIGNS.values()), ids=lambda campaign: str(campaign.name))
def test_a_campaign_fires_what_it_is_for(campaign: Campaign) -> None:
    sampler = Sampler(REFERENCE, wanted_of((campaign,)))
    for number in range(1000):
        sampler.run(scenario_number(campaign, 1, number))
        if sampler.is_complete:
            return
    assert sampler.coverage.silent(wanted_of((campaign,))) == ()
