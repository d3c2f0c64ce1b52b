"""A mismatch as files: the scenario as JSON, and a test that anybody can run."""

from __future__ import annotations

from pathlib import Path

from xfrmspec.conform.plan import Backend, Plan
from xfrmspec.conform.run import Mismatch, Tally
from xfrmspec.scenario.document import to_json

_TEST = '''"""{title}

Found by `{command}`.
{told}
"""

import pytest

from xfrmspec.kernel.backends import {backend}_subject
from xfrmspec.kernel.uml import KernelMissingError
from xfrmspec.scenario.document import from_json
from xfrmspec.scenario.observation import differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import profile_named

SCENARIO = r"""
{document}
"""


def test_the_reference_and_the_kernel_agree() -> None:
    scenario = from_json(SCENARIO)
    expected = ReferenceSubject(profile_named("{profile}")).run(scenario)
    try:
        with {backend}_subject() as kernel:
            found = kernel.run(scenario)
    except KernelMissingError as missing:
        pytest.skip(str(missing))
    assert differences(expected, found) == ()
'''

_SELF_TEST = '''"""{title}

Found by `{command}`.
{told}
"""

from xfrmspec.scenario.document import from_json
from xfrmspec.scenario.observation import differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.profile import profile_named

SCENARIO = r"""
{document}
"""


def test_the_reference_agrees_with_itself() -> None:
    scenario = from_json(SCENARIO)
    subject = ReferenceSubject(profile_named("{profile}"))
    assert differences(subject.run(scenario), subject.run(scenario)) == ()
'''

_SUBJECTS = {Backend.UML: "uml", Backend.NETNS: "namespace"}
_TOLD_WIDTH = 100


def file_mismatches(plan: Plan, tally: Tally, directory: Path) -> list[Path]:
    """Write two files a mismatch, `mismatch-CAMPAIGN-SEED-NUMBER.json` and `test_...py`; return their paths.

    The directory is made when it does not exist; files of the same name are replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for mismatch in tally.mismatches:
        came_up = mismatch.came_up
        name = f"{came_up.campaign}_{came_up.seed}_{came_up.number}"
        texts = {
            f"mismatch_{name}.json": to_json(mismatch.scenario) + "\n",
            f"test_mismatch_{name}.py": pytest_file(plan, tally, mismatch),
        }
        for file, text in texts.items():
            (directory / file).write_text(text, encoding="utf-8")
            written.append(directory / file)
    return written


def pytest_file(plan: Plan, tally: Tally, mismatch: Mismatch) -> str:
    """Return a test module that runs the smallest scenario on the reference and on the backend."""
    came_up = mismatch.came_up
    text = _SELF_TEST if plan.backend is Backend.REFERENCE else _TEST
    kernel = f" on {tally.release}" if tally.release else ""
    words = f"--campaign {came_up.campaign} --seed {came_up.seed}"
    return text.format(
        title=f"Scenario {came_up.number} of campaign {came_up.campaign}, seed {came_up.seed}{kernel}.",
        command=f"xfrmspec conform {words} --backend {plan.backend}",
        told="\n".join(_short(line) for line in mismatch.told),
        backend=_SUBJECTS.get(plan.backend, ""),
        profile=tally.profile,
        document=to_json(mismatch.scenario),
    )


def _short(line: str) -> str:
    text = line.replace("\\", "/").replace('"', "'")
    return text if len(text) <= _TOLD_WIDTH else f"{text[: _TOLD_WIDTH - 4]} ..."
