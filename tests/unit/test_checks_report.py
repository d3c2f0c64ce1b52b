"""The report of the checks: its machine form, its order, its cuts, and what real dumps give."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from xfrmspec.formats import read_dump, read_file
from xfrmspec.formats.dump import combine
from xfrmspec_proofs.checks import (
    Finding,
    Report,
    Severity,
    check_configuration,
    configuration_of,
    findings_to_json,
    replay,
    report_to_json,
)
from xfrmspec_proofs.checks.findings import SHOWN_PER_CAUSE, grouped
from xfrmspec_terms.profile import PROFILES, profile_named

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not there")

DUMPS = sorted((SAMPLES / "dumps").glob("*.txt"))
HOSTS = sorted((SAMPLES / "mip6d").glob("*/*/*.xfrm-policy.txt"))

TIED = (
    "src 2001:db8::/64 dst 2001:db8:1::/64 proto udp \n\tdir out priority 10 ptype main \n"
    "src 2001:db8::/32 dst 2001:db8::/32 \n\tdir out action block priority 10 ptype main \n"
)


def blocks(count: int) -> str:
    """Return policies that a wide one shadows, and the wide one."""
    narrow = "".join(
        f"src 2001:db8::{n:x}/128 dst ::/0 \n\tdir out action block priority 20 ptype main \n"
        for n in range(1, count + 1)
    )
    return narrow + "src 2001:db8::/64 dst ::/0 \n\tdir out priority 10 ptype main \n"


def report_of(text: str, profile: str = "clean") -> Report:
    return check_configuration(configuration_of(read_dump(text, "dump"), profile_named(profile)))


def sample_report(profile: str, *paths: Path) -> tuple[Report, list[Finding]]:
    """Check a sample; return the report and the findings whose outcome a fresh replay does not repeat."""
    configuration = configuration_of(combine([read_file(path) for path in paths]), profile_named(profile))
    report = check_configuration(configuration)
    unequal = [
        f
        for f in report.findings
        if replay(configuration, f.witness, f.direction, f.scenario).outcome != f.outcome
    ]
    return report, unequal


def test_json_has_the_agreed_form() -> None:
    report = report_of(TIED)
    document = json.loads(json.dumps(report_to_json(report)))
    assert set(document) == {"findings", "summary"}
    finding = document["findings"][0]
    assert {"rule", "severity", "message", "policies", "witness", "outcome"} <= set(finding)
    assert finding["rule"] == "undecided-tie"
    assert finding["severity"] == "error"
    assert finding["policies"] == [{"file": "dump", "line": 3}, {"file": "dump", "line": 1}]
    assert finding["witness"]["dir"] == "out"
    assert finding["witness"]["proto"] == "udp"
    assert len(finding["roles"]) == len(finding["policies"])
    assert document["summary"]["errors"] == 1


def test_findings_to_json_takes_any_findings() -> None:
    report = report_of(TIED)
    document = findings_to_json(report.findings[:0], report.summary)
    assert document["findings"] == []


def test_findings_of_one_cause_are_cut_and_counted() -> None:
    report = report_of(blocks(12))
    shadows = [finding for finding in report.findings if finding.rule == "shadowed-policy"]
    assert len(shadows) == SHOWN_PER_CAUSE
    assert [finding.more for finding in shadows] == [0] * (SHOWN_PER_CAUSE - 1) + [12 - SHOWN_PER_CAUSE]
    assert shadows[-1].message.endswith(f"(and {12 - SHOWN_PER_CAUSE} more like it).")
    assert report.summary.warnings == 12


def test_findings_are_sorted_gravest_first_whatever_their_order() -> None:
    findings = list(report_of(TIED + blocks(3), "linux-6.1").findings)
    expected = grouped(findings)
    ranks = [list(Severity).index(finding.severity) for finding in expected]
    assert ranks == sorted(ranks)
    for seed in range(5):
        shuffled = findings[:]
        random.Random(seed).shuffle(shuffled)
        assert grouped(shuffled) == expected


def test_a_configuration_without_policies_has_no_findings() -> None:
    report = report_of("")
    assert report.findings == ()
    assert report.summary.policies == 0


def test_socket_policies_are_left_out() -> None:
    text = "src ::/0 dst ::/0 \n\tsocket out priority 0 ptype main \n" * 3
    assert report_of(text).summary.policies == 0


@needs_samples
@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - {"usagi-2004"}))
@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_real_dumps_are_judged_without_noise(path: Path, profile: str) -> None:
    report, unequal = sample_report(profile, path)
    assert unequal == []
    assert len(report.findings) <= 12


@needs_samples
@pytest.mark.parametrize("profile", ["clean", "linux-6.1"])
@pytest.mark.parametrize("path", HOSTS, ids=lambda path: f"{path.parent.name}-{path.name.split('.')[0]}")
def test_mobile_hosts_without_ipsec_give_notes_only(path: Path, profile: str) -> None:
    state = path.with_name(path.name.replace("policy", "state"))
    report, unequal = sample_report(profile, path, state)
    assert unequal == []
    counts = Counter((finding.rule, finding.severity) for finding in report.findings)
    assert set(counts) <= {
        ("sub-without-main", Severity.NOTE),
        ("unsatisfiable-template", Severity.NOTE),
    }
    assert counts.total() <= 3


@needs_samples
def test_a_real_tie_between_bypasses_and_a_block_is_found() -> None:
    report, _ = sample_report("linux-6.1", SAMPLES / "dumps" / "libreswan-00879.txt")
    ties = [finding for finding in report.findings if finding.rule == "undecided-tie"]
    assert {finding.direction.name for finding in ties} == {"IN", "OUT", "FWD"}
