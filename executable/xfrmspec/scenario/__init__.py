"""The language that the reference and every kernel understand: what to do, and what was seen."""
