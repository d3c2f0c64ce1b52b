"""Theorems about the input loop for one header: what stops a packet, and what was done to it before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec.host.receiving import Fate
from xfrmspec_model import loops
from xfrmspec_model.folding import (
    Truth,
    alike,
    all_of,
    both,
    either,
    less,
    negate,
    same,
)
from xfrmspec_model.loops import ArrivingTerm, Run, every_question_passes, undone
from xfrmspec_model.loops import InputStep as Step
from xfrmspec_model.smt import Model
from xfrmspec_proofs.passages import (
    Arriving,
    Reception,
    input_step_before,
    is_valid,
    possible_depth,
    read_arriving,
    received,
    replayable_arriving,
    unknown_arriving,
    with_loops,
)
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.theorems.emitting import blames_the_first_failure
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import MAX_DEPTH

Judged = Callable[[Reception, Arriving], bool]


def _header(scene: Scene) -> tuple[ArrivingTerm, list[Truth], Run]:
    """Declare a header, what makes it replayable, and the run of a packet through the loop for it."""
    arriving = unknown_arriving(scene.context)
    return arriving, replayable_arriving(arriving), undone(arriving, scene.rules.loops)


def _witness(arriving: ArrivingTerm, holds: Judged) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        told = read_arriving(model, arriving)
        return Witness(told.facts(), lambda profile: holds(received(told, profile), told))

    return read


def _says_so(reception: Reception, arriving: Arriving) -> bool:
    dropped = reception.arrived.fate is Fate.DROPPED
    return reception.arrived.counter is arriving.counter and dropped is (arriving.counter is not None)


@theorem(
    name="a_header_that_is_not_undone_raises_exactly_one_counter",
    statement="Whatever questions about a received header are answered with no, the packet goes on exactly "
    "if none is, raises no counter then, and otherwise only that of the first such step.",
    clauses=("XFRM-RECV-001",),
    mutants={
        "a_failed_step_does_not_stop_the_packet": with_loops(goes_on=lambda reached, passes: reached),
        "a_larval_state_counts_nothing": with_loops(
            input_counter=lambda step, arriving: (
                loops.NO_COUNTER if step is Step.VALIDITY else loops.input_counter(step, arriving)
            )
        ),
    },
)
def _one_counter(scene: Scene) -> Sequence[Claim]:
    arriving, instance, run = _header(scene)
    witness = _witness(arriving, _says_so)
    conclusion = blames_the_first_failure(run)
    exists = possible_depth(arriving.depth)
    passes = every_question_passes(run)
    return [
        Claim([*exists, negate(passes)], conclusion, instance, witness),
        Claim([*exists, passes], conclusion, instance, witness),
    ]


def _has_room(arriving: ArrivingTerm) -> Truth:
    return less(arriving.depth, MAX_DEPTH)


def _asked_before(arriving: ArrivingTerm) -> list[Truth]:
    """Return the questions in front of the transformation."""
    return [
        arriving.spi_readable,
        _has_room(arriving),
        arriving.state_found,
        is_valid(arriving.lifecycle),
        arriving.same_encapsulation,
        arriving.in_window,
        negate(arriving.limit_reached),
    ]


def _moves_and_counts(reception: Reception, arriving: Arriving) -> bool:
    return (reception.advanced, reception.counted) == (arriving.may_advance, arriving.may_advance)


@theorem(
    name="a_window_advances_exactly_for_authentic_numbers_it_let_through",
    statement="The window of a state is advanced, and octets and packet are counted, exactly if every "
    "question up to the second one about the window is answered with yes; the mode does not matter.",
    clauses=("XFRM-RECV-001", "XFRM-LIFE-005"),
    mutants={
        "the_window_advances_before_the_transformation": input_step_before(Step.ADVANCE, Step.TRANSFORM),
        "packets_count_before_the_transformation": input_step_before(Step.COUNT, Step.TRANSFORM),
        "the_mode_is_asked_before_the_count": input_step_before(Step.MODE, Step.COUNT),
        "the_mode_is_asked_before_the_window_advances": input_step_before(Step.MODE, Step.ADVANCE),
    },
)
def _advancing(scene: Scene) -> Sequence[Claim]:
    arriving, instance, run = _header(scene)
    authentic = all_of([*_asked_before(arriving), arriving.transforms, arriving.in_window_still])
    conclusion = both(*(alike(run.done(step), authentic) for step in (Step.ADVANCE, Step.COUNT)))
    witness = _witness(arriving, _moves_and_counts)
    exists = possible_depth(arriving.depth)
    cases = (negate(arriving.transforms), both(authentic, negate(arriving.mode_fits)), authentic)
    asked = [*instance, *_asked_before(arriving)]
    return [Claim([*exists, case], conclusion, asked, witness) for case in cases]


def _not_decrypted(reception: Reception, _: Arriving) -> bool:
    stopped = reception.arrived.counter not in (None, Counter.IN_STATE_PROTOCOL_ERROR)
    return stopped and not reception.counted


@theorem(
    name="only_valid_states_undo_what_is_received",
    statement="The input loop undoes no header by a state that is not VALID.",
    clauses=("XFRM-RECV-001", "XFRM-LIFE-002"),
    mutants={
        "the_transformation_comes_before_validity": input_step_before(Step.TRANSFORM, Step.VALIDITY),
        "larval_states_are_good_enough": with_loops(
            input_passes=lambda step, arriving: (
                either(is_valid(arriving.lifecycle), same(arriving.lifecycle, Lifecycle.ACQ))
                if step is Step.VALIDITY
                else loops.input_passes(step, arriving)
            )
        ),
    },
)
def _valid_only(scene: Scene) -> Sequence[Claim]:
    arriving, instance, run = _header(scene)
    hypotheses = [*possible_depth(arriving.depth), negate(is_valid(arriving.lifecycle))]
    cheap = [*instance, negate(arriving.transforms), _has_room(arriving), arriving.state_found]
    witness = _witness(arriving, _not_decrypted)
    return [Claim(hypotheses, negate(run.tried(Step.TRANSFORM)), cheap, witness)]


@theorem(
    name="a_refused_number_and_a_spent_state_cost_no_cryptography",
    statement="A header whose number the window refuses, whose state has reached a limit or whose "
    "encapsulation differs is dropped before the transformation is tried.",
    clauses=("XFRM-RECV-001",),
    mutants={
        "the_transformation_comes_before_the_window": input_step_before(Step.TRANSFORM, Step.WINDOW),
        "the_transformation_comes_before_the_limits": input_step_before(Step.TRANSFORM, Step.LIMITS),
        "the_transformation_comes_before_the_encapsulation": input_step_before(
            Step.TRANSFORM, Step.ENCAPSULATION
        ),
    },
)
def _cheap_first(scene: Scene) -> Sequence[Claim]:
    arriving, instance, run = _header(scene)
    exists = possible_depth(arriving.depth)
    conclusion = negate(run.tried(Step.TRANSFORM))
    good = [_has_room(arriving), arriving.state_found, is_valid(arriving.lifecycle)]
    cheap = [*instance, *good, negate(arriving.transforms)]
    witness = _witness(arriving, _not_decrypted)
    cases = (negate(arriving.in_window), arriving.limit_reached, negate(arriving.same_encapsulation))
    return [Claim([*exists, case], conclusion, cheap, witness) for case in cases]
