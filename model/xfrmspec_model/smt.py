"""The one door to z3: bounded, repeatable satisfiability questions and their export as SMT-LIB text.

z3 has no type hints, so its names are `Any` to a type checker; the aliases below give them the names that
the rest of the model uses, and no other module of the model asks a solver anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import z3

Context: TypeAlias = z3.Context
"""Where the terms of one theorem live; terms of two contexts cannot meet."""

Formula: TypeAlias = z3.BoolRef
"""A term of sort Bool."""

BitVector: TypeAlias = z3.BitVecRef
"""A term of a fixed number of bits; orders are unsigned everywhere in the model."""

Integer: TypeAlias = z3.ArithRef
"""A mathematical integer."""

Expression: TypeAlias = z3.ExprRef
"""A term of any sort."""

Sort: TypeAlias = z3.SortRef
Function: TypeAlias = z3.FuncDeclRef
Model: TypeAlias = z3.ModelRef

DEFAULT_BUDGET = 20_000_000
"""Solver steps (z3's rlimit units) allowed to one question; some seconds of one core."""

_SEED = 2004


class Answer(Enum):
    """What a solver can say about a set of assertions."""

    SATISFIABLE = "satisfiable"
    UNSATISFIABLE = "unsatisfiable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, the solver steps it took, a model when satisfiable, and the solver's words when unknown."""

    answer: Answer
    cost: int
    model: Model | None = None
    reason: str = ""


def fresh_context() -> Context:
    """Return a new context; a theorem that builds its terms in one has an exactly repeatable cost."""
    return z3.Context()


def _solver(context: Context, assertions: Sequence[Formula]) -> z3.Solver:
    solver = z3.Solver(ctx=context)
    for assertion in assertions:
        solver.add(assertion)
    return solver


def _steps(solver: z3.Solver) -> int:
    statistics = solver.statistics()
    if "rlimit count" not in statistics.keys():  # noqa: SIM118
        return 0
    return int(statistics.get_key_value("rlimit count"))


def check(context: Context, assertions: Sequence[Formula], budget: int = DEFAULT_BUDGET) -> Result:
    """Ask whether all assertions can hold together.

    `budget` and `Result.cost` count solver steps (z3's rlimit), never seconds: the same assertions in a
    fresh context always cost the same. A question that needs more than the budget is UNKNOWN.
    """
    solver = _solver(context, assertions)
    solver.set("rlimit", budget)
    solver.set("random_seed", _SEED)
    before = _steps(solver)
    outcome = solver.check()
    cost = _steps(solver) - before
    if outcome == z3.sat:
        return Result(Answer.SATISFIABLE, cost, solver.model())
    if outcome == z3.unsat:
        return Result(Answer.UNSATISFIABLE, cost)
    return Result(Answer.UNKNOWN, cost, None, str(solver.reason_unknown()))


def to_smtlib(context: Context, assertions: Sequence[Formula], logic: str = "ALL") -> str:
    """Return the question of `check` as SMT-LIB 2 text that ends with (check-sat), for a second solver."""
    body: str = _solver(context, assertions).to_smt2()
    lines = [line for line in body.splitlines() if not line.startswith((";", "(set-info"))]
    return "\n".join([f"(set-logic {logic})", *lines, ""])


def model_number(model: Model, term: Expression) -> int:
    """Return the value of a number in a model, unsigned, completing what the model leaves open."""
    return int(model.eval(term, model_completion=True).as_long())


def model_truth(model: Model, term: Formula) -> bool:
    """Return the value of a formula in a model, completing what the model leaves open."""
    return bool(z3.is_true(model.eval(term, model_completion=True)))
