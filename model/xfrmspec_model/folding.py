"""Operators that compute at once on plain values and build formulas on symbolic ones.

Every definition of the model is written once with these operators. Given symbolic arguments it is a
formula; given plain Python numbers and truths it folds to a plain value without asking z3 anything.
Numbers are unsigned: Python integers, bit vectors, or mathematical integers that are never negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import z3

from xfrmspec_model.smt import Context, Expression, Formula

Truth: TypeAlias = bool | Formula
"""A plain truth value or a formula."""

Number: TypeAlias = int | Expression
"""A plain unsigned number, a bit vector or an integer term."""


def is_plain(*values: Truth | Number) -> bool:
    """Tell whether no value is symbolic."""
    return all(isinstance(value, int) for value in values)


def negate(truth: Truth) -> Truth:
    """Return the opposite of a truth."""
    return not truth if isinstance(truth, bool) else z3.Not(truth)


def all_of(parts: Iterable[Truth]) -> Truth:
    """Return the conjunction; a plain False ends the evaluation."""
    symbolic = []
    for part in parts:
        if part is False:
            return False
        if part is not True:
            symbolic.append(part)
    if not symbolic:
        return True
    return symbolic[0] if len(symbolic) == 1 else z3.And(*symbolic)


def any_of(parts: Iterable[Truth]) -> Truth:
    """Return the disjunction; a plain True ends the evaluation."""
    symbolic = []
    for part in parts:
        if part is True:
            return True
        if part is not False:
            symbolic.append(part)
    if not symbolic:
        return False
    return symbolic[0] if len(symbolic) == 1 else z3.Or(*symbolic)


def both(first: Truth, second: Truth) -> Truth:
    """Return the conjunction of two truths."""
    return all_of((first, second))


def either(first: Truth, second: Truth) -> Truth:
    """Return the disjunction of two truths."""
    return any_of((first, second))


def implies(condition: Truth, consequence: Truth) -> Truth:
    """Return the material implication."""
    return either(negate(condition), consequence)


def alike(first: Truth, second: Truth) -> Truth:
    """Tell whether two truths agree."""
    if isinstance(first, bool):
        return second if first else negate(second)
    return alike(second, first) if isinstance(second, bool) else first == second


def same(first: Number, second: Number) -> Truth:
    """Tell whether two numbers (or two elements of one sort) are equal."""
    return first == second


def among(number: Number, choices: Iterable[int]) -> Truth:
    """Tell whether a number is one of some plain choices."""
    return any_of(same(number, choice) for choice in choices)


def less(first: Number, second: Number) -> Truth:
    """Tell whether the first number is smaller, unsigned."""
    if isinstance(first, z3.BitVecRef) or isinstance(second, z3.BitVecRef):
        return z3.ULT(first, second)
    return first < second


def at_most(first: Number, second: Number) -> Truth:
    """Tell whether the first number is not larger, unsigned."""
    return negate(less(second, first))


def bit_and(first: Number, second: Number) -> Number:
    """Return the bitwise conjunction; plain 0 absorbs."""
    if (isinstance(first, int) and first == 0) or (isinstance(second, int) and second == 0):
        return 0
    return first & second


def bit_xor(first: Number, second: Number) -> Number:
    """Return the bitwise exclusive disjunction."""
    return first ^ second


def bit_at(number: Number, place: Number) -> Truth:
    """Tell whether the bit of value 2**place is set; no bit is set beyond the width of a number."""
    if isinstance(number, int) and isinstance(place, int):
        return number >> place & 1 == 1
    if isinstance(number, int):
        return any_of(same(place, bit) for bit in range(number.bit_length()) if number >> bit & 1)
    shift = place if isinstance(place, int) else _resized(place, number.size())
    return z3.LShR(number, shift) & 1 == 1


def shift_right(number: Number, places: int) -> Number:
    """Return a number without its lowest bits."""
    return number >> places if isinstance(number, int) else z3.LShR(number, places)


def _resized(number: Expression, width: int) -> Expression:
    if number.size() == width:
        return number
    if number.size() < width:
        return z3.ZeroExt(width - number.size(), number)
    return z3.Extract(width - 1, 0, number)


def choose(condition: Truth, then: Number, otherwise: Number, width: int = 32) -> Number:
    """Return one of two numbers; `width` bits are used when both are plain and the condition is not."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    if isinstance(then, int) and isinstance(otherwise, int):
        if then == otherwise:
            return then
        context = condition.ctx
        return z3.If(condition, z3.BitVecVal(then, width, context), z3.BitVecVal(otherwise, width, context))
    return z3.If(condition, then, otherwise)


