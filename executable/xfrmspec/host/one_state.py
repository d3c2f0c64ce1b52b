"""What the two loops ask of one state whatever the packet looks like: its validity, limits and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from xfrmspec.xfrm.replay import ReplayState, Verdict, advance, check, counted, infer_high, recheck
from xfrmspec.xfrm.sequence import AtMaximum, next_sequence
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import ask_to_use
from xfrmspec_terms.association import Encapsulation, Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import InstalledState, StateEvent, StateRefusal

_HIGH_BITS = 32


class EmitStep(IntEnum):
    """The steps of the output loop for one state, in their order."""

    MODE = 1
    VALIDITY = 2
    LIMITS = 3
    NUMBER = 4
    TRANSFORM = 5


EMIT_FAILURES: dict[EmitStep, tuple[Counter, Errno]] = {
    EmitStep.MODE: (Counter.OUT_STATE_MODE_ERROR, Errno.EINVAL),
    EmitStep.VALIDITY: (Counter.OUT_STATE_INVALID, Errno.EINVAL),
    EmitStep.LIMITS: (Counter.OUT_STATE_EXPIRED, Errno.EINVAL),
    EmitStep.NUMBER: (Counter.OUT_STATE_SEQUENCE_ERROR, Errno.EOVERFLOW),
    EmitStep.TRANSFORM: (Counter.OUT_STATE_PROTOCOL_ERROR, Errno.EINVAL),
}
"""What a step that fails counts, and what the sender sees (XFRM-EMIT-001).

MODE fails only for headers that lead out of the packet, which never get here: they were no packet when they
arrived.
"""


class InputStep(IntEnum):
    """The steps of the input loop for one header, in their order."""

    ROOM = 1
    LOOKUP = 2
    VALIDITY = 3
    ENCAPSULATION = 4
    WINDOW = 5
    LIMITS = 6
    TRANSFORM = 7
    WINDOW_AGAIN = 8
    MODE = 9


INPUT_COUNTERS: dict[InputStep, Counter] = {
    InputStep.ROOM: Counter.IN_BUFFER_ERROR,
    InputStep.LOOKUP: Counter.IN_NO_STATES,
    InputStep.VALIDITY: Counter.IN_STATE_INVALID,
    InputStep.ENCAPSULATION: Counter.IN_STATE_MISMATCH,
    InputStep.WINDOW: Counter.IN_STATE_SEQUENCE_ERROR,
    InputStep.LIMITS: Counter.IN_STATE_EXPIRED,
    InputStep.TRANSFORM: Counter.IN_STATE_PROTOCOL_ERROR,
    InputStep.WINDOW_AGAIN: Counter.IN_STATE_SEQUENCE_ERROR,
    InputStep.MODE: Counter.IN_STATE_MODE_ERROR,
}
"""What a step that fails counts; a larval state counts IN_ACQUIRE_ERROR instead (XFRM-RECV-001)."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """The states and a state's numbers after a packet asked to leave through it, and the step that failed.

    `number` has 64 bits; it is 0 where a step failed and for protocols without numbers.
    """

    states: StateDatabase
    numbers: ReplayState
    failed: EmitStep | None = None
    events: tuple[StateEvent, ...] = ()
    number: int = 0


@clause("XFRM-EMIT-001")
def leave(
    states: StateDatabase,
    entry: InstalledState,
    numbers: ReplayState,
    now: int,
    at_maximum: AtMaximum = AtMaximum.STOP,
) -> Leaving:
    """Ask a state for one more packet at `now` (seconds), then for its number.

    Source: XFRM-EMIT-001; kernel xfrm_output_one.
    """
    use = ask_to_use(states, entry, now)
    if use.refusal is not None:
        reached = use.refusal is StateRefusal.LIMIT_REACHED
        return Leaving(use.database, numbers, EmitStep.LIMITS if reached else EmitStep.VALIDITY, use.events)
    numbered = next_sequence(numbers, entry.association.protocol, at_maximum)
    if numbered.errno is not Errno.OK:
        return Leaving(use.database, numbers, EmitStep.NUMBER, use.events)
    number = numbered.high << _HIGH_BITS | numbered.low
    return Leaving(use.database, numbered.state, None, use.events, number)


@dataclass(frozen=True, slots=True)
class Entering:
    """The states and a state's numbers after a packet asked to come in through it, and the step that failed.

    `high` is the inferred upper half of its number.
    """

    states: StateDatabase
    numbers: ReplayState
    failed: InputStep | None = None
    events: tuple[StateEvent, ...] = ()
    high: int = 0


@clause("XFRM-RECV-001")
def closed_to(state: SecurityAssociation) -> InputStep | None:
    """Return the step at which a state lets nothing in that is not encapsulated, None for one that may."""
    if state.lifecycle is not Lifecycle.VALID:
        return InputStep.VALIDITY
    return None if state.encapsulation is Encapsulation.NONE else InputStep.ENCAPSULATION


def counter_of(step: InputStep, state: SecurityAssociation) -> Counter:
    """Return what a packet counts that a state stops at a step."""
    if step is InputStep.VALIDITY and state.lifecycle is Lifecycle.ACQ:
        return Counter.IN_ACQUIRE_ERROR
    return INPUT_COUNTERS[step]


@clause("XFRM-RECV-001")
def enter(
    states: StateDatabase,
    entry: InstalledState,
    numbers: ReplayState,
    number: int,
    now: int,
    profile: Profile,
) -> Entering:
    """Ask the window for a number (32 bits), then the state for one more packet at `now` (seconds).

    Source: XFRM-RECV-001; kernel xfrm_input.
    """
    verdict = check(numbers, number, profile)
    if verdict is not Verdict.ACCEPT:
        return Entering(states, counted(numbers, verdict), InputStep.WINDOW)
    use = ask_to_use(states, entry, now)
    failed = None if use.refusal is None else InputStep.LIMITS
    return Entering(use.database, numbers, failed, use.events, infer_high(numbers, number))


@clause("XFRM-RECV-001", "XFRM-REPLAY-007")
def settle_number(numbers: ReplayState, number: int, high: int, profile: Profile) -> tuple[ReplayState, bool]:
    """Ask the window again once a packet was verified; return it with the number noted, and if it was.

    Source: XFRM-REPLAY-007; kernel xfrm_replay_recheck, xfrm_replay_advance.
    """
    again = recheck(numbers, number, high, profile)
    if again is not Verdict.ACCEPT:
        return counted(numbers, again), False
    return advance(numbers, number, profile), True
