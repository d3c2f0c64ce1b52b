"""What a mobility machine answers to an event: its new value, what it does, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from xfrmspec_terms.daemon import DaemonEffect, Step

Node = TypeVar("Node")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Node]):
    """The node after an event, the effects in the order in which they are to be done, and the steps taken."""

    node: Node
    effects: tuple[DaemonEffect, ...] = ()
    steps: tuple[Step, ...] = ()

    def after(self, earlier: Answer[Node]) -> Answer[Node]:
        """Return this answer with what an earlier one did and took before it."""
        return Answer(self.node, (*earlier.effects, *self.effects), (*earlier.steps, *self.steps))
