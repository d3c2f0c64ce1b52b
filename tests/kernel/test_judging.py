"""The judge of the judge: it can be ended and goes on where it was, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from kernel.judging import Progress, mix, try_all
from kernel.judging_progress import ProgressError, keeper, read_progress, run_name
from kernel.mutations import MUTATIONS
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import LINUX_6_1

_SEED = 5
_SOME = [mutation for mutation in MUTATIONS if mutation.profile is LINUX_6_1][:60]
_PATIENCE_SECONDS = 60.0


def test_a_trial_in_two_parts_finds_what_one_finds(tmp_path: Path) -> None:
    sound = ReferenceSubject(LINUX_6_1)
    whole = try_all(_SOME, islice(mix(_SEED, 400), 400), sound, lambda _: None)
    run, path = run_name(_SOME, _SEED), tmp_path / "progress"
    try_all(_SOME, islice(mix(_SEED, 400), 200), sound, keeper(path, LINUX_6_1.name, run))
    before = read_progress(path, LINUX_6_1.name, run)
    assert before.judged == 200
    assert 0 < len(before.found) < sum(verdict.caught is not None for verdict in whole.verdicts)
    rest = mix(_SEED, 400, first=before.judged)
    assert try_all(_SOME, rest, sound, lambda _: None, before) == whole


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
