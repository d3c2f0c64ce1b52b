"""A full exchange directory ends a run with one clear line, exit code 2 and nothing left over."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xfrmspec.kernel.subject import KernelSubject

MOUNT = 'mount -t tmpfs -o size=$1,mode=0755 none $2 && shift 2 && exec "$@"'
PRIVATELY = ("unshare", "--mount", "sh", "-c", MOUNT, "sh")
CONFORM = ("-c", "from xfrmspec.cli import main; main()", "conform", "--scenarios", "400", "--seed", "5")


def why_unavailable() -> str:
    """A file system of a bounded size can only be mounted in a private mount namespace."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return "unshare is missing: apt-get install util-linux"
    tried = subprocess.run([unshare, "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "mount namespaces are not permitted: run as root"


def processes_of(directory: Path) -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(entry.read_bytes().decode("utf-8", "replace"))
    return [line for line in lines if str(directory) in line and "unshare" not in line]


@pytest.mark.parametrize(
    ("size", "jobs"),
    [("16k", 1), ("160k", 1), ("160k", 2), ("320k", 1), ("460k", 1)],
    ids=["no room for the agent", "none for a batch", "none in two jobs", "little", "none for the answers"],
)
def test_a_full_exchange_directory_is_told_in_one_line(
    uml: KernelSubject, own_temporary_directory: Path, size: str, jobs: int
) -> None:
    if reason := why_unavailable():
        pytest.skip(reason)
    uml.close()
    small = own_temporary_directory / "small"
    small.mkdir(mode=0o755)
    run = subprocess.run(
        [*PRIVATELY, size, str(small), sys.executable, *CONFORM, "--jobs", str(jobs)],
        env=os.environ | {"TMPDIR": str(small)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2, run.stderr
    told = run.stderr.splitlines()[-1]
    assert re.match(rf"xfrmspec: no room left in {small}", told), run.stderr
    assert "TMPDIR" in told
    assert "Traceback" not in run.stderr
    assert processes_of(small) == []
    assert list(small.iterdir()) == []
