"""The two readings of every definition agree: folded on plain values, and as a formula given these values."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest
import z3

from xfrmspec_model import check, decoding, folding, selectors, templates
from xfrmspec_model.folding import Number, Truth
from xfrmspec_model.matching import SecPathTerm
from xfrmspec_model.smt import Answer, Context, fresh_context, model_number, to_smtlib
from xfrmspec_model.smt import check as ask
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, PROFILES, Profile
from xfrmspec_terms.selector import Family, Flow, PortMatch, Protocol, Selector

BINARY = (folding.same, folding.less, folding.at_most, folding.bit_and, folding.bit_xor, folding.bit_at)


def lifted(context: Context, value: int | bool, width: int = 8) -> Truth | Number:
    if isinstance(value, bool):
        return z3.BoolVal(value, ctx=context)
    return z3.BitVecVal(value, width, context)


def plain(term: Truth | Number) -> int | bool:
    if isinstance(term, bool | int):
        return term
    value = z3.simplify(term)
    return z3.is_true(value) if z3.is_bool(value) else int(value.as_long())


@pytest.mark.parametrize("operator", BINARY, ids=lambda operator: operator.__name__)
def test_an_operator_on_numbers_folds_to_what_z3_computes(operator: Any) -> None:
    context = fresh_context()
    numbers = (0, 1, 2, 7, 128, 200, 255)
    for first in numbers:
        for second in numbers:
            told = plain(operator(lifted(context, first), lifted(context, second)))
            assert told == operator(first, second)
            assert plain(operator(lifted(context, first), second)) == operator(first, second)


def test_choices_and_counts_fold_to_what_z3_computes() -> None:
    context = fresh_context()
    for condition in (True, False):
        unknown = lifted(context, condition)
        assert plain(folding.choose(unknown, 3, 4, 8)) == folding.choose(condition, 3, 4)
        assert plain(folding.choose_truth(unknown, True, False)) == condition
        assert plain(folding.count_of((unknown, True, unknown))) == 1 + 2 * condition
        assert plain(folding.alike(unknown, False)) == (not condition)
        assert plain(folding.implies(unknown, False)) == (not condition)


def test_keys_are_compared_lexicographically() -> None:
    assert folding.smaller_key((1, 9), (2, 0)) is True
    assert folding.smaller_key((1, 9), (1, 9)) is False
    assert folding.smaller_key((1, 2, 3), (1, 2, 4)) is True


def test_the_door_counts_steps_exactly_and_gives_up_at_the_budget() -> None:
    def question() -> tuple[Context, list[z3.BoolRef]]:
        context = fresh_context()
        x = z3.BitVec("x", 64, context)
        return context, [x * x * x == x + 12348, z3.UGT(x, 99), z3.ULT(x, 1 << 62)]

    first, second = ask(*question(), budget=50_000), ask(*question(), budget=50_000)
    assert (first.answer, first.cost, first.reason) == (second.answer, second.cost, second.reason)
    assert first.answer is Answer.UNKNOWN and first.cost >= 50_000
    context, assertions = question()
    assert ask(context, [assertions[0], z3.Not(assertions[0])]).answer is Answer.UNSATISFIABLE
    text = to_smtlib(context, assertions)
    assert text.startswith("(set-logic ALL)\n") and "(check-sat)" in text
    assert z3.parse_smt2_string(text)


def test_the_door_reads_numbers_off_a_model_unsigned() -> None:
    context = fresh_context()
    x = z3.BitVec("x", 8, context)
    result = ask(context, [x == 200])
    assert result.answer is Answer.SATISFIABLE and model_number(result.model, x) == 200


def given(term: Any, unknowns: Any, values: Any) -> Any:
    """Put plain values in the place of the unknown parts of records."""
    pairs = []
    for unknown, known in zip(unknowns, values, strict=True):
        for part in fields(unknown):
            variable, value = getattr(unknown, part.name), getattr(known, part.name)
            if variable is None or isinstance(variable, tuple):
                continue
            width = None if isinstance(value, bool) else variable.size()
            pairs.append((variable, lifted(term.ctx, value, width or 1)))
    return plain(z3.substitute(term, *pairs))


ADDRESSES = ("2001:db8::1", "2001:db8::2", "::", "fe80::1")


def random_selector(random: Random, family: Family) -> Selector:
    hosts = ADDRESSES if family is Family.INET6 else ("192.0.2.1", "192.0.2.130")
    top = family.width
    source, destination = (f"{random.choice(hosts)}/{random.choice((0, top // 2, top))}" for _ in "sd")
    port = random.choice((PortMatch(), PortMatch.exactly(5), PortMatch(4, 0xFFFC)))
    return Selector.between(source, destination, random.choice((0, 17)), source_port=port)


def random_flow(random: Random, family: Family) -> Flow:
    hosts = ADDRESSES if family is Family.INET6 else ("192.0.2.1", "192.0.2.130")
    source, destination = (ip_address(random.choice(hosts)) for _ in "sd")
    return Flow(source, destination, random.choice((6, 17)), random.choice((4, 5)), 0, random.choice((0, 1)))


@pytest.mark.clause("XFRM-SEL-001", "XFRM-SEL-004")
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_formula_of_a_selector_match_agrees_with_its_folding(profile: Profile) -> None:
    context, random = fresh_context(), Random(1)
    unknown = selectors.unknown_selector(context), selectors.unknown_flow(context)
    formula = selectors.selector_matches(*unknown, profile)
    families, outcomes = (Family.INET, Family.INET6), set()
    for _ in range(120):
        selector = selectors.plain_selector(random_selector(random, random.choice(families)))
        flow = selectors.plain_flow(random_flow(random, random.choice(families)))
        told = selectors.selector_matches(selector, flow, profile)
        assert given(formula, unknown, (selector, flow)) is told
        outcomes.add(told)
    assert outcomes == {True, False}


def random_template(random: Random) -> templates.TemplateTerm:
    protocol, mode = random.choice(((50, 0), (51, 0), (60, 2), (43, 2), (50, 1)))
    return templates.TemplateTerm(
        protocol, mode, random.choice((0, 1)), 0, random.choice((0, 7)), random.random() < 0.2, True, 0
    )


def random_state(random: Random) -> templates.StateTerm:
    protocol, mode = random.choice(((50, 0), (51, 0), (60, 2), (43, 2), (50, 1)))
    internal = random.random() < 0.1
    return templates.StateTerm(
        protocol, mode, random.choice((1, 2)), 9, random.choice((0, 7)), 0, 0, internal, None
    )


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-CHECK-007", "XFRM-SORT-001")
@pytest.mark.parametrize("profile", (CLEAN, LINUX_6_1), ids=lambda profile: profile.name)
def test_the_formula_of_an_inbound_check_agrees_with_its_folding(profile: Profile) -> None:
    context, random = fresh_context(), Random(2)
    wanted = [templates.unknown_template(context, f"t{index}") for index in range(3)]
    used = [templates.unknown_state(context, f"x{index}") for index in range(3)]
    length, verified = z3.BitVec("n", 4, context), z3.BitVec("v", 4, context)

    def judged(listed: Any, states: Any, count: Any, start: Any) -> Any:
        pair = check.PolicyTerm(True, tuple(listed[:1])), check.PolicyTerm(True, tuple(listed[1:]))
        return check.judged(check.Check(*pair, SecPathTerm(tuple(states), count), start, 0, profile))

    formulas = judged(wanted, used, length, verified)
    verdicts = set()
    for _ in range(60):
        listed, states = [random_template(random) for _ in wanted], [random_state(random) for _ in used]
        if random.random() < 0.6:
            states = [
                templates.StateTerm(t.protocol, t.mode, t.source or 1, 9, 7, 0, 0, False, None)
                for t in reversed(listed)
            ]
        count, start = random.choice((2, 3)), random.choice((0, 0, 1))
        folded = judged(listed, states, count, start)
        sizes = ((length, lifted(context, count, 4)), (verified, lifted(context, start, 4)))
        for part in ("verdict", "verified", "reported"):
            term = z3.substitute(getattr(formulas, part), *sizes)
            assert given(term, [*wanted, *used], [*listed, *states]) == getattr(folded, part)
        verdicts.add(int(folded.verdict))
    assert len(verdicts) > 1


@pytest.mark.clause("XFRM-FLOW-002", "XFRM-FLOW-003", "XFRM-FLOW-004")
def test_every_shape_of_chain_up_to_3_is_decoded_as_clean_behind_no_extension_header() -> None:
    for context, chain in decoding.unknown_chains_up_to_3(fresh_context):
        alone = decoding.ReceivedChain((chain.upper,), 0)
        hypotheses = (decoding.well_formed_chain(chain), folding.negate(decoding.has_fragment_header(chain)))
        told, expected = decoding.slots_of_received(chain, CLEAN), decoding.slots_of_received(alone, CLEAN)
        equal = folding.all_of(folding.same(*pair) for pair in zip(told, expected, strict=True))
        claim = [folding.as_formula(context, truth) for truth in (*hypotheses, folding.negate(equal))]
        assert ask(context, claim).answer is Answer.UNSATISFIABLE


def test_modes_and_protocols_keep_their_numbers() -> None:
    assert (int(Mode.RO), int(Protocol.MOBILITY)) == (2, 135)
