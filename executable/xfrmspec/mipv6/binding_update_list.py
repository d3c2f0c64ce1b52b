"""The binding update list: what a mobile node keeps about the updates to one destination."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.mobile_settings import LIFETIME_UNIT
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.mobility import LEAST_REFUSED_STATUS, BindingAcknowledgement, BindingStatus

_NUMBERS = 1 << 16
_FARTHEST = 1 << 15


@clause("XFRM-MN-002")
@dataclass(frozen=True, slots=True)
class UpdateEntry:
    """The last update to a destination and the binding there; times are milliseconds.

    `bound` is the address that the last update bound, `asked` its lifetime (units of 4 s), `awaited` whether
    its acknowledgement is still to come. `acknowledged_until` and `held_until` are the ends of what the
    destination has acknowledged and of what it may hold. Source: RFC 6275 11.1.
    """

    sequence: int = 0
    bound: IPv6Address | None = None
    asked: int = 0
    sent_at: int = 0
    awaited: bool = False
    acknowledged_until: int | None = None
    held_until: int | None = None


@clause("XFRM-MN-003")
def next_number(sequence: int) -> int:
    """Return the number that follows, modulo 2^16."""
    return (sequence + 1) % _NUMBERS


@clause("XFRM-MN-048")
def with_update(entry: UpdateEntry, bound: IPv6Address, asked: int, now: int) -> UpdateEntry:
    """Return the entry after an update with the next number has been sent."""
    return replace(
        entry,
        sequence=next_number(entry.sequence),
        bound=bound,
        asked=asked,
        sent_at=now,
        awaited=True,
        held_until=now + asked * LIFETIME_UNIT if asked else entry.held_until,
    )


@clause("XFRM-MN-007")
def end_of(entry: UpdateEntry, granted: int) -> int:
    """Return when the binding of the last update ends if this lifetime (units of 4 s) is granted."""
    return entry.sent_at + min(entry.asked, granted) * LIFETIME_UNIT


@clause("XFRM-MN-007")
def is_accepted(entry: UpdateEntry, message: BindingAcknowledgement, now: int) -> bool:
    """Tell whether an acknowledgement accepts the last update."""
    if message.status >= LEAST_REFUSED_STATUS:
        return False
    return entry.asked == 0 or end_of(entry, message.lifetime) > now


@clause("XFRM-MN-048")
def with_acceptance(entry: UpdateEntry, message: BindingAcknowledgement) -> UpdateEntry:
    """Return the entry after an acknowledgement that accepts an update with a lifetime."""
    end = end_of(entry, message.lifetime)
    return replace(entry, awaited=False, acknowledged_until=end, held_until=end)


def without_binding(entry: UpdateEntry) -> UpdateEntry:
    """Return the entry of a destination that holds nothing."""
    return replace(entry, awaited=False, acknowledged_until=None, held_until=None)


@clause("XFRM-MN-048")
def forgotten(entry: UpdateEntry) -> UpdateEntry:
    """Return the entry after the destination has said that it knows no binding.

    An update that was sent since the acceptance may still make one; it moved the end of what may be held.
    """
    if entry.held_until == entry.acknowledged_until:
        return without_binding(entry)
    return replace(entry, acknowledged_until=None)


@clause("XFRM-MN-048")
def may_hold(entry: UpdateEntry, now: int) -> bool:
    """Tell whether the destination may hold a binding."""
    return entry.held_until is not None and entry.held_until > now


@clause("XFRM-MN-013")
def is_jump(entry: UpdateEntry, message: BindingAcknowledgement) -> bool:
    """Tell whether an acknowledgement moves the numbers on: status 135 and 0 to 32768 ahead of the last one.

    Source: RFC 6275 9.5.1, 11.7.3.
    """
    ahead = (message.sequence - entry.sequence) % _NUMBERS
    return message.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW and ahead <= _FARTHEST


@clause("XFRM-MN-013")
def with_jump(entry: UpdateEntry, message: BindingAcknowledgement) -> UpdateEntry:
    """Return the entry whose next number follows the one in the acknowledgement."""
    return replace(entry, sequence=message.sequence, awaited=False)


def is_numbered(entry: UpdateEntry, message: BindingAcknowledgement) -> bool:
    """Tell whether the last update awaits an acknowledgement with this number.

    Status 135 brings the other side's number, so any will do.
    """
    if not entry.awaited:
        return False
    out_of_window = message.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    return out_of_window or message.sequence == entry.sequence
