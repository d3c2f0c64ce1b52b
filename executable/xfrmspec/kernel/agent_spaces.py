"""Inside the guest: many namespaces side by side, so that the time that scenarios wait is waited once."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xfrmspec.kernel.agent_node import SETTLE_SECONDS, enter_namespace, move_to, this_namespace
from xfrmspec.kernel.agent_steps import Agent
from xfrmspec.kernel.agent_watch import WatchedRun

_STARTS = (0.02, 0.36, 0.70)
"""At which part of a second the steps before the first wait begin, those after it, and so on.

Timers of whole seconds fire at the part of a second at which their object was made: a later part comes after
them, also when it is in the same second. The timers of policies may be 0.08 s late, and a little more each
time that they are set again.
"""
_LATEST = 0.14
"""How many seconds after its time a part may still end."""
_AT_ONCE = 8
"""How many scenarios begin in one second."""

LATE: dict[str, Any] = {"late": True}


@dataclass(slots=True)
class _Space:
    """A namespace of its own with a node in it."""

    namespace: int
    agent: Agent


@dataclass(slots=True)
class _Timed:
    """A scenario under way; `answer` is set once it is over."""

    space: _Space
    run: WatchedRun
    parts: Iterator[int]
    waits: int = 0
    answer: dict[str, Any] | None = None


class Spaces:
    """Namespaces, made when they are first needed; `make` makes the node of the one it is called in."""

    def __init__(self, make: Callable[[], Agent]) -> None:
        self._make = make
        self._spaces: list[_Space] = []

    def run(self, scenarios: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run scenarios at the same time; the answer to one that was not carried out in time is LATE."""
        home = this_namespace()
        try:
            self._provide(len(scenarios))
            return self._together(scenarios)
        finally:
            move_to(home)

    def _provide(self, count: int) -> None:
        made = []
        while len(self._spaces) < count:
            enter_namespace()
            made.append(_Space(this_namespace(), self._make()))
            self._spaces.append(made[-1])
        for space in made:
            move_to(space.namespace)
            space.agent.await_addresses()
        time.sleep(SETTLE_SECONDS if made else 0)
        for space in made:
            space.agent.forget()

    def _together(self, scenarios: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        runs = [
            WatchedRun(space.agent, scenario)
            for space, scenario in zip(self._spaces, scenarios, strict=False)
        ]
        timed = [_Timed(space, run, run.parts()) for space, run in zip(self._spaces, runs, strict=False)]
        second = math.floor(time.time()) + 1
        due = [(second + number // _AT_ONCE + _STARTS[0], number) for number in range(len(timed))]
        while due:
            when, number = heapq.heappop(due)
            time.sleep(max(0.0, when - time.time()))
            waits = _advance(timed[number], when)
            if waits is not None:
                part = timed[number].waits
                heapq.heappush(due, (math.floor(when) + waits + _STARTS[part], number))
        return [entry.answer or LATE for entry in timed]


def _advance(entry: _Timed, when: float) -> int | None:
    """Run one part of a scenario; return the seconds of the wait that follows, None at its end."""
    move_to(entry.space.namespace)
    waits = next(entry.parts, None)
    entry.waits += 1
    if waits is not None and time.time() - when <= _LATEST:
        return waits
    answer = entry.run.result()
    entry.answer = answer if time.time() - when <= _LATEST else LATE
    entry.run.close()
    return None
