"""The findings as data: they match the ledger and the profiles, and become valid scripts and reports."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from xfrmspec.cli.finding_report import run_finding, write_script
from xfrmspec.cli.inputs import UsageError
from xfrmspec.findings.ledger import FINDINGS, finding_named
from xfrmspec.findings.reproduction import reproduce, without_quirk
from xfrmspec.findings.script import as_script
from xfrmspec.findings.terms import Exhibit
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18

LEDGER = Path(__file__).parents[2] / "spec" / "findings.md"


def modelled_exhibits(name: str) -> list[Exhibit]:
    """The exhibits whose deviation is among the rules of the reference."""
    return [e for e in FINDINGS[name].exhibits if isinstance(e, Exhibit) and e.modelled]


def test_the_ledger_and_the_data_name_the_same_findings() -> None:
    text = LEDGER.read_text(encoding="utf-8")
    assert re.findall(r"^## (F-\d{3}) ", text, flags=re.MULTILINE) == list(FINDINGS)
    for finding in FINDINGS.values():
        (row,) = re.findall(rf"^\| {finding.name} \|.*$", text, flags=re.MULTILINE)
        assert f"`{finding.switch}`" in row, finding.name
        section = text.partition(f"\n## {finding.name} ")[2].partition("\n## ")[0]
        assert f"`{finding.switch}`" in section, finding.name


@pytest.mark.parametrize("name", list(FINDINGS))
def test_a_profile_has_a_finding_where_its_switch_differs_from_the_clean_rule(name: str) -> None:
    finding = finding_named(name)
    clean = getattr(without_quirk(finding), finding.switch)
    for profile in (LINUX_6_1, LINUX_6_18):
        assert (getattr(profile, finding.switch) != clean) is (profile.name in finding.profiles)


@pytest.mark.parametrize("name", [name for name in FINDINGS if modelled_exhibits(name)])
def test_a_reproduction_tells_quirk_clean_rule_and_failure_apart(name: str) -> None:
    finding = finding_named(name)
    quirky = next(p for p in (LINUX_6_1, LINUX_6_18) if p.name in finding.profiles)
    assert reproduce(finding, ReferenceSubject(quirky)).shown
    clean = reproduce(finding, ReferenceSubject(without_quirk(finding)))
    assert not clean.shown
    assert not clean.failed


@pytest.mark.parametrize("name", list(FINDINGS))
def test_a_script_is_valid_for_every_shell(name: str) -> None:
    script = as_script(finding_named(name))
    checked = subprocess.run(["/bin/sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    if shutil.which("shellcheck"):
        told = subprocess.run(
            ["shellcheck", "-s", "sh", "-"], input=script, text=True, capture_output=True, check=False
        )
        assert told.returncode == 0, told.stdout


def test_a_finding_that_the_backend_cannot_show_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_finding("F-012", "netns", None) == 2
    assert "has no ESP" in capsys.readouterr().out
    with pytest.raises(UsageError, match="F-012 needs states"):
        write_script("F-012", "netns")


def test_an_unknown_finding_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"'F-999'; there are: F-001, .*, F-028"):
        run_finding("F-999", "uml", None)


def test_a_missing_kernel_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("F-001", "F-017"):
        assert run_finding(name, "uml", tmp_path / "linux.uml") == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
