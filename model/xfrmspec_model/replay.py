"""Replay windows as terms: which numbers are accepted, what is remembered, and which number is sent next.

Sequence numbers, sizes and places are mathematical integers, so that one theorem speaks of every size. What
a window remembers is a predicate: theorems leave it open, and plain values give it as a set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    at_most,
    both,
    choose,
    choose_truth,
    either,
    less,
    negate,
    same,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

NUMBERS = 1 << 32
"""How many values the sequence number of a header has."""

LEGACY_LARGEST = 32
LARGEST = 4096

Marked = Callable[[Number], Truth]
"""Whether the bit at a distance from the top, or at a place of a ring, is set."""


class ReplayMode(IntEnum):
    """How a state remembers the numbers that it accepted."""

    LEGACY = 0
    BITMAP = 1
    ESN = 2


@dataclass(frozen=True, slots=True)
class Window:
    """A legacy window: its size (0..32), the largest number accepted (0: none), and the bits below it.

    `marked(k)` tells whether the bit of the number k below the top is set.
    """

    size: Number
    top: Number
    marked: Marked


@dataclass(frozen=True, slots=True)
class Ring:
    """A bitmap window: bits at places 0..size-1, and the largest number accepted as two halves of 32 bits.

    `place` is where the bit of the top stands; that of the number before stands one place behind it, in a
    circle. `high` is 0 for good without ESN.
    """

    size: Number
    top: Number
    place: Number
    marked: Marked
    high: Number = 0


def nothing_marked(_: Number) -> Truth:
    """Return False: a new window has seen no number."""
    return False


@clause("XFRM-REPLAY-001")
def replay_mode(has_bitmap: Truth, esn: Truth) -> Number:
    """Return the `ReplayMode` of a state with or without a bitmap attribute. Source: XFRM-REPLAY-001."""
    with_bitmap = choose(esn, ReplayMode.ESN, ReplayMode.BITMAP, 2)
    return choose(has_bitmap, with_bitmap, int(ReplayMode.LEGACY), 2)


@clause("XFRM-REPLAY-002")
def legacy_admits(window: Window, number: Number) -> Truth:
    """Tell whether a legacy window lets a number through. Source: XFRM-REPLAY-002."""
    distance = window.top - number
    unseen = both(less(distance, window.size), negate(window.marked(distance)))
    fresh = either(less(window.top, number), unseen)
    return either(same(window.size, 0), both(negate(same(number, 0)), fresh))


@clause("XFRM-REPLAY-003")
def legacy_advanced(window: Window, number: Number) -> Window:
    """Return a legacy window after a packet whose number it let through. Source: XFRM-REPLAY-003."""
    idle = same(window.size, 0)
    forward = less(window.top, number)
    step = number - window.top

    def shifted(distance: Number) -> Truth:
        remains = both(less(step, window.size), at_most(step, distance))
        kept = False if remains is False else both(remains, window.marked(distance - step))
        return both(either(same(distance, 0), kept), less(distance, LEGACY_LARGEST))

    def with_bit(distance: Number) -> Truth:
        return either(same(distance, window.top - number), window.marked(distance))

    moved = chosen_marks(idle, window.marked, chosen_marks(forward, shifted, with_bit))
    return Window(window.size, choose(both(negate(idle), forward), number, window.top), moved)


def chosen_marks(condition: Truth, then: Marked, otherwise: Marked) -> Marked:
    """Return one of two memories; a plain condition decides now, once for all questions to come."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    return lambda place: choose_truth(condition, then(place), otherwise(place))


def turned(place: Number, steps: Number, size: Number) -> Number:
    """Return the place a number of steps ahead in a circle of places."""
    ahead = place + steps
    if isinstance(ahead, int) and isinstance(size, int):
        return ahead % size
    far = choose(less(ahead, size + size), ahead - size, ahead % size)
    return choose(less(ahead, size), ahead, far)


def turned_back(place: Number, steps: Number, size: Number) -> Number:
    """Return the place fewer than a circle of steps behind."""
    return choose(at_most(steps, place), place - steps, place + size - steps)


