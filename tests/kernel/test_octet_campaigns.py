"""Campaigns with keys: a real Linux 6.1 sends our octets, and what we send meets our verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.agreement import SEED, assert_agreement
from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import LINUX_6_1, Profile

MANY = 400
KEYED = (CampaignName.OCTETS, CampaignName.ARRIVALS)
WANTED = sorted({clause for name in KEYED for clause in CAMPAIGNS[name].runs})


@pytest.mark.clause(*WANTED)
@pytest.mark.parametrize("name", KEYED)
def test_reference_and_kernel_agree_on_every_octet_and_counter(
    uml: KernelSubject, name: CampaignName
) -> None:
    scenarios = (scenario_number(CAMPAIGNS[name], SEED, number) for number in range(MANY))
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, scenarios)


@pytest.mark.clause("XFRM-AH-001", "XFRM-AH-007", "XFRM-REPLAY-004", "XFRM-FRAG-003", "XFRM-BUNDLE-003")
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        (CampaignName.OCTETS, replace(LINUX_6_1, ah_padding_is_stale=False)),
        (CampaignName.OCTETS, replace(LINUX_6_1, repeated_headers_reserved_twice=False)),
        (CampaignName.ARRIVALS, replace(LINUX_6_1, ah_covers_old_next_header=False)),
    ],
)
def test_the_kernel_is_told_apart_from_one_without_the_quirk(
    uml: KernelSubject, name: CampaignName, changed: Profile
) -> None:
    scenarios = [scenario_number(CAMPAIGNS[name], SEED, number) for number in range(200)]
    expected = ReferenceSubject(changed).run_all(scenarios)
    assert any(differences(*pair) for pair in zip(expected, uml.run_all(scenarios), strict=True))
