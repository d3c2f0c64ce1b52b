"""Theorems about one lookup: the witnesses that refute them show the ties the clauses speak of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from xfrmspec_proofs.runner import Verdict, prove
from xfrmspec_proofs.theorem import Outcome
from xfrmspec_proofs.theorems import all_theorems
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile


def _verdict(name: str, profile: Profile) -> Verdict:
    return prove(all_theorems()[name], profile)


def _facts(verdict: Verdict) -> Mapping[str, Any]:
    assert verdict.witness is not None
    return verdict.witness


def _is_exact(policy: Mapping[str, Any]) -> bool:
    return all(policy["selector"][side].endswith("/128") for side in ("source", "destination"))


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002", "XFRM-LOOKUP-003")
def test_a_lookup_has_one_winner_in_every_profile() -> None:
    for profile in (CLEAN, LINUX_6_1, LINUX_6_18):
        assert _verdict("lookup_has_exactly_one_winner", profile).ok


@pytest.mark.clause("XFRM-LOOKUP-007")
def test_on_6_1_a_foreign_policy_flips_a_tie_between_an_exact_and_an_inexact_one() -> None:
    verdict = _verdict("a_policy_that_does_not_match_changes_nothing", LINUX_6_1)
    assert verdict.outcome is Outcome.REFUTED
    tied, everyone = _facts(verdict)["before"], _facts(verdict)["after"]
    assert len(everyone) == len(tied) + 1
    assert len({policy["priority"] for policy in tied}) == 1
    assert {_is_exact(policy) for policy in tied} == {True, False}
    assert not _is_exact(everyone[-1])


@pytest.mark.clause("XFRM-LOOKUP-005", "XFRM-LOOKUP-008")
def test_on_6_18_removing_a_loser_matters_after_an_update_among_equals() -> None:
    verdict = _verdict("a_loser_may_be_removed", LINUX_6_18)
    assert verdict.outcome is Outcome.REFUTED
    assert len({policy["priority"] for policy in _facts(verdict)["before"]}) == 1


@pytest.mark.clause("XFRM-LOOKUP-001")
def test_the_weakest_priority_appears_in_its_witness() -> None:
    verdict = _verdict("the_weakest_priority_wins_alone", CLEAN)
    assert verdict.ok
    assert (1 << 32) - 1 in {policy["priority"] for policy in _facts(verdict)["policies"]}
