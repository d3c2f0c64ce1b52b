"""The symbolic twin: the clauses of the specification as formulas that a solver can reason about."""
