"""One user-mode kernel for all tests of a process; without one they skip, or fail where CI requires it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from xfrmspec.findings.shells import missing_tools, run_in_guest
from xfrmspec.kernel.backends import namespace_subject, uml_subject
from xfrmspec.kernel.namespace import why_unavailable
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.kernel.uml import KernelMissingError, find_kernel

REQUIRED = os.environ.get("XFRMSPEC_REQUIRE_KERNEL") == "1"


def own_core() -> int:
    """Each worker of a parallel run pins its guest to another core, as far as there are cores."""
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return cores[int(worker) % len(cores)]


def absent(reason: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(f"XFRMSPEC_REQUIRE_KERNEL=1, but {reason}")
    pytest.skip(reason)


def output_of_script(script: str) -> str:
    """Return what a shell script prints in a guest of its own; it has to end with code 0."""
    lacking = missing_tools()
    if lacking:
        absent(f"the script needs more tools: {lacking}")
    try:
        (run,) = run_in_guest([script])
    except KernelMissingError as missing:
        absent(str(missing))
    assert run.code == 0, run.output
    return run.output


@pytest.fixture(scope="session")
def uml() -> Iterator[KernelSubject]:
    try:
        find_kernel()
    except KernelMissingError as missing:
        absent(str(missing))
    with uml_subject(core=own_core()) as subject:
        yield subject


@pytest.fixture
def own_temporary_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files that every user may enter and no other test uses."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield place


@pytest.fixture(scope="session")
def netns() -> Iterator[KernelSubject]:
    reason = why_unavailable()
    if reason:
        pytest.skip(reason)
    with namespace_subject() as subject:
        yield subject
