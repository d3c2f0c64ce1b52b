"""What both judges of a binding update ask, and how their judgements and entries may end."""

from __future__ import annotations

DROPPED = "Dropped: silently"
PASSED_OVER = "Passed over: nothing for this role"
_REFUSED = "Refused: "


def refused(status: int) -> str:
    """Return the final state of an update that is refused with a status (128 to 255)."""
    return f"{_REFUSED}{status}"


def status_of(state: str) -> int:
    """Return the status of a final state in which an update is refused; ValueError for any other state."""
    return int(state.removeprefix(_REFUSED))


UPDATE_ARRIVES = "A binding update arrives"
FLAG_H = "Is flag H set?"
SEQUENCE = "Is the sequence number ahead?"
DELETION = "Is it a deletion?"
CARE_OF = "Can the care-of address be bound?"
ACCEPTED = "Accepted: the entry changes"

ABSENT = "no entry"
REMEMBERED = "ended, number remembered"
