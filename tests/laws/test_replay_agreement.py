"""Replay windows and counters of the reference and of the model, written apart, give the same answers."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.xfrm.replay import (
    ReplayRecord,
    ReplayRequest,
    advance,
    check,
    infer_high,
    mode_of,
    recheck,
)
from xfrmspec.xfrm.replay import Verdict as Told
from xfrmspec.xfrm.sequence import numbers_packets
from xfrmspec_model import replay
from xfrmspec_model.replay import NUMBERS, ReplayMode
from xfrmspec_model.rules import RULES
from xfrmspec_proofs.receiving import numbered, started
from xfrmspec_proofs.windows import Halves, Mechanism
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import TEMPLATE_PROTOCOLS
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Protocol

SIZES = {
    ReplayMode.LEGACY: (0, 1, 3, 8, 31, 32),
    ReplayMode.BITMAP: (0, 1, 3, 7, 32, 33, 64, 100, 4095, 4096),
    ReplayMode.ESN: (1, 3, 7, 32, 33, 64, 100, 4095, 4096),
}
LAST = NUMBERS - 1
lows = st.one_of(
    st.integers(0, 12),
    st.integers(LAST - 12, LAST),
    st.integers(0, LAST),
)
MOST = 20
"""How many packets a law receives. No sender goes on behind the largest number, so no window begins again."""
highs = st.one_of(st.integers(0, 2), st.integers(0, LAST - MOST - 1))
steps = st.lists(
    st.one_of(st.integers(-4, 6), st.integers(-40, 40), st.integers(-4200, 4200), st.just(0)),
    min_size=1,
    max_size=MOST,
)


@pytest.mark.clause(
    "XFRM-REPLAY-002",
    "XFRM-REPLAY-003",
    "XFRM-REPLAY-004",
    "XFRM-REPLAY-005",
    "XFRM-REPLAY-006",
    "XFRM-REPLAY-007",
)
@pytest.mark.parametrize("mode", list(ReplayMode))
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1], ids=lambda profile: profile.name)
def test_windows_agree_number_by_number(mode: ReplayMode, profile: Profile) -> None:
    verdicts: Counter[bool] = Counter()
    mechanism = Mechanism(mode, RULES, profile)

    @given(st.sampled_from(SIZES[mode]), lows, highs, steps)
    @settings(max_examples=300, deadline=None)
    def law(size: int, low: int, high: int, ahead: list[int]) -> None:
        top = Halves(low, high if mode is ReplayMode.ESN else 0)
        state = started(mode, size, top.high * NUMBERS + low)
        window = mechanism.new(size, top)
        for step in ahead:
            number = (state.top + step) % NUMBERS
            inferred = infer_high(state, number)
            accepted = check(state, number, profile) is Told.ACCEPT
            numeral = Halves(number, inferred)
            assert mechanism.admits(window, numeral) is accepted
            assert (recheck(state, number, inferred, profile) is Told.ACCEPT) is accepted
            verdicts[accepted] += 1
            if isinstance(window, replay.Ring) and mode is ReplayMode.ESN:
                assert replay.inferred_high(window, number) == inferred
                other = (inferred + 1) % NUMBERS
                assert mechanism.admits(window, Halves(number, other)) is False
                assert recheck(state, number, other, profile) is Told.MOVED
            if accepted:
                state, window = advance(state, number, profile), mechanism.advanced(window, numeral)
                assert (state.top, state.top_hi) == (window.top, getattr(window, "high", 0))

    law()
    assert min(verdicts[True], verdicts[False]) > 200


@pytest.mark.clause("XFRM-REPLAY-008")
@pytest.mark.parametrize("extended", [False, True], ids=["32 bits", "64 bits"])
@given(low=lows, high=highs, may_wrap=st.booleans())
@settings(max_examples=300, deadline=None)
def test_counters_agree(extended: bool, low: int, high: int, may_wrap: bool) -> None:
    counter = high * NUMBERS + low if extended else low
    rule = replay.next_extended_number if extended else replay.next_number
    told = rule(counter, may_wrap)
    number, after = numbered(counter, may_wrap=may_wrap, extended=extended)
    assert (told.refused, told.counter) == (number is None, after)
    assert number is None or number == told.number


@pytest.mark.clause("XFRM-REPLAY-008")
@pytest.mark.parametrize(("extended", "bits"), [(False, 32), (True, 64)])
@pytest.mark.parametrize("may_wrap", [False, True])
def test_counters_agree_at_their_end(extended: bool, bits: int, may_wrap: bool) -> None:
    end = (1 << bits) - 1
    rule = replay.next_extended_number if extended else replay.next_number
    assert rule(end, may_wrap).refused is (extended or not may_wrap)
    number, after = numbered(end, may_wrap=may_wrap, extended=extended)
    assert (number, after) == ((0, 0) if may_wrap and not extended else (None, end))


@pytest.mark.clause("XFRM-REPLAY-009")
@pytest.mark.parametrize("protocol", sorted(TEMPLATE_PROTOCOLS))
def test_numbered_protocols_agree(protocol: Protocol) -> None:
    assert replay.numbers_packets(int(protocol)) is numbers_packets(protocol)


@pytest.mark.clause("XFRM-REPLAY-001")
@pytest.mark.parametrize("record", [None, ReplayRecord(64, 2)], ids=["no record", "record"])
@pytest.mark.parametrize("flags", [StateFlag.NONE, StateFlag.ESN], ids=["plain", "esn"])
def test_modes_agree(record: ReplayRecord | None, flags: StateFlag) -> None:
    told = mode_of(ReplayRequest(Protocol.ESP, flags, record=record))
    expected = ReplayMode(replay.replay_mode(record is not None, bool(flags)))
    if record is None and flags:
        assert told is Errno.EINVAL
    else:
        assert told is not Errno.EINVAL and told.name == expected.name
