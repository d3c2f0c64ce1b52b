"""The machines of a correspondent node: what it asks of messages and updates, and the life of a binding."""

from __future__ import annotations

from xfrmspec_terms.machine import Machine, Transition, transitions_from
from xfrmspec_terms.machines_binding_update import (
    ABSENT,
    ACCEPTED,
    CARE_OF,
    DELETION,
    DROPPED,
    FLAG_H,
    PASSED_OVER,
    REMEMBERED,
    SEQUENCE,
    UPDATE_ARRIVES,
    refused,
)

MESSAGE_ARRIVES = "A message arrives"
ANY_BINDING = "Is the home address bound to the source on the wire?"
SOURCE = "Can the source be answered?"
HOME_ADDRESS_OPTION = "Is there a home address option?"
TESTS_KEPT = "Are tests kept?"
NONCE_CURRENT = "Is a nonce current?"
WHICH_TEST = "Which test was it?"
ERROR_GAP = "Was the last binding error sent 100 ms ago?"
WHICH_ERROR = "What is complained about?"
JUDGED = "Judged: as a binding update"
ANSWERED = "Answered: one message"

CORRESPONDENT_MESSAGE = Machine(
    name="Message at a correspondent node",
    states=(
        MESSAGE_ARRIVES,
        SOURCE,
        HOME_ADDRESS_OPTION,
        TESTS_KEPT,
        NONCE_CURRENT,
        WHICH_TEST,
        ANY_BINDING,
        ERROR_GAP,
        WHICH_ERROR,
        JUDGED,
        ANSWERED,
        DROPPED,
        PASSED_OVER,
    ),
    initial=MESSAGE_ARRIVES,
    transitions=(
        *transitions_from(
            MESSAGE_ARRIVES,
            ("mobility message", "", "", SOURCE, "CN-010"),
            ("report of a home address option", "", "", SOURCE, "CN-010"),
            ("event for another role", "", "", PASSED_OVER, "CN-035"),
        ),
        *transitions_from(
            SOURCE,
            ("no", "unspecified, loopback, multicast or link-local", "", DROPPED, "CN-010"),
            ("yes", "binding update", "", JUDGED, "CN-012"),
            ("yes", "home test init or care-of test init", "", HOME_ADDRESS_OPTION, "CN-006"),
            ("yes", "report of a home address option", "", ANY_BINDING, "CN-032"),
            ("yes", "unknown type", "", ERROR_GAP, "CN-034"),
            ("yes", "any other type", "", PASSED_OVER, "CN-035"),
        ),
        *transitions_from(
            HOME_ADDRESS_OPTION,
            ("yes", "", "", DROPPED, "CN-006"),
            ("no", "", "", TESTS_KEPT, "CN-007"),
        ),
        *transitions_from(
            TESTS_KEPT,
            ("no", "", "", NONCE_CURRENT, "CN-007"),
            ("yes", "as in 2004, fewer than 64", "kept with a token of its own", WHICH_TEST, "CN-007"),
            ("yes", "as in 2004, 64 already", "", DROPPED, "CN-007"),
        ),
        *transitions_from(
            NONCE_CURRENT,
            ("yes", "drawn less than 30 s ago", "", WHICH_TEST, "CN-002"),
            ("no", "", "nonce drawn, next index, invalid ones forgotten", WHICH_TEST, "CN-002"),
        ),
        *transitions_from(
            WHICH_TEST,
            ("home test init", "", "home test to its source", ANSWERED, "CN-004"),
            ("care-of test init", "", "care-of test to its source", ANSWERED, "CN-005"),
        ),
        *transitions_from(
            ANY_BINDING,
            ("yes", "", "", PASSED_OVER, "CN-032"),
            ("no", "", "", ERROR_GAP, "CN-034"),
        ),
        *transitions_from(
            ERROR_GAP,
            ("no", "less than 100 ms ago", "", DROPPED, "CN-034"),
            ("yes", "or none was sent", "time of sending stored", WHICH_ERROR, "CN-034"),
        ),
        *transitions_from(
            WHICH_ERROR,
            ("home address option", "", "binding error, status 1", ANSWERED, "CN-032"),
            ("unknown type", "", "binding error, status 2", ANSWERED, "CN-033"),
        ),
    ),
)
"""What becomes of a message at a correspondent node; a binding update goes on to the next machine."""

OPTIONS = "Are nonce indices and authorization data there?"
NONCES = "Do the indices name valid nonces?"
AUTHENTICATOR = "Does the authenticator match?"
WILLING = "Does the node take part?"
ROOM = "Is there an entry, or room for one?"

