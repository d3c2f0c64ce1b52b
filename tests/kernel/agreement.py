"""What every campaign test asserts: two subjects agree, or the smallest scenario on which they do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from xfrmspec.scenario.campaign import run_campaign, shrink
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.observation import Observation, PacketResult, Subject, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import Scenario, Step
from xfrmspec_terms.profile import LINUX_6_1

SEED = 20040704


def assert_agreement(first: Subject, second: Subject, scenarios: Iterator[Scenario]) -> None:
    found = next(run_campaign(first, second, scenarios), None)
    if found is None:
        return
    smallest = shrink(found, first, second)
    told = "\n".join(str(difference) for difference in smallest.differences)
    pytest.fail(f"scenario {found.number}: {told}\n{to_json(smallest.scenario)}")


def agreed(kernel: Subject, *steps: Step, octets: bool = False) -> Observation:
    """What the kernel shows of a scenario; the reference shows the same."""
    scenario = Scenario(steps, octets=octets)
    outcome = kernel.run(scenario)
    assert isinstance(outcome, Observation), outcome
    assert not differences(ReferenceSubject(LINUX_6_1).run(scenario), outcome)
    return outcome


def last(outcome: Observation) -> PacketResult:
    """What was seen of the packet that a scenario ends with."""
    result = outcome.results[-1]
    assert isinstance(result, PacketResult)
    return result
