"""The attacks that theorems print are the shortest there are, and every attack of the list has a theorem."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xfrmspec_model.rules import RULES
from xfrmspec_model.smt import Answer
from xfrmspec_proofs.runner import _Trial
from xfrmspec_proofs.theorem import Theorem
from xfrmspec_proofs.theorems import all_theorems, mobility_lifetimes, mobility_proofs
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN

ATTACKS = {f"XFRM-ATTACK-{number:03}" for number in range(1, 17)}


def _shortened(theorem: Theorem, defence: Defence) -> bool:
    """Tell whether some small claim has a counterexample without a defence."""
    left = RULES.mobility.defences - {defence}
    trial = _Trial(theorem, CLEAN, replace(RULES, mobility=replace(RULES.mobility, defences=left)))
    return any(trial._ask(claim, negated=True).answer is Answer.SATISFIABLE for claim in trial._small)


@pytest.mark.parametrize(
    ("name", "defence"),
    [
        ("an_attacker_off_the_path_steals_no_home_address", Defence.HOME_TOKEN),
        ("an_attacker_off_the_path_of_a_victim_has_no_traffic_sent_there", Defence.CARE_OF_TOKEN),
        ("an_attacker_off_the_path_ends_no_binding", Defence.HOME_TOKEN_AT_RETURN),
    ],
)
def test_no_shorter_course_steals_or_ends(
    name: str, defence: Defence, monkeypatch: pytest.MonkeyPatch
) -> None:
    theorem = all_theorems()[name]
    assert _shortened(theorem, defence)
    monkeypatch.setitem(mobility_proofs.SHORTEST, defence, mobility_proofs.SHORTEST[defence] - 1)
    assert not _shortened(theorem, defence)


@pytest.mark.parametrize("name", sorted(mobility_lifetimes.SHORTEST))
def test_no_shorter_course_outlives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theorem = all_theorems()[name]
    defence = theorem.needs[0]
    assert _shortened(theorem, defence)
    monkeypatch.setitem(mobility_lifetimes.SHORTEST, name, mobility_lifetimes.SHORTEST[name] - 1)
    assert not _shortened(theorem, defence)


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_every_attack_is_kept_out_by_a_theorem_that_needs_a_defence(attack: str) -> None:
    citing = [theorem for theorem in all_theorems().values() if attack in theorem.clauses]
    assert citing
    assert any(theorem.needs for theorem in citing)
