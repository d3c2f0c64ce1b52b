"""Theorems about the output loop: what stops a packet, what it counts, and what is used up before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from xfrmspec.host.sending import Emitted
from xfrmspec.xfrm.bundle import Room, reserved_room
from xfrmspec_model import loops
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    at_most,
    both,
    choose,
    implies,
    integer,
    less,
    negate,
    same,
)
from xfrmspec_model.loops import OutputStep as Step
from xfrmspec_model.loops import Run, SendingTerm, every_question_passes, sent_through
from xfrmspec_model.smt import Model
from xfrmspec_proofs.nodes import packets_counted
from xfrmspec_proofs.passages import (
    Sending,
    counter_of_first_failure,
    is_valid,
    output_step_before,
    read_sending,
    replayable_sending,
    sent,
    unknown_sending,
    with_loops,
)
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import Lifecycle

_STATES = 3
_ELEMENTS = 4
_SMALL_ROOM = 64

Judged = Callable[[Emitted, Sequence[Sending]], bool]


def _chain(scene: Scene) -> tuple[list[SendingTerm], list[Truth], Run]:
    """Declare the states of a bundle, what makes them replayable, and the run of a packet through them."""
    chain = [unknown_sending(scene.context, index) for index in range(_STATES)]
    instance = [part for each in chain for part in replayable_sending(each)]
    return chain, instance, sent_through(chain, scene.rules.loops)


def _witness(chain: Sequence[SendingTerm], holds: Judged) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        told = [read_sending(model, each) for each in chain]
        facts = {"states": [each.facts() for each in told]}
        return Witness(facts, lambda profile: holds(sent(told, profile), told))

    return read


def blames_the_first_failure(run: Run) -> Truth:
    """Tell whether a drop raises one counter, that of the first step that fails, and a pass raises none."""
    one_or_none = same(run.raised(), choose(run.survives, 0, 1, 8))
    leaves = alike(run.survives, every_question_passes(run))
    before: list[Truth] = []
    firsts: list[Truth] = []
    for taken in run.steps:
        first = all_of([*before, negate(taken.passes)])
        firsts.append(implies(first, same(run.times(taken.counter), 1)))
        before.append(taken.passes)
    return all_of([one_or_none, leaves, *firsts])


def _says_so(emitted: Emitted, chain: Sequence[Sending]) -> bool:
    expected = counter_of_first_failure(chain)
    return emitted.counter is expected and (emitted.packet is None) is (expected is not None)


@theorem(
    name="a_packet_that_is_not_sent_raises_exactly_one_counter_up_to_three_states",
    statement="Whatever questions about the states of a bundle are answered with no, a packet leaves exactly "
    "if none is, raises no counter then, and otherwise only that of the first such step.",
    clauses=("XFRM-EMIT-001",),
    mutants={
        "a_failed_step_does_not_stop_the_packet": with_loops(goes_on=lambda reached, passes: reached),
        "a_step_counts_nothing": with_loops(
            output_counter=lambda step, sending: (
                loops.NO_COUNTER if step is Step.LIMITS else loops.output_counter(step, sending)
            )
        ),
    },
)
def _one_counter(scene: Scene) -> Sequence[Claim]:
    chain, instance, run = _chain(scene)
    witness = _witness(chain, _says_so)
    conclusion = blames_the_first_failure(run)
    some = negate(every_question_passes(run))
    return [
        Claim([some], conclusion, instance, witness),
        Claim([negate(some)], conclusion, instance, witness),
    ]


def _used_by_valid_only(emitted: Emitted, chain: Sequence[Sending]) -> bool:
    used = [packets_counted(emitted.node, place + 1) == 1 for place in range(len(chain))]
    valid = [each.lifecycle is Lifecycle.VALID for each in chain]
    left = emitted.packet is not None
    return all(ok for ok, is_used in zip(valid, used, strict=True) if is_used) and (all(valid) or not left)


@theorem(
    name="only_valid_states_transform_what_is_sent_up_to_three_states",
    statement="The output loop transforms a packet by no state that is not VALID, and a packet leaves only "
    "if every state of its bundle is.",
    clauses=("XFRM-EMIT-001", "XFRM-LIFE-002"),
    mutants={
        "the_transformation_comes_before_validity": output_step_before(Step.TRANSFORM, Step.VALIDITY),
        "every_lifecycle_is_good_enough": with_loops(
            output_passes=lambda step, sending: (
                True if step is Step.VALIDITY else loops.output_passes(step, sending)
            )
        ),
    },
)
def _valid_only(scene: Scene) -> Sequence[Claim]:
    chain, instance, run = _chain(scene)
    valid = [is_valid(each.lifecycle) for each in chain]
    transformed = [implies(run.tried(Step.TRANSFORM, index), truth) for index, truth in enumerate(valid)]
    conclusion = all_of([*transformed, implies(run.survives, all_of(valid))])
    witness = _witness(chain, _used_by_valid_only)
    last_is_not = [valid[0], negate(valid[-1])]
    return [Claim(last_is_not, conclusion, instance, witness), Claim(valid, conclusion, instance, witness)]


def _counts_before_failure(emitted: Emitted, chain: Sequence[Sending]) -> bool:
    passed = True
    for place, each in enumerate(chain):
        passed = passed and each.failing is None
        numbered = emitted.node.of(place + 1).numbers.sent == 1
        if (packets_counted(emitted.node, place + 1) == 1, numbered) != (passed, passed):
            return False
    return True


@theorem(
    name="a_state_counts_a_packet_once_it_has_a_number_for_it_up_to_three_states",
    statement="A state counts a packet exactly if the states before it transformed it, it is VALID, has "
    "reached no limit and has a number left; whether its own transformation succeeds does not matter.",
    clauses=("XFRM-EMIT-001", "XFRM-LIFE-005", "XFRM-REPLAY-008"),
    mutants={
        "limits_are_asked_behind_the_count": output_step_before(Step.COUNT, Step.LIMITS),
        "numbers_are_given_behind_the_count": output_step_before(Step.COUNT, Step.NUMBER),
        "a_state_without_numbers_counts": with_loops(
            output_passes=lambda step, sending: (
                True if step is Step.NUMBER else loops.output_passes(step, sending)
            )
        ),
    },
)
def _counting(scene: Scene) -> Sequence[Claim]:
    chain, instance, run = _chain(scene)
    before: Truth = True
    told: list[Truth] = []
    for index, each in enumerate(chain):
        asked = (each.header_fits, is_valid(each.lifecycle), negate(each.limit_reached), each.has_number)
        ready = all_of((before, *asked))
        told.append(alike(run.done(Step.COUNT, index), ready))
        before = both(ready, each.transforms)
    witness = _witness(chain, _counts_before_failure)
    some_leave = [run.done(Step.TRANSFORM, 0)]
    return [Claim(some_leave, all_of(told), instance, witness)]


def _decreasing(told: Sequence[Number], rooms: Sequence[Number]) -> Truth:
    steps = [
        both(same(told[place], rooms[place] + told[place + 1]), at_most(told[place + 1], told[place]))
        for place in range(len(rooms) - 1)
    ]
    return all_of([*steps, same(told[-1], rooms[-1])])


@theorem(
    name="an_element_reserves_its_room_and_that_of_all_later_up_to_four_elements",
    statement="The last element of a bundle reserves the room of its own state, and each one before it its "
    "own room on top of what the next reserves, so what is reserved never grows along the chain.",
    clauses=("XFRM-BUNDLE-003",),
    mutants={
        "an_element_reserves_for_itself_alone": with_loops(reserved=lambda rooms, place: rooms[place]),
        "an_element_reserves_for_those_before": with_loops(
            reserved=lambda rooms, place: sum(rooms[1 : place + 1], rooms[0])
        ),
    },
)
def _reserving(scene: Scene) -> Sequence[Claim]:
    rooms = [integer(scene.context, f"room{index}") for index in range(_ELEMENTS)]
    told = [scene.rules.loops.reserved(rooms, index) for index in range(_ELEMENTS)]
    growing = [less(first, second) for first, second in pairwise(rooms)]
    instance = [*growing, less(0, rooms[0]), at_most(rooms[-1], _SMALL_ROOM)]

    def read(model: Model) -> Witness:
        sizes = [number(model, room) for room in rooms]
        return Witness({"rooms": sizes}, lambda profile: _reserves(sizes))

    return [Claim([at_most(0, room) for room in rooms], _decreasing(told, rooms), instance, read)]


def _reserves(sizes: Sequence[int]) -> bool:
    headers = reserved_room([Room(size, 1) for size in sizes])
    trailers = [room.trailer for room in headers]
    told = [room.header for room in headers]
    return _decreasing(told, sizes) is True and trailers == list(range(len(sizes), 0, -1))
