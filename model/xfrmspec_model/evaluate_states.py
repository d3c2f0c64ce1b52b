"""The rules of the state database on concrete values: each definition folded to a plain Python value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from xfrmspec_model.association_rules import ASSOCIATION_RULES
from xfrmspec_model.associations import AssociationTerm, FiniteAssociations, StateKey, plain_association
from xfrmspec_model.candidates import Search
from xfrmspec_model.evaluate import plain_number, plain_truth
from xfrmspec_model.finding import Finding
from xfrmspec_model.folding import Truth
from xfrmspec_model.migration import EndsTerm, MigrationTerm
from xfrmspec_model.operations import Requests
from xfrmspec_model.requests import awaits_spi
from xfrmspec_model.selectors import address_number, address_of, plain_flow
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Family, Flow
from xfrmspec_terms.state import InstalledState, StateRequest
from xfrmspec_terms.state import StateKey as StateRequestKey

Buckets = Sequence[tuple[bool, bool]]
"""For each state, whether it stands in the bucket searched first and in that of the unspecified source."""

Shared = Collection[int]
"""The indexes of states met in the bucket of their own addresses although they stand under others."""


def plain_search(
    template: Template, source: Address, destination: Address, flow: Flow, if_id: int, mark: int
) -> Search:
    """Return the search of a template between two addresses as a term."""
    return Search(
        plain_flow(flow),
        address_number(source),
        address_number(destination),
        int(template.protocol),
        int(template.family),
        int(template.mode),
        template.spi,
        template.reqid,
        if_id,
        mark,
    )


def found(
    states: Sequence[SecurityAssociation],
    search: Search,
    listeners: bool,
    profile: Profile,
    buckets: Buckets = (),
) -> tuple[set[int], Errno, bool]:
    """Return the indexes of states that may be found, the error, and whether managers are asked (`finding`).

    `buckets` are needed by profiles in which the hash table matters.
    """
    stands = buckets or [(False, False)] * len(states)
    entries = tuple(
        replace(plain_association(index, state), in_first_bucket=first, in_open_bucket=opened)
        for index, (state, (first, opened)) in enumerate(zip(states, stands, strict=True))
    )
    finding = Finding(FiniteAssociations(entries), search, listeners, profile)
    admitted = {plain_number(entry.identity) for entry in entries if plain_truth(finding.may_be_found(entry))}
    asks = plain_truth(finding.asks_the_managers())
    return admitted, Errno(plain_number(finding.error())), asks


def _entries(states: Sequence[InstalledState], shared: Shared = ()) -> FiniteAssociations:
    """Return stored states, given in search order, as a database whose identities are their indexes."""
    return FiniteAssociations(
        tuple(
            plain_association(
                index, entry.association, sequence=entry.sequence, in_own_bucket=index in shared
            )
            for index, entry in enumerate(states)
        )
    )


def _new(request: StateRequest) -> AssociationTerm:
    return plain_association(-1, request.state, sequence=request.sequence)


def _only(database: FiniteAssociations, holds: Callable[[AssociationTerm], Truth]) -> int | None:
    """Return the index of the one state that satisfies a body; ValueError for several."""
    found = [plain_number(entry.identity) for entry in database if plain_truth(holds(entry))]
    if len(found) > 1:
        raise ValueError(f"several states fit: {found}")
    return found[0] if found else None


def plain_key(key: StateRequestKey, source: Address | None = None) -> StateKey:
    """Return the key of a deletion as a term; its mark value is taken as a packet mark."""
    return StateKey(
        address_number(key.destination),
        address_number(key.source or source or key.destination),
        int(key.protocol),
        int(key.family),
        key.spi,
        key.mark.masked().value,
    )


def deleted(
    states: Sequence[InstalledState], key: StateRequestKey, profile: Profile, shared: Shared = ()
) -> int | None:
    """Return the index of the state that a deletion removes (`operations.Requests.is_deleted`)."""
    database = _entries(states, shared)
    asked = Requests(database, profile)
    return _only(database, lambda entry: asked.is_deleted(entry, plain_key(key)))


def added(
    states: Sequence[InstalledState], request: StateRequest, profile: Profile, shared: Shared = ()
) -> tuple[bool, int | None, set[int]]:
    """Return whether adding is refused, whom the new state supersedes, and whose generations it raises."""
    database, new = _entries(states, shared), _new(request)
    asked = Requests(database, profile)
    raised = {
        plain_number(entry.identity)
        for entry in database
        if plain_truth(ASSOCIATION_RULES.outdates(new, entry))
    }
    superseded = _only(database, lambda entry: asked.is_superseded(entry, new))
    return plain_truth(asked.adding_fails(new)), superseded, raised


def updated(
    states: Sequence[InstalledState], request: StateRequest, profile: Profile, shared: Shared = ()
) -> tuple[Errno, int | None, int | None]:
    """Return the error of an update, whom it replaces, and whom it changes in place."""
    database, wanted = _entries(states, shared), _new(request)
    asked = Requests(database, profile)
    replaced = _only(database, lambda entry: asked.is_replaced(entry, wanted))
    merged = _only(database, lambda entry: asked.is_merged(entry, wanted))
    return Errno(plain_number(asked.updating(wanted))), replaced, merged


def agrees_with_merge(
    stored: SecurityAssociation, wanted: SecurityAssociation, after: SecurityAssociation
) -> bool:
    """Tell whether a state is what an update makes of a stored one, limits aside (`requests.merged`)."""
    terms = [plain_association(0, state) for state in (stored, wanted, after)]
    return ASSOCIATION_RULES.merged(terms[0], terms[1]) == terms[2]


def flushed(states: Sequence[InstalledState], protocol: int) -> set[int]:
    """Return the indexes of the states that a flush removes (`requests.flushed`)."""
    gone = (entry for entry in _entries(states) if plain_truth(ASSOCIATION_RULES.flushed(entry, protocol)))
    return {plain_number(entry.identity) for entry in gone}


def may_allocate(
    states: Sequence[InstalledState],
    larval: SecurityAssociation,
    spi: int,
    bounds: tuple[int, int],
    profile: Profile,
) -> bool:
    """Tell whether a larval state may receive an SPI of a range, both bounds included."""
    asked = Requests(_entries(states), profile)
    return plain_truth(asked.may_allocate(plain_association(-1, larval), spi, *bounds))


def completed(
    states: Sequence[InstalledState], wanted: SecurityAssociation, shared: Shared = ()
) -> int | None:
    """Return the index of the larval state that an allocation by key completes (`requests.awaits_spi`)."""
    new = plain_association(-1, wanted)
    waiting = (entry for entry in _entries(states, shared) if plain_truth(awaits_spi(entry, new)))
    return next((plain_number(entry.identity) for entry in waiting), None)


def plain_migration(entry: Migration) -> MigrationTerm:
    """Return a known entry of a migration as a term."""
    return MigrationTerm(
        protocol=int(entry.protocol),
        mode=int(entry.mode),
        reqid=entry.reqid,
        old_source=address_number(entry.old_source),
        old_destination=address_number(entry.old_destination),
        old_family=int(entry.old_family),
        new_source=address_number(entry.new_source),
        new_destination=address_number(entry.new_destination),
        new_family=int(entry.new_family),
    )


def state_migrates(
    state: SecurityAssociation, entry: Migration, if_id: int, *, in_own_bucket: bool = False
) -> bool:
    """Tell whether an entry names a state (`migration.state_migrates`)."""
    term = plain_association(0, state, in_own_bucket=in_own_bucket)
    return plain_truth(ASSOCIATION_RULES.state_migrates(term, plain_migration(entry), if_id))


def migrated_ends(template: Template, entry: Migration) -> tuple[bool, Address, Address]:
    """Return whether an entry matches a template, and the template's (source, destination) after it."""
    ends = EndsTerm(
        int(template.protocol),
        int(template.mode),
        template.reqid,
        address_number(template.source),
        address_number(template.destination),
        int(template.family),
    )
    moves = plain_migration(entry)
    matched = plain_truth(ASSOCIATION_RULES.template_migrates(ends, moves))
    after = ASSOCIATION_RULES.migrated_template(ends, moves, matched)
    family = Family(plain_number(after.family))
    source, destination = plain_number(after.source), plain_number(after.destination)
    return matched, address_of(source, family), address_of(destination, family)
