"""Searches for output states that a model makes concrete, and their replay in the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec.xfrm.associations import Found, StateKey, find_state
from xfrmspec_model.candidates import Search
from xfrmspec_model.folding import Truth
from xfrmspec_model.smt import Model
from xfrmspec_proofs.associations import (
    States,
    printable_search,
    printable_states,
    read_association,
    read_template_of,
    state_record,
)
from xfrmspec_proofs.facts import flow_facts, template_facts
from xfrmspec_proofs.theorem import Scene, Witness
from xfrmspec_proofs.witness import number, read_address, read_flow, truth
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import ANY_MARK, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Family, Flow


@dataclass(frozen=True, slots=True)
class SearchCase:
    """A search that a model makes concrete: the states, the template, its addresses and the flow."""

    states: tuple[SecurityAssociation, ...]
    template: Template
    source: Address
    destination: Address
    flow: Flow

    def found(self, profile: Profile) -> Found:
        """Run the search in the reference."""
        key = StateKey(self.source, self.destination, self.flow, ANY_MARK, self.flow.if_id)
        return find_state(self.states, self.template, key, True, profile)

    def admitted(self, profile: Profile) -> tuple[SecurityAssociation, ...]:
        """Return every state that the search may return."""
        found = self.found(profile)
        return found.alternatives or (() if found.state is None else (found.state,))

    def facts(self) -> dict[str, object]:
        """Return the search as plain data."""
        return {
            "states": [state_record(state) for state in self.states],
            "template": template_facts(self.template),
            "searched": [str(self.source), str(self.destination)],
            "flow": flow_facts(self.flow),
        }


def read_case(model: Model, states: States, search: Search) -> SearchCase:
    """Return the search that a model assigns to a term, among the states that are installed."""
    entries = [entry for entry in states.entries if truth(model, entry.installed)]
    return SearchCase(
        tuple(read_association(model, entry) for entry in entries),
        read_template_of(model, search),
        read_address(number(model, search.source), Family.INET6),
        read_address(number(model, search.destination), Family.INET6),
        read_flow(model, search.flow),
    )


def search_witness(
    states: States,
    search: Search,
    verdict: Callable[[SearchCase, Profile], bool],
) -> Callable[[Model], Witness]:
    """Read a search off a model, and judge it in the reference."""

    def read(model: Model) -> Witness:
        case = read_case(model, states, search)
        return Witness(case.facts(), lambda profile: verdict(case, profile))

    return read


def printable_case(scene: Scene, states: States, search: Search) -> list[Truth]:
    """Assume in a small scene that states and search print well."""
    return [*printable_states(states, search), *printable_search(search)] if scene.small else []
