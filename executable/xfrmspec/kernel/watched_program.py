"""Scenarios that are run step by step as programs for the agent, and its answers as observations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xfrmspec.kernel.operations import operation_message
from xfrmspec.kernel.program import (
    DATAGRAM,
    compile_scenario,
    ending,
    frames_of,
    observation_of,
    result_of,
    sender,
    stimulus,
    stored_entry,
)
from xfrmspec.kernel.watched_events import events_of, spi_of, stored_states_of
from xfrmspec.scenario.allocations import with_smallest_spis
from xfrmspec.scenario.events import Event, EventKind
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    PacketResult,
    StepResult,
    ended_last,
    in_one_order,
)
from xfrmspec.scenario.terms import (
    AddState,
    AllocateSpi,
    Arrive,
    Open,
    Receive,
    Scenario,
    Send,
    SendOn,
    SetThresholds,
    Step,
    UpdateState,
    Wait,
    is_special,
    is_timed,
)
from xfrmspec_terms.policy import NO_LIMITS

MOST_WAITS = 2


def compile_any(scenario: Scenario) -> dict[str, Any]:
    """Return the JSON value that the agent runs; ValueError for what it cannot run."""
    return compile_watched(scenario) if is_special(scenario) else compile_scenario(scenario)


def observe_any(scenario: Scenario, answer: Any) -> Observation:
    """Return the observation that the agent's answer to a scenario amounts to."""
    return watched_observation(scenario, answer) if is_special(scenario) else observation_of(scenario, answer)


def compile_watched(scenario: Scenario) -> dict[str, Any]:
    """Return the agent's value for a scenario that is run step by step; ValueError for too many waits."""
    waits = sum(isinstance(step, Wait) for step in scenario.steps)
    if waits > MOST_WAITS:
        raise ValueError(f"{waits} waits in a scenario; a kernel can do {MOST_WAITS}")
    return {
        "watched": True,
        "timed": waits > 0,
        "listen": scenario.listeners,
        "acquire_seconds": scenario.acquire_seconds,
        "settle": any(_is_limited(step) for step in scenario.steps),
        "steps": [_step(step) for step in scenario.steps],
    } | ending(scenario)


def _is_limited(step: Step) -> bool:
    return isinstance(step, AddState | UpdateState) and step.state.limits != NO_LIMITS


def _step(step: Step) -> list[Any]:
    if isinstance(step, Wait):
        return ["wait", step.seconds]
    if isinstance(step, Arrive):
        raise ValueError("packets given as octets are for scenarios that are not watched")
    if isinstance(step, Send | Receive):
        return stimulus(step)
    if isinstance(step, Open):
        return ["open", sender(step) | {"socket": step.socket}]
    if isinstance(step, SendOn):
        return ["send-on", {"socket": step.socket, "payload": DATAGRAM.hex()}]
    (request,) = frames_of([operation_message(step)])
    return ["thresholds" if isinstance(step, SetThresholds) else "request", request]


def watched_observation(scenario: Scenario, answer: dict[str, Any]) -> Observation:
    """Return the observation that an answer amounts to; events and states are told of watched ones only."""
    results = tuple(
        _result(step, told, watched=scenario.watched)
        for step, told in zip(scenario.steps, answer["steps"], strict=True)
    )
    policies = tuple(stored_entry(payload) for payload in answer["policies"])
    if not scenario.watched:
        return with_smallest_spis(scenario, Observation(results, policies))
    started = answer["started"] if is_timed(scenario) else None
    states = stored_states_of(answer["states"], started)
    return with_smallest_spis(scenario, Observation(results, policies, states))


def _result(step: Step, answer: dict[str, Any], *, watched: bool) -> StepResult:
    heard = events_of(answer["heard"])
    events = ended_last(heard) if watched else ()
    if isinstance(step, Wait):
        return OperationResult(0, events=in_one_order(events))
    if not isinstance(step, Send | Receive | Open | SendOn):
        spi = spi_of(answer["told"]) if isinstance(step, AllocateSpi) else None
        return OperationResult(answer["errno"], spi, events)
    seen = result_of(answer)
    if not isinstance(seen, PacketResult):
        raise TypeError("a packet was answered with a number")
    return replace(
        seen,
        acquires=_count(heard, EventKind.ACQUIRE),
        reports=_count(heard, EventKind.REPORT),
        events=events,
    )


def _count(events: tuple[Event, ...], kind: EventKind) -> int:
    return sum(event.kind is kind for event in events)
