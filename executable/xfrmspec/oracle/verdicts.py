"""Verdicts: what one step did, which clauses fired, and on refusal which guard failed on which value."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.scenario.observation import StepResult
from xfrmspec_terms.outcome import Decision

Spis = tuple[int, ...]
"""The SPIs (32 bits; of IPComp the CPI) of one packet's AH, ESP and IPComp headers, outermost first."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What can be seen of one step.

    `decision` is what became of the packet, None for an operation. `spis` are the SPIs that the packet on
    the wire may carry, one entry for each choice that the rules leave open, sorted; empty when nothing left.
    """

    result: StepResult
    decision: Decision | None = None
    spis: tuple[Spis, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """One clause whose guard did not hold: which guard, the value found, and the value that would have done.

    `clause` is None where no clause states the rule yet (the state database, the input loop).
    """

    clause: str | None
    guard: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The step did what it asked for; `fired` are the clauses used, in the order of their first use."""

    effects: Effects
    fired: tuple[str, ...]

    @property
    def nearest(self) -> str | None:
        """The clause used last, None when no clause was."""
        return self.fired[-1] if self.fired else None


@dataclass(frozen=True, slots=True)
class Refused:
    """The step failed: an error number, or a packet that was dropped or blocked.

    `tried` are the guards that did not hold, in the order they were met. `nearest` is the clause of the last
    of them, which decided; None where no clause states the rule yet.
    """

    effects: Effects
    fired: tuple[str, ...]
    tried: tuple[Tried, ...]

    @property
    def nearest(self) -> str | None:
        """The clause whose guard decided."""
        return self.tried[-1].clause if self.tried else None


@dataclass(frozen=True, slots=True)
class Overflow:
    """The packet left, but the rules leave more than `limit` outcomes open: `effects.spis` is empty."""

    effects: Effects
    fired: tuple[str, ...]
    limit: int

    @property
    def nearest(self) -> str | None:
        """The clause used last."""
        return self.fired[-1] if self.fired else None


Verdict = Accepted | Refused | Overflow
