"""The examples of the documentation run, and show what the README says of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_two_nodes_exchange_a_packet_and_refuse_its_copy() -> None:
    command = [sys.executable, str(ROOT / "docs" / "examples" / "two_nodes.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "the sender decides: transform" in run.stdout
    assert "the receiver used: DESTINATION_OPTIONS, ESP" in run.stdout
    assert run.stdout.splitlines()[-1] == "the same octets again: dropped, XfrmInStateSeqError"


def test_the_readme_names_the_example_and_the_functions_that_it_uses() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = (ROOT / "docs" / "examples" / "two_nodes.py").read_text(encoding="utf-8")
    assert "docs/examples/two_nodes.py" in readme
    for name in ("check_arrived", "receive("):
        assert name in readme
        assert name in example


def test_the_readme_shows_what_simulate_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^\$ xfrmspec (simulate \S+)\n(.+?)^```", readme, re.MULTILINE | re.DOTALL)
    assert block is not None
    command = [sys.executable, "-c", "from xfrmspec.cli import main; main()", *block[1].split()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert block[2] in run.stdout


def test_the_tour_ends_well_and_shows_how_a_mobile_node_comes_home() -> None:
    command = [sys.executable, str(ROOT / "docs" / "examples" / "demo.py")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "40.003  MN             returned home with 2001:db8:1::1\n" in run.stdout
