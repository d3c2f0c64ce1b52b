"""The machines of the policy rules: the life of a policy, and the decisions on output and on input."""

from __future__ import annotations

from xfrmspec_terms.machine import Machine, Transition
from xfrmspec_terms.machine import transitions_from as _from
from xfrmspec_terms.machines_caches import BUNDLE_CACHE
from xfrmspec_terms.machines_correspondent import CORRESPONDENT_MACHINES
from xfrmspec_terms.machines_home_agent import HOME_AGENT_MACHINES
from xfrmspec_terms.machines_loops import INBOUND_PROCESSING, OUTBOUND_PROCESSING
from xfrmspec_terms.machines_mobile_node import MOBILE_NODE_MACHINES
from xfrmspec_terms.machines_states import STATE_LIFECYCLE

_ABSENT = "absent"
_LINKED = "accepted"
_IN_FORCE = "in force"
_SOFT = "in force: past a soft limit"
_GONE = "gone: no lookup finds it"


def _life_in_force(state: str) -> tuple[Transition, ...]:
    """Return what can happen to a policy in force, whether or not a soft limit was reported."""
    return _from(
        state,
        ("add", "same identity", "EEXIST, nothing changes", state, "DB-007"),
        ("rebuild", "new thresholds", "sorted anew, seniority kept", state, "LOOKUP-009"),
        ("update", "same identity", "replaced, waiting packets move over", _GONE, "DB-007"),
        ("delete", "", "bundles of the family invalid", _GONE, "DB-008"),
        ("flush", "of its type", "", _GONE, "DB-010"),
        ("timer", "hard limit", "hard expiry reported", _GONE, "TIMER-001"),
    )


POLICY_LIFECYCLE = Machine(
    name="Life of a policy",
    states=(_ABSENT, _LINKED, _IN_FORCE, _SOFT, _GONE),
    initial=_ABSENT,
    transitions=(
        *_from(
            _ABSENT,
            ("add", "no such identity", "", _LINKED, "DB-007"),
            ("update", "whether or not it exists", "", _LINKED, "DB-007"),
            ("delete", "", "ENOENT", _ABSENT, "DB-005"),
            ("flush", "nothing stored", "succeeds, no event", _ABSENT, "DB-010"),
        ),
        *_from(
            _LINKED,
            (
                "insertion",
                "",
                "unused, timer in 1 s, bundles of the family invalid",
                _IN_FORCE,
                "DB-008",
            ),
        ),
        *_life_in_force(_IN_FORCE),
        *_from(
            _IN_FORCE,
            ("timer", "no limit", "looks again at the next", _IN_FORCE, "TIMER-001"),
            ("timer", "soft limit", "soft expiry reported", _SOFT, "TIMER-002"),
        ),
        *_life_in_force(_SOFT),
        *_from(
            _SOFT,
            ("timer", "after 30 s, still reached", "soft expiry reported", _SOFT, "TIMER-002"),
            ("timer", "used again", "looks again at the next", _IN_FORCE, "TIMER-002"),
        ),
    ),
)
"""One policy object, from the request that makes it to its end; a replacement is a new object."""

_PLAIN = "Pass: not transformed"
_TRANSFORMED = "Transform: states applied, innermost first"
_OUT_BLOCKED = "Block: EPERM, XfrmOutPolBlock"
_OUT_REFUSED = "Block: EPERM, no counter"
_OUT_OVERFLOW = "Drop: ENOBUFS, XfrmOutPolError"
_OUT_ERROR = "Drop: the error itself, XfrmOutPolError"
_OUT_SOCKET_WAITS = "Drop: EAGAIN, no counter"
_OUT_VANISHES = "Drop: sender sees success, XfrmOutNoStates"
_OUT_QUEUED = "Wait: in the queue of the first policy"
_OUT_AGAIN = "Drop: EAGAIN, XfrmOutNoStates"

