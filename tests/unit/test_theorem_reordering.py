"""Theorems about one list, updates and rebuilds: distinct priorities save what ties break."""

from __future__ import annotations

import pytest

from xfrmspec_proofs.runner import prove
from xfrmspec_proofs.theorem import Outcome
from xfrmspec_proofs.theorems import all_theorems
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile

_KERNELS = (LINUX_6_1, LINUX_6_18)


@pytest.mark.clause("XFRM-LOOKUP-009")
@pytest.mark.parametrize("profile", _KERNELS, ids=lambda profile: str(profile.name))
def test_a_rebuild_changes_owners_exactly_where_priorities_tie(profile: Profile) -> None:
    refuted = prove(all_theorems()["a_rebuild_keeps_every_owner"], profile)
    saved = prove(all_theorems()["a_rebuild_keeps_every_owner_when_overlapping_priorities_differ"], profile)
    assert (refuted.outcome, saved.outcome) == (Outcome.REFUTED, Outcome.PROVED)
    assert refuted.ok
    assert saved.ok


@pytest.mark.clause("XFRM-LOOKUP-011")
@pytest.mark.parametrize("profile", _KERNELS, ids=lambda profile: str(profile.name))
def test_lists_and_hash_differ_from_one_list_exactly_where_priorities_tie(profile: Profile) -> None:
    refuted = prove(all_theorems()["one_list_and_candidate_lists_agree"], profile)
    name = "one_list_and_candidate_lists_agree_when_overlapping_priorities_differ"
    assert refuted.outcome is Outcome.REFUTED
    assert refuted.ok
    assert prove(all_theorems()[name], profile).ok


@pytest.mark.clause("XFRM-LOOKUP-008")
def test_an_update_keeps_owners_by_the_clean_rules_only() -> None:
    theorem = all_theorems()["an_update_at_the_same_priority_keeps_every_owner"]
    assert prove(theorem, CLEAN).outcome is Outcome.PROVED
    for profile in _KERNELS:
        verdict = prove(theorem, profile)
        assert verdict.outcome is Outcome.REFUTED
        assert verdict.ok
