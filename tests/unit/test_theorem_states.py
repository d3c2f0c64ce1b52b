"""Theorems about states and caches: who refutes what, and what the witnesses must show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from xfrmspec_proofs.runner import Verdict, prove
from xfrmspec_proofs.theorem import Outcome
from xfrmspec_proofs.theorems import all_theorems
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile

_EVERY = (CLEAN, LINUX_6_1, LINUX_6_18)


def _verdict(name: str, profile: Profile) -> Verdict:
    return prove(all_theorems()[name], profile)


def _refuted(name: str, profile: Profile) -> Mapping[str, Any]:
    verdict = _verdict(name, profile)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.ok
    assert verdict.witness is not None
    return verdict.witness


@pytest.mark.clause("XFRM-FIND-002")
def test_6_1_finds_a_state_of_a_sender_that_nobody_asked_for() -> None:
    witness = _refuted("find_never_returns_a_state_of_a_foreign_source", LINUX_6_1)
    (state,) = witness["states"]
    assert state["source"] not in {"::", witness["searched"][0]}


@pytest.mark.clause("XFRM-FIND-001", "XFRM-FIND-002")
def test_on_6_1_a_state_that_is_no_candidate_can_hide_another() -> None:
    witness = _refuted("find_depends_on_candidates_only", LINUX_6_1)
    assert witness["searched"][0] not in {state["source"] for state in witness["states"][1:]}


@pytest.mark.clause("XFRM-SAD-004")
def test_on_6_1_two_states_share_a_key_when_the_marked_one_came_first() -> None:
    older, younger = _refuted("no_packet_mark_fits_two_states_of_one_key", LINUX_6_1)["states"]
    assert "mark" in older
    assert older.get("mark") != younger.get("mark")
    assert (older["protocol"], older["destination"]) == (younger["protocol"], younger["destination"])


@pytest.mark.clause("XFRM-SPI-002")
def test_only_6_1_allocates_an_spi_that_another_destination_has() -> None:
    name = "an_allocated_spi_is_unique_for_its_protocol"
    witness = _refuted(name, LINUX_6_1)
    other, larval = witness["states"]
    assert other["spi"] == witness["spi"]
    assert other["destination"] != larval["destination"]
    assert all(_verdict(name, profile).ok for profile in (CLEAN, LINUX_6_18))
    assert all(_verdict("the_spi_zero_is_never_allocated", profile).ok for profile in _EVERY)


@pytest.mark.clause("XFRM-DB-008", "XFRM-CACHE-005")
def test_on_6_1_a_remembered_route_outlives_the_exception_that_made_it() -> None:
    witness = _refuted("a_remembered_route_is_not_used_against_a_block", LINUX_6_1)
    left = [policy for policy in witness["policies"] if policy != witness["changed"]]
    assert witness["changed"]["action"] == "allow"
    assert {policy["action"] for policy in left} == {"block"}


@pytest.mark.clause("XFRM-CACHE-002")
def test_on_6_1_a_bundle_outlives_its_main_policy() -> None:
    name = "comparing_every_policy_of_a_bundle_is_enough_when_overlapping_priorities_differ"
    witness = _refuted(name, LINUX_6_1)
    assert witness["changed"]["type"] == "main"
    assert "sub" in {policy["type"] for policy in witness["policies"]}


@pytest.mark.clause("XFRM-CACHE-006", "XFRM-CACHE-003")
def test_on_6_1_a_bundle_outlives_the_best_state_it_could_have() -> None:
    stored, kept = _refuted("a_reused_bundle_has_the_state_that_a_fresh_search_finds", LINUX_6_1)["states"]
    assert stored["source"] != kept["source"]


@pytest.mark.clause("XFRM-LIFE-005")
def test_the_packets_that_pass_are_counted_for_a_limit_beyond_one() -> None:
    verdict = _verdict("a_hard_limit_of_n_packets_lets_exactly_n_pass", CLEAN)
    assert verdict.ok
    assert verdict.witness is not None
    state = verdict.witness["state"]
    assert isinstance(state, Mapping)
    assert state["hard_packets"] > 1


@pytest.mark.clause("XFRM-LIFE-003", "XFRM-LIFE-004", "XFRM-LIFE-006")
@pytest.mark.parametrize(
    "name",
    [
        "a_dead_state_stays_dead",
        "a_limit_of_use_never_ends_an_unused_state",
        "one_soft_event_for_each_creation_or_update",
    ],
)
def test_lifetimes_are_alike_in_every_profile(name: str) -> None:
    assert all(_verdict(name, profile).ok for profile in _EVERY)
