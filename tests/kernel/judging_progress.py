"""A file that remembers how far the trials of a run have come, so that a run that was ended can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kernel.judging import JUDGED, Caught, Progress
from kernel.mutation import Mutation
from xfrmspec.conform.campaigns import CampaignName


class ProgressError(ValueError):
    """The file is of another run, whose numbers would be mixed up with those of this one."""


def run_name(mutations: Sequence[Mutation], seed: int) -> str:
    """Return what tells a trial from another: the seed, the campaigns, and what is planted.

    Changed generators do not show in it: who changes one begins anew.
    """
    planted = [(m.name, *_text(m), sorted(m.switches.items())) for m in mutations]
    words = repr((seed, [str(name) for name in JUDGED], planted))
    return hashlib.sha256(words.encode()).hexdigest()


def _text(mutation: Mutation) -> tuple[str, ...]:
    change = mutation.rewrite
    return () if change is None else (change.subject.__qualname__, change.before, change.after)


def read_progress(path: Path, profile: str, run: str) -> Progress:
    """Return how far the trial of a profile has come; ProgressError when the file is of another run."""
    known = _trials(path).get(profile)
    if known is None:
        return Progress()
    if known["run"] != run:
        raise ProgressError(f"{path.name} is of another run of {profile}; remove it to begin anew")
    found = {
        name: Caught(caught["after"], CampaignName(caught["campaign"]), caught["what"])
        for name, caught in known["found"].items()
    }
    return Progress(known["judged"], known["own_disagreements"], found, known["judge"])


def keeper(path: Path, profile: str, run: str) -> Callable[[Progress], None]:
    """Return what writes down how far the trial of a profile has come; the file is never half written."""

    def keep(progress: Progress) -> None:
        trials = _trials(path) | {profile: {"run": run} | asdict(progress)}
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(trials, indent=1), encoding="utf-8")
        beside.replace(path)

    return keep


def _trials(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    trials: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return trials
