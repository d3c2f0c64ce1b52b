"""Every clause has code, a proof or law, and kernel evidence, or a status with a reason."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from xfrmspec.cli.traceability import collect, holes, render
from xfrmspec_terms.clauses import all_clauses, clause
from xfrmspec_terms.profile import Profile

ROOT = Path(__file__).resolve().parents[2]


def test_the_trace_has_no_hole_and_the_snapshot_is_fresh() -> None:
    rows = collect(ROOT)
    assert holes(rows) == []
    committed = (ROOT / "spec" / "traceability.toml").read_text(encoding="utf-8")
    assert render(rows) == committed, "run `make trace` and commit spec/traceability.toml"


def test_a_clause_without_support_is_reported_as_a_hole() -> None:
    from dataclasses import replace

    row = next(row for row in collect(ROOT) if row.code and not row.clause.status)
    assert holes([replace(row, code=())]) != []
    assert holes([replace(row, theorems=(), tests=())]) != []
    assert holes([replace(row, observed=())]) != []


def test_marks_with_a_malformed_id_are_refused() -> None:
    with pytest.raises(ValueError, match="not a clause id"):
        clause("XFRM-LOOKUP-1")


SWITCHES_OF_LATER_ISSUES: dict[str, str] = {}


def test_every_switch_is_read_by_the_reference_or_waits_for_a_later_issue() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "executable").rglob("*.py"))
    )
    read = {f.name for f in fields(Profile) if f".{f.name}" in sources} - {"name"}
    switches = {f.name for f in fields(Profile)} - {"name"}
    assert switches - read == set(SWITCHES_OF_LATER_ISSUES)


def test_every_switch_named_by_a_clause_exists() -> None:
    switches = {f.name for f in fields(Profile)}
    assert {entry.switch for entry in all_clauses().values() if entry.switch} <= switches
