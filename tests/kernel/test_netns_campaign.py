"""The running kernel in a private namespace: policies, verdicts and counters under its own profile."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from kernel.agreement import SEED, assert_agreement
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.acquires import acquire_scenarios
from xfrmspec.scenario.campaign import run_campaign
from xfrmspec.scenario.histories import lookup_scenarios
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddState, Scenario
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile

KNOWN: dict[str, Profile] = {"6.1": LINUX_6_1, "6.18": LINUX_6_18}


@pytest.fixture
def running() -> Profile:
    release = ".".join(platform.release().split(".")[:2])
    if release not in KNOWN:
        pytest.skip(f"no profile describes the running kernel {platform.release()}")
    return KNOWN[release]


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-008", "XFRM-PAIR-001", "XFRM-FLOW-003")
def test_histories_of_policies_decide_packets_alike_on_the_running_kernel(
    netns: KernelSubject, running: Profile
) -> None:
    assert_agreement(ReferenceSubject(running), netns, islice(lookup_scenarios(SEED), 500))


def without_states(scenarios: Iterator[Scenario]) -> Iterator[Scenario]:
    """Leave larval states only: what acquires make needs no ESP in the kernel."""
    for scenario in scenarios:
        kept = tuple(step for step in scenario.steps if not isinstance(step, AddState))
        yield replace(scenario, steps=kept)


@pytest.mark.clause("XFRM-FIND-002", "XFRM-FIND-003")
def test_larval_states_hold_back_the_same_flows_on_the_running_kernel(
    netns: KernelSubject, running: Profile
) -> None:
    scenarios = tuple(islice(without_states(acquire_scenarios(SEED)), 300))
    assert_agreement(ReferenceSubject(running), netns, iter(scenarios))
    for other in (
        replace(running, acquire_blocks_other_flows=not running.acquire_blocks_other_flows),
        replace(running, find_second_pass_ignores_source=not running.find_second_pass_ignores_source),
    ):
        assert next(run_campaign(ReferenceSubject(other), netns, iter(scenarios)), None) is not None