CORRESPONDENT_UPDATE = Machine(
    name="Binding update at a correspondent node",
    states=(
        UPDATE_ARRIVES,
        FLAG_H,
        OPTIONS,
        NONCES,
        AUTHENTICATOR,
        SEQUENCE,
        DELETION,
        WILLING,
        CARE_OF,
        ROOM,
        ACCEPTED,
        DROPPED,
        *(refused(status) for status in (129, 130, 131, 135, 136, 137, 138, 139, 174)),
    ),
    initial=UPDATE_ARRIVES,
    transitions=(
        *transitions_from(UPDATE_ARRIVES, ("source can be answered", "", "", FLAG_H, "CN-022")),
        *transitions_from(
            FLAG_H,
            ("yes", "no binding stands", "", refused(131), "CN-014"),
            ("yes", "a binding stands", "", refused(139), "CN-014"),
            ("no", "", "", OPTIONS, "CN-022"),
        ),
        *transitions_from(
            OPTIONS,
            ("no", "", "", DROPPED, "CN-015"),
            ("yes", "both", "", NONCES, "CN-015"),
        ),
        *transitions_from(
            NONCES,
            ("not the home index", "the care-of index does, or a deletion", "", refused(136), "CN-016"),
            ("not the care-of index", "the home index does, no deletion", "", refused(137), "CN-016"),
            ("neither", "no deletion", "", refused(138), "CN-016"),
            ("yes", "all that are looked at", "tokens computed anew", AUTHENTICATOR, "CN-016"),
        ),
        *transitions_from(
            AUTHENTICATOR,
            ("no", "", "", DROPPED, "CN-017"),
            ("yes", "", "", SEQUENCE, "CN-017"),
        ),
        *transitions_from(
            SEQUENCE,
            ("no", "entry, not 1 to 32767 ahead", "", refused(135), "CN-018"),
            ("yes", "entry, 1 to 32767 ahead modulo 2^16", "", DELETION, "CN-018"),
            ("yes", "no entry", "", DELETION, "CN-018"),
        ),
        *transitions_from(
            DELETION,
            ("yes", "lifetime 0, or care-of is home address", "", ROOM, "CN-013"),
            ("no", "", "", WILLING, "CN-013"),
        ),
        *transitions_from(
            WILLING,
            ("no", "", "", refused(129), "CN-019"),
            ("yes", "", "", CARE_OF, "CN-019"),
        ),
        *transitions_from(
            CARE_OF,
            ("no", "not routable unicast, own, or bound as a home address", "", refused(174), "CN-020"),
            ("yes", "", "", ROOM, "CN-020"),
        ),
        *transitions_from(
            ROOM,
            ("no", "no entry, and the cache is full", "", refused(130), "CN-021"),
            ("yes", "", "", ACCEPTED, "CN-021"),
        ),
    ),
)
"""Whether a correspondent node takes an update; what is refused is acknowledged, what is dropped is not."""

IDLE = "bound"
IN_USE = "bound, in use"
ASKED = "bound, refresh asked for"

BOUND_STATES = (IDLE, IN_USE, ASKED)


def _bound_at_correspondent(state: str) -> tuple[Transition, ...]:
    """Return what can happen to a binding that stands, used or not."""
    return transitions_from(
        state,
        ("update accepted", "a binding, same care-of address", "number, time, lifetime anew", IDLE, "CN-023"),
        ("update accepted", "a binding, another care-of address", "rebound", IDLE, "CN-024"),
        ("update accepted", "a deletion", "released", REMEMBERED, "CN-025"),
        ("update refused", "", "acknowledged", state, "CN-027"),
        ("lifetime over", "last accepted less than 240 s ago", "released", REMEMBERED, "CN-030"),
        ("lifetime over", "last accepted 240 s ago or more", "released", ABSENT, "CN-026"),
        ("used", "", "", IN_USE if state == IDLE else state, "CN-031"),
    )


def _unbound_at_correspondent(state: str) -> tuple[Transition, ...]:
    """Return what can happen while no binding stands."""
    return transitions_from(
        state,
        ("update accepted", "a binding", "bound", IDLE, "CN-023"),
        ("update accepted", "a deletion", "number and time stored", REMEMBERED, "CN-025"),
        ("update refused", "", "acknowledged", state, "CN-027"),
        ("used", "", "", state, "CN-031"),
    )


CORRESPONDENT_BINDING = Machine(
    name="Binding at a correspondent node",
    states=(ABSENT, IDLE, IN_USE, ASKED, REMEMBERED),
    initial=ABSENT,
    transitions=(
        *_unbound_at_correspondent(ABSENT),
        *_bound_at_correspondent(IDLE),
        *_bound_at_correspondent(IN_USE),
        *transitions_from(
            IN_USE,
            ("refresh due", "seven eighths of the lifetime over", "refresh request", ASKED, "CN-031"),
        ),
        *_bound_at_correspondent(ASKED),
        *_unbound_at_correspondent(REMEMBERED),
        *transitions_from(
            REMEMBERED, ("memory over", "last accepted 240 s ago", "forgotten", ABSENT, "CN-026")
        ),
    ),
)
"""The entry of a correspondent node for one home address."""

CORRESPONDENT_MACHINES = (CORRESPONDENT_MESSAGE, CORRESPONDENT_UPDATE, CORRESPONDENT_BINDING)
