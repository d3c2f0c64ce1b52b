"""A guest that dies, hangs, is fed too much or is interrupted costs a clear message and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

from kernel.agreement import SEED
from xfrmspec.kernel.backends import uml_subject
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.kernel.uml import KernelMissingError, find_kernel
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.observation import Failure, Observation
from xfrmspec.scenario.protection import output_scenarios
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.selftest import self_test
from xfrmspec.scenario.terms import AddPolicy, Scenario
from xfrmspec_terms.profile import LINUX_6_1

# A child of a shell in the background inherits that interrupts are ignored.
INTERRUPTED = """
import signal
from xfrmspec.kernel.backends import uml_subject
from xfrmspec.scenario.histories import lookup_scenarios
signal.signal(signal.SIGINT, signal.default_int_handler)
with uml_subject() as subject:
    for number, outcome in enumerate(subject.run_all(lookup_scenarios(1))):
        if not number:
            print(subject.guest.pid, flush=True)
"""


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_guest_that_dies_is_reported_and_replaced(uml: KernelSubject) -> None:
    basics = self_test(states=True)
    before = tuple(uml.run_all(basics))
    assert uml.guest is not None
    lost = uml.guest.pid
    os.kill(lost, signal.SIGKILL)
    outcomes = tuple(uml.run_all(basics))
    assert isinstance(outcomes[0], Failure)
    assert "ended" in outcomes[0].reason
    assert outcomes[1:] == before[1:]
    assert uml.guest.pid != lost
    assert is_gone(lost)


def test_a_guest_that_hangs_is_reported_and_replaced(
    uml: KernelSubject, own_temporary_directory: Path
) -> None:
    uml.close()
    with uml_subject(patience=1.0) as subject:
        expected = subject.run(self_test(states=True)[0])
        assert subject.guest is not None
        hung = subject.guest.pid
        os.kill(hung, signal.SIGSTOP)
        outcome = subject.run(self_test(states=True)[0])
        assert isinstance(outcome, Failure)
        assert "time limit" in outcome.reason
        assert subject.run(self_test(states=True)[0]) == expected
        assert is_gone(hung)
    assert not list(own_temporary_directory.iterdir())


def test_a_scenario_of_a_megabyte_is_run(uml: KernelSubject) -> None:
    steps = [step for scenario in islice(output_scenarios(SEED), 2500) for step in scenario.steps]
    large = Scenario(tuple(step for step in steps if isinstance(step, AddPolicy)))
    assert len(to_json(large)) > 1_000_000
    outcome = uml.run(large)
    assert isinstance(outcome, Observation), outcome
    assert outcome == ReferenceSubject(LINUX_6_1).run(large)


def test_an_interrupt_leaves_no_process_and_no_file(
    uml: KernelSubject, own_temporary_directory: Path
) -> None:
    uml.close()
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as campaign:
        assert campaign.stdout is not None
        guest = int(campaign.stdout.readline())
        time.sleep(0.3)
        campaign.send_signal(signal.SIGINT)
        try:
            _, complaint = campaign.communicate(timeout=20)
        finally:
            campaign.kill()
    assert "KeyboardInterrupt" in complaint
    assert is_gone(guest)
    assert not list(own_temporary_directory.iterdir())


def test_a_missing_kernel_names_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(KernelMissingError, match="apt-get install user-mode-linux"):
        find_kernel(tmp_path / "linux.uml")
