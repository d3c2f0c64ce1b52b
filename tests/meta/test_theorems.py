"""Every theorem is reached, complete, has its expected outcome, and costs what the ledger says."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from xfrmspec_proofs.ledger import read_ledger
from xfrmspec_proofs.runner import Verdict, prove_all
from xfrmspec_proofs.theorems import all_theorems, theorem_modules
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.profile import CLEAN, PROFILES

Verdicts = Mapping[tuple[str, str], Verdict]
_TASKS = [(name, profile.name) for name, entry in all_theorems().items() for profile in entry.tried_in]
_LEAST = 161


@pytest.fixture(scope="session")
def verdicts() -> Verdicts:
    return {(verdict.theorem, verdict.profile): verdict for verdict in prove_all(jobs=2)}


def test_there_are_enough_theorems() -> None:
    assert len(all_theorems()) >= _LEAST


def test_every_module_of_theorems_is_reached_and_holds_one() -> None:
    homes = {theorem.claims.__module__ for theorem in all_theorems().values()}
    assert homes == set(theorem_modules())
    assert homes <= set(sys.modules)


@pytest.mark.parametrize("name", sorted(all_theorems()))
def test_a_theorem_cites_clauses_that_exist(name: str) -> None:
    assert set(all_theorems()[name].clauses) <= set(all_clauses())


@pytest.mark.parametrize("name", sorted(all_theorems()))
def test_a_theorem_blames_switches_of_profiles_that_deviate_in_them(name: str) -> None:
    for profile_name, switches in all_theorems()[name].refuted_by.items():
        profile = PROFILES[profile_name]
        assert switches
        assert all(getattr(profile, switch) != getattr(CLEAN, switch) for switch in switches)


def test_no_theorem_is_refuted_by_the_clean_rules() -> None:
    assert not [name for name, theorem in all_theorems().items() if "clean" in theorem.refuted_by]


@pytest.mark.parametrize(("name", "profile"), _TASKS)
def test_a_theorem_has_its_expected_outcome(verdicts: Verdicts, name: str, profile: str) -> None:
    verdict = verdicts[name, profile]
    assert verdict.outcome is verdict.expected
    assert verdict.witness
    assert not verdict.survivors
    assert not verdict.problems


def test_verdicts_come_sorted_by_theorem_and_profile(verdicts: Verdicts) -> None:
    assert list(verdicts) == sorted(_TASKS)


def test_outcomes_are_those_of_the_ledger(verdicts: Verdicts) -> None:
    recorded = {key: entry.outcome for key, entry in read_ledger().entries.items()}
    assert {key: verdict.outcome.value for key, verdict in verdicts.items()} == recorded


def test_costs_are_those_of_the_ledger(verdicts: Verdicts) -> None:
    ledger = read_ledger()
    if not ledger.comparable:
        pytest.skip(f"costs were counted with {ledger.solver}")
    recorded = {key: entry.cost for key, entry in ledger.entries.items()}
    assert {key: verdict.cost for key, verdict in verdicts.items()} == recorded
