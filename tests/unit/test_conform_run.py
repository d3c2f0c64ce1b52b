"""A run: the reference agrees with itself, differs from another profile, and every job's share counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.conform.filing import file_mismatches
from xfrmspec.conform.jobs import run_plan
from xfrmspec.conform.plan import Backend, Bench, Plan, PlanError, checked
from xfrmspec.conform.report import clause_digest, is_conformant, report_object
from xfrmspec.conform.run import Progress, Tally, run_job
from xfrmspec.scenario.document import from_json
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import CLEAN, LINUX_6_1


def plan(campaign: CampaignName = CampaignName.ALL, scenarios: int = 250, jobs: int = 1) -> Plan:
    return Plan(campaign, scenarios, seed=1, jobs=jobs, backend=Backend.REFERENCE)


def compared(scenarios: int) -> tuple[Plan, Tally]:
    """The clean rules against those of Linux 6.1, as if the latter were a kernel."""
    made = plan(CampaignName.SELECTORS, scenarios)
    bench = Bench(ReferenceSubject(CLEAN), ReferenceSubject(LINUX_6_1), "", CLEAN.name)
    return made, run_job(made, bench, 0, lambda _: None, lambda: False)


def test_the_reference_agrees_with_itself() -> None:
    told: list[Progress] = []
    tally = run_plan(plan(), told.append)
    assert (tally.scenarios, tally.disagreed, tally.mismatches) == (250, 0, [])
    assert sum(progress.scenarios for progress in told) == 250
    assert is_conformant(plan(), tally)


def test_two_jobs_run_what_one_runs() -> None:
    told: list[Progress] = []
    tally = run_plan(plan(jobs=2), told.append)
    assert (tally.scenarios, tally.disagreed) == (250, 0)
    assert sum(progress.scenarios for progress in told) == 250
    assert tally.coverage.sampled == 250


def test_other_rules_are_found_out_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xfrmspec.conform.run.MOST_MINIMISED", 4)
    made, tally = compared(200)
    assert tally.disagreed > len(tally.mismatches) == 4
    assert all(mismatch.told and mismatch.repeated for mismatch in tally.mismatches)
    assert any(len(mismatch.scenario.steps) <= 2 for mismatch in tally.mismatches)
    assert not is_conformant(made, tally)


def test_a_mismatch_is_brought_back_by_its_seed_and_number() -> None:
    _, tally = compared(200)
    came_up = tally.mismatches[0].came_up
    assert scenario_number(CAMPAIGNS[came_up.campaign], came_up.seed, came_up.number) == came_up.scenario


def test_a_stopped_run_reports_what_it_did() -> None:
    done: list[int] = []
    bench = Bench(ReferenceSubject(CLEAN), ReferenceSubject(CLEAN), "", CLEAN.name)
    tally = run_job(plan(scenarios=5000), bench, 0, lambda p: done.append(p.scenarios), lambda: len(done) > 1)
    assert sum(done) == tally.scenarios < 1000


def test_a_clause_that_never_fired_fails_a_long_run_only() -> None:
    short, long = plan(CampaignName.SOCKETS, 999), plan(CampaignName.SOCKETS, 1000)
    assert is_conformant(short, Tally(scenarios=999))
    assert not is_conformant(long, Tally(scenarios=1000))


def test_the_report_carries_seed_profile_and_clause_tables() -> None:
    made, tally = compared(100)
    report = report_object(made, tally)
    assert (report["seed"], report["profile"], report["scenarios"]) == (1, "clean", 100)
    assert report["clause_tables"] == clause_digest()
    json.dumps(report)


def test_a_filed_mismatch_is_a_test_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xfrmspec.conform.run.MOST_MINIMISED", 2)
    made, tally = compared(100)
    filed = file_mismatches(made, tally, tmp_path)
    documents = [path for path in filed if path.suffix == ".json"]
    assert len(filed) == 2 * len(tally.mismatches)
    assert from_json(documents[0].read_text(encoding="utf-8")) == tally.mismatches[0].scenario
    tests = [str(path) for path in filed if path.suffix == ".py"]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests[:2]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert "2 passed" in finished.stdout


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (Plan(CampaignName.ALL, 0, 1, backend=Backend.REFERENCE), "at least 1"),
        (Plan(CampaignName.OUTPUT, 1, 1, backend=Backend.NETNS), "use uml"),
        (Plan(CampaignName.ALL, 1, 1, backend=Backend.REFERENCE, kernel=Path("linux")), "--backend uml"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: Plan, complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        checked(wrong)
