"""Scenarios whose states change with use and time, on the executable rules."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

from xfrmspec.interfaces.netlink_commands import operate
from xfrmspec.interfaces.netlink_states import allocate
from xfrmspec.interfaces.netlink_states import operate as operate_states
from xfrmspec.scenario.allocations import with_smallest_spis
from xfrmspec.scenario.announced import policy_event
from xfrmspec.scenario.events import Event, EventKind, StoredState, name_of
from xfrmspec.scenario.living_run import LivingRun
from xfrmspec.scenario.numbers import Numbers, numbers_of, shown
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    StepResult,
    in_one_order,
)
from xfrmspec.scenario.requests import command_of, migration_of, spi_request_of
from xfrmspec.scenario.sending import connect, send, send_on
from xfrmspec.scenario.steps import begin, perform, stored_entry
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    AllocateSpi,
    DeletePolicy,
    DeleteState,
    FlushPolicies,
    FlushStates,
    Migrate,
    Open,
    Receive,
    Scenario,
    Send,
    SendOn,
    SetDefaults,
    UpdatePolicy,
    UpdateState,
    Wait,
)
from xfrmspec.scenario.traffic import receive
from xfrmspec.xfrm.database import without_routes
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.policies import PolicyOutcome
from xfrmspec.xfrm.spi import SpiChoice
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import StateOutcome
from xfrmspec.xfrm.state_validity import refusal_of
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import NO_LIMITS
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import (
    InstalledState,
    StateRequest,
)


def run_stateful(profile: Profile, scenario: Scenario) -> Observation:
    """Run one scenario from empty tables, the clock at second 0."""
    states = StateDatabase(profile, acquire_seconds=scenario.acquire_seconds)
    run = begin(profile, scenario.node, listeners=scenario.listeners)
    living = LivingRun(replace(run, states=states, now=0))
    results = tuple(_told(living, step, watched=scenario.watched) for step in scenario.steps)
    newest_first = reversed(tuple(living.run.tables.policies))
    entries = tuple(stored_entry(entry.policy) for entry in newest_first)
    dumped = _dump(living, timed=any(isinstance(step, Wait) for step in scenario.steps))
    seen = Observation(results, entries, dumped if scenario.watched else ())
    return with_smallest_spis(scenario, seen)


def _told(living: LivingRun, step: object, *, watched: bool) -> StepResult:
    result = take_step(step, living)
    living.settle()
    events = living.take_events()
    if isinstance(step, Wait):
        events = in_one_order(events)
    return replace(result, events=events) if watched and events else result


@singledispatch
def take_step(step: object, living: LivingRun) -> StepResult:
    """Carry out one step; the ones that states have no part in are carried out as ever."""
    living.run, result = perform(step, living.run)
    return result


def _policy_result(living: LivingRun, outcome: PolicyOutcome) -> OperationResult:
    living.put_policies(outcome.database)
    living.events += map(policy_event, outcome.events)
    return OperationResult(outcome.errno)


@take_step.register
def _(step: AddPolicy | UpdatePolicy | DeletePolicy | FlushPolicies, living: LivingRun) -> StepResult:
    return _policy_result(living, operate(step, living.run.tables.policies, living.now))


def _state_result(living: LivingRun, outcome: StateOutcome) -> OperationResult:
    living.put_states(outcome.database, outcome.events)
    return OperationResult(outcome.errno)


@take_step.register
def _(step: AddState | UpdateState, living: LivingRun) -> StepResult:
    """The numbers of a request belong to the state object that it makes, if it makes one."""
    numbers = numbers_of(step)
    if isinstance(numbers, Errno) and refusal_of(StateRequest(step.state)) is None:
        return OperationResult(numbers)
    first = living.states.next_age
    result = _state_result(living, operate_states(command_of(step), living.states, living.now))
    if isinstance(numbers, Numbers):
        living.numbers |= {entry.age: numbers for entry in living.states if entry.age >= first}
    return result


@take_step.register
def _(step: DeleteState | FlushStates, living: LivingRun) -> StepResult:
    return _state_result(living, operate_states(command_of(step), living.states, living.now))


@take_step.register
def _(step: AllocateSpi, living: LivingRun) -> StepResult:
    outcome = allocate(living.states, spi_request_of(step), living.now, SpiChoice.smallest)
    result = _state_result(living, outcome)
    if outcome.refusal is not None or outcome.found is None:
        return result
    return replace(result, spi=outcome.found.association.spi)


@take_step.register
def _(step: Migrate, living: LivingRun) -> StepResult:
    before = tuple(living.states)
    outcome = migrate(living.run.tables.policies, living.states, migration_of(step), living.now)
    living.put_policies(outcome.policies)
    living.put_states(outcome.states, outcome.events)
    _copy_numbers(living, before)
    return OperationResult(outcome.errno)


def _copy_numbers(living: LivingRun, before: tuple[InstalledState, ...]) -> None:
    """A copy goes on with the numbers of the state that it was copied from."""
    known = {entry.age for entry in before}
    numbers = {_kept(entry): living.numbers_of(entry.age) for entry in before}
    for entry in living.states:
        if entry.age not in known:
            living.numbers[entry.age] = numbers[_kept(entry)]


def _kept(entry: InstalledState) -> tuple[object, ...]:
    """What a migration leaves as it was, and what tells the states of a scenario apart."""
    state = entry.association
    named = (state.protocol, state.mode, state.spi, state.reqid, state.mark)
    return (*named, entry.octets, entry.packets, entry.used)


@take_step.register
def _(step: Send, living: LivingRun) -> StepResult:
    return send(living, step)


@take_step.register
def _(step: Receive, living: LivingRun) -> StepResult:
    return receive(living, step)


@take_step.register
def _(step: Open, living: LivingRun) -> StepResult:
    return connect(living, step)


@take_step.register
def _(step: SendOn, living: LivingRun) -> StepResult:
    return send_on(living, step.socket)


@take_step.register
def _(step: SetDefaults, living: LivingRun) -> StepResult:
    living.run, result = perform(step, living.run)
    living.put_policies(without_routes(living.run.tables.policies))
    living.events.append(Event(EventKind.DEFAULTS))
    return result


@take_step.register
def _(step: Wait, living: LivingRun) -> StepResult:
    living.wait(step.seconds)
    return OperationResult(Errno.OK)


def _dump(living: LivingRun, *, timed: bool) -> tuple[StoredState, ...]:
    return in_one_order(_shown(living, entry, timed=timed) for entry in living.states)


def _shown(living: LivingRun, entry: InstalledState, *, timed: bool) -> StoredState:
    state, numbers = entry.association, living.numbers_of(entry.age)
    return StoredState(
        name_of(state),
        state.care_of,
        state.if_id,
        int(state.flags),
        None if state.limits == NO_LIMITS else state.limits,
        shown(numbers),
        entry.octets,
        entry.packets,
        used=entry.used is not None,
        added=state.added if timed else 0,
        too_old=numbers.replay.too_old,
        replayed=numbers.replay.seen,
    )
