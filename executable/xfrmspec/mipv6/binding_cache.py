"""The entries that home agent and correspondent node keep for home addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address
from typing import Protocol, TypeVar

from xfrmspec.mipv6.binding_request import BindingRequest
from xfrmspec_terms.clauses import clause


class Use(Enum):
    """What is known of the use of a binding since its last accepted update."""

    UNUSED = "not used"
    USED = "used"
    ASKED = "used, and a refresh was asked for"


class Entry(Protocol):
    """What all entries have: a home address, and the last accepted sequence number (16 bits)."""

    @property
    def home_address(self) -> IPv6Address: ...  # noqa: D102

    @property
    def sequence(self) -> int: ...  # noqa: D102


AnyEntry = TypeVar("AnyEntry", bound=Entry)


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding that stands.

    `own` is the node's address that the update was sent to. `accepted_at`, `granted` and `ends_at` are
    milliseconds; None for `ends_at` is a binding without end.
    """

    home_address: IPv6Address
    care_of: IPv6Address
    own: IPv6Address
    sequence: int
    accepted_at: int
    granted: int
    ends_at: int | None
    use: Use = Use.UNUSED
    key_management_mobility: bool = False
    link_local_compatibility: bool = False

    @property
    def refresh_at(self) -> int:
        """Return when seven eighths of the granted lifetime are over (ms)."""
        return self.accepted_at + self.granted * 7 // 8

    def is_over(self, now: int) -> bool:
        """Tell whether the lifetime has ended."""
        return self.ends_at is not None and self.ends_at <= now

    def refresh_is_due(self, now: int) -> bool:
        """Tell whether the mobile node is to be asked for an update."""
        return self.ends_at is not None and self.use is Use.USED and self.refresh_at <= now

    def deadline(self) -> int | None:
        """Return when something is due next (ms)."""
        if self.ends_at is None or self.use is not Use.USED:
            return self.ends_at
        return min(self.refresh_at, self.ends_at)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A binding that ended: its last accepted sequence number, accepted at a time (ms)."""

    home_address: IPv6Address
    sequence: int
    accepted_at: int


@clause("XFRM-CN-023", "XFRM-HA-020")
def bound(request: BindingRequest, granted: int, now: int, ends_at: int | None) -> Binding:
    """Return the binding that an accepted update makes at `now`."""
    return Binding(
        request.home_address,
        request.care_of,
        request.own,
        request.update.sequence,
        now,
        granted,
        ends_at,
        key_management_mobility=request.update.key_management_mobility,
        link_local_compatibility=request.update.link_local_compatibility,
    )


def entry_of(entries: Iterable[AnyEntry], home_address: IPv6Address) -> AnyEntry | None:
    """Return the entry of a home address."""
    return next((entry for entry in entries if entry.home_address == home_address), None)


def without(entries: Sequence[AnyEntry], home_address: IPv6Address) -> tuple[AnyEntry, ...]:
    """Return the entries of other home addresses."""
    return tuple(entry for entry in entries if entry.home_address != home_address)


def stored(entries: Sequence[AnyEntry], entry: AnyEntry) -> tuple[AnyEntry, ...]:
    """Return the entries, sorted by home address, with this one in place of any other of its home address."""
    others = without(entries, entry.home_address)
    return tuple(sorted((*others, entry), key=lambda one: one.home_address))


def binding_of(entries: Iterable[Entry], home_address: IPv6Address) -> Binding | None:
    """Return the binding that stands for a home address."""
    entry = entry_of(entries, home_address)
    return entry if isinstance(entry, Binding) else None
