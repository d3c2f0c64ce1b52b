"""Allocating an SPI: which larval state gets one, and which numbers it may get."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.xfrm.state_acquire import store_larval
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import StateOutcome
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.profile import SpiScope
from xfrmspec_terms.selector import Family, Prefix, Protocol, Selector
from xfrmspec_terms.state import SMALL_SPI_LIMIT, InstalledState, SpiRequest, StateRefusal


@clause("XFRM-SPI-002")
@dataclass(frozen=True, slots=True)
class SpiChoice:
    """The SPIs that a larval state may get: those of a range that are neither 0 nor taken.

    `database` already holds the larval state `entry`; an entry with an SPI keeps it.
    """

    database: StateDatabase
    entry: InstalledState
    minimum: int
    maximum: int
    taken: frozenset[int]

    def admits(self, spi: int) -> bool:
        """Tell whether the larval state may end up with this SPI."""
        if self.entry.association.spi:
            return spi == self.entry.association.spi
        return spi != 0 and self.minimum <= spi <= self.maximum and spi not in self.taken

    @property
    def exhausted(self) -> bool:
        """True when no number of the range can be given, so that ENOENT is certain."""
        return not self.entry.association.spi and not self._usable

    @property
    def may_fail(self) -> bool:
        """True when ENOENT is allowed: the draws of a kernel may miss the numbers that are free."""
        size = self.maximum - self.minimum + 1
        return not self.entry.association.spi and self._usable < size

    @property
    def _usable(self) -> int:
        lost = len(self.taken) + (self.minimum == 0)
        return self.maximum - self.minimum + 1 - lost

    def smallest(self) -> int | None:
        """Return the smallest SPI that is allowed, or None."""
        if self.entry.association.spi:
            return self.entry.association.spi
        return next((n for n in range(self.minimum, self.maximum + 1) if self.admits(n)), None)


@clause("XFRM-SPI-001")
def spi_choice(database: StateDatabase, request: SpiRequest, now: int = 0) -> SpiChoice | StateRefusal:
    """Return the larval state for a request, made if there is none, with the SPIs that it may get.

    `now` in seconds. Source: XFRM-SPI-001; kernel xfrm_alloc_userspi, verify_spi_info.
    """
    too_large = request.protocol == Protocol.IPCOMP and request.maximum >= SMALL_SPI_LIMIT
    if request.protocol not in IPSEC_PROTOCOLS or request.minimum > request.maximum or too_large:
        return StateRefusal.BAD_RANGE
    entry = _asked_for(database, request)
    if entry is None:
        made = store_larval(database, _larval(request), now)
        database, entry = made.database, made.entry
    taken = _taken(database, entry.association, request)
    return SpiChoice(database, entry, request.minimum, request.maximum, taken)


@clause("XFRM-SPI-001", "XFRM-SPI-002")
def allocate_spi(database: StateDatabase, request: SpiRequest, spi: int | None, now: int = 0) -> StateOutcome:
    """Give a larval state the SPI that was drawn, None for a draw that found none (ENOENT).

    The result's `found` is the larval state with its SPI. ValueError for a draw that the rules do not allow.
    """
    choice = spi_choice(database, request, now)
    if isinstance(choice, StateRefusal):
        return StateOutcome(database, choice)
    if spi is None:
        if not choice.may_fail:
            raise ValueError("an SPI of the range is free with certainty")
        kept = choice.database if database.profile.failed_allocation_leaves_larval else database
        return StateOutcome(kept, StateRefusal.NO_SPI, found=choice.entry)
    if not choice.admits(spi):
        raise ValueError(f"SPI {spi:#010x} cannot be given")
    if choice.entry.association.spi:
        return StateOutcome(choice.database, found=choice.entry)
    numbered = replace(
        choice.entry,
        association=replace(choice.entry.association, spi=spi),
        spi_age=choice.database.next_age,
    )
    changed = choice.database.with_entry(numbered)
    return StateOutcome(replace(changed, next_age=changed.next_age + 1), found=numbered)


def _asked_for(database: StateDatabase, request: SpiRequest) -> InstalledState | None:
    asked = database.larval_of_sequence(request.sequence, request.mark.masked().value)
    if asked is not None and asked.association.destination == request.destination:
        return asked
    return database.larval_of_key(request)


def _larval(request: SpiRequest) -> SecurityAssociation:
    width = request.family.width
    between = Selector(
        Prefix(request.source, width), Prefix(request.destination, width), family=Family.UNSPEC
    )
    return SecurityAssociation(
        request.source,
        request.destination,
        Protocol(request.protocol),
        request.mode,
        reqid=request.reqid,
        family=request.family,
        selector=between,
        mark=request.mark,
        if_id=request.if_id,
    )


@clause("XFRM-SPI-002")
def _taken(database: StateDatabase, larval: SecurityAssociation, request: SpiRequest) -> frozenset[int]:
    """Return the SPIs of the range that the larval state cannot get. Source: kernel xfrm_alloc_spi."""
    everywhere = database.profile.spi_unique_per is SpiScope.PROTOCOL
    return frozenset(
        entry.association.spi
        for entry in database.entries
        if entry.spi_age
        and entry.association.protocol is larval.protocol
        and request.minimum <= entry.association.spi <= request.maximum
        and (everywhere or _shares_key(entry.association, larval))
    )


def _shares_key(state: SecurityAssociation, larval: SecurityAssociation) -> bool:
    return (
        state.destination == larval.destination
        and state.family is larval.family
        and state.mark.matches(larval.mark.value)
    )
