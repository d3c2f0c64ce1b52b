"""Theorems about replay windows of every size and every sequence of packets, by induction on the packets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec_model.folding import (
    Number,
    Truth,
    any_of,
    both,
    choose_truth,
    either,
    implies,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.replay import ReplayMode, ReplayRules, Ring, Window, nothing_marked
from xfrmspec_model.smt import Model
from xfrmspec_proofs.receiving import receives
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, everywhere, theorem
from xfrmspec_proofs.windows import (
    AnyWindow,
    Halves,
    History,
    Mechanism,
    equal,
    equals_one,
    history,
    possible,
    top_of,
    unknown_number,
    unknown_window,
    with_replay,
    within,
)
from xfrmspec_terms.profile import Profile

_HISTORY = 2
_SLIP = everywhere("replay_ring_by_low_half")
_SLIP_CLAUSES = ("XFRM-REPLAY-003", "XFRM-REPLAY-004")

Invariant = Callable[[Mechanism, AnyWindow, Halves, Truth], Truth]
"""What a window keeps for one number, given whether that number was accepted."""


def _remembered(mechanism: Mechanism, window: AnyWindow, numeral: Halves, accepted: Truth) -> Truth:
    """An accepted number is not above the top, and marked while it lies in the window."""
    below = negate(less(top_of(window).whole, numeral.whole))
    marked = implies(within(window, numeral), mechanism.bit(window, numeral))
    return implies(accepted, both(below, marked))


def _unmarked(mechanism: Mechanism, window: AnyWindow, numeral: Halves, accepted: Truth) -> Truth:
    """A number in the window that was not accepted is not marked."""
    unseen = both(negate(accepted), within(window, numeral))
    return implies(unseen, negate(mechanism.bit(window, numeral)))


def _witness(mode: ReplayMode, past: History, last: Halves, *, accepts: bool) -> Callable[[Model], Witness]:
    """Receive the numbers of a history and one more, and see what becomes of the last."""

    def read(model: Model) -> Witness:
        start, numbers = past.read(model)
        received = [*numbers, last.read(model)]
        size = past.window.size
        assert isinstance(size, int)

        def holds(profile: Profile) -> bool:
            told = receives(mode, size, start, received, profile)
            return all(told[:-1]) and told[-1] is accepts

        facts = {"window": size, "top_at_first": start, "received": received}
        return Witness(facts, holds)

    return read


def _step(
    scene: Scene, mechanism: Mechanism, keeps: Invariant, *, again: bool, size: int | None = None
) -> Claim:
    """State that an invariant for any number survives the acceptance of any number."""
    mode = mechanism.mode
    numeral, added = (unknown_number(scene.context, name, mode) for name in ("x", "n0"))
    given = [possible(numeral), less(0, numeral.whole), possible(added)]
    past = history(scene, mechanism, 1, size)
    if scene.small:
        window: AnyWindow = mechanism.new(past.window.size, past.start)
        accepted: Truth = False
        given += [*past.given, equal(numeral, added) if again else negate(equal(numeral, added))]
    else:
        window, exists = unknown_window(scene, mode, size)
        accepted = unknown_truth(scene.context, "accepted")
        given += [*exists, keeps(mechanism, window, numeral, accepted), mechanism.admits(window, added)]
    after = mechanism.advanced(window, added)
    if scene.small and not again:
        given.append(within(after, numeral))
    kept = keeps(mechanism, after, numeral, either(accepted, equal(numeral, added)))
    return Claim(given, kept, [], _witness(mode, past, numeral, accepts=not again))


def _judged(
    scene: Scene, mechanism: Mechanism, keeps: Invariant, *, again: bool, size: int | None = None
) -> Claim:
    """State that the invariant decides: a number accepted before is refused, one not seen is accepted."""
    mode = mechanism.mode
    numeral = unknown_number(scene.context, "x", mode)
    past = history(scene, mechanism, _HISTORY, size)
    given = [possible(numeral), less(0, numeral.whole)]
    if scene.small:
        window = past.window
        seen = any_of(equals_one(numeral, past.numbers))
        given += [*past.given, seen if again else negate(seen)]
    else:
        window, exists = unknown_window(scene, mode, size)
        given += [*exists, keeps(mechanism, window, numeral, again)]
    if not again:
        given.append(within(window, numeral))
    admitted = mechanism.admits(window, numeral)
    verdict = negate(admitted) if again else admitted
    return Claim(given, verdict, [], _witness(mode, past, numeral, accepts=not again))


def _never_again(scene: Scene, mode: ReplayMode) -> Sequence[Claim]:
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    return [
        _judged(scene, mechanism, _remembered, again=True),
        _step(scene, mechanism, _remembered, again=True),
    ]


def never_twice_of_size(scene: Scene, size: int) -> Sequence[Claim]:
    """State that a bitmap window of one size accepts no number twice."""
    mechanism = Mechanism(ReplayMode.BITMAP, scene.rules, scene.profile)
    return [
        _judged(scene, mechanism, _remembered, again=True, size=size),
        _step(scene, mechanism, _remembered, again=True, size=size),
    ]


def _unseen(scene: Scene, mode: ReplayMode) -> Sequence[Claim]:
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    return [
        _judged(scene, mechanism, _unmarked, again=False),
        _step(scene, mechanism, _unmarked, again=False),
    ]


def _bits_stay(rules: ReplayRules) -> Callable[[Window, Number], Window]:
    def advanced(window: Window, number: Number) -> Window:
        moved, below = rules.legacy_advanced(window, number), less(number, window.top)
        return replace(moved, marked=lambda k: choose_truth(below, moved.marked(k), window.marked(k)))

    return advanced


def _top_stays(rules: ReplayRules) -> Callable[[Window, Number], Window]:
    return lambda window, number: replace(rules.legacy_advanced(window, number), top=window.top)


def _legacy_size(change: int) -> Mutation:
    def make(rules: ReplayRules) -> Callable[[Window, Number], Truth]:
        return lambda window, number: rules.legacy_admits(replace(window, size=window.size + change), number)

    return with_replay(legacy_admits=make)


def _ring_size(change: int) -> Mutation:
    def make(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Truth]:
        return lambda ring, *of: rules.ring_admits(replace(ring, size=ring.size + change), *of)

    return with_replay(ring_admits=make)


def _bits_are_kept(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Ring]:
    def advanced(ring: Ring, number: Number, profile: Profile) -> Ring:
        moved = rules.ring_advanced(ring, number, profile)
        return replace(moved, marked=lambda place: either(moved.marked(place), ring.marked(place)))

    return advanced


def _all_bits_are_cleared(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Ring]:
    def advanced(ring: Ring, number: Number, profile: Profile) -> Ring:
        return rules.ring_advanced(replace(ring, marked=nothing_marked), number, profile)

    return advanced


def _esn_bits_are_kept(rules: ReplayRules) -> Callable[[Ring, Number, Profile], Ring]:
    def advanced(ring: Ring, low: Number, profile: Profile) -> Ring:
        moved = rules.esn_advanced(ring, low, profile)
        return replace(moved, marked=lambda place: either(moved.marked(place), ring.marked(place)))

    return advanced


def _by_low_half(rules: ReplayRules) -> Callable[[Ring, Number, Number, Profile], Truth]:
    def readmits(ring: Ring, low: Number, high: Number, profile: Profile) -> Truth:
        return both(same(rules.inferred_high(ring, low), high), rules.ring_admits(ring, low, profile))

    return readmits


def _any_high_half(rules: ReplayRules) -> Callable[[Ring, Number, Number, Profile], Truth]:
    return lambda ring, low, _, profile: rules.esn_admits(ring, low, profile)


_BITS_STAY = with_replay(legacy_advanced=_bits_stay)
_BITS_ARE_KEPT = with_replay(ring_advanced=_bits_are_kept)
_BITS_ARE_CLEARED = with_replay(ring_advanced=_all_bits_are_cleared)
_BY_LOW_HALF = with_replay(esn_readmits=_by_low_half)


@theorem(
    name="a_legacy_window_accepts_no_number_twice",
    statement="Whatever numbers arrive, in whatever order and however many, a legacy window of any size but "
    "0 accepts none of them a second time.",
    clauses=("XFRM-REPLAY-002", "XFRM-REPLAY-003"),
    mutants={
        "bits_do_not_move_with_the_top": _BITS_STAY,
        "the_top_stays": with_replay(legacy_advanced=_top_stays),
        "the_window_is_read_one_number_too_far": _legacy_size(1),
    },
)
def _legacy_never_again(scene: Scene) -> Sequence[Claim]:
    return _never_again(scene, ReplayMode.LEGACY)


@theorem(
    name="a_legacy_window_accepts_every_number_in_it_that_it_has_not_seen",
    statement="A number from 1 that lies in a legacy window of any size and was not accepted before is "
    "accepted.",
    clauses=("XFRM-REPLAY-002", "XFRM-REPLAY-003"),
    mutants={
        "the_last_place_is_not_used": _legacy_size(-1),
        "bits_do_not_move_with_the_top": _BITS_STAY,
    },
)
def _legacy_unseen(scene: Scene) -> Sequence[Claim]:
    return _unseen(scene, ReplayMode.LEGACY)


@theorem(
    name="a_bitmap_window_accepts_no_number_twice",
    statement="Whatever numbers arrive, in whatever order and however many, a bitmap window of any size "
    "up to 4096 accepts none of them a second time.",
    clauses=_SLIP_CLAUSES,
    mutants={
        "all_bits_are_cleared": _BITS_ARE_CLEARED,
        "the_window_is_read_one_number_too_far": _ring_size(1),
    },
    refuted_by=_SLIP,
)
def _bitmap_never_again(scene: Scene) -> Sequence[Claim]:
    return _never_again(scene, ReplayMode.BITMAP)


@theorem(
    name="a_bitmap_window_accepts_every_number_in_it_that_it_has_not_seen",
    statement="A number from 1 that lies in a bitmap window of any size up to 4096 and was not accepted "
    "before is accepted.",
    clauses=_SLIP_CLAUSES,
    mutants={
        "bits_passed_over_are_kept": _BITS_ARE_KEPT,
        "the_last_place_is_not_used": _ring_size(-1),
    },
    refuted_by=_SLIP,
)
def _bitmap_unseen(scene: Scene) -> Sequence[Claim]:
    return _unseen(scene, ReplayMode.BITMAP)


@theorem(
    name="an_esn_window_accepts_no_number_twice",
    statement="Whatever authentic numbers of 64 bits arrive, none of the last 2^32 among them, an ESN window "
    "of any size up to 4096 accepts none of them a second time.",
    clauses=("XFRM-REPLAY-005", "XFRM-REPLAY-006", "XFRM-REPLAY-007"),
    mutants={
        "only_low_halves_are_compared": _BY_LOW_HALF,
        "any_high_half_will_do": with_replay(esn_readmits=_any_high_half),
    },
    refuted_by=_SLIP,
)
def _esn_never_again(scene: Scene) -> Sequence[Claim]:
    return _never_again(scene, ReplayMode.ESN)


@theorem(
    name="an_esn_window_accepts_every_number_in_it_that_it_has_not_seen",
    statement="A number from 1 that lies in an ESN window of any size up to 4096 and was not accepted before "
    "is accepted.",
    clauses=("XFRM-REPLAY-005", "XFRM-REPLAY-006"),
    mutants={
        "only_low_halves_are_compared": _BY_LOW_HALF,
        "bits_passed_over_are_kept": with_replay(esn_advanced=_esn_bits_are_kept),
    },
    refuted_by=_SLIP,
)
def _esn_unseen(scene: Scene) -> Sequence[Claim]:
    return _unseen(scene, ReplayMode.ESN)
