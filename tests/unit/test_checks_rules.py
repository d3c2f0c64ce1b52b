"""Each rule of the checks: a dump that breaks it, a twin that does not, and an outcome that holds."""

from __future__ import annotations

import pytest
from check_cases import CASES, ESP, ESP_TUNNEL, HOSTS, PAIR, WIDE, Case, esp_state, policy

from xfrmspec.formats import read_dump
from xfrmspec_proofs.checks import (
    RULES,
    Configuration,
    Finding,
    check_configuration,
    configuration_of,
    replay,
)
from xfrmspec_terms.profile import profile_named


def configuration(text: str, profile: str) -> Configuration:
    return configuration_of(read_dump(text, "dump"), profile_named(profile))


def findings(text: str, profile: str, rule: str) -> list[Finding]:
    report = check_configuration(configuration(text, profile))
    return [finding for finding in report.findings if finding.rule == rule]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rule_reports_what_breaks_it(case: Case) -> None:
    found = findings(case.broken, case.profile, case.rule)
    assert found
    assert {finding.severity for finding in found} == {case.severity}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rule_is_silent_about_the_repaired_twin(case: Case) -> None:
    assert findings(case.fixed, case.profile, case.rule) == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_outcome_equals_a_fresh_replay(case: Case) -> None:
    fresh = configuration(case.broken, case.profile)
    for finding in check_configuration(configuration(case.broken, case.profile)).findings:
        again = replay(fresh, finding.witness, finding.direction, finding.scenario)
        assert finding.outcome == again.outcome


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES.values()} == {rule.id for rule in RULES}


def test_rules_are_sorted_and_their_clauses_well_formed() -> None:
    assert [rule.id for rule in RULES] == sorted({rule.id for rule in RULES})
    assert all(clause.startswith("XFRM-") for rule in RULES for clause in rule.clauses)


QUIRKS = [case for case in CASES.values() if case.rule.startswith("profile-quirk-")]


@pytest.mark.parametrize("case", QUIRKS, ids=[case.rule for case in QUIRKS])
def test_clean_profile_has_no_quirks(case: Case) -> None:
    report = check_configuration(configuration(case.broken, "clean"))
    assert not [f for f in report.findings if f.rule.startswith("profile-quirk-")]


@pytest.mark.clause("XFRM-LOOKUP-007")
def test_a_tie_names_the_list_or_the_order_as_what_decides() -> None:
    tied = policy(HOSTS) + policy(WIDE, action="action block ")
    assert "only the list each is kept in decides" in findings(tied, "linux-6.1", "undecided-tie")[0].message
    assert "only the order of insertion decides" in findings(tied, "clean", "undecided-tie")[0].message


@pytest.mark.clause("XFRM-LOOKUP-005")
def test_the_older_policy_wins_a_tie_and_the_dump_lists_it_last() -> None:
    found = findings(policy(PAIR) + policy(WIDE, action="action block "), "clean", "undecided-tie")[0]
    assert [(involved.at.line, involved.role) for involved in found.policies] == [(3, "wins"), (1, "loses")]
    assert found.outcome.startswith("is blocked (XfrmOutPolBlock)")


@pytest.mark.clause("XFRM-FLOW-003")
def test_evasion_shows_the_ports_the_kernel_reads() -> None:
    case = CASES["port behind an extension header"]
    found = findings(case.broken, case.profile, case.rule)[0]
    assert found.witness.destination_slot == 5000
    assert "sport 4352 dport 260" in found.outcome
    assert "cleartext is accepted" in found.outcome


@pytest.mark.clause("XFRM-FIND-001")
def test_a_near_miss_names_the_state_and_the_difference() -> None:
    case = CASES["another reqid"]
    found = findings(case.broken, case.profile, case.rule)[0]
    assert "differs in its reqid" in found.message
    assert [involved.at.line for involved in found.policies] == [1, 5]
    assert "XfrmOutNoStates" in found.outcome


def test_unknown_states_prove_nothing() -> None:
    assert findings(policy(PAIR, "out", 10, ESP_TUNNEL), "linux-6.1", "unsatisfiable-template") == []


def test_masked_reqids_prove_nothing() -> None:
    text = policy(PAIR, "out", 10, ESP_TUNNEL.replace("reqid 1", "reqid REQID")) + esp_state(2)
    assert findings(text, "linux-6.1", "unsatisfiable-template") == []


def test_masked_priorities_leave_only_a_note() -> None:
    hidden = policy(PAIR, priority="PRIORITY", action="action block ") + policy(
        WIDE, "out", "PRIORITY", ESP_TUNNEL
    )
    report = check_configuration(configuration(hidden, "linux-6.1"))
    assert [finding.rule for finding in report.findings] == ["masked-values"]
    assert report.findings[0].outcome.startswith("is not known, because the text hides priority")


def test_a_lone_masked_policy_is_still_judged() -> None:
    text = policy(PAIR, "out", "PRIORITY", ESP + "\t\tlevel use \n")
    assert len(findings(text, "linux-6.1", "optional-cleartext")) == 1
