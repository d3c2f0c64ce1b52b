"""The window of a receiver: which sequence numbers are refused, and how an accepted one moves the window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

LARGEST_LEGACY_WINDOW = 32
LARGEST_BITMAP_WORDS = 128
_WORD_BITS = 32
_HALF = 0xFFFFFFFF
"""The largest value of a 32-bit half, and the mask that reduces to one."""


class ReplayMode(Enum):
    """How a state keeps its window."""

    LEGACY = "legacy"
    BITMAP = "bitmap"
    ESN = "esn"


class Verdict(Enum):
    """What the window says of a received number."""

    ACCEPT = "new"
    ZERO = "number 0 is never sent"
    TOO_OLD = "below the window"
    SEEN = "received before"
    MOVED = "its high half is inferred differently now"


@dataclass(frozen=True, slots=True)
class ReplayState:
    """The sequence numbers of one state, received and sent.

    `window` counts numbers. `top` and `top_hi` are the halves of the highest number received, `sent` and
    `sent_hi` those of the last number sent; the high halves stay 0 without ESN. `bitmap` has bit d for number
    top - d in mode LEGACY, and bit (n - 1) mod window for number n otherwise, as the kernel stores it.
    `too_old` and `seen` count refusals. Source: kernel struct xfrm_replay_state_esn, xfrm_stats.
    """

    mode: ReplayMode = ReplayMode.LEGACY
    window: int = 0
    top: int = 0
    top_hi: int = 0
    bitmap: int = 0
    sent: int = 0
    sent_hi: int = 0
    too_old: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay record as user space gives it: the window in numbers, the bitmap with its length in words."""

    window: int
    words: int
    top: int = 0
    top_hi: int = 0
    bitmap: int = 0
    sent: int = 0
    sent_hi: int = 0


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What the request for a new state says of sequence numbers; `window` is the legacy window."""

    protocol: Protocol
    flags: StateFlag = StateFlag.NONE
    window: int = 0
    record: ReplayRecord | None = None


@dataclass(frozen=True, slots=True)
class NewReplay:
    """The sequence numbers of a new state, or None and the error that the request ends in."""

    state: ReplayState | None
    errno: Errno = Errno.OK


@clause("XFRM-REPLAY-001")
def new_replay(request: ReplayRequest) -> NewReplay:
    """Return the sequence numbers that a new state starts with. Source: kernel verify_replay."""
    mode = mode_of(request)
    if isinstance(mode, Errno):
        return NewReplay(None, mode)
    record = request.record
    if record is None:
        return NewReplay(ReplayState(mode, min(request.window, LARGEST_LEGACY_WINDOW)))
    state = ReplayState(mode, record.window, record.top, bitmap=record.bitmap, sent=record.sent)
    if mode is ReplayMode.ESN:
        state = replace(state, top_hi=record.top_hi, sent_hi=record.sent_hi)
    return NewReplay(state)


@clause("XFRM-REPLAY-001")
def mode_of(request: ReplayRequest) -> ReplayMode | Errno:
    """Return how the window will be kept, or EINVAL. Source: kernel verify_replay, xfrm_init_replay."""
    extended = bool(request.flags & StateFlag.ESN)
    record = request.record
    if record is None:
        return Errno.EINVAL if extended else ReplayMode.LEGACY
    if request.protocol not in (Protocol.ESP, Protocol.AH) or request.window:
        return Errno.EINVAL
    if record.words > LARGEST_BITMAP_WORDS or record.window > record.words * _WORD_BITS:
        return Errno.EINVAL
    if not extended:
        return ReplayMode.BITMAP
    return ReplayMode.ESN if record.window else Errno.EINVAL


@clause("XFRM-REPLAY-002", "XFRM-REPLAY-004")
def check(state: ReplayState, low: int, profile: Profile) -> Verdict:
    """Say what the window thinks of a received number; `low` is the 32-bit number in the packet.

    Source: XFRM-REPLAY-002, -004, -006; kernel xfrm_replay_check.
    """
    if not state.window:
        return Verdict.ACCEPT
    if low == 0 and _starts_below_one(state):
        return Verdict.ZERO
    ahead, distance = _place(state, low)
    if ahead:
        return Verdict.ACCEPT
    if distance >= state.window:
        return Verdict.TOO_OLD
    return Verdict.SEEN if state.bitmap >> _bit(state, distance, profile) & 1 else Verdict.ACCEPT


@clause("XFRM-REPLAY-007")
def recheck(state: ReplayState, low: int, high: int, profile: Profile) -> Verdict:
    """Check again after the cryptographic work; `high` is the half that `infer_high` gave before it.

    Source: XFRM-REPLAY-007; kernel xfrm_replay_recheck.
    """
    if infer_high(state, low) != high:
        return Verdict.MOVED
    return check(state, low, profile)


@clause("XFRM-REPLAY-005")
def infer_high(state: ReplayState, low: int) -> int:
    """Return the high half of a received number, 0 without ESN. Source: kernel xfrm_replay_seqhi."""
    if state.mode is not ReplayMode.ESN:
        return 0
    bottom = state.top - state.window + 1
    if bottom >= 0:
        return (state.top_hi + (low < bottom)) & _HALF
    return (state.top_hi - (low >= bottom & _HALF)) & _HALF


@clause("XFRM-REPLAY-003", "XFRM-REPLAY-004")
def advance(state: ReplayState, low: int, profile: Profile) -> ReplayState:
    """Note a number that `recheck` accepted just now.

    Source: XFRM-REPLAY-003, -004; kernel xfrm_replay_advance.
    """
    if not state.window:
        return state
    ahead, distance = _place(state, low)
    if not ahead:
        return replace(state, bitmap=state.bitmap | 1 << _bit(state, distance, profile))
    bitmap = _moved_bitmap(state, distance, profile)
    return replace(state, top=low, top_hi=infer_high(state, low), bitmap=bitmap)


@clause("XFRM-REPLAY-002", "XFRM-REPLAY-007")
def counted(state: ReplayState, verdict: Verdict) -> ReplayState:
    """Return the state with a refusal in its statistics; number 0 is in none.

    Source: kernel xfrm_replay_check_legacy, xfrm_replay_recheck_esn.
    """
    if verdict in (Verdict.TOO_OLD, Verdict.MOVED):
        return replace(state, too_old=state.too_old + 1)
    return replace(state, seen=state.seen + 1) if verdict is Verdict.SEEN else state


@clause("XFRM-REPLAY-006")
def _starts_below_one(state: ReplayState) -> bool:
    """Tell whether number 0 is refused without a look at the bitmap."""
    if state.mode is not ReplayMode.ESN:
        return True
    return state.top_hi == 0 and state.top < state.window - 1


@clause("XFRM-REPLAY-006")
def _place(state: ReplayState, low: int) -> tuple[bool, int]:
    """Return whether a number lies above the top, and how far from it."""
    high = infer_high(state, low)
    ahead = low > state.top if high == state.top_hi else high == (state.top_hi + 1) & _HALF
    return ahead, (low - state.top if ahead else state.top - low) & _HALF


def _bit(state: ReplayState, distance: int, profile: Profile) -> int:
    """Return the bit of the number `distance` below the top."""
    if state.mode is ReplayMode.LEGACY:
        return distance
    return (_ring_position(state, profile) - distance) % state.window


def _ring_position(state: ReplayState, profile: Profile) -> int:
    """Return the bit of the top. The quirk matters for windows that do not divide 2^32."""
    if profile.replay_ring_by_low_half:
        return ((state.top - 1) & _HALF) % state.window
    return ((state.top_hi << _WORD_BITS | state.top) - 1) % state.window


def _moved_bitmap(state: ReplayState, step: int, profile: Profile) -> int:
    """Return the bitmap after the top moved up by `step`, the new top marked as received."""
    if state.mode is ReplayMode.LEGACY:
        return (state.bitmap << step | 1) & _HALF if step < state.window else 1
    position = _ring_position(state, profile)
    kept = state.bitmap if step < state.window else 0
    for passed in range(1, min(step, state.window)):
        kept &= ~(1 << (position + passed) % state.window)
    reached = position + step
    return kept | 1 << (reached & _HALF if profile.replay_ring_by_low_half else reached) % state.window
