"""The receiver's window and the sender's counter, at their edges."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import ALL_PROFILES

from xfrmspec.xfrm.replay import (
    NewReplay,
    ReplayMode,
    ReplayRecord,
    ReplayRequest,
    ReplayState,
    Verdict,
    advance,
    check,
    counted,
    infer_high,
    mode_of,
    new_replay,
    recheck,
)
from xfrmspec.xfrm.sequence import AtMaximum, Numbered, next_sequence, received_number
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Protocol

LARGEST = 0xFFFFFFFF
LEGACY, BITMAP, ESN = ReplayMode.LEGACY, ReplayMode.BITMAP, ReplayMode.ESN
ACCEPT, ZERO, TOO_OLD, SEEN = Verdict.ACCEPT, Verdict.ZERO, Verdict.TOO_OLD, Verdict.SEEN
PLAIN_MODES = pytest.mark.parametrize("mode", [LEGACY, BITMAP])
EVERY_PROFILE = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda profile: profile.name)


def having_received(*numbers: int, start: ReplayState, profile: Profile = CLEAN) -> ReplayState:
    """The state after numbers were received; only their low halves are told."""
    for number in numbers:
        assert check(start, number & LARGEST, profile) is ACCEPT, number
        start = advance(start, number & LARGEST, profile)
    return start


@pytest.mark.clause("XFRM-REPLAY-001")
@pytest.mark.parametrize(
    ("flags", "window", "record", "mode"),
    [
        (StateFlag.NONE, 0, None, LEGACY),
        (StateFlag.NONE, 255, None, LEGACY),
        (StateFlag.NONE, 0, ReplayRecord(64, 2), BITMAP),
        (StateFlag.NONE, 0, ReplayRecord(0, 0), BITMAP),
        (StateFlag.ESN, 0, ReplayRecord(1, 1), ESN),
        (StateFlag.ESN, 0, ReplayRecord(4096, 128), ESN),
        (StateFlag.ESN, 32, None, Errno.EINVAL),
        (StateFlag.ESN, 0, ReplayRecord(0, 2), Errno.EINVAL),
        (StateFlag.NONE, 32, ReplayRecord(64, 2), Errno.EINVAL),
        (StateFlag.NONE, 0, ReplayRecord(65, 2), Errno.EINVAL),
        (StateFlag.NONE, 0, ReplayRecord(64, 129), Errno.EINVAL),
    ],
)
def test_a_record_and_the_esn_flag_choose_the_mode(
    flags: StateFlag, window: int, record: ReplayRecord | None, mode: ReplayMode | Errno
) -> None:
    assert mode_of(ReplayRequest(Protocol.ESP, flags, window, record)) is mode


@pytest.mark.clause("XFRM-REPLAY-001")
def test_only_esp_and_ah_take_a_record() -> None:
    record = ReplayRecord(64, 2)
    answers = {
        p: mode_of(ReplayRequest(p, record=record)) for p in (Protocol.ESP, Protocol.AH, Protocol.IPCOMP)
    }
    assert answers == {Protocol.ESP: BITMAP, Protocol.AH: BITMAP, Protocol.IPCOMP: Errno.EINVAL}
    assert mode_of(ReplayRequest(Protocol.IPCOMP, window=32)) is LEGACY


@pytest.mark.clause("XFRM-REPLAY-001")
def test_a_new_state_starts_with_what_it_was_given() -> None:
    assert new_replay(ReplayRequest(Protocol.ESP, window=200)) == NewReplay(ReplayState(LEGACY, 32))
    record = ReplayRecord(64, 2, top=7, top_hi=1, bitmap=3, sent=9, sent_hi=2)
    extended = new_replay(ReplayRequest(Protocol.ESP, StateFlag.ESN, record=record))
    assert extended.state == ReplayState(ESN, 64, 7, 1, 3, 9, 2)
    assert new_replay(ReplayRequest(Protocol.ESP, record=record)).state == ReplayState(BITMAP, 64, 7, 0, 3, 9)
    assert new_replay(ReplayRequest(Protocol.ESP, StateFlag.ESN)) == NewReplay(None, Errno.EINVAL)


@pytest.mark.clause("XFRM-REPLAY-002", "XFRM-REPLAY-004")
@PLAIN_MODES
def test_the_example_of_the_chapter(mode: ReplayMode) -> None:
    state = having_received(8, 10, start=ReplayState(mode, 4))
    verdicts = {number: check(state, number, CLEAN) for number in (11, 4000000000, 9, 7, 10, 8, 6, 1, 0)}
    assert verdicts == {
        **dict.fromkeys((11, 4000000000, 9, 7), ACCEPT),
        **dict.fromkeys((10, 8), SEEN),
        **dict.fromkeys((6, 1), TOO_OLD),
        0: ZERO,
    }


@pytest.mark.clause("XFRM-REPLAY-002", "XFRM-REPLAY-003")
@pytest.mark.parametrize("mode", list(ReplayMode))
def test_a_window_of_0_accepts_everything_and_never_moves(mode: ReplayMode) -> None:
    state = ReplayState(mode, 0)
    for number in (0, 1, 1, LARGEST):
        assert check(state, number, CLEAN) is ACCEPT
        assert advance(state, number, CLEAN) is state


@pytest.mark.clause("XFRM-REPLAY-002", "XFRM-REPLAY-004")
@PLAIN_MODES
@EVERY_PROFILE
def test_the_largest_number_is_the_last(mode: ReplayMode, profile: Profile) -> None:
    state = having_received(LARGEST, start=ReplayState(mode, 32), profile=profile)
    assert [check(state, n, profile) for n in (LARGEST, LARGEST - 31, LARGEST - 32, 1, 0)] == [
        *(SEEN, ACCEPT, TOO_OLD, TOO_OLD, ZERO)
    ]


@pytest.mark.clause("XFRM-REPLAY-003", "XFRM-REPLAY-004")
@PLAIN_MODES
@pytest.mark.parametrize("step", [1, 3, 4, 5, 8, 1000])
def test_what_falls_out_of_the_window_is_forgotten(mode: ReplayMode, step: int) -> None:
    start = having_received(100, 99, 98, 97, start=ReplayState(mode, 4))
    state = advance(start, 100 + step, CLEAN)
    seen = [n for n in range(97 + step, 101 + step) if check(state, n, CLEAN) is SEEN]
    assert seen == sorted({n for n in range(97, 101) if n > 96 + step} | {100 + step})


@pytest.mark.clause("XFRM-REPLAY-002")
def test_statistics_count_what_is_old_and_what_was_seen_but_not_number_0() -> None:
    state = ReplayState()
    for verdict in Verdict:
        state = counted(state, verdict)
    assert (state.too_old, state.seen) == (2, 1)


@pytest.mark.clause("XFRM-REPLAY-004")
@pytest.mark.parametrize("mode", [BITMAP, ESN])
def test_a_ring_that_does_not_divide_its_numbers_slips_on_6_1(mode: ReplayMode) -> None:
    for window, profile, verdict in ((33, LINUX_6_1, ACCEPT), (33, CLEAN, SEEN), (64, LINUX_6_1, SEEN)):
        start = ReplayState(mode, window)
        assert check(advance(start, 1, profile), 1, profile) is verdict


@pytest.mark.clause("XFRM-REPLAY-004")
def test_a_slipped_ring_loses_fresh_numbers_at_the_wrap_on_6_1() -> None:
    start = ReplayState(ESN, 100, LARGEST - 10, 7)
    state = having_received(LARGEST, 2, start=start, profile=LINUX_6_1)
    fresh = [n & LARGEST for n in range(-50, 2) if n != -1]
    assert {check(state, n, LINUX_6_1) for n in fresh} == {ACCEPT, SEEN}
    assert {check(having_received(LARGEST, 2, start=start), n, CLEAN) for n in fresh} == {ACCEPT}


@pytest.mark.clause("XFRM-REPLAY-004")
def test_a_ring_has_number_n_at_n_minus_1() -> None:
    state = having_received(1, 3, 34, start=ReplayState(BITMAP, 64))
    assert state.bitmap == 1 << 0 | 1 << 2 | 1 << 33
    assert having_received(65, start=state).bitmap == state.bitmap


@pytest.mark.clause("XFRM-REPLAY-005")
@pytest.mark.parametrize(
    ("high", "top", "low", "inferred"),
    [
        *((5, 1000, low, 5) for low in (1000, 937, 4000000000)),
        (5, 1000, 936, 6),
        (5, 63, 0, 5),
        *((5, 10, low, 5) for low in (10, 0, 4294967242)),
        (5, 10, 4294967243, 4),
        (0, 0, LARGEST, LARGEST),
        (LARGEST, LARGEST, 0, 0),
    ],
)
def test_the_high_half_follows_from_the_place_of_the_window(
    high: int, top: int, low: int, inferred: int
) -> None:
    assert infer_high(ReplayState(ESN, 64, top, high), low) == inferred


@pytest.mark.clause("XFRM-REPLAY-005")
@PLAIN_MODES
def test_without_esn_the_high_half_is_0(mode: ReplayMode) -> None:
    assert infer_high(ReplayState(mode, 32, 1000), 1) == 0


@pytest.mark.clause("XFRM-REPLAY-006")
@EVERY_PROFILE
def test_an_esn_window_of_two_subspaces_refuses_what_it_saw_in_either(profile: Profile) -> None:
    top = 5 << 32 | 10
    numbers = (top - 20, top - 40, top - 10, top)
    state = having_received(*numbers, start=ReplayState(ESN, 64, LARGEST - 40, 4), profile=profile)
    assert (state.top, state.top_hi) == (10, 5)
    for number in range(top - 63, top + 1):
        assert infer_high(state, number & LARGEST) == number >> 32
        expected = SEEN if number in numbers else ACCEPT
        assert check(state, number & LARGEST, profile) is expected


@pytest.mark.clause("XFRM-REPLAY-006")
def test_number_0_is_refused_while_the_window_reaches_below_the_first_subspace() -> None:
    for top in (0, 1, 62):
        assert check(ReplayState(ESN, 64, top, 0), 0, CLEAN) is ZERO
    assert check(ReplayState(ESN, 64, 63, 0), 0, CLEAN) is ACCEPT
    assert check(ReplayState(ESN, 64, 1, 1), 0, CLEAN) is ACCEPT


@pytest.mark.clause("XFRM-REPLAY-006")
def test_no_esn_number_is_too_old() -> None:
    state = ReplayState(ESN, 64, 5000, 3)
    assert {check(state, low, CLEAN) for low in (1, 4000, 4936)} == {ACCEPT}
    assert infer_high(state, 4936) == 4


@pytest.mark.clause("XFRM-REPLAY-003", "XFRM-REPLAY-006")
@pytest.mark.parametrize(("low", "kept"), [(0, 61), (5, 56), (57, 4), (60, 1), (61, 0), (400, 0)])
def test_an_esn_window_moves_into_the_next_subspace_by_small_and_large_steps(low: int, kept: int) -> None:
    """Every number of the old window was received; those of them that stay in it are still known."""
    moved = advance(ReplayState(ESN, 64, LARGEST - 2, 8, bitmap=2**64 - 1), low, CLEAN)
    assert (moved.top, moved.top_hi) == (low, 9)
    seen = [d for d in range(64) if check(moved, (low - d) & LARGEST, CLEAN) is SEEN]
    assert seen == [0, *range(64 - kept, 64)]


@pytest.mark.clause("XFRM-REPLAY-007")
def test_a_number_is_refused_when_the_window_moved_under_its_high_half() -> None:
    state = ReplayState(ESN, 64, LARGEST - 100, 1)
    low = 5
    high = infer_high(state, low)
    assert (high, recheck(state, low, high, CLEAN)) == (2, ACCEPT)
    moved = ReplayState(ESN, 64, 1000, 2)
    assert recheck(moved, low, high, CLEAN) is Verdict.MOVED
    assert recheck(advance(state, low, CLEAN), low, high, CLEAN) is SEEN


@pytest.mark.clause("XFRM-REPLAY-007")
@PLAIN_MODES
def test_the_second_copy_of_a_packet_is_refused_after_its_integrity_check(mode: ReplayMode) -> None:
    state = ReplayState(mode, 32, 10)
    assert check(state, 11, CLEAN) is recheck(state, 11, 0, CLEAN) is ACCEPT
    assert recheck(advance(state, 11, CLEAN), 11, 0, CLEAN) is SEEN


@pytest.mark.clause("XFRM-REPLAY-008")
@PLAIN_MODES
def test_a_counter_without_esn_stops_at_32_bits(mode: ReplayMode) -> None:
    first = next_sequence(ReplayState(mode), Protocol.ESP)
    assert (first.low, first.high, first.state.sent) == (1, 0, 1)
    last = ReplayState(mode, sent=LARGEST)
    assert next_sequence(last, Protocol.ESP) == Numbered(last, errno=Errno.EOVERFLOW)
    wrapped = next_sequence(last, Protocol.ESP, AtMaximum.WRAP)
    assert wrapped == Numbered(replace(last, sent=0), 0, 0)


@pytest.mark.clause("XFRM-REPLAY-008")
def test_an_esn_counter_carries_and_stops_at_64_bits() -> None:
    carried = next_sequence(ReplayState(ESN, 32, sent=LARGEST, sent_hi=4), Protocol.AH)
    assert (carried.low, carried.high, carried.state.sent, carried.state.sent_hi) == (0, 5, 0, 5)
    last = ReplayState(ESN, 32, sent=LARGEST, sent_hi=LARGEST)
    for at_maximum in AtMaximum:
        assert next_sequence(last, Protocol.AH, at_maximum) == Numbered(last, errno=Errno.EOVERFLOW)


@pytest.mark.clause("XFRM-REPLAY-009")
@pytest.mark.parametrize("protocol", [Protocol.IPCOMP, Protocol.DESTINATION_OPTIONS, Protocol.ROUTING])
def test_only_esp_and_ah_number_packets(protocol: Protocol) -> None:
    state = ReplayState(sent=LARGEST)
    assert next_sequence(state, protocol) == Numbered(state)


@pytest.mark.clause("XFRM-REPLAY-009")
def test_an_ipcomp_state_with_a_window_drops_everything() -> None:
    state = ReplayState(LEGACY, 32)
    assert check(state, received_number(Protocol.IPCOMP, 0x1234), CLEAN) is ZERO
    assert check(state, received_number(Protocol.ESP, 0x1234), CLEAN) is ACCEPT
