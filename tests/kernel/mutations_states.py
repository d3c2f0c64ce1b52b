"""Wrong rules about states: all of them, and here keys, operations and SPIs."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from kernel.mutations_lives import LIMITS, MIGRATION, REMEMBERED
from xfrmspec.xfrm import (
    spi,
    state_database,
    state_operations,
    state_validity,
)
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.profile import SpiScope

KEYS: tuple[Mutation, ...] = (
    wrong(
        "a mark does not tell states with one SPI apart",
        "SAD-002",
        StateDatabase.by_spi,
        "and entry.association.mark.matches(mark)",
        "",
    ),
    wrong(
        "of states with one SPI the older one is named",
        "SAD-002",
        StateDatabase.by_spi,
        "max(found, key=_spi_age",
        "min(found, key=_spi_age",
    ),
    wrong(
        "an SPI names a state whatever its destination",
        "SAD-002",
        state_database._names,
        "and state.destination == destination",
        "",
    ),
    wrong(
        "addresses name a state whatever its source",
        "SAD-003",
        StateDatabase.by_addresses,
        "and entry.association.source == source",
        "",
    ),
    wrong(
        "of states between two addresses the oldest is named",
        "SAD-003",
        StateDatabase.by_addresses,
        "for entry in self.entries",
        "for entry in reversed(self.entries)",
    ),
    switched("marks meet whichever state was first", "SAD-004", mark_locate_asymmetric=False),
    wrong(
        "states collide whatever their marks",
        "SAD-004",
        StateDatabase._marks_meet,
        "return stored.matches(new.value)",
        "return True",
    ),
    wrong(
        "bindings collide whatever their source",
        "SAD-004",
        state_database._same_key,
        "        new.source,\n",
        "        state.source,\n",
    ),
)


OPERATIONS: tuple[Mutation, ...] = (
    wrong(
        "a state that collides is stored",
        "SAD-005",
        state_operations.add,
        "if collision is not None:",
        "if False:",
    ),
    wrong(
        "updating a state that does not exist adds it",
        "SAD-007",
        state_operations.update,
        "return StateOutcome(database, StateRefusal.NOT_FOUND)",
        "return add(database, request, now)",
    ),
    wrong(
        "an update does not end a larval state",
        "SAD-007",
        state_operations.update,
        "stored.without(old)",
        "stored",
    ),
    wrong(
        "an update leaves a state dying",
        "SAD-008",
        state_operations._changed,
        "dying=False",
        "dying=state.dying",
    ),
    wrong(
        "an update keeps the limits",
        "SAD-008",
        state_operations._changed,
        "limits=new.limits",
        "limits=state.limits",
    ),
    wrong(
        "an update keeps the care-of address",
        "SAD-008",
        state_operations._changed,
        "care_of=new.care_of if",
        "care_of=state.care_of if",
    ),
    wrong(
        "an update brings every state a selector",
        "SAD-008",
        state_operations._changed,
        "stored_selector(new) if is_route_optimisation(state.protocol) else",
        "stored_selector(new) if True else",
    ),
    wrong(
        "a deletion names no mark",
        "SAD-009",
        state_operations.named,
        "mark = key.mark.masked().value",
        "mark = 0",
    ),
    wrong(
        "a flush of 255 takes every protocol",
        "SAD-010",
        state_operations._is_flushed,
        "return state.protocol in IPSEC_PROTOCOLS",
        "return True",
    ),
    wrong(
        "a flush of nothing is announced",
        "SAD-010",
        state_operations.flush,
        "if len(kept) == len(database.entries):",
        "if False:",
    ),
    wrong(
        "a binding needs no care-of address",
        "SAD-011",
        state_validity._malformed,
        "if state.care_of is None:",
        "if False:",
    ),
    wrong(
        "an IPComp state has an SPI of any size",
        "SAD-011",
        state_validity._malformed,
        "state.protocol is Protocol.IPCOMP and state.spi >= SMALL_SPI_LIMIT",
        "False",
    ),
    wrong(
        "a binding may have an SPI",
        "SAD-011",
        state_validity.cannot_start,
        "if is_route_optimisation(state.protocol) and state.spi:",
        "if False:",
    ),
    wrong(
        "the selector of a state stays open",
        "SAD-011",
        state_validity.stored_selector,
        "selector.family is not Family.UNSPEC or",
        "True or",
    ),
    wrong(
        "an answer leaves the larval state",
        "SAD-012",
        state_operations.supersede_entry,
        "stored if larval is None else",
        "stored if True else",
    ),
    wrong(
        "an answer of another mode ends the larval state",
        "SAD-012",
        StateDatabase.larval_of_key,
        "and entry.association.mode is wanted.mode",
        "",
    ),
    wrong(
        "an answer of another reqid ends the larval state",
        "SAD-012",
        StateDatabase.larval_of_key,
        "and entry.association.reqid == wanted.reqid",
        "",
    ),
    wrong(
        "a new state supersedes none",
        "SAD-012",
        state_database.bump_generations,
        "e.generation + 1",
        "e.generation",
    ),
    wrong(
        "a new state supersedes those of its protocol only",
        "SAD-012",
        state_database._replaceable,
        "state.reqid == new.reqid",
        "state.protocol == new.protocol and state.reqid == new.reqid",
    ),
)


SPIS: tuple[Mutation, ...] = (
    wrong(
        "a binding can be given an SPI",
        "SPI-001",
        spi.spi_choice,
        "request.protocol not in IPSEC_PROTOCOLS or",
        "",
    ),
    wrong(
        "an empty range of SPIs is ENOENT",
        "SPI-001",
        spi.spi_choice,
        "or request.minimum > request.maximum or",
        "or",
    ),
    wrong(
        "IPComp is given SPIs of any size",
        "SPI-001",
        spi.spi_choice,
        "request.maximum >= SMALL_SPI_LIMIT",
        "False",
    ),
    wrong(
        "every allocation makes a larval state",
        "SPI-001",
        spi._asked_for,
        "return database.larval_of_key(request)",
        "return None",
    ),
    switched("a failed allocation leaves nothing", "SPI-001", failed_allocation_leaves_larval=False),
    switched("an SPI is given once for each protocol", "SPI-002", spi_unique_per=SpiScope.PROTOCOL),
    wrong(
        "an SPI is given to several states",
        "SPI-002",
        spi._taken,
        "if entry.spi_age",
        "if False",
    ),
)


STATES = (*KEYS, *OPERATIONS, *SPIS, *LIMITS, *REMEMBERED, *MIGRATION)
