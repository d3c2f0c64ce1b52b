"""The planted mutations: each is a rule broken on purpose, and a real kernel tells it from the right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import pytest

from kernel.judging import mix, try_all
from kernel.mutation import Mutation
from kernel.mutations import MUTATIONS
from kernel.report_of_mutations import REPORT, recorded, recorded_seed, recorded_totals
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Subject
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.profile import LINUX_6_1

BOUND = 400
"""Within so many scenarios of the mix the sample has to be caught again."""

LEAST_SHARE = 0.95
MOST_SCENARIOS = 50_000
BY_CHANCE = ("the padding of AH is zero",)
"""The kernel fills these octets with what its memory held, which is now and then what the rule says."""

_EARLY = [
    m
    for m in MUTATIONS
    if m.profile is LINUX_6_1 and recorded().get(m.name, BOUND + 1) <= BOUND and m.name not in BY_CHANCE
]
SAMPLE = _EARLY[::3]
"""Every third of those that were caught early."""

SEEN_IN_PART = ("XFRM-SEL-006",)
"""The kernel shows it for flows without an interface id only, and has no others."""


def names(mutations: Iterable[Mutation]) -> list[str]:
    return [mutation.name for mutation in mutations]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_applies_and_names_a_clause(mutation: Mutation) -> None:
    assert mutation.clause in all_clauses()
    assert (mutation.rewrite is None) != (not mutation.switches)
    with mutation.planted() as profile:
        changed = profile != mutation.profile
    assert changed == bool(mutation.switches)


def test_no_mutation_is_planted_twice() -> None:
    assert [name for name, times in Counter(names(MUTATIONS)).items() if times > 1] == []


def test_the_report_covers_exactly_the_list() -> None:
    text = REPORT.read_text(encoding="utf-8")
    survivors = [mutation for mutation in MUTATIONS if mutation.name not in recorded()]
    assert set(recorded()) <= set(names(MUTATIONS))
    assert [m.name for m in survivors if f"- {m.name} ({m.clause}): {m.unseen}" not in text] == []
    assert [m.name for m in MUTATIONS if m.unseen and m.name in recorded()] == []


def test_nearly_all_planted_mutations_were_caught_in_time() -> None:
    assert max(recorded().values()) <= recorded_totals().limit <= MOST_SCENARIOS
    assert len(recorded()) / len(MUTATIONS) >= LEAST_SHARE


def test_the_totals_of_the_report_are_those_of_its_rows() -> None:
    totals = recorded_totals()
    assert (totals.planted, totals.caught) == (len(MUTATIONS), len(recorded()))


def test_a_clause_whose_mutation_the_kernel_caught_was_observed_on_it() -> None:
    caught = {m.clause for m in MUTATIONS if m.profile is LINUX_6_1 and m.name in recorded()}
    clauses = all_clauses()
    unseen = [name for name in sorted(caught) if "6.1.176" not in clauses[name].observed]
    assert [name for name in unseen if name not in SEEN_IN_PART] == []


def assert_all_caught(judge: Subject) -> None:
    assert len(SAMPLE) >= 40
    trial = try_all(SAMPLE, islice(mix(recorded_seed(), BOUND), BOUND), judge, lambda _: None)
    assert trial.own_disagreements == 0
    at_large = {v.mutation.name: None for v in trial.verdicts if v.caught is None}
    assert list(at_large) == []
    assert {v.mutation.name: v.caught.after for v in trial.verdicts if v.caught} == {
        name: recorded()[name] for name in names(SAMPLE)
    }


def test_a_sample_is_caught_by_the_kernel_where_it_was_before(uml: KernelSubject) -> None:
    assert_all_caught(uml)


def test_the_sample_is_caught_by_the_right_reference_as_well() -> None:
    assert_all_caught(ReferenceSubject(LINUX_6_1))
