"""`xfrmspec conform`: exit codes, one-line errors, a report that fits its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from xfrmspec.cli import conform_command, main
from xfrmspec.conform.plan import Bench, Plan
from xfrmspec.conform.run import Tally, Tell, run_job
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import CLEAN, LINUX_6_1

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "conform.schema.json"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def conform(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def finish(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["xfrmspec", "conform", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return finish


def fits_the_schema(text: str) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def unlike(plan: Plan, tell: Tell, stopped: Callable[[], bool]) -> Tally:
    bench = Bench(ReferenceSubject(CLEAN), ReferenceSubject(LINUX_6_1), "6.1.0", CLEAN.name)
    return run_job(plan, bench, 0, tell, stopped)


def test_agreement_ends_with_zero_and_a_last_line_with_counts_and_rate(conform: Command) -> None:
    code, out, _ = conform("--backend", "reference", "--scenarios", "100", "--seed", "3")
    assert code == 0
    assert "100 scenarios of all, seed 3, on reference itself" in out.splitlines()[-1]
    assert "0 disagree" in out.splitlines()[-1]
    assert "XFRM-LOOKUP-001" in out


def test_disagreement_ends_with_one_and_is_filed(
    conform: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(conform_command, "run_plan", unlike)
    words = ("--backend", "reference", "--scenarios", "200", "--campaign", "selectors")
    code, out, _ = conform(*words, "--report", str(tmp_path / "r.json"), "--file-mismatches", str(tmp_path))
    assert code == 1
    assert "disagree: scenario" in out
    fits_the_schema((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert list(tmp_path.glob("test_mismatch_selectors_1_*.py"))


def test_json_goes_to_standard_output_and_fits_its_schema(conform: Command) -> None:
    code, out, _ = conform("--backend", "reference", "--scenarios", "50", "--format", "json")
    assert code == 0
    fits_the_schema(out)
    assert json.loads(out)["kernel"] is None


def test_without_the_kernel_it_names_the_package(conform: Command, tmp_path: Path) -> None:
    code, _, err = conform("--kernel", str(tmp_path / "linux"))
    assert code == 2
    assert "apt-get install user-mode-linux" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--backend", "netns", "--campaign", "input"),
        ("--jobs", "0"),
        ("--report", "missing/report.json"),
        ("--file-mismatches", __file__),
        ("--kernel", "/bin/false"),
    ],
)
def test_words_that_make_no_sense_end_with_two(conform: Command, words: tuple[str, ...]) -> None:
    code, _, err = conform(*words)
    assert code == 2
    assert err.startswith("xfrmspec: ")
