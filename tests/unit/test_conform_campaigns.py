"""The campaigns: closed, repeatable from seed and number alone, and about what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.conform.campaigns import (
    CAMPAIGNS,
    RAW_EVERY,
    Campaign,
    CampaignName,
    members,
    scenario_number,
    scenarios_of,
)
from xfrmspec.conform.strategies import biased_scenarios, raw_scenarios, scenarios
from xfrmspec.kernel.watched_program import compile_any
from xfrmspec.scenario.document import from_json, to_json
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    Receive,
    Scenario,
    Send,
    SetDefaults,
    SetThresholds,
    Step,
    UpdatePolicy,
)
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.policy import TEMPLATE_PROTOCOLS, Direction, Mode, PolicyType
from xfrmspec_terms.selector import Protocol

SINGLE = tuple(CAMPAIGNS.values())


def steps_of(name: CampaignName, count: int = 400) -> Iterator[Step]:
    for number in range(count):
        yield from scenario_number(CAMPAIGNS[name], 5, number).steps


def test_every_name_but_the_mix_is_a_campaign() -> None:
    assert set(CAMPAIGNS) == set(CampaignName) - {CampaignName.ALL}
    assert members(CampaignName.ALL) == tuple(campaign for campaign in SINGLE if not campaign.waits)


@pytest.mark.parametrize("campaign", SINGLE, ids=lambda campaign: str(campaign.name))
def test_a_campaign_is_for_clauses_that_exist(campaign: Campaign) -> None:
    assert {*campaign.runs, *campaign.cites} <= set(all_clauses())
    assert {*campaign.runs, *campaign.cites}


@pytest.mark.parametrize("campaign", SINGLE, ids=lambda campaign: str(campaign.name))
def test_seed_and_number_alone_bring_a_scenario_back(campaign: Campaign) -> None:
    first = [scenario_number(campaign, 3, number) for number in range(20)]
    assert first == [scenario_number(campaign, 3, number) for number in range(20)]
    assert first != [scenario_number(campaign, 4, number) for number in range(20)]


@pytest.mark.parametrize("jobs", [2, 3, 7])
def test_jobs_share_the_same_scenarios(jobs: int) -> None:
    alone = list(scenarios_of(SINGLE, 1, 100))
    shared = [n for job in range(jobs) for n in scenarios_of(SINGLE, 1, 100, job, jobs)]
    assert sorted(shared, key=lambda n: (n.number, n.campaign)) == sorted(
        alone, key=lambda n: (n.number, n.campaign)
    )


def test_a_kernel_without_transformations_gets_no_states() -> None:
    campaigns = members(CampaignName.ALL, with_states=False)
    made = [n.scenario for n in scenarios_of(campaigns, 1, 400)]
    assert not any(isinstance(step, AddState) for scenario in made for step in scenario.steps)


def test_every_fifth_scenario_is_raw() -> None:
    campaign = CAMPAIGNS[CampaignName.OUTPUT]
    templates = [
        len(step.policy.templates)
        for number in range(RAW_EVERY - 1, 400, RAW_EVERY)
        for step in scenario_number(campaign, 1, number).steps
        if isinstance(step, AddPolicy)
    ]
    assert max(templates) > 6


def test_policies_meets_every_operation_and_direction() -> None:
    steps = list(steps_of(CampaignName.POLICIES))
    assert {AddPolicy, UpdatePolicy, DeletePolicy, SetThresholds, Send, Receive} <= set(map(type, steps))
    assert {step.policy.direction for step in steps if isinstance(step, AddPolicy)} == set(Direction)


def test_output_meets_every_mode_and_protocol_in_both_types() -> None:
    policies = [step.policy for step in steps_of(CampaignName.OUTPUT) if isinstance(step, AddPolicy)]
    pairs = {(t.protocol, t.mode) for policy in policies for t in policy.templates}
    assert {mode for _, mode in pairs} == set(Mode)
    protocols = {protocol for protocol, _ in pairs}
    assert protocols > TEMPLATE_PROTOCOLS
    assert {policy.type for policy in policies} == set(PolicyType)
    assert {len(policy.templates) for policy in policies} >= set(range(7))


def test_input_packets_went_through_zero_to_four_states() -> None:
    depths = {len(step.layers) for step in steps_of(CampaignName.INPUT) if isinstance(step, Receive)}
    assert depths >= {0, 1, 2, 3, 4}


def test_sockets_meets_both_socket_policies_and_default_actions() -> None:
    steps = list(steps_of(CampaignName.SOCKETS))
    sends = [step for step in steps if isinstance(step, Send)]
    assert any(send.inbound for send in sends)
    assert any(send.outbound and send.outbound.templates for send in sends)
    assert any(isinstance(step, SetDefaults) for step in steps)


def test_selectors_meets_slots_marks_interfaces_and_extension_headers() -> None:
    steps = list(steps_of(CampaignName.SELECTORS))
    flows = [step.flow for step in steps if isinstance(step, Send | Receive)]
    assert {Protocol.UDP, Protocol.ICMPV6, Protocol.MOBILITY, Protocol.GRE} <= {f.protocol for f in flows}
    assert any(flow.mark for flow in flows)
    assert any(flow.oif for flow in flows)
    assert {len(step.layers) for step in steps if isinstance(step, Receive)} == {0, 1, 2}


@settings(max_examples=150)
@given(st.sampled_from((*SINGLE,)).flatmap(lambda campaign: scenarios(campaign.name)))
def test_every_scenario_can_be_written_down_and_sent_to_a_kernel(scenario: Scenario) -> None:
    assert from_json(to_json(scenario)) == scenario
    assert compile_any(scenario)["steps"]


@settings(max_examples=30)
@given(biased_scenarios(CampaignName.INPUT), raw_scenarios(CampaignName.INPUT))
def test_both_kinds_of_strategies_end_in_a_packet(biased: Scenario, raw: Scenario) -> None:
    assert isinstance(biased.steps[-1], Receive)
    assert isinstance(raw.steps[-1], Receive)
