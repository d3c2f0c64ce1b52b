"""The command behind judge.py: run all mutations, print a line each, and write the report on request."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from kernel.judging import Progress, Trial, by_profile, mix, try_all
from kernel.judging_progress import keeper, read_progress, run_name
from kernel.mutation import Mutation
from kernel.mutations import MUTATIONS
from kernel.report_of_mutations import REPORT, report_text, share_caught, trial_lines, unexplained
from xfrmspec.kernel.backends import namespace_subject, uml_subject
from xfrmspec.kernel.namespace import why_unavailable
from xfrmspec.scenario.observation import Subject
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import LINUX_6_1, Profile

SEED = 20040704
WANTED_SHARE = 0.95


def main(words: Sequence[str] | None = None) -> int:
    """Judge, and return 0 when at least 95 % were caught and every survivor has its reason, else 1."""
    options = _options(words)
    chosen = by_profile(_chosen(options.only or ""))
    with _ended_in_order():
        trials = [_trial(mutations, profile, options) for profile, mutations in chosen]
    for trial in trials:
        sys.stdout.write("\n".join(trial_lines(trial)) + "\n")
    share = share_caught(trials)
    sys.stdout.write(f"{share:.1%} of {sum(len(trial.verdicts) for trial in trials)} mutations caught\n")
    for name in unexplained(trials):
        sys.stdout.write(f"no reason is given for: {name}\n")
    if options.write:
        REPORT.write_text(report_text(trials, options.seed, options.limit), encoding="utf-8")
    return 0 if share >= WANTED_SHARE and not unexplained(trials) else 1


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="judge.py", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--limit", type=int, default=50_000, help="scenarios after which a mutation survives")
    parser.add_argument("--kernel", action="store_true", help="let real kernels answer, not the reference")
    parser.add_argument("--only", help="mutations whose name contains this")
    parser.add_argument(
        "--progress", type=Path, help="a file to remember how far the run is, and to go on from"
    )
    parser.add_argument("--write", action="store_true", help=f"record the outcome in {REPORT.name}")
    return parser.parse_args(words)


def _chosen(part: str) -> list[Mutation]:
    return [mutation for mutation in MUTATIONS if part in mutation.name]


def _trial(mutations: Sequence[Mutation], profile: Profile, options: argparse.Namespace) -> Trial:
    run = run_name(mutations, options.seed)
    before = read_progress(options.progress, profile.name, run) if options.progress else Progress()
    keep = keeper(options.progress, profile.name, run) if options.progress else None

    def tell(progress: Progress) -> None:
        at_large = len(mutations) - len(progress.found)
        _tell(f"{progress.judged} scenarios, {at_large} of {len(mutations)} mutations at large")
        if keep is not None:
            keep(progress)

    with_states = profile is LINUX_6_1
    scenarios = mix(options.seed, options.limit, with_states=with_states, first=before.judged)
    with _judge(profile, kernel=options.kernel) as judge:
        return try_all(mutations, scenarios, judge, tell, before)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let a request to end (SIGTERM) close guests and remove their directories, as an interrupt does."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _judge(profile: Profile, *, kernel: bool) -> Iterator[Subject]:
    """Open the judge of one profile: a user-mode Linux 6.1, or the running kernel for any later profile."""
    if not kernel:
        yield ReferenceSubject(profile)
    elif profile is LINUX_6_1:
        with uml_subject() as guest:
            yield guest
    elif reason := why_unavailable():
        raise SystemExit(f"no kernel for {profile.name}: {reason}")
    else:
        with namespace_subject() as guest:
            yield guest


def _tell(progress: str) -> None:
    sys.stderr.write(f"\r{progress:70}")
    sys.stderr.flush()
