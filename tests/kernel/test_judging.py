"""The judge of the judge: it can be ended and goes on where it was, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.judging import Case, Progress, first_difference, mix, try_all
from kernel.judging_progress import ProgressError, keeper, read_progress, run_name
from kernel.mutations import MUTATIONS
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import LINUX_6_1

_SEED = 5
_SOME = [mutation for mutation in MUTATIONS if mutation.profile is LINUX_6_1][:60:4]
_SPREAD = [mutation for mutation in MUTATIONS if mutation.profile is LINUX_6_1][::9]
_PATIENCE_SECONDS = 60.0


def test_a_trial_in_two_parts_finds_what_one_finds(tmp_path: Path) -> None:
    sound = ReferenceSubject(LINUX_6_1)
    whole = try_all(_SOME, mix(_SEED, 200), sound, lambda _: None)
    run, path = run_name(_SOME, _SEED), tmp_path / "progress"
    try_all(_SOME, mix(_SEED, 100), sound, keeper(path, LINUX_6_1.name, run))
    before = read_progress(path, LINUX_6_1.name, run)
    assert before.judged == 100
    assert 0 < len(before.found) < sum(verdict.caught is not None for verdict in whole.verdicts)
    rest = mix(_SEED, 200, first=before.judged)
    assert try_all(_SOME, rest, sound, lambda _: None, before) == whole


def test_a_mutation_is_found_where_it_would_be_without_a_watch() -> None:
    sound = ReferenceSubject(LINUX_6_1)
    watched = try_all(_SPREAD, mix(_SEED, 100), sound, lambda _: None)
    scenarios = list(mix(_SEED, 100))
    answers = list(sound.run_all(numbered.scenario for numbered in scenarios))
    everything = frozenset(mutation.name for mutation in _SPREAD)
    cases = [
        Case(numbered, place, answer, is_fair=True, concerned=everything)
        for place, (numbered, answer) in enumerate(zip(scenarios, answers, strict=True), start=1)
    ]
    found = {mutation.name: first_difference(mutation, cases) for mutation in _SPREAD}
    assert {verdict.mutation.name: verdict.caught for verdict in watched.verdicts} == found
    assert 5 < sum(caught is not None for caught in found.values()) < len(_SPREAD)


def test_progress_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    keeper(path, LINUX_6_1.name, run_name(_SOME, _SEED))(Progress(200))
    with pytest.raises(ProgressError):
        read_progress(path, LINUX_6_1.name, run_name(_SOME, _SEED + 1))
    with pytest.raises(ProgressError):
        read_progress(path, LINUX_6_1.name, run_name(_SOME[1:], _SEED))


def test_a_judge_that_is_told_to_end_leaves_no_directory(uml: KernelSubject, tmp_path: Path) -> None:
    judge = Path(__file__).with_name("judge.py")
    words = [sys.executable, str(judge), "--kernel", "--only", "generated indexes", "--limit", "100000"]
    running = subprocess.Popen(words, env=os.environ | {"TMPDIR": str(tmp_path)}, stderr=subprocess.DEVNULL)
    try:
        _wait_until(lambda: any(tmp_path.glob("xfrmspec-*/console")))
        running.send_signal(signal.SIGTERM)
        assert running.wait(_PATIENCE_SECONDS) == 128 + signal.SIGTERM
    finally:
        running.kill()
        running.wait()
    assert list(tmp_path.iterdir()) == []


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
