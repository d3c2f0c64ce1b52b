"""What a finding is: a small scenario, the step that decides, and what each side sees there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xfrmspec.scenario.observation import OperationResult, PacketResult, StepResult
from xfrmspec.scenario.terms import AddState, Receive, Scenario, UpdateState
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno


class Needs(Enum):
    """What a kernel must be able to do to show something."""

    POLICIES = "policies"
    STATES = "states"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a step shows of a decision.

    `errno` is the error of an operation or of the sender, `counters` the counters of /proc/net/xfrm_stat
    that grew, `wire` the header chains that left, and `acquires` the number of acquires.
    """

    errno: int = 0
    counters: tuple[str, ...] = ()
    wire: tuple[tuple[str, ...], ...] = ()
    delivered: bool = False
    acquires: int = 0

    def __str__(self) -> str:
        parts = [f"leaves as {' '.join(chain)}" for chain in self.wire]
        parts += ["delivered"] * self.delivered
        parts += [error_name(self.errno)] if self.errno else []
        parts += self.counters
        parts += [f"acquires: {self.acquires}"] if self.acquires else []
        return ", ".join(parts) or "nothing to be seen"


def error_name(number: int) -> str:
    """Return the name of an error number, or the number for one that no rule names."""
    return Errno(number).name if number in Errno._value2member_map_ else f"error {number}"


def sight_of(result: StepResult) -> Sight:
    """Return what one result shows."""
    if isinstance(result, OperationResult):
        return Sight(errno=int(result.errno))
    return _packet_sight(result)


def _packet_sight(result: PacketResult) -> Sight:
    counters = tuple(name for name, _ in result.counters)
    delivered = result.delivered is not None
    return Sight(int(result.errno), counters, result.wire, delivered, result.acquires)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A scenario whose step `deciding` (counted from 0) shows `clean` by the clean rule and else `quirky`.

    `modelled` says that the reference under a profile with the quirk sees `quirky`: False for rules about
    which the specification has no chapter yet.
    """

    scenario: Scenario
    deciding: int
    clean: Sight
    quirky: Sight
    modelled: bool = True

    @property
    def needs(self) -> Needs:
        """What a kernel must be able to do to run the scenario."""
        return Needs.STATES if any(map(_uses_state, self.scenario.steps)) else Needs.POLICIES


@dataclass(frozen=True, slots=True)
class ShellExhibit:
    """A reproduction that scenarios have no words for: shell lines for the frame of the generated scripts."""

    lines: str
    needs: Needs


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the ledger.

    `switch` is the field of a profile that holds the deviation, empty when none does; `profiles` are the
    profiles that have it, and `rule` says in one sentence what these kernels do.
    """

    name: str
    rule: str
    switch: str
    profiles: tuple[str, ...]
    exhibits: tuple[Exhibit | ShellExhibit, ...]


def _uses_state(step: object) -> bool:
    if isinstance(step, AddState | UpdateState):
        return True
    return isinstance(step, Receive) and any(isinstance(la, SecurityAssociation) for la in step.layers)