OUTPUT_DECISION = Machine(
    name="Output decision",
    states=(
        "A packet leaves",
        "Does a policy of the socket match?",
        "Does that policy allow?",
        "Is there anything to search?",
        "Best match in SUB?",
        "Does the SUB policy allow?",
        "Best match in MAIN, as second?",
        "Best match in MAIN, alone?",
        "Default action?",
        "Any template in the result?",
        "Do the next policy's templates fit?",
        "Can they be resolved?",
        "Was any state found?",
        "Who asked for the state?",
        _PLAIN,
        _TRANSFORMED,
        _OUT_BLOCKED,
        _OUT_REFUSED,
        _OUT_OVERFLOW,
        _OUT_ERROR,
        _OUT_SOCKET_WAITS,
        _OUT_VANISHES,
        _OUT_QUEUED,
        _OUT_AGAIN,
    ),
    initial="A packet leaves",
    transitions=(
        *_from(
            "A packet leaves",
            ("socket first", "", "", "Does a policy of the socket match?", "OUT-001"),
        ),
        *_from(
            "Does a policy of the socket match?",
            ("yes", "", "databases not asked", "Does that policy allow?", "SOCK-001"),
            ("no, or none", "", "", "Is there anything to search?", "SOCK-001"),
        ),
        *_from(
            "Does that policy allow?",
            ("BLOCK", "", "", _OUT_BLOCKED, "OUT-002"),
            ("ALLOW", "", "decides alone", "Any template in the result?", "SOCK-001"),
        ),
        *_from(
            "Is there anything to search?",
            ("yes", "", "", "Best match in SUB?", "OUT-001"),
            ("no", "no OUT policy and if_id 0, or route exempt", "", "Default action?", "DEFAULT-002"),
        ),
        *_from(
            "Best match in SUB?",
            ("found", "", "primary policy", "Does the SUB policy allow?", "PAIR-001"),
            ("none", "", "", "Best match in MAIN, alone?", "PAIR-001"),
        ),
        *_from(
            "Does the SUB policy allow?",
            ("BLOCK", "", "MAIN not asked", _OUT_BLOCKED, "OUT-003"),
            ("ALLOW", "", "", "Best match in MAIN, as second?", "OUT-003"),
        ),
        *_from(
            "Best match in MAIN, as second?",
            ("BLOCK", "", "", _OUT_BLOCKED, "OUT-004"),
            ("ALLOW", "", "SUB, then MAIN", "Any template in the result?", "OUT-003"),
            ("none", "", "SUB alone", "Any template in the result?", "OUT-003"),
        ),
        *_from(
            "Best match in MAIN, alone?",
            ("BLOCK", "", "", _OUT_BLOCKED, "OUT-004"),
            ("ALLOW", "", "", "Any template in the result?", "PAIR-001"),
            ("none", "", "", "Default action?", "OUT-001"),
        ),
        *_from(
            "Default action?",
            ("ACCEPT", "", "", _PLAIN, "DEFAULT-001"),
            ("BLOCK", "towards loopback", "", _PLAIN, "DEFAULT-001"),
            ("BLOCK", "otherwise", "", _OUT_REFUSED, "DEFAULT-001"),
        ),
        *_from(
            "Any template in the result?",
            ("none", "", "", _PLAIN, "OUT-003"),
            ("some", "", "", "Do the next policy's templates fit?", "OUT-003"),
        ),
        *_from(
            "Do the next policy's templates fit?",
            ("too many", "", "", _OUT_OVERFLOW, "OUT-005"),
            ("yes", "", "", "Can they be resolved?", "TMPL-004"),
        ),
        *_from(
            "Can they be resolved?",
            ("yes", "MAIN remains", "MAIN's turn", "Do the next policy's templates fit?", "TMPL-009"),
            ("yes", "no policy remains", "pair merged and sorted", "Was any state found?", "TMPL-009"),
            ("required: EAGAIN", "", "", "Who asked for the state?", "TMPL-008"),
            ("required: another error", "", "", _OUT_ERROR, "OUT-008"),
        ),
        *_from(
            "Was any state found?",
            ("at least one", "", "", _TRANSFORMED, "OUT-003"),
            ("none", "all optional", "", _PLAIN, "OUT-006"),
        ),
        *_from(
            "Who asked for the state?",
            ("policy of the socket", "", "", _OUT_SOCKET_WAITS, "OUT-002"),
            ("databases", "larval_drop on", "", _OUT_VANISHES, "OUT-007"),
            ("databases", "larval_drop off, caller may queue", "", _OUT_QUEUED, "OUT-007"),
            ("databases", "larval_drop off, caller may not", "", _OUT_AGAIN, "OUT-007"),
        ),
    ),
)
"""What becomes of a packet that leaves; the final states say what its sender and the counters see."""

_ACCEPTED = "Accept: packet goes on"
_VERIFIED = "Accept: k becomes the verified count"
_IN_STATE_MISMATCH = "Drop: XfrmInStateMismatch"
_IN_NO_POLICIES = "Drop: XfrmInNoPols"
_IN_BLOCKED = "Drop: XfrmInPolBlock"
_IN_OVERFLOW = "Drop: XfrmInBufferError"
_IN_MISMATCH = "Drop: XfrmInTmplMismatch"

