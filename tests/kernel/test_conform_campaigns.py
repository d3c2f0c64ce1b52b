"""The campaigns on a real Linux 6.1: twenty thousand scenarios in two halves, and what they leave behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.agreement import SEED
from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName
from xfrmspec.conform.plan import Bench, Plan
from xfrmspec.conform.report import missing_clauses
from xfrmspec.conform.run import Tally, run_job
from xfrmspec.kernel.backends import uml_subject
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.selftest import self_test
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile

HALF = 10_000
WANTED = sorted({name for campaign in CAMPAIGNS.values() for name in (*campaign.runs, *campaign.cites)})


@pytest.fixture(scope="module")
def own(uml: KernelSubject) -> Iterator[KernelSubject]:
    """A guest for these tests alone, on the core that is this test process's share.

    A guest ends with the thread that started it, so the first scenario is run here.
    """
    cores = sorted(os.sched_getaffinity(0))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    uml.close()
    with uml_subject(core=cores[int(worker) % len(cores)]) as subject:
        subject.run(self_test(states=False)[0])
        yield subject


def run(subject: KernelSubject, profile: Profile, plan: Plan, *, to_first: bool = False) -> Tally:
    found: list[int] = []
    bench = Bench(ReferenceSubject(profile), subject, "", profile.name)
    return run_job(plan, bench, 0, lambda p: found.append(p.disagreed), lambda: to_first and sum(found) > 0)


@pytest.mark.clause(*WANTED)
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_the_reference_and_the_kernel_agree_on_every_campaign(own: KernelSubject, seed: int) -> None:
    plan = Plan(CampaignName.ALL, HALF, seed)
    tally = run(own, LINUX_6_1, plan)
    told = [
        "\n".join((found.came_up.campaign, *found.told, to_json(found.scenario)))
        for found in tally.mismatches
    ]
    assert not told, told[0]
    assert tally.disagreed == 0
    assert missing_clauses(plan, tally) == ()


@pytest.mark.parametrize("name", [CampaignName.POLICIES, CampaignName.INPUT, CampaignName.SELECTORS])
def test_a_campaign_tells_the_kernel_from_the_clean_rules(own: KernelSubject, name: CampaignName) -> None:
    tally = run(own, CLEAN, Plan(name, 2000, SEED), to_first=True)
    assert any(mismatch.repeated for mismatch in tally.mismatches)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """An empty directory that the unprivileged user of a guest may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def processes_of(directory: Path) -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(entry.read_bytes().decode("utf-8", "replace"))
    return [line for line in lines if str(directory) in line]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_ends_a_run_with_a_report_and_leaves_nothing(
    uml: KernelSubject, open_directory: Path, jobs: int
) -> None:
    uml.close()
    command = ("-c", "from xfrmspec.cli import main; main()", "conform", "--scenarios", "1000000")
    with subprocess.Popen(
        [sys.executable, *command, "--jobs", str(jobs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(open_directory)},
        text=True,
    ) as campaign:
        deadline = time.monotonic() + 20
        while len(processes_of(open_directory)) < jobs and time.monotonic() < deadline:
            time.sleep(0.1)
        assert processes_of(open_directory)
        time.sleep(2)
        campaign.send_signal(signal.SIGINT)
        out, err = campaign.communicate(timeout=40)
    assert campaign.returncode == 130
    assert "stopped early; every guest has ended" in err
    assert "scenarios of all" in out
    assert processes_of(open_directory) == []
    assert list(open_directory.iterdir()) == []
