"""What theorems about operations on states share: the operations, their replay, and mutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_model.associations import AssociationTerm, is_ipsec
from xfrmspec_model.folding import Number, Truth, alike, bit_and, negate, same
from xfrmspec_model.operations import Requests
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.associations import States, printable_association, read_association, state_record
from xfrmspec_proofs.theorem import Mutation, Witness
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import InstalledState

Everyone = tuple[SecurityAssociation, ...]


def requests_on(states: States) -> Requests:
    """Return the operations on the states of a scene, by its rules."""
    return Requests(states.database, states.scene.profile, states.rules)


def database_of_states(states: Sequence[SecurityAssociation], profile: Profile) -> StateDatabase:
    """Return a database of states in whatever lifecycle value, the first of them the newest."""
    database = StateDatabase(profile)
    for state in reversed(states):
        database = database.linked(InstalledState(state, age=0)).database
    return database


def states_witness(
    entries: Sequence[AssociationTerm],
    numbers: dict[str, Number],
    holds: Callable[[Everyone, dict[str, int], Profile], bool],
) -> Callable[[Model], Witness]:
    """Read states and numbers off a model, and try them in the reference."""

    def read(model: Model) -> Witness:
        everyone = tuple(read_association(model, entry) for entry in entries)
        values = {name: number(model, term) for name, term in numbers.items()}
        facts = {"states": [state_record(state) for state in everyone], **values}
        return Witness(facts, lambda profile: holds(everyone, values, profile))

    return read


def printable_entries(*entries: AssociationTerm, unmarked: bool = True) -> list[Truth]:
    """Assume members that print well; SPIs are those of IPsec states only."""
    parts = [part for entry in entries for part in printable_association(entry, unmarked=unmarked)]
    return [*parts, *(alike(is_ipsec(entry.protocol), negate(same(entry.spi, 0))) for entry in entries)]


def mark_is_stored(state: AssociationTerm) -> Truth:
    """Tell that a mark value is stored cut down to its mask."""
    return same(bit_and(state.mark_value, state.mark_mask), state.mark_value)


def rules_of_states(**changes: object) -> Mutation:
    """Return a mutant with other rules of the state database."""

    def mutate(rules: Rules) -> Rules:
        return replace(rules, associations=replace(rules.associations, **changes))  # type: ignore[arg-type]

    return mutate
