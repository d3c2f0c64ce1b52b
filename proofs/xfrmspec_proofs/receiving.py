"""Running numbers through the replay windows of the executable specification."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec.xfrm.replay import ReplayMode, ReplayState, Verdict, advance, check, infer_high, recheck
from xfrmspec.xfrm.sequence import AtMaximum, next_sequence
from xfrmspec_model.replay import NUMBERS
from xfrmspec_model.replay import ReplayMode as ModelMode
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

_MODES = {
    ModelMode.LEGACY: ReplayMode.LEGACY,
    ModelMode.BITMAP: ReplayMode.BITMAP,
    ModelMode.ESN: ReplayMode.ESN,
}


def started(mode: ModelMode, size: int, top: int = 0) -> ReplayState:
    """Return the sequence numbers of a state that was made with a top and has received nothing."""
    return ReplayState(_MODES[mode], size, top % NUMBERS, top // NUMBERS)


def passes(state: ReplayState, number: int, profile: Profile) -> bool:
    """Tell whether an authentic number passes both checks; another inference makes it fail its ICV."""
    low, high = number % NUMBERS, number // NUMBERS
    if check(state, low, profile) is not Verdict.ACCEPT or infer_high(state, low) != high:
        return False
    return recheck(state, low, high, profile) is Verdict.ACCEPT


def received(state: ReplayState, numbers: Sequence[int], profile: Profile) -> tuple[list[bool], ReplayState]:
    """Return for each number whether it is accepted, and the state after all."""
    told: list[bool] = []
    for number in numbers:
        told.append(passes(state, number, profile))
        if told[-1]:
            state = advance(state, number % NUMBERS, profile)
    return told, state


def receives(mode: ModelMode, size: int, top: int, numbers: Sequence[int], profile: Profile) -> list[bool]:
    """Return for each number whether a window with a first top accepts it."""
    return received(started(mode, size, top), numbers, profile)[0]


def numbered(counter: int, *, may_wrap: bool, extended: bool) -> tuple[int | None, int]:
    """Return the number of the next packet, None when it is refused, and the counter afterwards."""
    mode = ReplayMode.ESN if extended else ReplayMode.BITMAP
    state = ReplayState(mode, 1, sent=counter % NUMBERS, sent_hi=counter // NUMBERS)
    told = next_sequence(state, Protocol.ESP, AtMaximum.WRAP if may_wrap else AtMaximum.STOP)
    number = None if told.errno is Errno.EOVERFLOW else told.high * NUMBERS + told.low
    return number, told.state.sent_hi * NUMBERS + told.state.sent
