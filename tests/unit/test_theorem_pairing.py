"""Theorems about pairs, sockets, signalling and mirrored peers: what their witnesses must show."""

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


def _facts(verdict: Verdict) -> Mapping[str, Any]:
    assert verdict.witness is not None
    return verdict.witness


@pytest.mark.clause("XFRM-CHECK-002")
@pytest.mark.parametrize("profile", [LINUX_6_1, LINUX_6_18], ids=lambda profile: str(profile.name))
def test_kernels_let_a_policy_of_another_direction_decide_forwarding(profile: Profile) -> None:
    verdict = _verdict("the_forward_check_depends_on_forward_policies_only", profile)
    assert verdict.outcome is Outcome.REFUTED
    one, two = _facts(verdict)["databases"]
    differing = [policy for policy in one if policy not in two] + [p for p in two if p not in one]
    assert differing
    assert {(policy["direction"], policy["type"]) for policy in differing} >= {("in", "main")}
    assert "fwd" not in {policy["direction"] for policy in differing}


@pytest.mark.clause("XFRM-OUT-003", "XFRM-PAIR-001")
@pytest.mark.parametrize(
    "name",
    [
        "output_is_blocked_exactly_by_a_block_in_the_pair",
        "a_blocking_sub_policy_blocks_output_alone",
        "priorities_of_sub_and_main_are_never_compared",
    ],
)
def test_the_rules_of_pairs_hold_on_6_1_too(name: str) -> None:
    assert _verdict(name, LINUX_6_1).ok


@pytest.mark.clause("XFRM-SOCK-001", "XFRM-DEFAULT-001")
@pytest.mark.parametrize(
    "name",
    [
        "a_matching_socket_policy_hides_the_databases",
        "a_socket_policy_that_does_not_match_changes_nothing",
        "the_default_action_applies_only_without_a_match",
    ],
)
def test_sockets_stand_before_the_databases_and_defaults_behind(name: str) -> None:
    assert _verdict(name, CLEAN).ok


@pytest.mark.clause("XFRM-LOOKUP-010")
@pytest.mark.parametrize("profile", _EVERY, ids=lambda profile: str(profile.name))
def test_signalling_is_kept_apart_in_every_profile(profile: Profile) -> None:
    verdict = _verdict("signalling_is_kept_apart_exactly_by_a_strictly_smaller_priority", profile)
    assert verdict.ok
    assert "mobility" in {policy["selector"].get("protocol") for policy in _facts(verdict)["policies"]}


@pytest.mark.clause("XFRM-SORT-005")
def test_a_mirrored_peer_on_6_1_refuses_ah_listed_before_another_transport_template() -> None:
    verdict = _verdict("a_mirrored_peer_accepts_what_a_pair_sends_up_to_four_templates", LINUX_6_1)
    assert verdict.outcome is Outcome.REFUTED
    first, second = _facts(verdict)["main"]
    assert (first["protocol"], first["mode"], second["mode"]) == ("ah", "transport", "transport")
    assert second["protocol"] != "ah"


@pytest.mark.clause("XFRM-TMPL-004")
def test_a_policy_of_six_templates_is_stored_but_unusable_on_6_1() -> None:
    verdict = _verdict("every_policy_that_can_be_stored_can_be_used", LINUX_6_1)
    assert verdict.outcome is Outcome.REFUTED
    assert _facts(verdict) == {"templates": 6}
