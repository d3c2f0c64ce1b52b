"""The machines of packet processing: what happens to a packet on its way out and on its way in."""

from __future__ import annotations

from xfrmspec_terms.machine import Machine
from xfrmspec_terms.machine import transitions_from as _from

_LEAVES = "Sent: by the plain route"
_OUT_REFUSED = "Dropped: by the decision of chapter 2"
_OUT_BUNDLE = "Dropped: XfrmOutBundleGenError"
_OUT_MODE = "Dropped: XfrmOutStateModeError"
_OUT_INVALID = "Dropped: EINVAL, XfrmOutStateInvalid"
_OUT_EXPIRED = "Dropped: EINVAL, XfrmOutStateExpired"
_OUT_NUMBER = "Dropped: EOVERFLOW, XfrmOutStateSeqError"
_OUT_PROTOCOL = "Dropped: XfrmOutStateProtoError"

OUTBOUND_PROCESSING = Machine(
    name="Outbound processing",
    states=(
        "A route is looked up",
        "Is the socket's bundle still good?",
        "What do policies and states say?",
        "Can the bundle be built?",
        "Is a state left in the chain?",
        "Does its place in the packet exist?",
        "Is the state VALID?",
        "Are its limits not reached?",
        "Is a sequence number left?",
        "Does the transformation succeed?",
        _LEAVES,
        _OUT_REFUSED,
        _OUT_BUNDLE,
        _OUT_MODE,
        _OUT_INVALID,
        _OUT_EXPIRED,
        _OUT_NUMBER,
        _OUT_PROTOCOL,
    ),
    initial="A route is looked up",
    transitions=(
        *_from(
            "A route is looked up",
            ("once for each packet", "", "", "Is the socket's bundle still good?", "EMIT-006"),
            ("transformed before", "", "no policy is asked", _LEAVES, "EMIT-005"),
        ),
        *_from(
            "Is the socket's bundle still good?",
            ("yes", "generations as remembered", "", "Is a state left in the chain?", "CACHE-001"),
            ("no, or there is none", "", "", "What do policies and states say?", "CACHE-001"),
        ),
        *_from(
            "What do policies and states say?",
            ("pass", "no template", "", _LEAVES, "OUT-001"),
            ("transform", "states found", "", "Can the bundle be built?", "TMPL-007"),
            ("block, drop or wait", "", "", _OUT_REFUSED, "OUT-004"),
        ),
        *_from(
            "Can the bundle be built?",
            ("no", "no route behind a state", "error of the route lookup", _OUT_BUNDLE, "EMIT-003"),
            (
                "yes",
                "one element per state",
                "sec_path emptied",
                "Is a state left in the chain?",
                "BUNDLE-001",
            ),
        ),
        *_from(
            "Is a state left in the chain?",
            ("no", "", "", _LEAVES, "BUNDLE-001"),
            ("yes", "innermost first", "", "Does its place in the packet exist?", "EMIT-001"),
        ),
        *_from(
            "Does its place in the packet exist?",
            ("yes", "", "searched in the built packet", "Is the state VALID?", "BUILD-001"),
            ("no", "", "", _OUT_MODE, "EMIT-001"),
        ),
        *_from(
            "Is the state VALID?",
            ("yes", "", "", "Are its limits not reached?", "EMIT-001"),
            ("no", "", "", _OUT_INVALID, "EMIT-001"),
        ),
        *_from(
            "Are its limits not reached?",
            ("yes", "", "", "Is a sequence number left?", "EMIT-001"),
            ("no", "", "state EXPIRED", _OUT_EXPIRED, "LIFE-005"),
        ),
        *_from(
            "Is a sequence number left?",
            ("yes", "", "number and packet counted", "Does the transformation succeed?", "EMIT-001"),
            ("no", "", "", _OUT_NUMBER, "EMIT-001"),
        ),
        *_from(
            "Does the transformation succeed?",
            ("yes", "", "header written, next element", "Is a state left in the chain?", "EMIT-001"),
            ("no", "", "", _OUT_PROTOCOL, "EMIT-001"),
        ),
    ),
)
"""From the route lookup to the wire: figure 1 of the paper as Linux does it today."""

