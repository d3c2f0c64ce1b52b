"""The two loops as terms: which step stops a packet, what was done to it before, and what goes on behind it.

A pass of a loop is a list of steps in the order in which they are taken. A step either asks something, and
the packet is dropped if the answer is no, or it uses something up and never fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    both,
    choose,
    count_of,
    less,
    negate,
    same,
)
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import Profile, SecPathDepthRule
from xfrmspec_terms.selector import Protocol

DEEPEST = 6
"""How many states a sec_path holds."""

COUNTERS = tuple(Counter)
NO_COUNTER = len(COUNTERS)
"""The number that stands for no counter at all; other numbers are places in `COUNTERS`."""

_COUNTER_BITS = 8
_MOBILITY = (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING)
_UNDONE = (Protocol.AH, Protocol.ESP, Protocol.IPCOMP)
_ENCLOSING = (Mode.TUNNEL, Mode.BEET)


class OutputStep(IntEnum):
    """What the output loop does with one state; `COUNT` and the using up of a number never fail."""

    MODE = 1
    VALIDITY = 2
    LIMITS = 3
    NUMBER = 4
    COUNT = 5
    TRANSFORM = 6


class InputStep(IntEnum):
    """What the input loop does with one header; `ADVANCE` and `COUNT` never fail."""

    SPI = 1
    ROOM = 2
    STATE = 3
    VALIDITY = 4
    ENCAPSULATION = 5
    WINDOW = 6
    LIMITS = 7
    TRANSFORM = 8
    WINDOW_AGAIN = 9
    ADVANCE = 10
    COUNT = 11
    MODE = 12


@dataclass(frozen=True, slots=True)
class SendingTerm:
    """One state that is to be applied: its lifecycle by kernel number, and what each question comes to."""

    header_fits: Truth
    lifecycle: Number
    limit_reached: Truth
    has_number: Truth
    transforms: Truth


@dataclass(frozen=True, slots=True)
class ArrivingTerm:
    """One AH, ESP or IPComp header that is to be undone; `depth` states are on the sec_path before it."""

    spi_readable: Truth
    depth: Number
    state_found: Truth
    lifecycle: Number
    same_encapsulation: Truth
    in_window: Truth
    limit_reached: Truth
    transforms: Truth
    in_window_still: Truth
    mode_fits: Truth


def _place(counter: Counter) -> int:
    return COUNTERS.index(counter)


_OUTPUT_COUNTERS = {
    OutputStep.MODE: Counter.OUT_STATE_MODE_ERROR,
    OutputStep.VALIDITY: Counter.OUT_STATE_INVALID,
    OutputStep.LIMITS: Counter.OUT_STATE_EXPIRED,
    OutputStep.NUMBER: Counter.OUT_STATE_SEQUENCE_ERROR,
    OutputStep.TRANSFORM: Counter.OUT_STATE_PROTOCOL_ERROR,
}
_INPUT_COUNTERS = {
    InputStep.SPI: Counter.IN_HEADER_ERROR,
    InputStep.ROOM: Counter.IN_BUFFER_ERROR,
    InputStep.STATE: Counter.IN_NO_STATES,
    InputStep.ENCAPSULATION: Counter.IN_STATE_MISMATCH,
    InputStep.WINDOW: Counter.IN_STATE_SEQUENCE_ERROR,
    InputStep.LIMITS: Counter.IN_STATE_EXPIRED,
    InputStep.TRANSFORM: Counter.IN_STATE_PROTOCOL_ERROR,
    InputStep.WINDOW_AGAIN: Counter.IN_STATE_SEQUENCE_ERROR,
    InputStep.MODE: Counter.IN_STATE_MODE_ERROR,
}


@clause("XFRM-EMIT-001")
def output_passes(step: OutputStep, sending: SendingTerm) -> Truth:
    """Tell whether a step of the output loop lets the packet go on. Source: XFRM-EMIT-001."""
    answers: dict[OutputStep, Truth] = {
        OutputStep.MODE: sending.header_fits,
        OutputStep.VALIDITY: same(sending.lifecycle, Lifecycle.VALID),
        OutputStep.LIMITS: negate(sending.limit_reached),
        OutputStep.NUMBER: sending.has_number,
        OutputStep.TRANSFORM: sending.transforms,
    }
    return answers.get(step, True)


@clause("XFRM-EMIT-001")
def output_counter(step: OutputStep, _: SendingTerm) -> Number:
    """Return the counter that a step of the output loop raises when it fails. Source: XFRM-EMIT-001."""
    return _place(_OUTPUT_COUNTERS[step]) if step in _OUTPUT_COUNTERS else NO_COUNTER


@clause("XFRM-RECV-003")
def has_room(protocol: Number, depth: Number, profile: Profile) -> Truth:
    """Tell whether a sec_path of `depth` states takes one more of a protocol. Source: XFRM-RECV-003."""
    room = less(depth, DEEPEST)
    if profile.sec_path_depth_for_ro is SecPathDepthRule.AT_SIX:
        return room
    by_quirk = negate(same(depth, DEEPEST - 1))
    mobile = among(protocol, _MOBILITY)
    return any_of((both(mobile, by_quirk), both(negate(mobile), room)))


@clause("XFRM-RECV-001")
def input_passes(step: InputStep, arriving: ArrivingTerm) -> Truth:
    """Tell whether a step of the input loop lets the packet go on. Source: XFRM-RECV-001."""
    answers: dict[InputStep, Truth] = {
        InputStep.SPI: arriving.spi_readable,
        InputStep.ROOM: less(arriving.depth, DEEPEST),
        InputStep.STATE: arriving.state_found,
        InputStep.VALIDITY: same(arriving.lifecycle, Lifecycle.VALID),
        InputStep.ENCAPSULATION: arriving.same_encapsulation,
        InputStep.WINDOW: arriving.in_window,
        InputStep.LIMITS: negate(arriving.limit_reached),
        InputStep.TRANSFORM: arriving.transforms,
        InputStep.WINDOW_AGAIN: arriving.in_window_still,
        InputStep.MODE: arriving.mode_fits,
    }
    return answers.get(step, True)


@clause("XFRM-RECV-001")
def input_counter(step: InputStep, arriving: ArrivingTerm) -> Number:
    """Return the counter that a step of the input loop raises when it fails. Source: XFRM-RECV-001."""
    if step is InputStep.VALIDITY:
        larval, other = _place(Counter.IN_ACQUIRE_ERROR), _place(Counter.IN_STATE_INVALID)
        return choose(same(arriving.lifecycle, Lifecycle.ACQ), larval, other, _COUNTER_BITS)
    return _place(_INPUT_COUNTERS[step]) if step in _INPUT_COUNTERS else NO_COUNTER


@clause("XFRM-EMIT-001", "XFRM-RECV-001")
def goes_on(reached: Truth, passes: Truth) -> Truth:
    """Tell whether the step behind another is taken. Source: XFRM-EMIT-001, XFRM-RECV-001."""
    return both(reached, passes)


@clause("XFRM-RECV-004", "XFRM-RECV-003")
def depth_after(depth: Number) -> Number:
    """Return how many states are on a sec_path that took one more. Source: XFRM-RECV-004."""
    return depth + 1


@clause("XFRM-RECV-002")
def stays_in_loop(mode: Number, following: Number) -> Truth:
    """Tell whether the loop takes the header that follows an undone one. Source: XFRM-RECV-002."""
    return both(negate(among(mode, _ENCLOSING)), among(following, _UNDONE))


@clause("XFRM-RECV-002")
def destination_after(mode: Number, own: Number, inside: Number) -> Number:
    """Return the destination by which the next state is looked up.

    `own` is that of the state that was used, `inside` that of the packet it uncovered.
    Source: XFRM-RECV-002.
    """
    return choose(among(mode, _ENCLOSING), inside, own)


@clause("XFRM-RECV-008")
def quotation_counts(flags: Sequence[Truth], depth: Number) -> Truth:
    """Tell whether an ICMPv6 message that failed its check is judged by the packet it quotes.

    `flags` tell of each place of the sec_path whether its state has the flag for ICMP; `depth` of the places
    are used. Source: XFRM-RECV-008.
    """
    return any_of(both(same(depth, place + 1), flag) for place, flag in enumerate(flags))


@clause("XFRM-BUNDLE-003")
def reserved(rooms: Sequence[Number], place: int) -> Number:
    """Return the octets that an element of a bundle reserves; `rooms` are those of each state alone.

    Source: XFRM-BUNDLE-003.
    """
    total = rooms[place]
    for room in rooms[place + 1 :]:
        total = total + room
    return total


@dataclass(frozen=True, slots=True)
class LoopRules:
    """The rules of the two loops, one function each; `LoopRules()` is what the clauses say.

    `output_order` and `input_order` are the steps in the order in which they are taken.
    """

    output_order: tuple[OutputStep, ...] = tuple(OutputStep)
    output_passes: Callable[[OutputStep, SendingTerm], Truth] = output_passes
    output_counter: Callable[[OutputStep, SendingTerm], Number] = output_counter
    input_order: tuple[InputStep, ...] = tuple(InputStep)
    input_passes: Callable[[InputStep, ArrivingTerm], Truth] = input_passes
    input_counter: Callable[[InputStep, ArrivingTerm], Number] = input_counter
    goes_on: Callable[[Truth, Truth], Truth] = goes_on
    has_room: Callable[[Number, Number, Profile], Truth] = has_room
    depth_after: Callable[[Number], Number] = depth_after
    stays_in_loop: Callable[[Number, Number], Truth] = stays_in_loop
    destination_after: Callable[[Number, Number, Number], Number] = destination_after
    quotation_counts: Callable[[Sequence[Truth], Number], Truth] = quotation_counts
    reserved: Callable[[Sequence[Number], int], Number] = reserved


LOOP_RULES = LoopRules()
"""What the clauses say."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of a run: which, for which state or header, and whether it is reached and passes."""

    step: OutputStep | InputStep
    index: int
    reached: Truth
    passes: Truth
    counter: Number

    @property
    def fails(self) -> Truth:
        """Whether the packet is dropped here."""
        return both(self.reached, negate(self.passes))


