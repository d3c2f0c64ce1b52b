"""Shrinking: what is left shows the difference, and nothing of it can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.conform.shrinking import minimise, smaller_scenarios
from xfrmspec.scenario.observation import Failure, Observation, OperationResult, Outcome, PacketResult
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, Receive, Scenario, Send
from xfrmspec_terms.profile import LINUX_6_1

REFERENCE = ReferenceSubject(LINUX_6_1)


@dataclass
class Liar:
    """The reference, but for scenarios that the condition holds of: there it sees an acquire too many."""

    condition: Callable[[Scenario], bool]
    name: str = "liar"
    runs: int = field(default=0)

    def run(self, scenario: Scenario) -> Outcome:
        self.runs += 1
        outcome = REFERENCE.run(scenario)
        if not self.condition(scenario) or isinstance(outcome, Failure):
            return outcome
        return Observation(tuple(map(_one_acquire_more, outcome.results)), outcome.policies)

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
        return map(self.run, scenarios)


def _one_acquire_more(result: OperationResult | PacketResult) -> OperationResult | PacketResult:
    return replace(result, acquires=result.acquires + 1) if isinstance(result, PacketResult) else result


def _sends_with_a_block(scenario: Scenario) -> bool:
    blocks = any(isinstance(step, AddPolicy) and step.policy.action == 1 for step in scenario.steps)
    return blocks and any(isinstance(step, Send | Receive) for step in scenario.steps)


def _large(condition: Callable[[Scenario], bool], name: CampaignName, steps: int = 6) -> Scenario:
    made = (scenario_number(CAMPAIGNS[name], 9, number) for number in range(2000))
    return next(scenario for scenario in made if condition(scenario) and len(scenario.steps) >= steps)


def test_only_what_the_difference_needs_is_left() -> None:
    scenario = _large(_sends_with_a_block, CampaignName.POLICIES)
    liar = Liar(_sends_with_a_block)
    smallest = minimise(scenario, (REFERENCE.run(scenario), liar.run(scenario)), REFERENCE, liar)
    assert smallest.repeated
    assert len(smallest.scenario.steps) == 2
    policy = next(step.policy for step in smallest.scenario.steps if isinstance(step, AddPolicy))
    assert str(policy.selector.source) == "::/0"
    assert (policy.selector.protocol, policy.mark.mask, policy.index, policy.if_id) == (0, 0, 0, 0)


def test_templates_are_left_out_one_by_one() -> None:
    def two_templates(scenario: Scenario) -> bool:
        adds = [step for step in scenario.steps if isinstance(step, AddPolicy)]
        sends = any(isinstance(step, Send) for step in scenario.steps)
        return sends and any(len(step.policy.templates) >= 2 for step in adds)

    scenario = _large(two_templates, CampaignName.OUTPUT)
    liar = Liar(two_templates)
    smallest = minimise(scenario, (REFERENCE.run(scenario), liar.run(scenario)), REFERENCE, liar)
    adds = [step for step in smallest.scenario.steps if isinstance(step, AddPolicy)]
    assert [len(step.policy.templates) for step in adds] == [2]


def test_nothing_smaller_shows_it_still() -> None:
    scenario = _large(_sends_with_a_block, CampaignName.SELECTORS, 5)
    liar = Liar(_sends_with_a_block)
    smallest = minimise(scenario, (REFERENCE.run(scenario), liar.run(scenario)), REFERENCE, liar)
    assert not any(_sends_with_a_block(smaller) for smaller in smaller_scenarios(smallest.scenario))


def test_a_difference_that_does_not_come_back_is_said_so() -> None:
    scenario = scenario_number(CAMPAIGNS[CampaignName.POLICIES], 1, 0)
    honest, lie = REFERENCE.run(scenario), Liar(lambda _: True).run(scenario)
    smallest = minimise(scenario, (honest, lie), REFERENCE, REFERENCE)
    assert not smallest.repeated
    assert (smallest.scenario, smallest.second) == (scenario, lie)


def test_a_scenario_that_cost_a_guest_is_not_run_again() -> None:
    scenario = scenario_number(CAMPAIGNS[CampaignName.POLICIES], 1, 0)
    liar = Liar(lambda _: False)
    smallest = minimise(scenario, (REFERENCE.run(scenario), Failure("the guest ended")), REFERENCE, liar)
    assert liar.runs == 0
    assert smallest.second == Failure("the guest ended")
