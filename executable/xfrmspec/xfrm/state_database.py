"""The state database as a value: which states there are, in which order, and how a key finds one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xfrmspec.xfrm.state_hash import INITIAL_BUCKETS, bucket
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import IPSEC_PROTOCOLS, Mark
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Family, Protocol
from xfrmspec_terms.state import ACQUIRE_SECONDS, InstalledState, SpiRequest


@clause("XFRM-SAD-001", "XFRM-LIFE-001", "XFRM-LIFE-003")
@dataclass(frozen=True, slots=True)
class StateDatabase:
    """All states of a network namespace that are not DEAD, in search order: the newest stands first.

    `buckets` is the size of the hash table, `next_age` the counter for objects and SPI entries,
    `acquire_seconds` how long a larval state lives.
    """

    profile: Profile = CLEAN
    entries: tuple[InstalledState, ...] = ()
    buckets: int = INITIAL_BUCKETS
    next_age: int = 1
    acquire_seconds: int = ACQUIRE_SECONDS

    def __iter__(self) -> Iterator[InstalledState]:
        """Iterate over the entries in search order."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Return how many states there are."""
        return len(self.entries)

    @property
    def associations(self) -> tuple[SecurityAssociation, ...]:
        """The states alone, in search order, as decisions about packets look at them."""
        return tuple([entry.association for entry in self.entries])

    def entry(self, age: int) -> InstalledState | None:
        """Return the entry of an object, or None when it is DEAD."""
        return next((entry for entry in self.entries if entry.age == age), None)

    def entry_of(self, state: SecurityAssociation) -> InstalledState | None:
        """Return the entry that holds exactly this value, the first of several that hold an equal one."""
        same = (entry for entry in self.entries if entry.association is state)
        return next(same, None) or next((e for e in self.entries if e.association == state), None)

    @clause("XFRM-SAD-002")
    def by_spi(
        self,
        destination: Address,
        spi: int,
        protocol: int,
        mark: int = 0,
        family: Family = Family.INET6,
    ) -> InstalledState | None:
        """Return the state that a 32-bit SPI names, or None; `mark` is the packet's, in 32 bits."""
        found = [
            entry
            for entry in self.entries
            if entry.spi_age
            and _names(entry.association, destination, spi, protocol, family)
            and entry.association.mark.matches(mark)
        ]
        return max(found, key=_spi_age, default=None)

    @clause("XFRM-SAD-003")
    def by_addresses(
        self,
        source: Address,
        destination: Address,
        protocol: int,
        mark: int = 0,
        family: Family = Family.INET6,
    ) -> InstalledState | None:
        """Return the newest state between two addresses, or None; `mark` is the packet's, in 32 bits."""
        return next(
            (
                entry
                for entry in self.entries
                if entry.association.protocol == protocol
                and entry.association.destination == destination
                and entry.association.source == source
                and entry.association.family is family
                and entry.association.mark.matches(mark)
                and self.meets(entry.association, source, destination)
            ),
            None,
        )

    @clause("XFRM-SAD-003")
    def meets(self, state: SecurityAssociation, source: Address, destination: Address) -> bool:
        """Tell whether a search by two addresses gets to a state; a larval one stands where its own looked.

        A kernel looks into one bucket, so it meets what is filed elsewhere if the buckets are the same.
        Source: XFRM-SAD-003; kernel xfrm_state_find, __xfrm_state_lookup_byaddr, __find_acq_core.
        """
        filed, sought = state.filed_under, (source, destination)
        if filed is None or filed == sought:
            return True
        if not self.profile.find_second_pass_ignores_source:
            return False
        own, looked_at = (bucket(to, by, state.reqid, self.buckets) for by, to in (filed, sought))
        return own == looked_at

    @clause("XFRM-SAD-004")
    def located(self, state: SecurityAssociation) -> InstalledState | None:
        """Return the stored state that a new one collides with, or None.

        Source: XFRM-SAD-004; kernel __xfrm_state_locate.
        """
        mark = state.mark.masked()
        found = [
            e for e in self.entries if _same_key(e, state) and self._marks_meet(e.association.mark, mark)
        ]
        if state.protocol in IPSEC_PROTOCOLS:
            return max(found, key=_spi_age, default=None)
        return next((e for e in found if self.meets(e.association, state.source, state.destination)), None)

    def _marks_meet(self, stored: Mark, new: Mark) -> bool:
        if self.profile.mark_locate_asymmetric:
            return stored.matches(new.value)
        return (stored.value ^ new.value) & stored.mask & new.mask == 0

    @clause("XFRM-SAD-012", "XFRM-SPI-001")
    def larval_of_sequence(self, sequence: int, mark: int) -> InstalledState | None:
        """Return the newest larval state with a non-zero sequence number; `mark` is in 32 bits."""
        if not sequence:
            return None
        return next((e for e in self._larval(mark) if e.sequence == sequence), None)

    @clause("XFRM-SAD-012", "XFRM-SPI-001")
    def larval_of_key(self, wanted: SecurityAssociation | SpiRequest) -> InstalledState | None:
        """Return the newest larval state without an SPI that stands for the wanted one, whatever its if_id.

        Source: XFRM-SAD-012; kernel __find_acq_core.
        """
        return next(
            (
                entry
                for entry in self._larval(wanted.mark.masked().value)
                if entry.association.spi == 0
                and entry.association.protocol == wanted.protocol
                and entry.association.mode is wanted.mode
                and entry.association.reqid == wanted.reqid
                and entry.association.family is wanted.family
                and entry.association.destination == wanted.destination
                and entry.association.source == wanted.source
                and self.meets(entry.association, wanted.source, wanted.destination)
            ),
            None,
        )

    def _larval(self, mark: int) -> Iterator[InstalledState]:
        for entry in self.entries:
            if entry.association.lifecycle is Lifecycle.ACQ and entry.association.mark.matches(mark):
                yield entry

    def with_entry(self, changed: InstalledState) -> StateDatabase:
        """Return the database with one entry exchanged in its place."""
        entries = tuple([changed if entry.age == changed.age else entry for entry in self.entries])
        return replace(self, entries=entries)

    @clause("XFRM-LIFE-003")
    def without(self, gone: InstalledState) -> StateDatabase:
        """Return the database without one entry: the state is DEAD."""
        return replace(self, entries=tuple([entry for entry in self.entries if entry.age != gone.age]))

    def linked(self, entry: InstalledState) -> Stored:
        """Return the database with an entry in front of all others, and that entry with its age."""
        age = self.next_age
        entry = replace(entry, age=age, spi_age=age if entry.association.spi else 0)
        database = replace(self, entries=(entry, *self.entries), next_age=age + 1)
        if len(database.entries) < database.buckets or not _collides(database, entry):
            return Stored(database, entry)
        database = _grown(database)
        return Stored(database, database.entry(age) or entry)


