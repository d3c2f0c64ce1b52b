"""What every campaign test asserts: two subjects agree, or the smallest scenario on which they do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from xfrmspec.scenario.campaign import run_campaign, shrink
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.observation import Subject
from xfrmspec.scenario.terms import Scenario

SEED = 20040704


def assert_agreement(first: Subject, second: Subject, scenarios: Iterator[Scenario]) -> None:
    found = next(run_campaign(first, second, scenarios), None)
    if found is None:
        return
    smallest = shrink(found, first, second)
    told = "\n".join(str(difference) for difference in smallest.differences)
    pytest.fail(f"scenario {found.number}: {told}\n{to_json(smallest.scenario)}")
