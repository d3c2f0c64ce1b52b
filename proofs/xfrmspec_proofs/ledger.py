"""The committed ledger of proofs: what each theorem came to in each profile, and what it cost."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import z3

from xfrmspec_proofs.runner import Verdict, prove_all

LEDGER = Path(__file__).with_name("ledger.toml")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `cost` is in the solver's resource units."""

    outcome: str
    cost: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The version of the solver that the costs belong to, and the entries by (theorem, profile)."""

    solver: str
    entries: Mapping[tuple[str, str], Entry]

    @property
    def comparable(self) -> bool:
        """True when the costs were counted by the solver version that is installed."""
        return self.solver == solver_version()


def solver_version() -> str:
    """Return the installed solver's name and version."""
    return f"z3 {z3.get_version_string()}"


def ledger_of(verdicts: Sequence[Verdict]) -> Ledger:
    """Return the ledger that a run of proofs makes."""
    entries = {(v.theorem, v.profile): Entry(v.outcome.value, v.cost) for v in verdicts}
    return Ledger(solver_version(), entries)


def ledger_text(ledger: Ledger) -> str:
    """Return a ledger as TOML, sorted by theorem and profile, so that equal ledgers are equal bytes."""
    lines = [f'solver = "{ledger.solver}"']
    theorem = ""
    for (name, profile), entry in sorted(ledger.entries.items()):
        if name != theorem:
            lines += ["", f"[{name}]"]
            theorem = name
        lines.append(f'"{profile}" = {{ outcome = "{entry.outcome}", cost = {entry.cost} }}')
    return "\n".join(lines) + "\n"


def read_ledger(path: Path = LEDGER) -> Ledger:
    """Read a ledger; OSError when there is none, tomllib.TOMLDecodeError when it is malformed."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    solver = table.pop("solver")
    entries = {
        (theorem, profile): Entry(row["outcome"], row["cost"])
        for theorem, rows in table.items()
        for profile, row in rows.items()
    }
    return Ledger(solver, entries)


def main() -> None:
    """Prove everything and write the ledger anew: `python -m xfrmspec_proofs.ledger`."""
    LEDGER.write_text(ledger_text(ledger_of(prove_all(jobs=2))), encoding="utf-8")


if __name__ == "__main__":
    main()