@clause("XFRM-REPLAY-004")
def place_of_top(ring: Ring, profile: Profile) -> Number:
    """Return the place from which a ring is read and written on.

    Where the profile says so it is worked out anew from the low half of the top, and so it jumps whenever
    that half begins at 0 and the size does not divide 2^32. Source: XFRM-REPLAY-004.
    """
    if not profile.replay_ring_by_low_half:
        return ring.place
    return choose(same(ring.top, 0), NUMBERS - 1, ring.top - 1) % ring.size


def _bit(ring: Ring, distance: Number, profile: Profile) -> Truth:
    return ring.marked(turned_back(place_of_top(ring, profile), distance, ring.size))


def _moved(ring: Ring, step: Number, profile: Profile) -> Ring:
    """Return a ring turned forward: the bits passed over are cleared, that of the new top is set."""
    old = place_of_top(ring, profile)
    new = turned(old, step, ring.size)

    def marked(place: Number) -> Truth:
        ahead = choose(at_most(old, place), place - old, place + ring.size - old)
        passed = both(less(0, ahead), less(ahead, step))
        kept = all_of((less(step, ring.size), negate(passed), ring.marked(place)))
        return either(same(place, new), kept)

    return replace(ring, place=new, marked=marked)


def _with_bit(ring: Ring, distance: Number, profile: Profile) -> Marked:
    wanted = turned_back(place_of_top(ring, profile), distance, ring.size)
    return lambda place: either(same(place, wanted), ring.marked(place))


def _either_ring(condition: Truth, then: Ring, otherwise: Ring) -> Ring:
    return Ring(
        otherwise.size,
        choose(condition, then.top, otherwise.top),
        choose(condition, then.place, otherwise.place),
        chosen_marks(condition, then.marked, otherwise.marked),
        choose(condition, then.high, otherwise.high),
    )


@clause("XFRM-REPLAY-004")
def ring_admits(ring: Ring, number: Number, profile: Profile) -> Truth:
    """Tell whether a bitmap window without ESN lets a number through. Source: XFRM-REPLAY-004."""
    idle = same(ring.size, 0)
    if idle is True:
        return True
    distance = ring.top - number
    unseen = both(less(distance, ring.size), negate(_bit(ring, distance, profile)))
    fresh = either(less(ring.top, number), unseen)
    return either(idle, both(negate(same(number, 0)), fresh))


@clause("XFRM-REPLAY-004")
def ring_advanced(ring: Ring, number: Number, profile: Profile) -> Ring:
    """Return a bitmap window without ESN after a packet whose number it let through.

    Source: XFRM-REPLAY-004.
    """
    idle = same(ring.size, 0)
    if idle is True:
        return ring
    moved = replace(_moved(ring, number - ring.top, profile), top=number)
    kept = replace(ring, marked=_with_bit(ring, ring.top - number, profile))
    return _either_ring(idle, ring, _either_ring(less(ring.top, number), moved, kept))


def _bottom(ring: Ring) -> Number:
    lowest = ring.top + 1 + NUMBERS - ring.size
    return choose(one_subspace(ring), lowest - NUMBERS, lowest)


def one_subspace(ring: Ring) -> Truth:
    """Tell whether the whole window lies in one round of the low half. Source: XFRM-REPLAY-005."""
    return at_most(ring.size, ring.top + 1)


@clause("XFRM-REPLAY-005")
def turns_over(ring: Ring, low: Number) -> Truth:
    """Tell whether a low half belongs to the round behind the top's. Source: XFRM-REPLAY-005."""
    return both(one_subspace(ring), less(low, _bottom(ring)))


@clause("XFRM-REPLAY-005")
def reaches_back(ring: Ring, low: Number) -> Truth:
    """Tell whether a low half belongs to the round before the top's. Source: XFRM-REPLAY-005."""
    return both(negate(one_subspace(ring)), at_most(_bottom(ring), low))


@clause("XFRM-REPLAY-005")
def inferred_high(ring: Ring, low: Number) -> Number:
    """Return the high half that the receiver supposes for a low half. Source: XFRM-REPLAY-005."""
    above = choose(same(ring.high, NUMBERS - 1), 0, ring.high + 1)
    below = choose(same(ring.high, 0), NUMBERS - 1, ring.high - 1)
    return choose(turns_over(ring, low), above, choose(reaches_back(ring, low), below, ring.high))