@dataclass(frozen=True, slots=True)
class Stored:
    """A database and the entry that was just put into it."""

    database: StateDatabase
    entry: InstalledState


def _spi_age(entry: InstalledState) -> int:
    return entry.spi_age


def _names(state: SecurityAssociation, destination: Address, spi: int, protocol: int, family: Family) -> bool:
    return (
        state.spi == spi
        and state.protocol == protocol
        and state.destination == destination
        and state.family is family
    )


def _same_key(entry: InstalledState, new: SecurityAssociation) -> bool:
    state = entry.association
    if new.protocol in IPSEC_PROTOCOLS:
        return bool(entry.spi_age) and _names(state, new.destination, new.spi, new.protocol, new.family)
    return (state.protocol, state.family, state.destination, state.source) == (
        new.protocol,
        new.family,
        new.destination,
        new.source,
    )


def _bucket_of(state: SecurityAssociation, buckets: int) -> int:
    source, destination = state.filed_under or (state.source, state.destination)
    return bucket(destination, source, state.reqid, buckets)


def _collides(database: StateDatabase, new: InstalledState) -> bool:
    own = _bucket_of(new.association, database.buckets)
    others = (entry for entry in database.entries if entry.age != new.age)
    return any(_bucket_of(entry.association, database.buckets) == own for entry in others)


@clause("XFRM-FIND-004")
def _grown(database: StateDatabase) -> StateDatabase:
    """Double the table; a kernel walks it bucket by bucket then and puts each state in front of all before.

    Source: XFRM-FIND-004; kernel xfrm_hash_resize.
    """
    if not database.profile.same_second_tie_depends_on_table:
        return replace(database, buckets=database.buckets * 2)
    walked = sorted(database.entries, key=lambda entry: -_bucket_of(entry.association, database.buckets))
    last = database.next_age + len(walked)
    turned = [
        replace(entry, spi_age=last - place) if entry.spi_age else entry
        for place, entry in enumerate(reversed(walked), start=1)
    ]
    return replace(database, entries=tuple(turned), buckets=database.buckets * 2, next_age=last)


@clause("XFRM-SAD-012")
def bump_generations(database: StateDatabase, new: SecurityAssociation) -> StateDatabase:
    """Raise the generation of every state that a new one could replace in a bundle, whatever its protocol.

    Source: XFRM-SAD-012; kernel __xfrm_state_bump_genids.
    """
    mark = new.mark.masked().value
    old = {e.age for e in database if _replaceable(e.association, new) and e.association.mark.matches(mark)}
    if not old:
        return database
    entries = [replace(e, generation=e.generation + 1) if e.age in old else e for e in database]
    return replace(database, entries=tuple(entries))


def _replaceable(state: SecurityAssociation, new: SecurityAssociation) -> bool:
    return (
        state.reqid == new.reqid
        and state.destination == new.destination
        and state.source == new.source
        and state.if_id == new.if_id
        and state.family is new.family
    )


def is_route_optimisation(protocol: int) -> bool:
    """Tell whether a state of this protocol stands for a home address option or a type 2 routing header."""
    return protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
