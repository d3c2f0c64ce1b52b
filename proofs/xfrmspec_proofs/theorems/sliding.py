"""Theorems about how windows move and what they have in common, for every size and sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    at_most,
    both,
    choose,
    choose_truth,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_predicate,
)
from xfrmspec_model.replay import (
    LEGACY_LARGEST,
    NUMBERS,
    ReplayMode,
    ReplayRules,
    Ring,
    Window,
    nothing_marked,
    place_of_top,
    turned_back,
)
from xfrmspec_model.smt import Model
from xfrmspec_proofs.receiving import received, receives, started
from xfrmspec_proofs.theorem import Claim, Scene, Witness, everywhere, theorem
from xfrmspec_proofs.theorems.replaying import never_twice_of_size
from xfrmspec_proofs.windows import (
    SMALL_SIZE,
    Halves,
    Mechanism,
    history,
    possible,
    top_of,
    unknown_number,
    unknown_window,
    with_replay,
)
from xfrmspec_terms.profile import Profile

_POWERS = tuple(1 << exponent for exponent in range(13))


def _new_top_is_what_came(rules: ReplayRules) -> Callable[[Window, Number], Window]:
    return lambda window, numeral: replace(rules.legacy_advanced(window, numeral), top=numeral)


def _new_ring_top_is_what_came(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Ring]:
    return lambda ring, numeral, profile: replace(rules.ring_advanced(ring, numeral, profile), top=numeral)


def _high_half_stays(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Ring]:
    return lambda ring, low, profile: replace(rules.esn_advanced(ring, low, profile), high=ring.high)


@theorem(
    name="a_window_never_moves_back",
    statement="Accepting a number moves the top of a window of any kind and size to the larger of the two, "
    "and so never back.",
    clauses=("XFRM-REPLAY-003", "XFRM-REPLAY-004", "XFRM-REPLAY-006"),
    mutants={
        "a_legacy_top_is_what_came_last": with_replay(legacy_advanced=_new_top_is_what_came),
        "a_bitmap_top_is_what_came_last": with_replay(ring_advanced=_new_ring_top_is_what_came),
        "the_high_half_stays": with_replay(esn_advanced=_high_half_stays),
    },
)
def _never_back(scene: Scene) -> Sequence[Claim]:
    return [_moves_forward(scene, mode) for mode in ReplayMode]


def _moves_forward(scene: Scene, mode: ReplayMode) -> Claim:
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    past = history(scene, mechanism, 2)
    added = unknown_number(scene.context, "added", mode)
    window, exists = unknown_window(scene, mode)
    if scene.small:
        window, exists = past.window, list(past.given)
    after = top_of(mechanism.advanced(window, added)).whole
    before = top_of(window).whole
    larger = choose(less(before, added.whole), added.whole, before)

    def read(model: Model) -> Witness:
        start, numbers = past.read(model)
        arrived = [*numbers, added.read(model)]

        def holds(profile: Profile) -> bool:
            _, state = received(started(mode, SMALL_SIZE, start), arrived, profile)
            return state.top_hi * NUMBERS + state.top == max(start, *arrived)

        return Witness({"window": SMALL_SIZE, "top_at_first": start, "received": arrived}, holds)

    given = [*exists, possible(added), mechanism.admits(window, added)]
    return Claim(given, same(after, larger), [], read)


def _one_bit_below_the_top(rules: ReplayRules) -> Callable[[Window, Number], Window]:
    def advanced(window: Window, numeral: Number) -> Window:
        empty = replace(window, marked=nothing_marked)
        moved, alone = (rules.legacy_advanced(start, numeral) for start in (window, empty))
        below = less(numeral, window.top)
        return replace(moved, marked=lambda k: choose_truth(below, alone.marked(k), moved.marked(k)))

    return advanced


@theorem(
    name="what_a_legacy_window_refuses_it_refuses_for_ever",
    statement="A number that a legacy window of any size but 0 refuses now is refused after any other number "
    "was accepted, too.",
    clauses=("XFRM-REPLAY-002", "XFRM-REPLAY-003"),
    mutants={
        "a_late_number_wipes_the_bits": with_replay(legacy_advanced=_one_bit_below_the_top),
        "the_top_is_what_came_last": with_replay(legacy_advanced=_new_top_is_what_came),
    },
)
def _refused_for_ever(scene: Scene) -> Sequence[Claim]:
    mode = ReplayMode.LEGACY
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    past = history(scene, mechanism, 2)
    refused, added = (unknown_number(scene.context, name, mode) for name in ("refused", "added"))
    window, exists = unknown_window(scene, mode)
    if scene.small:
        window, exists = past.window, list(past.given)
    given = [
        *exists,
        possible(refused),
        possible(added),
        negate(mechanism.admits(window, refused)),
        mechanism.admits(window, added),
    ]

    def read(model: Model) -> Witness:
        start, numbers = past.read(model)
        arrived = [*numbers, refused.read(model), added.read(model), refused.read(model)]

        def holds(profile: Profile) -> bool:
            return receives(mode, SMALL_SIZE, start, arrived, profile)[2:] == [False, True, False]

        return Witness({"window": SMALL_SIZE, "top_at_first": start, "received": arrived}, holds)

    later = mechanism.admits(mechanism.advanced(window, added), refused)
    return [Claim(given, negate(later), [less(0, refused.whole)], read)]


def _zero_is_refused(rules: ReplayRules) -> Callable[[Window, Number], Truth]:
    return lambda window, numeral: both(negate(same(numeral, 0)), rules.legacy_admits(window, numeral))


def _empty_ring_moves(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Ring]:
    return lambda ring, numeral, profile: replace(rules.ring_advanced(ring, numeral, profile), top=numeral)


@theorem(
    name="a_window_of_no_numbers_accepts_everything_and_remembers_nothing",
    statement="A legacy or bitmap window of size 0 accepts every number, 0 too, and its top stays.",
    clauses=("XFRM-REPLAY-002", "XFRM-REPLAY-003", "XFRM-REPLAY-004"),
    mutants={
        "number_0_is_refused": with_replay(legacy_admits=_zero_is_refused),
        "the_top_moves": with_replay(ring_advanced=_empty_ring_moves),
    },
)
def _empty_windows(scene: Scene) -> Sequence[Claim]:
    return [_accepts_all(scene, mode) for mode in (ReplayMode.LEGACY, ReplayMode.BITMAP)]


def _accepts_all(scene: Scene, mode: ReplayMode) -> Claim:
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    top, added = (unknown_number(scene.context, name, mode) for name in ("top", "added"))
    size, marked = integer(scene.context, "size"), unknown_predicate(scene.context, "marked")
    window = Window(size, top.low, marked) if mode is ReplayMode.LEGACY else Ring(size, top.low, 0, marked)
    stays = same(top_of(mechanism.advanced(window, added)).low, top.low)

    def read(model: Model) -> Witness:
        start, numeral = top.read(model), added.read(model)

        def holds(profile: Profile) -> bool:
            told, state = received(started(mode, 0, start), [numeral, numeral], profile)
            return told == [True, True] and state.top == start

        return Witness({"window": 0, "top_at_first": start, "received": [numeral] * 2}, holds)

    given = [same(size, 0), possible(top), possible(added)]
    return Claim(given, both(mechanism.admits(window, added), stays), [], read)


def _corresponding(window: Window, ring: Ring, distance: Number, profile: Profile) -> Truth:
    inside = both(at_most(0, distance), less(distance, window.size))
    place = turned_back(place_of_top(ring, profile), distance, ring.size)
    return implies(inside, alike(window.marked(distance), ring.marked(place)))


def _two_histories(scene: Scene, count: int) -> tuple[Window, Ring, list[Truth], tuple[Halves, ...], Halves]:
    """Let a legacy and a bitmap window of one size receive the same numbers."""
    legacy, bitmap = (
        Mechanism(mode, scene.rules, scene.profile) for mode in (ReplayMode.LEGACY, ReplayMode.BITMAP)
    )
    past = history(scene, legacy, count)
    ring = bitmap.new(SMALL_SIZE, past.start)
    for numeral in past.numbers:
        ring = bitmap.advanced(ring, numeral)
    assert isinstance(past.window, Window) and isinstance(ring, Ring)
    return past.window, ring, list(past.given), past.numbers, past.start


@theorem(
    name="a_bitmap_window_decides_like_a_legacy_one_of_the_same_size",
    statement="As long as a legacy and a bitmap window of one size up to 32 have received the same numbers, "
    "they accept the same ones.",
    clauses=("XFRM-REPLAY-002", "XFRM-REPLAY-003", "XFRM-REPLAY-004"),
    mutants={"the_bitmap_top_is_what_came_last": with_replay(ring_advanced=_new_ring_top_is_what_came)},
    refuted_by=everywhere("replay_ring_by_low_half"),
)
def _same_decisions(scene: Scene) -> Sequence[Claim]:
    rules, profile = scene.rules.replay, scene.profile
    start = unknown_number(scene.context, "start", ReplayMode.BITMAP)
    numeral = unknown_number(scene.context, "x", ReplayMode.BITMAP)
    numbers: tuple[Halves, ...] = ()
    if scene.small:
        window, ring, exists, numbers, start = _two_histories(scene, 2)
    else:
        free, exists = unknown_window(scene, ReplayMode.BITMAP)
        assert isinstance(free, Ring)
        ring = free
        window = Window(ring.size, ring.top, unknown_predicate(scene.context, "legacy"))
    distance = integer(scene.context, "distance")
    given = [*exists, possible(numeral), at_most(ring.size, LEGACY_LARGEST)]
    looked_at = [distance, distance - (numeral.low - ring.top), ring.top - numeral.low]
    if not scene.small:
        given += [_corresponding(window, ring, place, profile) for place in looked_at]
    same_verdict = alike(
        rules.legacy_admits(window, numeral.low), rules.ring_admits(ring, numeral.low, profile)
    )
    later = rules.legacy_advanced(window, numeral.low), rules.ring_advanced(ring, numeral.low, profile)
    kept = all_of((same(later[0].top, later[1].top), _corresponding(*later, distance, profile)))

    def read(model: Model) -> Witness:
        first, arrived = start.read(model), [n.read(model) for n in (*numbers, numeral)]

        def holds(profile: Profile) -> bool:
            told = (receives(mode, SMALL_SIZE, first, arrived, profile) for mode in _UNEXTENDED)
            return next(told) == next(told)

        return Witness({"window": SMALL_SIZE, "top_at_first": first, "received": arrived}, holds)

    judged = Claim(given, same_verdict, [less(0, numeral.low)], read)
    step = Claim([*given, rules.legacy_admits(window, numeral.low)], kept, [], read)
    return [judged, judged if scene.small else step]


_UNEXTENDED = (ReplayMode.LEGACY, ReplayMode.BITMAP)


@theorem(
    name="a_window_that_is_a_power_of_two_up_to_4096_accepts_no_number_twice",
    statement="A bitmap window whose size is a power of two up to 4096 accepts no number a second time, "
    "whatever numbers arrive, also where its places are worked out from the low half.",
    clauses=("XFRM-REPLAY-004",),
    mutants={"the_top_is_what_came_last": with_replay(ring_advanced=_new_ring_top_is_what_came)},
)
def _powers_of_two(scene: Scene) -> Sequence[Claim]:
    return [claim for size in _POWERS for claim in never_twice_of_size(scene, size)]
