"""Replay windows against a naive receiver that remembers every number it ever accepted."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.xfrm.replay import ReplayMode, ReplayState, Verdict, advance, check, infer_high, recheck
from xfrmspec.xfrm.sequence import AtMaximum, next_sequence
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Protocol

HALF = 1 << 32
WINDOWS = st.one_of(st.integers(1, 40), st.sampled_from((63, 64, 65, 100, 128, 1000, 4095, 4096)))
POWERS = st.sampled_from((1, 2, 4, 32, 64, 256, 4096))
OFFSETS = st.lists(
    st.one_of(
        st.integers(-40, 40),
        st.floats(-1.1, 2.1),
        st.integers(1, HALF - 5000),
    ),
    max_size=40,
)


@dataclass
class NaiveReceiver:
    """Numbers have as many bits as they need; nothing is ever forgotten."""

    window: int
    top: int
    accepted: set[int] = field(default_factory=set)

    def welcomes(self, number: int) -> bool:
        return number > self.top or (number > self.top - self.window and number not in self.accepted)

    def accept(self, number: int) -> None:
        self.accepted.add(number)
        self.top = max(self.top, number)


def number_at(offset: float, naive: NaiveReceiver) -> int:
    """Whole offsets count numbers from the top, broken ones count windows."""
    step = offset if isinstance(offset, int) else round(offset * naive.window)
    return naive.top + step


def receive(state: ReplayState, number: int, profile: Profile) -> tuple[ReplayState, bool]:
    """What a receiver does with an honest packet: guess, check, verify, check again, advance."""
    low = number % HALF
    high = infer_high(state, low)
    if check(state, low, profile) is not Verdict.ACCEPT:
        return state, False
    if state.mode is ReplayMode.ESN and high != number // HALF:
        return state, False
    assert recheck(state, low, high, profile) is Verdict.ACCEPT
    return advance(state, low, profile), True


def agree(state: ReplayState, offsets: list[float], profile: Profile, limit: int) -> None:
    naive = NaiveReceiver(state.window, state.top_hi * HALF + state.top)
    for offset in offsets:
        number = number_at(offset, naive)
        if not 1 <= number < limit:
            continue
        welcome = naive.welcomes(number)
        state, accepted = receive(state, number, profile)
        assert accepted is welcome, (state, number)
        if accepted:
            naive.accept(number)
        assert state.top_hi * HALF + state.top == naive.top


@pytest.mark.clause("XFRM-REPLAY-002", "XFRM-REPLAY-003", "XFRM-REPLAY-004")
@given(WINDOWS, st.integers(0, HALF - 1), OFFSETS)
def test_a_bitmap_window_accepts_exactly_what_is_new(window: int, top: int, offsets: list[float]) -> None:
    agree(ReplayState(ReplayMode.BITMAP, window, top), offsets, CLEAN, HALF)
    if window <= 32:
        agree(ReplayState(ReplayMode.LEGACY, window, top), offsets, CLEAN, HALF)


@pytest.mark.clause("XFRM-REPLAY-005", "XFRM-REPLAY-006", "XFRM-REPLAY-007")
@given(WINDOWS, st.integers(0, 3), st.one_of(st.integers(-5000, 5000), st.integers(0, HALF)), OFFSETS)
def test_an_esn_window_accepts_exactly_what_is_new(
    window: int, high: int, low: int, offsets: list[float]
) -> None:
    top = max(0, high * HALF + low)
    state = ReplayState(ReplayMode.ESN, window, top % HALF, top // HALF)
    agree(state, offsets, CLEAN, HALF * HALF)


@pytest.mark.clause("XFRM-REPLAY-004", "XFRM-REPLAY-006")
@given(POWERS, st.integers(0, 2), st.integers(-5000, 5000), OFFSETS)
def test_a_window_that_is_a_power_of_two_has_no_quirk(
    window: int, high: int, low: int, offsets: list[float]
) -> None:
    top = max(0, high * HALF + low)
    state = ReplayState(ReplayMode.ESN, window, top % HALF, top // HALF)
    agree(state, offsets, LINUX_6_1, HALF * HALF)
    plain = ReplayState(ReplayMode.BITMAP, window, top % HALF)
    agree(plain, offsets, LINUX_6_1, HALF)


@pytest.mark.clause("XFRM-REPLAY-005")
@given(WINDOWS, st.integers(0, HALF * HALF - 1), st.data())
def test_the_high_half_is_right_for_every_number_a_window_can_tell(
    window: int, top: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(max(0, top - window + 1), min(HALF * HALF - 1, top - window + HALF)))
    state = ReplayState(ReplayMode.ESN, window, top % HALF, top // HALF)
    assert infer_high(state, number % HALF) == number // HALF


@pytest.mark.clause("XFRM-REPLAY-003")
@given(
    st.sampled_from(list(ReplayMode)),
    st.integers(1, 32),
    st.lists(st.integers(0, HALF - 1), max_size=30),
    st.booleans(),
)
def test_no_sequence_of_octets_makes_a_window_accept_a_number_twice(
    mode: ReplayMode, window: int, lows: list[int], again: bool
) -> None:
    """Here the packets are an attacker's: any low half, in any order, each guessed high half believed."""
    state = ReplayState(mode, window)
    accepted: set[tuple[int, int]] = set()
    for low in [*lows, *(lows if again else ())]:
        if check(state, low, CLEAN) is not Verdict.ACCEPT:
            continue
        number = infer_high(state, low), low
        assert number not in accepted
        accepted.add(number)
        state = advance(state, low, CLEAN)


@pytest.mark.clause("XFRM-REPLAY-008")
@given(st.sampled_from(list(ReplayMode)), st.integers(0, 2), st.integers(1, 40))
def test_a_sender_never_uses_a_number_twice(mode: ReplayMode, before_the_end: int, packets: int) -> None:
    at_end = HALF - 1 - before_the_end
    state = ReplayState(mode, 32, sent=at_end, sent_hi=HALF - 1 if mode is ReplayMode.ESN else 0)
    numbers = []
    for _ in range(packets):
        result = next_sequence(state, Protocol.ESP, AtMaximum.STOP)
        state = result.state
        if result.errno is Errno.OK:
            numbers.append((result.high, result.low))
    assert numbers == sorted(set(numbers))
    assert len(numbers) == min(packets, before_the_end)
