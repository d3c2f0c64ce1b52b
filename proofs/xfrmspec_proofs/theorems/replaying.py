"""Theorems about replay windows of every size and every sequence of packets, by induction on the packets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec_model.folding import Number, Truth, any_of, both, either, implies, less, negate, unknown_truth
from xfrmspec_model.replay import ReplayMode, Ring, Window
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.replay import receives
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
    within,
)
from xfrmspec_terms.profile import Profile

_HISTORY = 3
_SLIP = everywhere("replay_ring_slips")
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


def _witness(
    mode: ReplayMode, past: History, last: Halves, *, accepts: bool
) -> Callable[[Model], Witness]:
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


def _step(scene: Scene, mechanism: Mechanism, keeps: Invariant, *, again: bool) -> Claim:
    """State that an invariant for any number survives the acceptance of any number."""
    mode = mechanism.mode
    numeral, added = (unknown_number(scene.context, name, mode) for name in ("x", "n0"))
    given = [possible(numeral), less(0, numeral.whole), possible(added)]
    past = history(scene, mechanism, 1)
    if scene.small:
        window: AnyWindow = mechanism.new(past.window.size, past.start)
        accepted: Truth = False
        given += [*past.given, alike_again(numeral, added, again=again)]
    else:
        window, exists = unknown_window(scene.context, mode)
        accepted = unknown_truth(scene.context, "accepted")
        given += [*exists, keeps(mechanism, window, numeral, accepted), mechanism.admits(window, added)]
    after = mechanism.advanced(window, added)
    if scene.small and not again:
        given.append(within(after, numeral))
    kept = keeps(mechanism, after, numeral, either(accepted, equal(numeral, added)))
    return Claim(given, kept, [], _witness(mode, past, numeral, accepts=not again))


def alike_again(numeral: Halves, added: Halves, *, again: bool) -> Truth:
    """Tell whether a number is the one added, or is not."""
    return equal(numeral, added) if again else negate(equal(numeral, added))


def _judged(scene: Scene, mechanism: Mechanism, keeps: Invariant, *, again: bool) -> Claim:
    """State that the invariant decides: a number accepted before is refused, one not seen is accepted."""
    mode = mechanism.mode
    numeral = unknown_number(scene.context, "x", mode)
    past = history(scene, mechanism, _HISTORY)
    given = [possible(numeral), less(0, numeral.whole)]
    if scene.small:
        window = past.window
        seen = any_of(equals_one(numeral, past.numbers))
        given += [*past.given, seen if again else negate(seen)]
    else:
        window, exists = unknown_window(scene.context, mode)
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


def _unseen(scene: Scene, mode: ReplayMode) -> Sequence[Claim]:
    mechanism = Mechanism(mode, scene.rules, scene.profile)
    return [
        _judged(scene, mechanism, _unmarked, again=False),
        _step(scene, mechanism, _unmarked, again=False),
    ]
