"""What a socket that stays remembers between its packets."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.scenario.terms import Open
from xfrmspec.xfrm.bundle import PolicyStamp
from xfrmspec.xfrm.bundle_cache import Remembered
from xfrmspec.xfrm.output import OutputDecision

OWN_POLICY = PolicyStamp(-1)
"""A socket's own policy stands in no database, and goes with its socket only."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision that raised no error, and what it was made from.

    `remembered` is None for one that makes packets vanish: it stands in its place, but is never used again.
    """

    decision: OutputDecision
    remembered: Remembered | None


@dataclass(frozen=True, slots=True)
class Connection:
    """A socket that stays; `connected` tells whether it got as far as having a destination."""

    opened: Open
    connected: bool = False
    kept: Kept | None = None
