"""Inside the guest: the node that scenarios run on, and one more that is ready when its tables have grown."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec.kernel.agent_node import SETTLE_SECONDS, enter_namespace, move_to, this_namespace
from xfrmspec.kernel.agent_steps import Agent


@dataclass(frozen=True, slots=True)
class _Spare:
    """A node in a namespace of its own, and the time from which on it can be relied on."""

    agent: Agent
    namespace: int
    settled: float


class Reserve:
    """The node in use; `make` makes the node of the namespace that it is called in."""

    def __init__(self, make: Callable[[], Agent]) -> None:
        self._make = make
        self._spare: _Spare | None = None
        self.agent = make()
        _settle(self.agent, time.monotonic() + SETTLE_SECONDS)

    def renew(self) -> None:
        """Move on to a namespace whose tables are as they were at the start.

        The one for the next time is made at once: it settles while scenarios run on this one.
        """
        spare = self._spare or self._made()
        self.agent.close()
        self._spare = self._made()
        move_to(spare.namespace)
        os.close(spare.namespace)
        _settle(spare.agent, spare.settled)
        self.agent = spare.agent

    def _made(self) -> _Spare:
        enter_namespace()
        return _Spare(self._make(), this_namespace(), time.monotonic() + SETTLE_SECONDS)


def _settle(agent: Agent, settled: float) -> None:
    agent.await_addresses()
    time.sleep(max(0.0, settled - time.monotonic()))
    agent.forget()