INBOUND_CHECK = Machine(
    name="Inbound check",
    states=(
        "A packet arrived",
        "Do the selectors of all its states match?",
        "Does a policy of the socket match?",
        "Best match in SUB?",
        "Best match in MAIN, as second?",
        "Best match in MAIN, alone?",
        "Default action?",
        "Are all its states of mode transport?",
        "Does the first policy allow?",
        "Do the next policy's templates fit?",
        "Does the MAIN policy allow?",
        "Is a template left, from the last one on?",
        "Does the entry at index i fit?",
        "Is an entry left from index k on?",
        _ACCEPTED,
        _VERIFIED,
        _IN_STATE_MISMATCH,
        _IN_NO_POLICIES,
        _IN_BLOCKED,
        _IN_OVERFLOW,
        _IN_MISMATCH,
    ),
    initial="A packet arrived",
    transitions=(
        *_from(
            "A packet arrived",
            ("nothing to check", "no policy, no sec_path, default ACCEPT", "", _ACCEPTED, "DEFAULT-002"),
            ("exempt", "disable_policy, no socket policy", "", _ACCEPTED, "DEFAULT-002"),
            ("otherwise", "", "", "Do the selectors of all its states match?", "CHECK-003"),
        ),
        *_from(
            "Do the selectors of all its states match?",
            ("no", "", "", _IN_STATE_MISMATCH, "CHECK-003"),
            ("yes, or no states", "", "", "Does a policy of the socket match?", "CHECK-001"),
        ),
        *_from(
            "Does a policy of the socket match?",
            ("yes", "", "databases not asked", "Does the first policy allow?", "SOCK-001"),
            ("no, or none", "", "", "Best match in SUB?", "CHECK-001"),
        ),
        *_from(
            "Best match in SUB?",
            ("found", "", "whatever its action", "Best match in MAIN, as second?", "CHECK-001"),
            ("none", "", "", "Best match in MAIN, alone?", "PAIR-001"),
        ),
        *_from(
            "Best match in MAIN, as second?",
            (
                "found, or none",
                "",
                "searched in the direction of the check",
                "Does the first policy allow?",
                "CHECK-002",
            ),
        ),
        *_from(
            "Best match in MAIN, alone?",
            ("found", "", "", "Does the first policy allow?", "PAIR-001"),
            ("none", "", "", "Default action?", "CHECK-004"),
        ),
        *_from(
            "Default action?",
            ("BLOCK", "", "", _IN_NO_POLICIES, "DEFAULT-001"),
            ("ACCEPT", "", "", "Are all its states of mode transport?", "CHECK-004"),
        ),
        *_from(
            "Are all its states of mode transport?",
            ("yes, or no states", "", "", _ACCEPTED, "CHECK-004"),
            ("no", "", "first other entry reported", _IN_NO_POLICIES, "CHECK-004"),
        ),
        *_from(
            "Does the first policy allow?",
            ("BLOCK", "", "", _IN_BLOCKED, "CHECK-005"),
            ("ALLOW", "", "", "Do the next policy's templates fit?", "CHECK-006"),
        ),
        *_from(
            "Do the next policy's templates fit?",
            ("too many", "", "", _IN_OVERFLOW, "CHECK-006"),
            (
                "yes",
                "no policy remains",
                "pair sorted, k = 0",
                "Is a template left, from the last one on?",
                "CHECK-006",
            ),
            ("yes", "MAIN remains", "", "Does the MAIN policy allow?", "CHECK-005"),
        ),
        *_from(
            "Does the MAIN policy allow?",
            ("BLOCK", "", "", _IN_BLOCKED, "CHECK-005"),
            ("ALLOW", "", "", "Do the next policy's templates fit?", "CHECK-006"),
        ),
        *_from(
            "Is a template left, from the last one on?",
            ("none", "", "", "Is an entry left from index k on?", "CHECK-006"),
            (
                "optional transport",
                "",
                "consumes nothing",
                "Is a template left, from the last one on?",
                "CHECK-007",
            ),
            ("any other", "", "i = k, none serves twice", "Does the entry at index i fit?", "CHECK-011"),
        ),
        *_from(
            "Does the entry at index i fit?",
            ("fits", "", "k = i + 1", "Is a template left, from the last one on?", "CHECK-008"),
            (
                "does not",
                "optional, barrier or end",
                "k stays",
                "Is a template left, from the last one on?",
                "CHECK-007",
            ),
            ("does not", "mode transport", "i = i + 1", "Does the entry at index i fit?", "CHECK-007"),
            ("does not", "verified earlier", "i = i + 1", "Does the entry at index i fit?", "CHECK-012"),
            ("does not", "required, barrier", "entry reported", _IN_MISMATCH, "CHECK-007"),
            ("end of the sec_path", "required, fits none", "", _IN_MISMATCH, "CHECK-007"),
            ("end of the sec_path", "required, fits one before k", "", _IN_MISMATCH, "CHECK-010"),
            ("no sec_path", "required", "", _IN_MISMATCH, "CHECK-013"),
        ),
        *_from(
            "Is an entry left from index k on?",
            ("none, or mode transport only", "", "", _VERIFIED, "CHECK-012"),
            ("another mode", "", "entry reported", _IN_MISMATCH, "CHECK-009"),
        ),
    ),
)
"""What becomes of a received packet; k and i are indices into its sec_path, outermost entry first."""

MACHINES = (
    POLICY_LIFECYCLE,
    OUTPUT_DECISION,
    INBOUND_CHECK,
    OUTBOUND_PROCESSING,
    INBOUND_PROCESSING,
    STATE_LIFECYCLE,
    BUNDLE_CACHE,
    *MOBILE_NODE_MACHINES,
    *CORRESPONDENT_MACHINES,
    *HOME_AGENT_MACHINES,
)
"""Every machine, in reading order."""
