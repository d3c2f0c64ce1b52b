"""The counter of a sender: which number the next packet gets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec.xfrm.replay import ReplayMode, ReplayState
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.selector import Protocol

_LARGEST_HALF = 0xFFFFFFFF
_NUMBERED = frozenset({Protocol.ESP, Protocol.AH})


class AtMaximum(Enum):
    """What a counter without ESN does behind its largest number (state flag OSEQ_MAY_WRAP)."""

    STOP = "overflow"
    WRAP = "go on with 0"


@dataclass(frozen=True, slots=True)
class Numbered:
    """The state after a packet asked for a number, and the halves of the number; EOVERFLOW leaves none."""

    state: ReplayState
    low: int = 0
    high: int = 0
    errno: Errno = Errno.OK


@clause("XFRM-REPLAY-009")
def numbers_packets(protocol: Protocol) -> bool:
    """Tell whether packets of a protocol carry sequence numbers. Source: kernel XFRM_TYPE_REPLAY_PROT."""
    return protocol in _NUMBERED


@clause("XFRM-REPLAY-009")
def received_number(protocol: Protocol, field: int) -> int:
    """Return the number under which a packet is checked: 0 for protocols that carry none.

    Source: XFRM-REPLAY-009; kernel xfrm_parse_spi.
    """
    return field if numbers_packets(protocol) else 0


@clause("XFRM-REPLAY-008")
def next_sequence(state: ReplayState, protocol: Protocol, at_maximum: AtMaximum = AtMaximum.STOP) -> Numbered:
    """Take the number of the next packet; protocols without numbers leave the counter alone.

    Source: XFRM-REPLAY-008, -009; kernel xfrm_replay_overflow.
    """
    if not numbers_packets(protocol):
        return Numbered(state)
    if state.sent < _LARGEST_HALF:
        return _taken(state, state.sent + 1, state.sent_hi)
    if state.mode is ReplayMode.ESN:
        if state.sent_hi == _LARGEST_HALF:
            return Numbered(state, errno=Errno.EOVERFLOW)
        return _taken(state, 0, state.sent_hi + 1)
    return _taken(state, 0, 0) if at_maximum is AtMaximum.WRAP else Numbered(state, errno=Errno.EOVERFLOW)


def _taken(state: ReplayState, low: int, high: int) -> Numbered:
    return Numbered(replace(state, sent=low, sent_hi=high), low, high)
