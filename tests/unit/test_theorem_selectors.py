"""Theorems about selectors: what holds everywhere, and the family that 6.1 does not compare."""

from __future__ import annotations

import pytest

from xfrmspec_proofs.runner import prove
from xfrmspec_proofs.theorem import Outcome
from xfrmspec_proofs.theorems import all_theorems
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18


@pytest.mark.clause("XFRM-SEL-001", "XFRM-SEL-002", "XFRM-SEL-005")
@pytest.mark.parametrize(
    "name",
    [
        "a_longer_prefix_matches_fewer_flows",
        "a_port_without_a_slot_matches_nothing",
        "host_bits_beyond_a_prefix_do_not_matter",
        "only_the_empty_mark_is_a_wildcard",
        "prefix_length_zero_matches_every_address",
    ],
)
def test_selectors_match_as_the_clauses_say(name: str) -> None:
    assert prove(all_theorems()[name], CLEAN).ok


@pytest.mark.clause("XFRM-SEL-004")
def test_only_6_1_lets_a_selector_cover_flows_of_the_other_family() -> None:
    theorem = all_theorems()["a_state_selector_of_the_other_family_matches_nothing"]
    outcomes = {profile.name: prove(theorem, profile).outcome for profile in (CLEAN, LINUX_6_1, LINUX_6_18)}
    assert outcomes == {
        "clean": Outcome.PROVED,
        "linux-6.1": Outcome.REFUTED,
        "linux-6.18": Outcome.PROVED,
    }
