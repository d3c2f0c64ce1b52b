"""Scenario documents: nothing is lost, the published schema is the one in use, bad input is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.scenario.document import DocumentError, from_json, schema, to_json
from xfrmspec.scenario.histories import lookup_scenario
from xfrmspec.scenario.protection import output_scenario
from xfrmspec.scenario.reception import input_scenario
from xfrmspec.scenario.terms import Scenario

SCHEMA = Path(__file__).parents[2] / "docs" / "scenario.schema.json"
GENERATORS = (lookup_scenario, output_scenario, input_scenario)


@given(st.sampled_from(GENERATORS), st.randoms(use_true_random=False))
def test_a_scenario_survives_the_document(generate: Callable[[Random], Scenario], random: Random) -> None:
    scenario = generate(random)
    assert from_json(to_json(scenario)) == scenario


def test_the_published_schema_is_the_one_that_the_types_give() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "document: "),
        ("[]", "an object with version 1"),
        ('{"version": 2, "steps": []}', "an object with version 1"),
        ('{"version": 1}', "document: member 'steps'"),
        ('{"version": 1, "steps": [], "stepz": 1}', "no member 'stepz'"),
        ('{"version": 1, "steps": [{"do": "rest"}]}', r"document.steps\[0\]: an object whose 'do'"),
        ('{"version": 1, "steps": [{"do": "add-policy", "policy": 3}]}', r"steps\[0\].policy: an object"),
        (
            '{"version": 1, "steps": [{"do": "flush-policies", "type": "none"}]}',
            r"steps\[0\].type: one of main, sub",
        ),
        (
            '{"version": 1, "steps": [{"do": "flush-states", "protocol": true}]}',
            r"steps\[0\].protocol: a whole number",
        ),
    ],
)
def test_a_bad_document_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(DocumentError, match=complaint):
        from_json(text)
