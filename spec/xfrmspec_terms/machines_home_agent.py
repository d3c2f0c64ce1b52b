"""The machines of a home agent: what it asks of an update, and the life of a registration."""

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

ASSOCIATION = "Did it come under the association of its home address?"
ANY_PREFIX = "Has the agent any home prefix?"
OWN_PREFIX = "Is the home address on the home link?"
REGISTERED_ALREADY = "Is there anything to delete?"
CAME_WITH_OPTION = "Did it come with a home address option?"
PROHIBITED = "Is the home address served?"
SOURCE_OF_UPDATE = "Can the source register?"
AGENT_ROOM = "Is there a registration, or room for one?"

HOME_AGENT_UPDATE = Machine(
    name="Binding update at a home agent",
    states=(
        UPDATE_ARRIVES,
        SOURCE_OF_UPDATE,
        FLAG_H,
        ASSOCIATION,
        ANY_PREFIX,
        OWN_PREFIX,
        SEQUENCE,
        DELETION,
        REGISTERED_ALREADY,
        CAME_WITH_OPTION,
        PROHIBITED,
        CARE_OF,
        AGENT_ROOM,
        ACCEPTED,
        DROPPED,
        PASSED_OVER,
        *(refused(status) for status in (129, 130, 131, 132, 133, 135, 139, 174)),
    ),
    initial=UPDATE_ARRIVES,
    transitions=(
        *transitions_from(
            UPDATE_ARRIVES,
            ("binding update", "", "", SOURCE_OF_UPDATE, "HA-002"),
            ("any other message or event", "", "", PASSED_OVER, "HA-030"),
        ),
        *transitions_from(
            SOURCE_OF_UPDATE,
            ("no", "unspecified, loopback, multicast or link-local", "", DROPPED, "HA-002"),
            ("yes", "", "", FLAG_H, "HA-002"),
        ),
        *transitions_from(
            FLAG_H,
            ("no", "home address registered", "", refused(139), "HA-001"),
            ("no", "home address not registered", "", PASSED_OVER, "HA-001"),
            ("yes", "", "", ASSOCIATION, "HA-001"),
        ),
        *transitions_from(
            ASSOCIATION,
            ("no", "none, or of another home address", "", DROPPED, "HA-003"),
            ("yes", "", "", ANY_PREFIX, "HA-003"),
        ),
        *transitions_from(
            ANY_PREFIX,
            ("no", "", "", refused(131), "HA-005"),
            ("yes", "", "", OWN_PREFIX, "HA-005"),
        ),
        *transitions_from(
            OWN_PREFIX,
            ("no", "in no prefix valid for 4 s or more", "", refused(132), "HA-006"),
            ("yes", "", "", SEQUENCE, "HA-006"),
        ),
        *transitions_from(
            SEQUENCE,
            ("no", "entry, not 1 to 32767 ahead", "", refused(135), "HA-007"),
            ("no", "probed, same number", "", DROPPED, "HA-007"),
            ("yes", "entry, 1 to 32767 ahead modulo 2^16", "", DELETION, "HA-007"),
            ("yes", "no entry", "", DELETION, "HA-007"),
        ),
        *transitions_from(
            DELETION,
            ("yes", "lifetime 0, or care-of is home address", "", REGISTERED_ALREADY, "HA-004"),
            ("no", "", "", CAME_WITH_OPTION, "HA-004"),
        ),
        *transitions_from(
            REGISTERED_ALREADY,
            ("no", "neither registered nor probed", "", refused(133), "HA-008"),
            ("yes", "", "", ACCEPTED, "HA-008"),
        ),
        *transitions_from(
            CAME_WITH_OPTION,
            ("no", "", "", DROPPED, "HA-004"),
            ("yes", "", "", PROHIBITED, "HA-004"),
        ),
        *transitions_from(
            PROHIBITED,
            ("no", "", "", refused(129), "HA-009"),
            ("yes", "", "", CARE_OF, "HA-009"),
        ),
        *transitions_from(
            CARE_OF,
            (
                "no",
                "not routable unicast, own, or registered as a home address",
                "",
                refused(174),
                "HA-010",
            ),
            ("yes", "", "", AGENT_ROOM, "HA-010"),
        ),
        *transitions_from(
            AGENT_ROOM,
            ("no", "no registration, and the cache is full", "", refused(130), "HA-011"),
            ("yes", "", "", ACCEPTED, "HA-011"),
        ),
    ),
)
"""Whether a home agent takes an update; what is refused is acknowledged, what is dropped is not."""

PROBING = "probed"
REGISTERED = "registered"
REGISTERED_IN_USE = "registered, in use"
REGISTERED_ASKED = "registered, refresh asked for"

REGISTERED_STATES = (REGISTERED, REGISTERED_IN_USE, REGISTERED_ASKED)


def _registered(state: str) -> tuple[Transition, ...]:
    """Return what can happen to a registration, used or not."""
    return transitions_from(
        state,
        ("update accepted", "same care-of address", "acknowledged", REGISTERED, "HA-020"),
        ("update accepted", "another care-of address", "rebound, acknowledged", REGISTERED, "HA-020"),
        ("update accepted", "a deletion", "released, acknowledged", REMEMBERED, "HA-021"),
        ("update refused", "", "acknowledged", state, "HA-023"),
        ("probe over", "", "", state, "HA-017"),
        ("lifetime over", "", "released", REMEMBERED, "HA-028"),
        ("used", "", "", REGISTERED_IN_USE if state == REGISTERED else state, "HA-029"),
    )


def _not_registered(state: str) -> tuple[Transition, ...]:
    """Return what can happen while a home address is neither registered nor probed."""
    return transitions_from(
        state,
        ("update accepted", "a registration", "probing", PROBING, "HA-013"),
        ("update refused", "with 133", "acknowledged, number remembered", REMEMBERED, "HA-008"),
        ("update refused", "with another status", "acknowledged", state, "HA-023"),
        ("probe over", "", "", state, "HA-017"),
        ("used", "", "", state, "HA-029"),
    )


AGENT_REGISTRATION = Machine(
    name="Registration at a home agent",
    states=(ABSENT, PROBING, REGISTERED, REGISTERED_IN_USE, REGISTERED_ASKED, REMEMBERED),
    initial=ABSENT,
    transitions=(
        *_not_registered(ABSENT),
        *transitions_from(
            PROBING,
            ("update accepted", "a registration", "takes the place of the one that waits", PROBING, "HA-015"),
            ("update accepted", "a deletion", "released, acknowledged", REMEMBERED, "HA-015"),
            ("update refused", "", "acknowledged", PROBING, "HA-023"),
            ("probe over", "unique, prefix valid for 4 s", "bound, acknowledged", REGISTERED, "HA-016"),
            ("probe over", "unique, no such prefix", "released, refused with 132", REMEMBERED, "HA-016"),
            ("probe over", "duplicate", "released, refused with 134", REMEMBERED, "HA-017"),
            ("used", "", "", PROBING, "HA-029"),
        ),
        *_registered(REGISTERED),
        *_registered(REGISTERED_IN_USE),
        *transitions_from(
            REGISTERED_IN_USE,
            (
                "refresh due",
                "seven eighths of the lifetime over",
                "refresh request",
                REGISTERED_ASKED,
                "HA-029",
            ),
        ),
        *_registered(REGISTERED_ASKED),
        *_not_registered(REMEMBERED),
    ),
)
"""The entry of a home agent for one home address."""

HOME_AGENT_MACHINES = (HOME_AGENT_UPDATE, AGENT_REGISTRATION)
