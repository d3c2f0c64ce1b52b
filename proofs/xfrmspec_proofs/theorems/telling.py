"""Theorems about events: a state that leaves is told of once, and as deleted only when it was deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import fire_state_timer
from xfrmspec.xfrm.state_operations import add, delete, flush, key_of, update
from xfrmspec_model import events
from xfrmspec_model.events import Departure
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    both,
    count_of,
    either,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.associations import state_record
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, theorem
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.policy import Limits, Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import InstalledState, StateEvent, StateEventKind, StateRequest

_SECONDS = 5
_WANTED = SecurityAssociation(
    IPv6Address("2001:db8::1"),
    IPv6Address("2001:db8::101"),
    Protocol.ESP,
    Mode.TRANSPORT,
    spi=1,
    limits=Limits(hard_add_seconds=_SECONDS),
)
_LARVAL = replace(_WANTED, lifecycle=Lifecycle.ACQ)
_WITHOUT_SPI = replace(_LARVAL, spi=0)


def _tells(rule: Callable[[StateEventKind, Number, Truth, Truth], Truth]) -> Mutation:
    """Return a mutant with another rule of events."""

    def mutate(rules: Rules) -> Rules:
        return replace(rules, tells=rule)

    return mutate


def _also_deleted(other: Departure) -> Mutation:
    """Return a mutant that sends DELSA for something else than a deletion, too."""

    def rule(kind: StateEventKind, departure: Number, succeeded: Truth, removed: Truth) -> Truth:
        told = events.tells(kind, departure, succeeded, removed)
        if kind is not StateEventKind.DELETE:
            return told
        return either(told, all_of((same(departure, other), succeeded, removed)))

    return _tells(rule)


def _told_when_refused(kind: StateEventKind, departure: Number, succeeded: Truth, removed: Truth) -> Truth:
    return events.tells(kind, departure, True, removed)


def _told_when_empty(kind: StateEventKind, departure: Number, succeeded: Truth, removed: Truth) -> Truth:
    return events.tells(kind, departure, succeeded, True)


Told = tuple[StateEvent, ...]
Replay = Callable[[StateDatabase], Told]


def _timer(database: StateDatabase) -> Told:
    return fire_state_timer(database, database.entries[0], _SECONDS).events


_REPLAYS: Mapping[Departure, tuple[SecurityAssociation, Replay]] = {
    Departure.DELETION: (_WANTED, lambda database: delete(database, key_of(_WANTED)).events),
    Departure.FLUSH: (_WANTED, lambda database: flush(database, 0).events),
    Departure.TIMER: (_WANTED, _timer),
    Departure.UPDATE: (_LARVAL, lambda database: update(database, StateRequest(_WANTED), 1).events),
    Departure.ADDITION: (_WITHOUT_SPI, lambda database: add(database, StateRequest(_WANTED), 1).events),
}
"""For each way to leave, the state that leaves by it and what the reference tells of it."""


def _holding(state: SecurityAssociation, profile: Profile) -> StateDatabase:
    return StateDatabase(profile).linked(InstalledState(state, age=0)).database


def _witness(departure: Departure, holds: Callable[[Profile], bool]) -> Callable[[Model], Witness]:
    facts = {"state": state_record(_REPLAYS[departure][0]), "leaves by": departure.name.lower()}
    return lambda _: Witness(facts, holds)


def _count(scene: Scene, departure: Departure, succeeded: Truth, removed: Truth) -> Number:
    return count_of(scene.rules.tells(kind, departure, succeeded, removed) for kind in StateEventKind)


@theorem(
    name="a_state_that_leaves_is_told_of_once_and_as_deleted_only_by_a_deletion",
    statement="Whatever takes a state away sends exactly one event for it, and that is DELSA exactly if it "
    "was a deletion: not for a flush, a timer, an update of a larval state or an addition that supersedes.",
    clauses=("XFRM-EVENT-002",),
    mutants={
        "a_timer_sends_delsa_too": _also_deleted(Departure.TIMER),
        "a_flush_sends_delsa_too": _also_deleted(Departure.FLUSH),
        "a_replaced_larval_state_counts_as_deleted": _also_deleted(Departure.UPDATE),
        "a_superseded_state_counts_as_deleted": _also_deleted(Departure.ADDITION),
    },
)
def _once(scene: Scene) -> Sequence[Claim]:
    return [_once_claim(scene, departure) for departure in Departure]


def _once_claim(scene: Scene, departure: Departure) -> Claim:
    succeeded, removed = (unknown_truth(scene.context, name) for name in ("succeeded", "removed"))
    deleted = scene.rules.tells(StateEventKind.DELETE, departure, succeeded, removed)
    conclusion = both(
        same(_count(scene, departure, succeeded, removed), 1),
        alike(deleted, departure is Departure.DELETION),
    )

    def once(profile: Profile) -> bool:
        state, replay = _REPLAYS[departure]
        told = [event.kind for event in replay(_holding(state, profile))]
        return len(told) == 1 and (StateEventKind.DELETE in told) is (departure is Departure.DELETION)

    return Claim([succeeded, removed], conclusion, [], _witness(departure, once))


@theorem(
    name="what_is_refused_or_finds_nothing_to_flush_is_not_told",
    statement="A deletion or an update that is refused sends nothing, and neither does a flush that removed "
    "nothing.",
    clauses=("XFRM-EVENT-002",),
    mutants={
        "refusals_are_told": _tells(_told_when_refused),
        "empty_flushes_are_told": _tells(_told_when_empty),
    },
)
def _silence(scene: Scene) -> Sequence[Claim]:
    departures = (Departure.DELETION, Departure.UPDATE, Departure.FLUSH)
    return [_silence_claim(scene, departure) for departure in departures]


def _silence_claim(scene: Scene, departure: Departure) -> Claim:
    succeeded = unknown_truth(scene.context, "succeeded")
    hypotheses = [] if departure is Departure.FLUSH else [negate(succeeded)]
    removed = False if departure is Departure.FLUSH else unknown_truth(scene.context, "removed")

    def silent(profile: Profile) -> bool:
        return _REPLAYS[departure][1](StateDatabase(profile)) == ()

    conclusion = same(_count(scene, departure, succeeded, removed), 0)
    return Claim(hypotheses, conclusion, [], _witness(departure, silent))
