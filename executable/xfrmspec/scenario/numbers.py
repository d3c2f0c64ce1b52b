"""The sequence numbers of the states of a scenario, and how dumps show them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.scenario.events import ReplayShown
from xfrmspec.scenario.terms import AddState, ExtendedReplay, LegacyCounters, UpdateState
from xfrmspec.xfrm.announcements import Announcer
from xfrmspec.xfrm.replay import (
    ReplayMode,
    ReplayRecord,
    ReplayRequest,
    ReplayState,
    new_replay,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno

_WORD_BITS = 32
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Numbers:
    """The counters of one state and what it has announced of them; `words` is the length of its bitmap."""

    replay: ReplayState
    announcer: Announcer
    words: int = 1


def fresh(replay: ReplayState, words: int = 1) -> Numbers:
    """Return the numbers of a new state: what it starts with counts as announced."""
    return Numbers(replay, Announcer(replay), words)


UNNUMBERED = fresh(ReplayState())


@clause("XFRM-REPLAY-001")
def numbers_of(step: AddState | UpdateState) -> Numbers | Errno:
    """Return the numbers that a request gives to a new state, or the error that it ends in."""
    state = step.state
    given = step.replay if isinstance(step, AddState) else None
    record = _record(given) if isinstance(given, ExtendedReplay) else None
    made = new_replay(ReplayRequest(state.protocol, state.flags, state.replay_window, record))
    if made.state is None:
        return made.errno
    if isinstance(given, LegacyCounters):
        counters = replace(made.state, top=given.sequence, sent=given.out_sequence, bitmap=given.bitmap)
        return fresh(counters)
    return fresh(made.state, 1 if record is None else record.words)


def _record(given: ExtendedReplay) -> ReplayRecord:
    bitmap = sum(word << _WORD_BITS * place for place, word in enumerate(given.bitmap))
    return ReplayRecord(
        given.window,
        len(given.bitmap),
        given.sequence,
        given.sequence_high,
        bitmap,
        given.out_sequence,
        given.out_sequence_high,
    )


def shown(numbers: Numbers) -> ReplayShown:
    """Return the counters as a dump shows them."""
    state = numbers.replay
    if state.mode is ReplayMode.LEGACY:
        return ReplayShown(state.top, state.sent, (state.bitmap,))
    words = tuple(state.bitmap >> _WORD_BITS * place & _WORD for place in range(numbers.words))
    return ReplayShown(state.top, state.sent, words, state.top_hi, state.sent_hi, state.window)
