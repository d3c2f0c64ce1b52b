"""What theorems about caches replay: a bundle made now, and the databases as a cache sees them."""

from __future__ import annotations

from xfrmspec.xfrm.bundle import Bundle, Route, Stamped, StateStamp, make_bundle
from xfrmspec.xfrm.bundle_cache import Present, Standing
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile


def bundle_of(state: SecurityAssociation, database: StateDatabase) -> Bundle:
    """Return a bundle of one state of a database, made now."""
    entry = database.entry_of(state)
    assert entry is not None
    stamp = StateStamp(entry.age, entry.generation)
    made = make_bundle(
        [Stamped(state, stamp)], (), Route(state.source, state.destination), lambda _: Errno.OK
    )
    assert isinstance(made, Bundle)
    return made


def present_policies(database: PolicyDatabase, profile: Profile) -> Present:
    """Return the databases as a cache sees them when there are no states."""
    generations = {entry.age: 0 for entry in database}
    return Present(profile, database.generations.ipv6, generations, {}, 0)


def present_states(database: StateDatabase, changes: int, profile: Profile) -> Present:
    """Return the databases as a cache sees them when there are no policies."""
    standings = {
        entry.age: Standing(entry.association.lifecycle, entry.generation) for entry in database.entries
    }
    return Present(profile, 0, {}, standings, changes)
