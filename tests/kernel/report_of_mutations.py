"""The recorded report of the mutations: written by judge.py, read back by the tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kernel.judging import JUDGED, Trial, Verdict
from kernel.mutations import NOBODY_CAN_TELL

_SURVIVING = (
    "These count as planted and not caught. A reason says what the scenarios lack: where it begins",
    'with "not generated" no scenario gets there, where it begins with "not observable" nothing that a',
    "scenario reports would tell. None of them is called equivalent: another program could tell each.",
)
_EQUIVALENT = ("A mutation that nobody can tell from the right rule is none, and is not counted.",)
REPORT = Path(__file__).with_name("MUTATIONS.md")
_HEAD = re.compile(
    r"(?P<planted>\d+) rules .* one at a time; (?P<caught>\d+) .* within (?P<limit>\d+) scenarios"
)
_ROW = re.compile(r"\| (?P<after>\d+) \| (?P<name>[^|]+) \| ")


def recorded() -> Mapping[str, int]:
    """Return after how many scenarios each caught mutation was caught, by name."""
    rows = map(_ROW.match, REPORT.read_text(encoding="utf-8").splitlines())
    return {row["name"]: int(row["after"]) for row in rows if row}


@dataclass(frozen=True, slots=True)
class Totals:
    """What the report's first sentence says: mutations planted and caught, within how many scenarios."""

    planted: int
    caught: int
    limit: int


def recorded_totals() -> Totals:
    """Return the totals of the recorded run."""
    found = _HEAD.search(REPORT.read_text(encoding="utf-8"))
    assert found is not None
    return Totals(int(found["planted"]), int(found["caught"]), int(found["limit"]))


def recorded_seed() -> int:
    """Return the seed of the recorded run."""
    found = re.search(r"seed (\d+)", REPORT.read_text(encoding="utf-8"))
    return int(found[1]) if found else 0


def share_caught(trials: Iterable[Trial]) -> float:
    """Return the share of mutations that were caught, 0 to 1."""
    verdicts = [verdict for trial in trials for verdict in trial.verdicts]
    return sum(verdict.caught is not None for verdict in verdicts) / len(verdicts)


def unexplained(trials: Iterable[Trial]) -> list[str]:
    """Return the survivors without a reason, and the caught ones that claim to be beyond reach."""
    verdicts = [verdict for trial in trials for verdict in trial.verdicts]
    return [v.mutation.name for v in verdicts if (v.caught is None) != bool(v.mutation.unseen)]


def trial_lines(trial: Trial) -> Iterator[str]:
    """Yield one line about the trial and one for each mutation, hardest first."""
    yield _headline(trial)
    for verdict in _hardest_first(trial.verdicts):
        if verdict.caught is None:
            yield f"survives {verdict.judged}: {verdict.mutation.name} ({verdict.mutation.unseen})"
        else:
            yield f"{verdict.caught.after:6} {verdict.mutation.name} [{verdict.mutation.clause}]"


def report_text(trials: Sequence[Trial], seed: int, limit: int) -> str:
    """Return the report as Markdown."""
    verdicts = [verdict for trial in trials for verdict in trial.verdicts]
    caught = sum(verdict.caught is not None for verdict in verdicts)
    lines = [
        "# The judge is judged",
        "",
        f"{len(verdicts)} rules of the reference were broken, one at a time; {caught} "
        f"({share_caught(trials):.1%}) were caught within {limit} scenarios, seed {seed}.",
        f"Recorded with `python tests/kernel/judge.py --kernel --write --limit {limit}`; the numbers are",
        "places in the mix, from 1, which takes the campaigns in turn as far as the kernel can run them:",
        f"{', '.join(JUDGED)}.",
        "The mutations stand in `mutations_*.py`; `test_mutations.py` holds this report to them.",
    ]
    for trial in trials:
        lines += ["", f"## {trial.profile.name}", "", _headline(trial), ""]
        lines += _table([verdict for verdict in trial.verdicts if verdict.caught])
    lines += ["", "## Survivors", "", *_SURVIVING, "", *_survivors(verdicts)]
    lines += ["", "## Not planted any more", "", *_EQUIVALENT, ""]
    lines += [f"- {name}: {reason}" for name, reason in NOBODY_CAN_TELL.items()]
    return "\n".join(lines) + "\n"


def _headline(trial: Trial) -> str:
    return (
        f"Judged by {trial.judge}: {trial.judged} scenarios, on {trial.own_disagreements} of which "
        "the unbroken reference disagreed."
    )


def _hardest_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda v: (-v.caught.after if v.caught else -(v.judged + 1), v.mutation.name))


def _table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    yield "| caught after | wrong rule | clause | campaign | first seen in |"
    yield "|---:|---|---|---|---|"
    for verdict in _hardest_first(verdicts):
        if verdict.caught:
            found = verdict.caught
            rule = f"{verdict.mutation.name} | {verdict.mutation.clause}"
            yield f"| {found.after} | {rule} | {found.campaign} | {found.what} |"


def _survivors(verdicts: Iterable[Verdict]) -> Iterator[str]:
    for verdict in _hardest_first(verdicts):
        if verdict.caught is None:
            reason = verdict.mutation.unseen or f"not caught within {verdict.judged} scenarios"
            yield f"- {verdict.mutation.name} ({verdict.mutation.clause}): {reason}"