_TAKEN = "Delivered: to the upper layer"
_FORWARDED = "Forwarded: outbound processing begins"
_IN_DEPTH = "Dropped: XfrmInBufferError"
_IN_UNKNOWN = "Dropped: XfrmInNoStates"
_IN_STATE = "Dropped: XfrmAcquireError (larval), XfrmInStateInvalid"
_IN_NUMBER = "Dropped: XfrmInStateSeqError"
_IN_EXPIRED = "Dropped: XfrmInStateExpired"
_IN_PROTOCOL = "Dropped: XfrmInStateProtoError"
_IN_MODE = "Dropped: XfrmInStateModeError"
_IN_CHECK = "Dropped: by the check of chapter 3"

INBOUND_PROCESSING = Machine(
    name="Inbound processing",
    states=(
        "A packet arrives",
        "Which header is next?",
        "Is there room in the sec_path?",
        "Is there a state for it?",
        "Is this state VALID?",
        "Is the number new?",
        "Are the limits not reached?",
        "Is the octets' protection right?",
        "Can the header be taken off?",
        "Whose packet is it?",
        "Do sec_path and policies agree, IN?",
        "Do sec_path and policies agree, FWD?",
        _TAKEN,
        _FORWARDED,
        _IN_DEPTH,
        _IN_UNKNOWN,
        _IN_STATE,
        _IN_NUMBER,
        _IN_EXPIRED,
        _IN_PROTOCOL,
        _IN_MODE,
        _IN_CHECK,
    ),
    initial="A packet arrives",
    transitions=(
        *_from("A packet arrives", ("outermost first", "", "", "Which header is next?", "RECV-004")),
        *_from(
            "Which header is next?",
            ("AH, ESP, IPComp", "", "", "Is there room in the sec_path?", "RECV-001"),
            ("HAO, RT2", "", "state by addresses, swapped", "Is there room in the sec_path?", "RECV-003"),
            ("none of them", "", "", "Whose packet is it?", "RECV-002"),
        ),
        *_from(
            "Is there room in the sec_path?",
            ("yes", "fewer than six", "", "Is there a state for it?", "RECV-003"),
            ("no", "", "", _IN_DEPTH, "RECV-003"),
        ),
        *_from(
            "Is there a state for it?",
            ("yes", "", "put on the sec_path", "Is this state VALID?", "RECV-001"),
            ("no", "", "", _IN_UNKNOWN, "RECV-001"),
        ),
        *_from(
            "Is this state VALID?",
            ("yes", "", "", "Is the number new?", "RECV-001"),
            ("no", "", "", _IN_STATE, "RECV-001"),
        ),
        *_from(
            "Is the number new?",
            ("yes", "or it has none", "", "Are the limits not reached?", "REPLAY-002"),
            ("no", "", "", _IN_NUMBER, "RECV-001"),
        ),
        *_from(
            "Are the limits not reached?",
            ("yes", "", "", "Is the octets' protection right?", "RECV-001"),
            ("no", "", "state EXPIRED", _IN_EXPIRED, "LIFE-005"),
        ),
        *_from(
            "Is the octets' protection right?",
            ("yes", "number still new", "window advanced", "Can the header be taken off?", "REPLAY-007"),
            ("yes", "number no longer new", "", _IN_NUMBER, "REPLAY-007"),
            ("no", "", "", _IN_PROTOCOL, "RECV-001"),
        ),
        *_from(
            "Can the header be taken off?",
            ("yes", "", "tunnel: an inner packet", "Which header is next?", "RECV-002"),
            ("no", "", "", _IN_MODE, "RECV-001"),
        ),
        *_from(
            "Whose packet is it?",
            ("this node's", "", "", "Do sec_path and policies agree, IN?", "RECV-005"),
            ("another node's", "", "", "Do sec_path and policies agree, FWD?", "RECV-007"),
        ),
        *_from(
            "Do sec_path and policies agree, IN?",
            ("yes", "", "", _TAKEN, "CHECK-006"),
            ("no", "", "", _IN_CHECK, "CHECK-006"),
            ("no, but a state for ICMP", "quoted packet agrees", "", _TAKEN, "RECV-008"),
        ),
        *_from(
            "Do sec_path and policies agree, FWD?",
            ("yes", "", "", _FORWARDED, "RECV-007"),
            ("no", "", "", _IN_CHECK, "CHECK-006"),
        ),
    ),
)
"""From the wire to the upper layer: figure 2 of the paper as Linux does it today."""
