"""What theorems about the lifetime of a state share: reading it off a model, living it in the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet, fire_state_timer
from xfrmspec.xfrm.state_operations import update
from xfrmspec_model.folding import Number, Truth, all_of, among, any_of, both, implies, less, negate, same
from xfrmspec_model.limits import INFINITE, LIMIT_PARTS, NEVER, LifeTerm
from xfrmspec_model.smt import Model
from xfrmspec_proofs.associations import DESTINATIONS, SOURCES
from xfrmspec_proofs.theorem import Witness
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.policy import Limits, Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import InstalledState, StateEventKind, StateRequest

_FEW = 8
_LATEST = 1 << 12
_SECONDS = ("soft_add", "hard_add", "soft_use", "hard_use")
_ESP = SecurityAssociation(SOURCES[0], DESTINATIONS[0], Protocol.ESP, Mode.TRANSPORT, spi=0x100)


def printable_life(life: LifeTerm, *values: Lifecycle) -> list[Truth]:
    """Assume small numbers, limits that are small or infinite, and one of some lifecycle values."""
    counted = [part for part in LIMIT_PARTS if part not in _SECONDS]
    small = (getattr(life, part) for part in ("bytes", "packets"))
    times = (getattr(life, part) for part in ("added", "used", "soft_wait", *_SECONDS))
    return [
        among(life.lifecycle, values or (Lifecycle.VALID,)),
        all_of(less(part, _FEW) for part in small),
        all_of(less(part, _LATEST) for part in times),
        all_of(_small_or_infinite(getattr(life, part)) for part in counted),
        implies(life.awaits_soft, negate(any_of((life.dying, same(life.soft_add, 0))))),
    ]


def _small_or_infinite(limit: Number) -> Truth:
    return any_of((same(limit, INFINITE), both(less(limit, _FEW), less(0, limit))))


def read_life(model: Model, life: LifeTerm) -> InstalledState:
    """Return an ESP state that lives as a model says."""
    used = number(model, life.used)
    state = replace(
        _ESP,
        lifecycle=Lifecycle(number(model, life.lifecycle)),
        dying=truth(model, life.dying),
        added=number(model, life.added),
        limits=read_limits(model, life),
    )
    return InstalledState(
        state,
        age=1,
        spi_age=1,
        used=None if used == NEVER else used,
        octets=number(model, life.bytes),
        packets=number(model, life.packets),
        next_check=0,
        soft_wait=number(model, life.soft_wait) if truth(model, life.awaits_soft) else None,
    )


def read_limits(model: Model, life: LifeTerm) -> Limits:
    """Return the limits that a model assigns to a lifetime."""
    values = {part: number(model, getattr(life, part)) for part in LIMIT_PARTS}
    counted = {name: None if value == INFINITE else value for name, value in values.items()}
    return Limits(
        counted["soft_bytes"],
        counted["hard_bytes"],
        counted["soft_packets"],
        counted["hard_packets"],
        *(values[part] for part in _SECONDS),
    )


@dataclass(frozen=True, slots=True)
class Lived:
    """What became of a state in the reference: its entry (None when DEAD), a packet passed, soft events."""

    entry: InstalledState | None
    passed: bool = False
    soft: int = 0

    @property
    def dying(self) -> bool:
        """True when the state is there and dying."""
        return self.entry is not None and self.entry.association.dying


def database_of(entry: InstalledState, profile: Profile) -> StateDatabase:
    """Return a database of one state."""
    return StateDatabase(profile, (entry,), next_age=entry.age + 1)


def _softs(events: tuple[object, ...]) -> int:
    return sum(getattr(event, "kind", None) is StateEventKind.EXPIRE_SOFT for event in events)


def meet_packet(entry: InstalledState, octets: int, now: int, profile: Profile) -> Lived:
    """Let a packet use a state; a state that is not VALID is not asked, as the loops do not ask it."""
    if entry.association.lifecycle is not Lifecycle.VALID:
        return Lived(entry)
    use = ask_to_use(database_of(entry, profile), entry, now)
    passed = use.refusal is None
    after = count_packet(use.database, entry, octets) if passed else use.database
    return Lived(after.entry(entry.age), passed, _softs(use.events))


def fire_timer(entry: InstalledState, now: int, profile: Profile) -> Lived:
    """Let the timer of a state fire."""
    result = fire_state_timer(database_of(entry, profile), entry, now)
    return Lived(result.database.entry(entry.age), soft=_softs(result.events))


def renew(entry: InstalledState, limits: Limits, now: int, profile: Profile) -> Lived:
    """Update a state with new limits."""
    request = StateRequest(replace(entry.association, limits=limits))
    outcome = update(database_of(entry, profile), request, now)
    return Lived(outcome.database.entry(entry.age), soft=_softs(outcome.events))


def update_witness(
    life: LifeTerm,
    wanted: LifeTerm,
    now: Number,
    holds: Callable[[InstalledState, Limits, int, Profile], bool],
) -> Callable[[Model], Witness]:
    """Read a state, the limits of an update and its second off a model, and try them in the reference."""

    def read(model: Model) -> Witness:
        entry, limits = read_life(model, life), read_limits(model, wanted)
        second = number(model, now)
        renewed = replace(entry, association=replace(entry.association, limits=limits))
        facts = {"state": life_facts(entry), "update": life_facts(renewed)}
        return Witness(facts, lambda profile: holds(entry, limits, second, profile))

    return read


def life_facts(entry: InstalledState) -> dict[str, object]:
    """Return a lifetime as plain data; what is at its default is left out."""
    state, limits = entry.association, entry.association.limits
    facts: dict[str, object] = {"lifecycle": state.lifecycle.name.lower()}
    numbers = {"added": state.added, "used": entry.used, "octets": entry.octets, "packets": entry.packets}
    named = {part: getattr(limits, part) for part in Limits.__dataclass_fields__}
    facts |= {name: value for name, value in (numbers | named).items() if value}
    return facts | ({"dying": True} if state.dying else {})


def life_witness(
    life: LifeTerm,
    numbers: dict[str, Number],
    holds: Callable[[InstalledState, dict[str, int], Profile], bool],
) -> Callable[[Model], Witness]:
    """Read a lifetime and some numbers off a model, and try them in the reference."""

    def read(model: Model) -> Witness:
        entry = read_life(model, life)
        values = {name: number(model, term) for name, term in numbers.items()}
        return Witness({"state": life_facts(entry), **values}, lambda profile: holds(entry, values, profile))

    return read
