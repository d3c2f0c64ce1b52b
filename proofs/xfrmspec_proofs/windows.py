"""Replay windows as theorems state them: any window whatever, or one with a short history.

A proof by induction speaks of one number and one step from any window that satisfies an invariant for that
number; what the window remembers of other numbers stays open, so neither its size nor its history is
bounded. A small scene builds the window from a new one instead, by numbers that the reference receives too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    at_most,
    both,
    integer,
    less,
    same,
    unknown_predicate,
)
from xfrmspec_model.replay import (
    LARGEST,
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
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs.theorem import Mutation, Scene
from xfrmspec_proofs.witness import number
from xfrmspec_terms.profile import Profile

SMALL_SIZE = 3
"""The size of the windows of instances; it does not divide 2^32."""

_LARGEST = {ReplayMode.LEGACY: LEGACY_LARGEST, ReplayMode.BITMAP: LARGEST, ReplayMode.ESN: LARGEST}

AnyWindow = Window | Ring


@dataclass(frozen=True, slots=True)
class Halves:
    """A sequence number in halves of 32 bits; without ESN `high` is 0."""

    low: Number
    high: Number = 0

    @property
    def whole(self) -> Number:
        """Return the number itself."""
        return self.high * NUMBERS + self.low

    def read(self, model: Model) -> int:
        """Return the number that a model assigns."""
        return number(model, self.high) * NUMBERS + number(model, self.low)


def unknown_number(context: Context, name: str, mode: ReplayMode) -> Halves:
    """Declare a sequence number; `possible` says which ones there are."""
    high: Number = integer(context, f"{name}.high") if mode is ReplayMode.ESN else 0
    return Halves(integer(context, f"{name}.low"), high)


def possible(numeral: Halves) -> Truth:
    """Assume a number of 32 bits, or one of 64 bits that is not among the last 2^32."""
    halves = (numeral.low, numeral.high)
    ranges = [both(at_most(0, half), less(half, NUMBERS)) for half in halves]
    return all_of((*ranges, less(numeral.high, NUMBERS - 1)))


def equal(one: Halves, other: Halves) -> Truth:
    """Tell whether two numbers are the same."""
    return both(same(one.low, other.low), same(one.high, other.high))


@dataclass(frozen=True, slots=True)
class Mechanism:
    """The window of one mode under the rules and the profile of a scene."""

    mode: ReplayMode
    rules: Rules
    profile: Profile

    def admits(self, window: AnyWindow, numeral: Halves) -> Truth:
        """Tell whether an authentic number is accepted; with ESN its high half was supposed before."""
        rules = self.rules.replay
        if isinstance(window, Window):
            return rules.legacy_admits(window, numeral.low)
        if self.mode is ReplayMode.BITMAP:
            return rules.ring_admits(window, numeral.low, self.profile)
        return rules.esn_readmits(window, numeral.low, numeral.high, self.profile)

    def advanced(self, window: AnyWindow, numeral: Halves) -> AnyWindow:
        """Return the window after it accepted a number."""
        rules = self.rules.replay
        if isinstance(window, Window):
            return rules.legacy_advanced(window, numeral.low)
        if self.mode is ReplayMode.BITMAP:
            return rules.ring_advanced(window, numeral.low, self.profile)
        return rules.esn_advanced(window, numeral.low, self.profile)

    def bit(self, window: AnyWindow, numeral: Halves) -> Truth:
        """Tell whether the bit of a number within the window is set."""
        distance = top_of(window).whole - numeral.whole
        if isinstance(window, Window):
            return window.marked(distance)
        return window.marked(turned_back(place_of_top(window, self.profile), distance, window.size))

    def new(self, size: Number, top: Halves) -> AnyWindow:
        """Return a window that has seen nothing, with the top that its state was made with."""
        if self.mode is ReplayMode.LEGACY:
            return Window(size, top.low, nothing_marked)
        place = 0 if same(size, 0) is True else (top.low + NUMBERS * size - 1) % size
        return Ring(size, top.low, place, nothing_marked, top.high)


def top_of(window: AnyWindow) -> Halves:
    """Return the largest number accepted so far."""
    return Halves(window.top, window.high if isinstance(window, Ring) else 0)


def within(window: AnyWindow, numeral: Halves) -> Truth:
    """Tell whether a number lies in the window, at the top or below it."""
    top = top_of(window).whole
    return both(at_most(numeral.whole, top), less(top - numeral.whole, window.size))


def unknown_window(
    scene: Scene, mode: ReplayMode, wanted: int | None = None
) -> tuple[AnyWindow, list[Truth]]:
    """Declare a window of any content and any size, or a wanted one, with the hypotheses that it can exist.

    Where a ring slips, its places are remainders by the size, which the solver cannot reason about unless
    the size is known; there one size is taken, and it is enough to refute.
    """
    context = scene.context
    slips = mode is not ReplayMode.LEGACY and scene.profile.replay_ring_by_low_half
    size: Number = integer(context, "size") if wanted is None else wanted
    if slips and wanted is None:
        size = SMALL_SIZE
    top = unknown_number(context, "top", mode)
    marked = unknown_predicate(context, "marked")
    sized = [less(0, size), at_most(size, _LARGEST[mode]), possible(top)]
    if mode is ReplayMode.LEGACY:
        return Window(size, top.low, marked), sized
    place = integer(context, "place")
    on_the_ring = both(at_most(0, place), less(place, size))
    return Ring(size, top.low, place, marked, top.high), [*sized, on_the_ring]


@dataclass(frozen=True, slots=True)
class History:
    """A window of an instance: its first top, the numbers it accepted since, and what makes it possible."""

    start: Halves
    numbers: tuple[Halves, ...]
    window: AnyWindow
    given: tuple[Truth, ...]

    def read(self, model: Model) -> tuple[int, list[int]]:
        """Return the first top and the numbers that a model assigns."""
        return self.start.read(model), [numeral.read(model) for numeral in self.numbers]


def history(scene: Scene, mechanism: Mechanism, count: int, size: int | None = None) -> History:
    """Declare a new window and let it accept a number of unknown numbers."""
    mode = mechanism.mode
    start = unknown_number(scene.context, "start", mode)
    window = mechanism.new(SMALL_SIZE if size is None else size, start)
    numbers = tuple(unknown_number(scene.context, f"n{index}", mode) for index in range(count))
    given = [possible(start), *(possible(numeral) for numeral in numbers)]
    for numeral in numbers:
        given.append(mechanism.admits(window, numeral))
        window = mechanism.advanced(window, numeral)
    return History(start, numbers, window, tuple(given))


def equals_one(numeral: Halves, others: Sequence[Halves]) -> list[Truth]:
    """Return for each other number whether it is the same."""
    return [equal(numeral, other) for other in others]


def with_replay(**changes: Callable[[ReplayRules], object]) -> Mutation:
    """Return the mutation that makes rules of `replay` anew out of those there are."""

    def mutate(rules: Rules) -> Rules:
        made = {name: make(rules.replay) for name, make in changes.items()}
        return replace(rules, replay=replace(rules.replay, **made))  # type: ignore[arg-type]

    return mutate