@dataclass(frozen=True, slots=True)
class Run:
    """All steps of a loop in their order; `survives` tells whether the packet is behind the last."""

    steps: tuple[Taken, ...]
    survives: Truth

    def done(self, step: OutputStep | InputStep, index: int = 0) -> Truth:
        """Tell whether a step was reached and passed."""
        (found,) = (taken for taken in self.steps if taken.step is step and taken.index == index)
        return both(found.reached, found.passes)

    def tried(self, step: OutputStep | InputStep, index: int = 0) -> Truth:
        """Tell whether a step was reached."""
        (found,) = (taken for taken in self.steps if taken.step is step and taken.index == index)
        return found.reached

    def times(self, counter: int) -> Number:
        """Return how often a counter, a place in `COUNTERS`, is raised."""
        return count_of(both(taken.fails, same(taken.counter, counter)) for taken in self.steps)

    def raised(self) -> Number:
        """Return how often counters are raised altogether."""
        return count_of(both(taken.fails, negate(same(taken.counter, NO_COUNTER))) for taken in self.steps)


Asked = tuple[OutputStep | InputStep, int, Truth, Number]


def _run(asked: Sequence[Asked], rules: LoopRules) -> Run:
    reached: Truth = True
    steps: list[Taken] = []
    for step, index, passes, counter in asked:
        steps.append(Taken(step, index, reached, passes, counter))
        reached = rules.goes_on(reached, passes)
    return Run(tuple(steps), reached)


@clause("XFRM-EMIT-001")
def sent_through(chain: Sequence[SendingTerm], rules: LoopRules = LOOP_RULES) -> Run:
    """Return the run of a packet through the states of a bundle in application order.

    Source: XFRM-EMIT-001.
    """
    return _run(
        [
            (step, index, rules.output_passes(step, sending), rules.output_counter(step, sending))
            for index, sending in enumerate(chain)
            for step in rules.output_order
        ],
        rules,
    )


@clause("XFRM-RECV-001")
def undone(arriving: ArrivingTerm, rules: LoopRules = LOOP_RULES) -> Run:
    """Return the run of a packet through the input loop for one header. Source: XFRM-RECV-001."""
    return _run(
        [
            (step, 0, rules.input_passes(step, arriving), rules.input_counter(step, arriving))
            for step in rules.input_order
        ],
        rules,
    )


def every_question_passes(run: Run) -> Truth:
    """Tell whether no step of a run would stop the packet, reached or not."""
    return all_of(taken.passes for taken in run.steps)
