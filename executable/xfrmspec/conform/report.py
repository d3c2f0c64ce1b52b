"""What a run found, as one JSON object."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from importlib.resources import files

from xfrmspec.conform.coverage import DEMANDED_FROM, SAMPLE_EVERY, wanted_of
from xfrmspec.conform.plan import Plan
from xfrmspec.conform.run import Mismatch, Tally
from xfrmspec.scenario.document import to_json


def report_object(plan: Plan, tally: Tally) -> dict[str, object]:
    """Return the report; its shape is docs/schemas/conform.schema.json."""
    return {
        "campaign": plan.campaign.value,
        "seed": plan.seed,
        "backend": plan.backend.value,
        "kernel": tally.release or None,
        "profile": tally.profile,
        "spec_version": version("xfrmspec"),
        "clause_tables": clause_digest(),
        "jobs": plan.jobs,
        "scenarios": tally.scenarios,
        "seconds": round(tally.seconds, 2),
        "rate": round(rate(tally), 1),
        "coverage": {
            "sampled": tally.coverage.sampled,
            "every": SAMPLE_EVERY,
            "silent": list(missing_clauses(plan, tally)),
            "demanded": is_demanded(plan, tally),
            "clauses": {
                name: {"carried_out": tally.coverage.carried_out[name], "named": tally.coverage.named[name]}
                for name in sorted({*tally.coverage.carried_out, *tally.coverage.named})
            },
        },
        "disagreed": tally.disagreed,
        "mismatches": [_mismatch_object(mismatch) for mismatch in tally.mismatches],
    }


def clause_digest() -> str:
    """Return the SHA-256 of the clause tables in the order of their names, in hexadecimal."""
    digest = hashlib.sha256()
    tables = files("xfrmspec_terms").joinpath("tables")
    for table in sorted(tables.iterdir(), key=lambda entry: entry.name):
        if table.name.endswith(".toml"):
            digest.update(table.read_bytes())
    return digest.hexdigest()


def rate(tally: Tally) -> float:
    """Return scenarios a second over all jobs, the reference's own time included."""
    return tally.scenarios / tally.seconds if tally.seconds else 0.0


def missing_clauses(plan: Plan, tally: Tally) -> tuple[str, ...]:
    """Return the clauses that the campaign is for and that never fired."""
    return tally.coverage.silent(wanted_of(plan.campaigns))


def is_demanded(plan: Plan, tally: Tally) -> bool:
    """Tell whether the run was long enough for a clause that never fired to be a failure."""
    return tally.scenarios >= DEMANDED_FROM * len(plan.campaigns)


def is_conformant(plan: Plan, tally: Tally) -> bool:
    """Tell whether nothing disagreed, and everything fired that had to."""
    return not tally.disagreed and not (is_demanded(plan, tally) and missing_clauses(plan, tally))


def _mismatch_object(mismatch: Mismatch) -> dict[str, object]:
    came_up = mismatch.came_up
    return {
        "campaign": came_up.campaign.value,
        "seed": came_up.seed,
        "number": came_up.number,
        "repeated": mismatch.repeated,
        "differences": list(mismatch.told),
        "scenario": json.loads(to_json(mismatch.scenario)),
    }