@clause("XFRM-REPLAY-006")
def esn_admits(ring: Ring, low: Number, profile: Profile) -> Truth:
    """Tell whether an ESN window lets a low half through. Source: XFRM-REPLAY-006."""
    behind = less(ring.top, low)
    inside = choose_truth(one_subspace(ring), negate(behind), either(negate(behind), reaches_back(ring, low)))
    distance = choose(behind, ring.top + NUMBERS - low, ring.top - low)
    unseen = both(less(distance, ring.size), negate(_bit(ring, distance, profile)))
    beyond = either(negate(inside), turns_over(ring, low))
    before_the_first = all_of((same(low, 0), same(ring.high, 0), negate(one_subspace(ring))))
    return both(negate(before_the_first), either(beyond, unseen))


@clause("XFRM-REPLAY-006")
def esn_advanced(ring: Ring, low: Number, profile: Profile) -> Ring:
    """Return an ESN window after a packet that it let through. Source: XFRM-REPLAY-006."""
    over, back = turns_over(ring, low), reaches_back(ring, low)
    larger = less(ring.top, low)
    forward = either(over, both(negate(back), larger))
    step = choose(over, low + NUMBERS - ring.top, low - ring.top)
    distance = choose(back, ring.top + NUMBERS - low, ring.top - low)
    moved = replace(_moved(ring, step, profile), top=low, high=inferred_high(ring, low))
    kept = replace(ring, marked=_with_bit(ring, distance, profile))
    return _either_ring(forward, moved, kept)


@clause("XFRM-REPLAY-007")
def esn_readmits(ring: Ring, low: Number, high_before: Number, profile: Profile) -> Truth:
    """Tell whether a low half is let through again once it is authentic.

    `high_before` is the high half that was supposed when the packet was authenticated.
    Source: XFRM-REPLAY-007.
    """
    return both(same(inferred_high(ring, low), high_before), esn_admits(ring, low, profile))


@dataclass(frozen=True, slots=True)
class Numbering:
    """The number that a packet gets, whether it is refused instead, and the counter afterwards."""

    number: Number
    refused: Truth
    counter: Number


@clause("XFRM-REPLAY-008")
def next_number(counter: Number, may_wrap: Truth) -> Numbering:
    """Number a packet by a counter of 32 bits. Source: XFRM-REPLAY-008."""
    at_end = same(counter, NUMBERS - 1)
    following = choose(at_end, 0, counter + 1)
    refused = both(at_end, negate(may_wrap))
    return Numbering(following, refused, choose(refused, counter, following))


@clause("XFRM-REPLAY-008")
def next_extended_number(counter: Number, _: Truth) -> Numbering:
    """Number a packet by a counter of 64 bits, which never begins again. Source: XFRM-REPLAY-008."""
    refused = same(counter, NUMBERS * NUMBERS - 1)
    following = choose(refused, 0, counter + 1)
    return Numbering(following, refused, choose(refused, counter, following))


@clause("XFRM-REPLAY-009")
def numbers_packets(protocol: Number) -> Truth:
    """Tell whether states of a protocol number their packets. Source: XFRM-REPLAY-009."""
    return among(protocol, (Protocol.AH, Protocol.ESP))


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """The rules of replay windows, one function each; `ReplayRules()` is what the clauses say."""

    legacy_admits: Callable[[Window, Number], Truth] = legacy_admits
    legacy_advanced: Callable[[Window, Number], Window] = legacy_advanced
    ring_admits: Callable[[Ring, Number, Profile], Truth] = ring_admits
    ring_advanced: Callable[[Ring, Number, Profile], Ring] = ring_advanced
    inferred_high: Callable[[Ring, Number], Number] = inferred_high
    esn_admits: Callable[[Ring, Number, Profile], Truth] = esn_admits
    esn_advanced: Callable[[Ring, Number, Profile], Ring] = esn_advanced
    esn_readmits: Callable[[Ring, Number, Number, Profile], Truth] = esn_readmits
    next_number: Callable[[Number, Truth], Numbering] = next_number
    next_extended_number: Callable[[Number, Truth], Numbering] = next_extended_number
