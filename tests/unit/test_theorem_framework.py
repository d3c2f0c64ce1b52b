"""The proof framework notices false theorems, empty hypotheses, bad replays and dull mutants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from xfrmspec_model.folding import Truth, bits, less, same
from xfrmspec_model.rules import RULES
from xfrmspec_proofs.ledger import Entry, Ledger, ledger_text
from xfrmspec_proofs.runner import prove, prove_all
from xfrmspec_proofs.theorem import Claim, Outcome, Scene, Theorem, Witness
from xfrmspec_terms.profile import CLEAN, LINUX_6_1


def _limit_claims(scene: Scene, *, hypotheses: Sequence[Truth] = (), holds: bool = True) -> list[Claim]:
    """State that a single template can be used, which the limit of every profile allows."""
    declared = bits(scene.context, "declared", 8)
    fits = scene.rules.usable_count(0, declared, scene.profile)
    few = [less(declared, 2), *hypotheses]
    return [Claim(few, fits, [], lambda model: Witness({"templates": 1}, lambda profile: holds))]


def _theorem(**changes: object) -> Theorem:
    base = Theorem(
        "one_template_is_usable",
        "One template can be used.",
        ("XFRM-TMPL-004",),
        _limit_claims,
        {"nothing_is_usable": lambda rules: replace(rules, usable_count=lambda *_: False)},
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_true_theorem_is_proved_with_witness_and_dead_mutant() -> None:
    verdict = prove(_theorem(), CLEAN)
    assert verdict.ok
    assert verdict.outcome is Outcome.PROVED
    assert verdict.witness == {"templates": 1}
    assert verdict.as_json()["mutants"] == {"killed": 1, "total": 1}


def test_an_expected_refutation_that_does_not_come_is_a_failure() -> None:
    verdict = prove(_theorem(refuted_by={"clean": ("usable_templates",)}), CLEAN)
    assert verdict.outcome is Outcome.PROVED
    assert not verdict.ok


def test_impossible_hypotheses_are_vacuous() -> None:
    def claims(scene: Scene) -> list[Claim]:
        number = bits(scene.context, "number", 8)
        return _limit_claims(scene, hypotheses=[same(number, 0), same(number, 1)])

    assert prove(_theorem(claims=claims), CLEAN).outcome is Outcome.VACUOUS


def test_a_witness_that_the_reference_denies_is_a_failure() -> None:
    def claims(scene: Scene) -> list[Claim]:
        return _limit_claims(scene, holds=False)

    verdict = prove(_theorem(claims=claims), CLEAN)
    assert verdict.outcome is Outcome.NOT_REPLAYED
    assert not verdict.ok


def test_a_mutant_that_changes_nothing_survives() -> None:
    verdict = prove(_theorem(mutants={"no_change": lambda rules: rules}), CLEAN)
    assert verdict.survivors == ("no_change",)
    assert not verdict.ok


def test_a_refutation_that_is_not_due_to_the_blamed_switch_is_a_problem() -> None:
    def claims(scene: Scene) -> list[Claim]:
        declared = bits(scene.context, "declared", 8)
        fits = scene.rules.usable_count(0, declared, scene.profile)
        return [Claim([], fits, [], lambda model: Witness({}, lambda profile: False))]

    blamed = _theorem(claims=claims, refuted_by={"linux-6.1": ("fwd_main_uses_in",)})
    verdict = prove(blamed, LINUX_6_1)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.problems
    assert not verdict.ok


@pytest.mark.parametrize(
    "changes",
    [{"name": "Not A Name"}, {"statement": "no full stop"}, {"clauses": ()}, {"mutants": {}}],
    ids=["name", "statement", "clauses", "mutants"],
)
def test_an_incomplete_theorem_cannot_be_stated(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="theorem"):
        _theorem(**changes)


def test_costs_are_exactly_repeatable() -> None:
    assert prove(_theorem(), CLEAN) == prove(_theorem(), CLEAN)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="no_such_theorem"):
        prove_all(["no_such_theorem"])


def test_a_ledger_prints_sorted_whatever_the_order_of_its_entries() -> None:
    entries = {("b", "clean"): Entry("proved", 2), ("a", "linux-6.1"): Entry("refuted", 3)}
    backwards = dict(reversed(entries.items()))
    assert ledger_text(Ledger("z3 0", entries)) == ledger_text(Ledger("z3 0", backwards))


def test_rules_are_what_the_clauses_say_unless_changed() -> None:
    assert Scene.__dataclass_fields__["rules"].default is RULES
