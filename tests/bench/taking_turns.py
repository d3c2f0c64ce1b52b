"""Work that is to be compared takes turns, so that a machine that changes its speed is fair to all of it."""

from __future__ import annotations

from collections.abc import Callable
from timeit import timeit

TURNS = 9


def fastest(number: int, *tasks: Callable[[], object]) -> tuple[float, ...]:
    """Return for each task the seconds of its fastest turn; a turn does the task `number` times."""
    turns = [[timeit(task, number=number) for task in tasks] for _ in range(TURNS)]
    return tuple(min(column) for column in zip(*turns, strict=True))
