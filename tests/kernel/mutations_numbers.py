"""Wrong rules about sequence numbers, and about packets that arrive as octets."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import announcements, replay, sequence
from xfrmspec_terms.profile import SecPathDepthRule

WINDOWS: tuple[Mutation, ...] = (
    wrong(
        "a legacy window has any size",
        "REPLAY-001",
        replay.new_replay,
        "min(request.window, LARGEST_LEGACY_WINDOW)",
        "request.window",
    ),
    wrong(
        "64-bit numbers need no window",
        "REPLAY-001",
        replay.mode_of,
        "ReplayMode.ESN if record.window else Errno.EINVAL",
        "ReplayMode.ESN",
    ),
    wrong(
        "a record may stand beside a legacy window",
        "REPLAY-001",
        replay.mode_of,
        "(Protocol.ESP, Protocol.AH) or request.window:",
        "(Protocol.ESP, Protocol.AH):",
    ),
    wrong(
        "a window may be larger than its bitmap",
        "REPLAY-001",
        replay.mode_of,
        "or record.window > record.words * _WORD_BITS",
        "",
    ),
    wrong(
        "the window has one number more below",
        "REPLAY-002",
        replay.check,
        "if distance >= state.window:",
        "if distance > state.window:",
    ),
    wrong(
        "a number may come twice",
        "REPLAY-002",
        replay.check,
        "return Verdict.SEEN if",
        "return Verdict.ACCEPT if",
    ),
    wrong(
        "number zero is like any other",
        "REPLAY-002",
        replay.check,
        "if low == 0 and _starts_below_one(state):",
        "if False:",
    ),
    wrong(
        "refusals of old numbers are not counted",
        "REPLAY-002",
        replay.counted,
        "too_old=state.too_old + 1",
        "too_old=state.too_old",
    ),
    wrong(
        "the bitmap does not move with the top",
        "REPLAY-003",
        replay._moved_bitmap,
        "(state.bitmap << step | 1) & _HALF",
        "(state.bitmap | 1) & _HALF",
    ),
    wrong(
        "a number inside the window becomes the top",
        "REPLAY-003",
        replay.advance,
        "return replace(state, bitmap=state.bitmap | 1 <<",
        "return replace(state, top=low, bitmap=state.bitmap | 1 <<",
    ),
    wrong(
        "numbers that were passed over stay marked",
        "REPLAY-004",
        replay._moved_bitmap,
        "kept &= ~(1 << (position + passed) % state.window)",
        "pass",
    ),
    switched("the ring is turned by the whole number", "REPLAY-004", replay_ring_by_low_half=False),
    wrong(
        "a number below the window is of the same half",
        "REPLAY-005",
        replay.infer_high,
        "(state.top_hi + (low < bottom))",
        "state.top_hi",
    ),
    wrong(
        "a number above the window is of the same half",
        "REPLAY-005",
        replay.infer_high,
        "(state.top_hi - (low >= bottom & _HALF))",
        "state.top_hi",
    ),
    wrong(
        "number zero is never taken",
        "REPLAY-006",
        replay._starts_below_one,
        "return state.top_hi == 0 and state.top < state.window - 1",
        "return True",
    ),
    wrong(
        "a number of the next half lies below the top",
        "REPLAY-006",
        replay._place,
        "high == (state.top_hi + 1) & _HALF",
        "False",
    ),
)

COUNTERS: tuple[Mutation, ...] = (
    wrong(
        "a counter at its end begins anew",
        "REPLAY-008",
        sequence.next_sequence,
        "if at_maximum is AtMaximum.WRAP else",
        "if True else",
    ),
    wrong(
        "a 64-bit counter stops at the end of a half",
        "REPLAY-008",
        sequence.next_sequence,
        "if state.sent_hi == _LARGEST_HALF:",
        "if True:",
    ),
    wrong(
        "a counter stops one number early",
        "REPLAY-008",
        sequence.next_sequence,
        "if state.sent < _LARGEST_HALF:",
        "if state.sent < _LARGEST_HALF - 1:",
    ),
    wrong(
        "every protocol numbers its packets",
        "REPLAY-009",
        sequence.numbers_packets,
        "return protocol in _NUMBERED",
        "return True",
    ),
    wrong(
        "every number is announced",
        "REPLAY-010",
        announcements.numbers_changed,
        ">= announcer.threshold",
        ">= 1",
    ),
    wrong(
        "numbers are announced behind the threshold",
        "REPLAY-010",
        announcements.numbers_changed,
        ">= announcer.threshold",
        "> announcer.threshold",
    ),
    wrong(
        "numbers received are not announced",
        "REPLAY-010",
        announcements._largest_step,
        "(now.top - before.top) & _HALF",
        "0",
    ),
)

OCTETS: tuple[Mutation, ...] = (
    switched(
        "a sec_path is full at six for every header",
        "RECV-003",
        sec_path_depth_for_ro=SecPathDepthRule.AT_SIX,
    ),
    switched("the padding of AH is zero", "AH-001", ah_padding_is_stale=False),
    switched("AH covers the header type that is there", "AH-007", ah_covers_old_next_header=False),
)

NUMBERS = (*WINDOWS, *COUNTERS, *OCTETS)
