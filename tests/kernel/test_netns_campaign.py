"""The running kernel in a private namespace: policies, verdicts and counters under its own profile."""

from __future__ import annotations

import platform
from itertools import islice

import pytest

from kernel.agreement import SEED, assert_agreement
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.histories import lookup_scenarios
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile

KNOWN: dict[str, Profile] = {"6.1": LINUX_6_1, "6.18": LINUX_6_18}


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-008", "XFRM-PAIR-001", "XFRM-FLOW-003")
def test_histories_of_policies_decide_packets_alike_on_the_running_kernel(netns: KernelSubject) -> None:
    release = ".".join(platform.release().split(".")[:2])
    if release not in KNOWN:
        pytest.skip(f"no profile describes the running kernel {platform.release()}")
    assert_agreement(ReferenceSubject(KNOWN[release]), netns, islice(lookup_scenarios(SEED), 500))
