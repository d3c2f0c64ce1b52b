"""Closed sets of what can come out: error numbers, counters, decisions and events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from xfrmspec_terms.selector import Flow


class Errno(IntEnum):
    """Error numbers that the rules name, by their Linux values."""

    OK = 0
    EPERM = 1
    ENOENT = 2
    ESRCH = 3
    EAGAIN = 11
    EEXIST = 17
    EINVAL = 22
    ENOSYS = 38
    ELOOP = 40
    ENODATA = 61
    EREMOTE = 66
    EOVERFLOW = 75
    EDESTADDRREQ = 89
    EMSGSIZE = 90
    EPROTONOSUPPORT = 93
    EOPNOTSUPP = 95
    ENETUNREACH = 101
    ENOBUFS = 105
    ENOTCONN = 107
    EHOSTUNREACH = 113


class Counter(Enum):
    """The counters of /proc/net/xfrm_stat that XFRM can raise."""

    IN_BUFFER_ERROR = "XfrmInBufferError"
    IN_HEADER_ERROR = "XfrmInHdrError"
    IN_NO_STATES = "XfrmInNoStates"
    IN_STATE_PROTOCOL_ERROR = "XfrmInStateProtoError"
    IN_STATE_MODE_ERROR = "XfrmInStateModeError"
    IN_STATE_SEQUENCE_ERROR = "XfrmInStateSeqError"
    IN_STATE_EXPIRED = "XfrmInStateExpired"
    IN_STATE_INVALID = "XfrmInStateInvalid"
    IN_ACQUIRE_ERROR = "XfrmAcquireError"
    IN_STATE_MISMATCH = "XfrmInStateMismatch"
    IN_TEMPLATE_MISMATCH = "XfrmInTmplMismatch"
    IN_NO_POLICIES = "XfrmInNoPols"
    IN_POLICY_BLOCK = "XfrmInPolBlock"
    OUT_POLICY_BLOCK = "XfrmOutPolBlock"
    OUT_POLICY_ERROR = "XfrmOutPolError"
    OUT_NO_STATES = "XfrmOutNoStates"
    OUT_BUNDLE_GENERATION_ERROR = "XfrmOutBundleGenError"
    OUT_STATE_PROTOCOL_ERROR = "XfrmOutStateProtoError"
    OUT_STATE_MODE_ERROR = "XfrmOutStateModeError"
    OUT_STATE_SEQUENCE_ERROR = "XfrmOutStateSeqError"
    OUT_STATE_EXPIRED = "XfrmOutStateExpired"
    OUT_STATE_INVALID = "XfrmOutStateInvalid"


class Decision(Enum):
    """What becomes of a packet."""

    PASS = "pass"
    TRANSFORM = "transform"
    BLOCK = "block"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Acquire:
    """The kernel asks the key managers for a state; `flow` is the packet that raised it."""

    flow: Flow
    template: int
    policy: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of a decision: the clause, the thing it looked at, whether its guard held, and the values."""

    clause: str
    subject: str
    held: bool
    found: str = ""
    expected: str = ""