def choose_truth(condition: Truth, then: Truth, otherwise: Truth) -> Truth:
    """Return one of two truths."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    return either(both(condition, then), both(negate(condition), otherwise))


def first_of(cases: Sequence[tuple[Truth, Number]], otherwise: Number, width: int = 32) -> Number:
    """Return the number of the first case whose condition holds."""
    result = otherwise
    for condition, number in reversed(cases):
        result = choose(condition, number, result, width)
    return result


def count_of(truths: Iterable[Truth], width: int = 8) -> Number:
    """Return how many truths hold, in `width` bits (wide enough for the caller's bound)."""
    plain, total = 0, None
    for truth in truths:
        if isinstance(truth, bool):
            plain += truth
        else:
            one = choose(truth, 1, 0, width)
            total = one if total is None else total + one
    return plain if total is None else total + plain


def smaller_key(first: Sequence[Number], second: Sequence[Number]) -> Truth:
    """Compare two keys lexicographically: is the first strictly smaller?"""
    (head, *rest), (other, *others) = first, second
    if not rest:
        return less(head, other)
    smaller = less(head, other)
    if smaller is True:
        return True
    return either(smaller, both(same(head, other), smaller_key(rest, others)))


def for_every(sort: z3.SortRef, name: str, body: Callable[[Expression], Truth]) -> Truth:
    """Quantify over all elements of a sort; a body that folds stays plain."""
    element = z3.FreshConst(sort, name)
    truth = body(element)
    return truth if isinstance(truth, bool) else z3.ForAll([element], truth)


def as_formula(context: Context, truth: Truth) -> Formula:
    """Turn a truth into a formula of a context, for the solver."""
    return z3.BoolVal(truth, ctx=context) if isinstance(truth, bool) else truth


def bits(context: Context, name: str, width: int) -> Expression:
    """Declare an unknown number of `width` bits."""
    return z3.BitVec(name, width, ctx=context)


def unknown_truth(context: Context, name: str) -> Formula:
    """Declare an unknown truth."""
    return z3.Bool(name, ctx=context)


def integer(context: Context, name: str) -> Expression:
    """Declare an unknown mathematical integer."""
    return z3.Int(name, ctx=context)


def unknown_predicate(context: Context, name: str) -> Callable[[Number], Truth]:
    """Declare an unknown predicate of integers."""
    numbers = z3.IntSort(ctx=context)
    predicate = z3.Function(name, numbers, z3.BoolSort(ctx=context))
    return lambda number: predicate(z3.IntVal(number, ctx=context) if isinstance(number, int) else number)


def choose_integer(condition: Truth, then: Number, otherwise: Number) -> Number:
    """Return one of two mathematical integers, which may both be plain."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    if isinstance(then, int) and isinstance(otherwise, int):
        if then == otherwise:
            return then
        return z3.If(condition, z3.IntVal(then, condition.ctx), z3.IntVal(otherwise, condition.ctx))
    return z3.If(condition, then, otherwise)


def first_integer_of(cases: Sequence[tuple[Truth, Number]], otherwise: Number) -> Number:
    """Return the mathematical integer of the first case whose condition holds."""
    result = otherwise
    for condition, number in reversed(cases):
        result = choose_integer(condition, number, result)
    return result


def unknown_relation(context: Context, name: str, places: int) -> Callable[..., Truth]:
    """Declare an unknown predicate of several integers."""
    numbers = z3.IntSort(ctx=context)
    relation = z3.Function(name, *([numbers] * places), z3.BoolSort(ctx=context))

    def tell(*values: Number) -> Truth:
        terms = [z3.IntVal(value, ctx=context) if isinstance(value, int) else value for value in values]
        formula: Formula = relation(*terms)
        return formula

    return tell


def unknown_numbering(context: Context, name: str) -> Callable[[Number], Number]:
    """Declare an unknown function from integers to integers."""
    numbers = z3.IntSort(ctx=context)
    function = z3.Function(name, numbers, numbers)
    return lambda number: function(z3.IntVal(number, ctx=context) if isinstance(number, int) else number)
