"""The life of a state: how it comes, is used, expires and ends."""

from __future__ import annotations

from xfrmspec_terms.machine import Machine, Transition, transitions_from

ABSENT = "absent"
LARVAL = "ACQ"
VALID = "VALID"
DYING = "VALID, dying"
FAILED = "ERROR"
EXPIRED = "EXPIRED"
DEAD = "DEAD: in no table"


def _removals(state: str) -> tuple[Transition, ...]:
    """Return what ends a state in whatever lifecycle value."""
    return transitions_from(
        state,
        ("delete", "", "DELSA", DEAD, "SAD-009"),
        ("flush", "of its protocol", "FLUSHSA", DEAD, "SAD-010"),
    )


def _of_valid(state: str) -> tuple[Transition, ...]:
    """Return what can happen to a VALID state, whether or not a soft limit was reported."""
    return (
        *transitions_from(
            state,
            ("add", "same key", "EEXIST", state, "SAD-005"),
            ("update", "", "new limits, timer in 1 s, UPDSA", VALID, "SAD-007"),
            ("update", "used, soft limit passed", "EXPIRE soft, UPDSA", DYING, "SAD-007"),
            ("update", "used, hard limit passed", "UPDSA", EXPIRED, "SAD-007"),
            ("packet", "below the limits", "passes", state, "LIFE-005"),
            ("packet", "hard limit", "EINVAL, timer at once", EXPIRED, "LIFE-005"),
            ("timer", "hard limit", "EXPIRE hard", DEAD, "LIFE-006"),
            ("timer", "nothing due", "waits for the nearest limit", state, "LIFE-006"),
            ("declared soft", "", "EXPIRE soft", state, "LIFE-002"),
            ("declared hard", "", "EXPIRE hard", DEAD, "LIFE-002"),
            ("migrate", "", "a copy takes over, MIGRATE", DEAD, "MIGR-006"),
        ),
        *_removals(state),
    )


STATE_LIFECYCLE = Machine(
    name="Life of a state",
    states=(ABSENT, LARVAL, VALID, DYING, FAILED, EXPIRED, DEAD),
    initial=ABSENT,
    transitions=(
        *transitions_from(
            ABSENT,
            ("add", "no collision", "timer in 1 s, NEWSA", VALID, "SAD-005"),
            ("add", "not acceptable", "EINVAL", ABSENT, "SAD-011"),
            ("update", "", "ESRCH", ABSENT, "SAD-007"),
            ("delete", "", "ESRCH", ABSENT, "SAD-009"),
            ("flush", "", "succeeds, no event", ABSENT, "SAD-010"),
            ("acquire", "a manager takes it", "ACQUIRE", LARVAL, "ACQ-001"),
            ("acquire", "no manager takes it", "ESRCH", ABSENT, "ACQ-001"),
            ("allocate an SPI", "", "made for it", LARVAL, "SPI-001"),
        ),
        *transitions_from(
            LARVAL,
            ("add", "IPsec, same addresses", "superseded, NEWSA", DEAD, "SAD-012"),
            ("add", "route optimisation, same addresses", "EEXIST", LARVAL, "SAD-006"),
            ("update", "same key", "replaced, UPDSA", DEAD, "SAD-007"),
            ("allocate an SPI", "", "receives it", LARVAL, "SPI-001"),
            ("refusal of the manager", "", "", FAILED, "LIFE-002"),
            ("timer", "after acq_expires", "EXPIRE hard", DEAD, "ACQ-003"),
            ("migrate", "route optimisation", "ENODATA", LARVAL, "MIGR-005"),
        ),
        *_removals(LARVAL),
        *_of_valid(VALID),
        *transitions_from(
            VALID,
            ("packet", "soft limit", "passes, EXPIRE soft", DYING, "LIFE-005"),
            ("timer", "soft limit", "EXPIRE soft", DYING, "LIFE-006"),
            ("timer", "the clock jumped", "EXPIRE soft, addition moved", DYING, "LIFE-006"),
        ),
        *_of_valid(DYING),
        *transitions_from(
            DYING,
            ("packet", "soft limit", "passes, no event", DYING, "LIFE-004"),
            ("timer", "soft limit", "no event", DYING, "LIFE-004"),
        ),
        *transitions_from(
            FAILED,
            ("update", "same key", "EINVAL", FAILED, "SAD-007"),
            ("timer", "hard limit", "EXPIRE hard", DEAD, "LIFE-006"),
        ),
        *_removals(FAILED),
        *transitions_from(
            EXPIRED,
            ("update", "", "EINVAL", EXPIRED, "SAD-007"),
            ("packet", "", "refused", EXPIRED, "LIFE-005"),
            ("timer", "at once", "EXPIRE hard", DEAD, "LIFE-005"),
        ),
        *_removals(EXPIRED),
    ),
)
"""One state object, from the operation or acquire that makes it to its end; VOID lasts no longer."""
