"""Theorems about numbers of 64 bits and the counters of senders."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec.xfrm.replay import Verdict, advance, infer_high, recheck
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    any_of,
    at_most,
    both,
    choose,
    either,
    integer,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.replay import (
    LARGEST,
    NUMBERS,
    Numbering,
    ReplayMode,
    ReplayRules,
    Ring,
    nothing_marked,
)
from xfrmspec_model.smt import Model
from xfrmspec_proofs.receiving import numbered, received, started
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.windows import (
    SMALL_SIZE,
    Mechanism,
    equal,
    history,
    possible,
    top_of,
    unknown_number,
    unknown_window,
    with_replay,
)
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.profile import Profile

_PERIOD = NUMBERS * NUMBERS


def _high_is_that_of_the_top(rules: ReplayRules) -> Callable[[Ring, Number], Number]:
    return lambda ring, _: ring.high


def _nearest_round(rules: ReplayRules) -> Callable[[Ring, Number], Number]:
    return lambda ring, low: choose(less(low, ring.top), ring.high + 1, ring.high)


@theorem(
    name="a_high_half_is_inferred_rightly_for_exactly_2_32_numbers",
    statement="The receiver of an extended number supposes the right high half exactly if the number is "
    "one of the 2^32 from the bottom of its window on, counted in 64 bits.",
    clauses=("XFRM-REPLAY-005",),
    mutants={
        "always_that_of_the_top": with_replay(inferred_high=_high_is_that_of_the_top),
        "a_smaller_low_half_is_a_new_round": with_replay(inferred_high=_nearest_round),
    },
)
def _inference(scene: Scene) -> Sequence[Claim]:
    top, numeral = (unknown_number(scene.context, name, ReplayMode.ESN) for name in ("top", "x"))
    size: Number = SMALL_SIZE if scene.small else integer(scene.context, "size")
    ring = Ring(size, top.low, 0, nothing_marked, top.high)
    ahead = numeral.whole - top.whole + size - 1
    in_reach = any_of(
        both(at_most(0, ahead + turns), less(ahead + turns, NUMBERS)) for turns in (-_PERIOD, 0, _PERIOD)
    )
    halves = (top.low, top.high, numeral.low, numeral.high)
    given = [both(at_most(0, half), less(half, NUMBERS)) for half in halves]
    given += [less(0, size), at_most(size, LARGEST)]
    right = same(scene.rules.replay.inferred_high(ring, numeral.low), numeral.high)

    def read(model: Model) -> Witness:
        start, number_ = top.read(model), numeral.read(model)

        def holds(_: Profile) -> bool:
            told = infer_high(started(ReplayMode.ESN, SMALL_SIZE, start), number_ % NUMBERS)
            reach = (number_ - start + SMALL_SIZE - 1) % _PERIOD < NUMBERS
            return (told == number_ // NUMBERS) is reach

        return Witness({"window": SMALL_SIZE, "top": start, "sent": number_}, holds)

    return [Claim(given, alike(right, in_reach), [less(top.high, numeral.high)], read)]


def _high_half_not_compared(rules: ReplayRules) -> Callable[[Ring, Number, Number, Profile], Truth]:
    return lambda ring, low, _, profile: rules.esn_admits(ring, low, profile)


@theorem(
    name="an_esn_window_moves_only_to_a_number_that_was_authenticated",
    statement="However the window moved between the two checks of a packet, accepting it leaves the top "
    "or makes it the very number of 64 bits that was authenticated.",
    clauses=("XFRM-REPLAY-005", "XFRM-REPLAY-006", "XFRM-REPLAY-007"),
    mutants={"the_high_half_is_not_compared": with_replay(esn_readmits=_high_half_not_compared)},
)
def _authentic_top(scene: Scene) -> Sequence[Claim]:
    mode = ReplayMode.ESN
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    past = history(scene, mechanism, 1)
    numeral = unknown_number(scene.context, "x", mode)
    window, exists = unknown_window(scene, mode)
    if scene.small:
        window, exists = past.window, list(past.given)
    after, before = top_of(mechanism.advanced(window, numeral)), top_of(window)
    honest = either(equal(after, before), equal(after, numeral))

    def read(model: Model) -> Witness:
        start, (moved,) = past.read(model)
        late = numeral.read(model)

        def holds(profile: Profile) -> bool:
            _, state = received(started(mode, SMALL_SIZE, start), [moved], profile)
            if recheck(state, late % NUMBERS, late // NUMBERS, profile) is Verdict.ACCEPT:
                state = advance(state, late % NUMBERS, profile)
            return state.top_hi * NUMBERS + state.top in (max(start, moved), late)

        facts = {"window": SMALL_SIZE, "top_at_first": start, "received_between": moved, "sent": late}
        return Witness(facts, holds)

    given = [*exists, possible(numeral), mechanism.admits(window, numeral)]
    return [Claim(given, honest, [less(before.low, NUMBERS), less(before.whole, numeral.whole)], read)]


def _begins_again(rules: ReplayRules) -> Callable[[Number, Truth], Numbering]:
    return lambda counter, _: rules.next_number(counter, True)


def _extended_begins_again(rules: ReplayRules) -> Callable[[Number, Truth], Numbering]:
    def following(counter: Number, may_wrap: Truth) -> Numbering:
        told = rules.next_extended_number(counter, may_wrap)
        return Numbering(told.number, False, told.number)

    return following


@theorem(
    name="a_sender_never_repeats_a_number",
    statement="However many packets a state numbers, each gets a larger number than all before it, and the "
    "one behind the largest is refused and changes nothing, unless a counter of 32 bits may begin again.",
    clauses=("XFRM-REPLAY-008",),
    mutants={
        "a_counter_begins_again": with_replay(next_number=_begins_again),
        "an_extended_counter_begins_again": with_replay(next_extended_number=_extended_begins_again),
    },
)
def _never_repeats(scene: Scene) -> Sequence[Claim]:
    return [_numbers_grow(scene, extended=extended) for extended in (False, True)]


def _numbers_grow(scene: Scene, *, extended: bool) -> Claim:
    rules = scene.rules.replay
    counter, earlier = (integer(scene.context, name) for name in ("counter", "earlier"))
    may_wrap = unknown_truth(scene.context, "may_wrap")
    end = (_PERIOD if extended else NUMBERS) - 1
    told = (rules.next_extended_number if extended else rules.next_number)(counter, may_wrap)
    grows = all_of((less(earlier, told.number), at_most(told.number, end), same(told.counter, told.number)))
    stays = both(same(counter, end), same(told.counter, counter))
    given = [at_most(0, counter), at_most(counter, end), at_most(earlier, counter)]
    if not extended:
        given.append(negate(may_wrap))

    def read(model: Model) -> Witness:
        before = number(model, counter)

        def holds(_: Profile) -> bool:
            wraps = extended and truth(model, may_wrap)
            sent, after = numbered(before, may_wrap=wraps, extended=extended)
            return (after == before == end) if sent is None else sent == after == before + 1

        return Witness({"counter": before, "largest": end}, holds)

    return Claim(given, either(both(told.refused, stays), both(negate(told.refused), grows)), [], read)
