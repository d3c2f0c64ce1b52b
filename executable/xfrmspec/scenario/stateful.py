"""Scenarios whose states change with use and time, on the executable rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch

from xfrmspec.scenario.allocations import with_smallest_spis
from xfrmspec.scenario.announced import policy_event
from xfrmspec.scenario.events import Event, EventKind, StoredState, name_of
from xfrmspec.scenario.host import Host
from xfrmspec.scenario.numbers import Numbers, numbers_of, shown
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    StepResult,
    in_one_order,
)
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
from xfrmspec.xfrm import policies as policy_rules
from xfrmspec.xfrm import state_operations as state_rules
from xfrmspec.xfrm.database import without_routes
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.policies import PolicyOutcome
from xfrmspec.xfrm.spi import allocate_spi, spi_choice
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import StateOutcome
from xfrmspec.xfrm.state_validity import refusal_of
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import NO_LIMITS
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import (
    InstalledState,
    SpiRequest,
    StateRefusal,
    StateRequest,
)


def run_stateful(profile: Profile, scenario: Scenario) -> Observation:
    """Run one scenario from empty tables, the clock at second 0."""
    states = StateDatabase(profile, acquire_seconds=scenario.acquire_seconds)
    run = begin(profile, scenario.node, listeners=scenario.listeners)
    host = Host(replace(run, states=states, now=0))
    results = tuple(_told(host, step, watched=scenario.watched) for step in scenario.steps)
    newest_first = reversed(tuple(host.run.tables.policies))
    entries = tuple(stored_entry(entry.policy) for entry in newest_first)
    dumped = _dump(host, timed=any(isinstance(step, Wait) for step in scenario.steps))
    seen = Observation(results, entries, dumped if scenario.watched else ())
    return with_smallest_spis(scenario, seen)


def _told(host: Host, step: object, *, watched: bool) -> StepResult:
    result = take_step(step, host)
    host.settle()
    events = host.take_events()
    if isinstance(step, Wait):
        events = in_one_order(events)
    return replace(result, events=events) if watched and events else result


@singledispatch
def take_step(step: object, host: Host) -> StepResult:
    """Carry out one step; the ones that states have no part in are carried out as ever."""
    host.run, result = perform(step, host.run)
    return result


def _policy_result(host: Host, outcome: PolicyOutcome) -> OperationResult:
    host.put_policies(outcome.database)
    host.events += map(policy_event, outcome.events)
    return OperationResult(outcome.errno)


@take_step.register
def _(step: AddPolicy, host: Host) -> StepResult:
    return _policy_result(host, policy_rules.add(host.run.tables.policies, step.policy, host.now))


@take_step.register
def _(step: UpdatePolicy, host: Host) -> StepResult:
    return _policy_result(host, policy_rules.update(host.run.tables.policies, step.policy, host.now))


@take_step.register
def _(step: DeletePolicy, host: Host) -> StepResult:
    return _policy_result(host, policy_rules.delete(host.run.tables.policies, step.identity, step.index))


@take_step.register
def _(step: FlushPolicies, host: Host) -> StepResult:
    return _policy_result(host, policy_rules.flush(host.run.tables.policies, step.type))


def _state_result(host: Host, outcome: StateOutcome) -> OperationResult:
    host.put_states(outcome.database, outcome.events)
    return OperationResult(outcome.errno)


_Operation = Callable[[StateDatabase, StateRequest, int], StateOutcome]


def _stored(host: Host, step: AddState | UpdateState, operation: _Operation) -> StepResult:
    """The numbers of a request belong to the state object that it makes, if it makes one."""
    numbers = numbers_of(step)
    if isinstance(numbers, Errno) and refusal_of(StateRequest(step.state)) is None:
        return OperationResult(numbers)
    first = host.states.next_age
    result = _state_result(host, operation(host.states, StateRequest(step.state), host.now))
    if isinstance(numbers, Numbers):
        host.numbers |= {entry.age: numbers for entry in host.states if entry.age >= first}
    return result


@take_step.register
def _(step: AddState, host: Host) -> StepResult:
    return _stored(host, step, state_rules.add)


@take_step.register
def _(step: UpdateState, host: Host) -> StepResult:
    return _stored(host, step, state_rules.update)


@take_step.register
def _(step: DeleteState, host: Host) -> StepResult:
    return _state_result(host, state_rules.delete(host.states, state_rules.key_of(step.state)))


@take_step.register
def _(step: FlushStates, host: Host) -> StepResult:
    return _state_result(host, state_rules.flush(host.states, step.protocol))


@take_step.register
def _(step: AllocateSpi, host: Host) -> StepResult:
    request = _spi_request(step)
    choice = spi_choice(host.states, request, host.now)
    drawn = None if isinstance(choice, StateRefusal) else choice.smallest()
    outcome = allocate_spi(host.states, request, drawn, host.now)
    result = _state_result(host, outcome)
    if outcome.refusal is not None or outcome.found is None:
        return result
    return replace(result, spi=outcome.found.association.spi)


def _spi_request(step: AllocateSpi) -> SpiRequest:
    state = step.state
    return SpiRequest(
        state.source,
        state.destination,
        state.protocol,
        state.mode,
        step.minimum,
        step.maximum,
        state.reqid,
        0,
        state.mark,
        state.if_id,
        state.family,
    )


@take_step.register
def _(step: Migrate, host: Host) -> StepResult:
    identity = step.identity
    request = MigrationRequest(identity.selector, int(identity.direction), step.entries, identity.type)
    before = tuple(host.states)
    outcome = migrate(host.run.tables.policies, host.states, request, host.now)
    host.put_policies(outcome.policies)
    host.put_states(outcome.states, outcome.events)
    _copy_numbers(host, before)
    return OperationResult(outcome.errno)


def _copy_numbers(host: Host, before: tuple[InstalledState, ...]) -> None:
    """A copy goes on with the numbers of the state that it was copied from."""
    known = {entry.age for entry in before}
    numbers = {_kept(entry): host.numbers_of(entry.age) for entry in before}
    for entry in host.states:
        if entry.age not in known:
            host.numbers[entry.age] = numbers[_kept(entry)]


def _kept(entry: InstalledState) -> tuple[object, ...]:
    """What a migration leaves as it was, and what tells the states of a scenario apart."""
    state = entry.association
    named = (state.protocol, state.mode, state.spi, state.reqid, state.mark)
    return (*named, entry.octets, entry.packets, entry.used)


@take_step.register
def _(step: Send, host: Host) -> StepResult:
    return send(host, step)


@take_step.register
def _(step: Receive, host: Host) -> StepResult:
    return receive(host, step)


@take_step.register
def _(step: Open, host: Host) -> StepResult:
    return connect(host, step)


@take_step.register
def _(step: SendOn, host: Host) -> StepResult:
    return send_on(host, step.socket)


@take_step.register
def _(step: SetDefaults, host: Host) -> StepResult:
    host.run, result = perform(step, host.run)
    host.put_policies(without_routes(host.run.tables.policies))
    host.events.append(Event(EventKind.DEFAULTS))
    return result


@take_step.register
def _(step: Wait, host: Host) -> StepResult:
    host.wait(step.seconds)
    return OperationResult(Errno.OK)


def _dump(host: Host, *, timed: bool) -> tuple[StoredState, ...]:
    return tuple(sorted((_shown(host, entry, timed=timed) for entry in host.states), key=repr))


def _shown(host: Host, entry: InstalledState, *, timed: bool) -> StoredState:
    state, numbers = entry.association, host.numbers_of(entry.age)
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
