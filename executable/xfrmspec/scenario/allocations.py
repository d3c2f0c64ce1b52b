"""Which SPI a kernel allocates is its own choice: observations that differ in nothing else are made equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xfrmspec.scenario.events import Event, StateName, StoredState
from xfrmspec.scenario.observation import Observation, OperationResult, StepResult, in_one_order
from xfrmspec.scenario.terms import AllocateSpi, Scenario


def with_smallest_spis(scenario: Scenario, observation: Observation) -> Observation:
    """Return the observation with every allocated SPI as the smallest of the range that it was taken from.

    An SPI outside its range stays as it is.
    """
    chosen: dict[int, int] = {}
    for step, result in zip(scenario.steps, observation.results, strict=True):
        spi = result.spi if isinstance(result, OperationResult) else None
        if isinstance(step, AllocateSpi) and spi is not None and step.minimum <= spi <= step.maximum:
            chosen[spi] = step.minimum
    if all(spi == smallest for spi, smallest in chosen.items()):
        return observation
    return Observation(
        tuple(_result(result, chosen) for result in observation.results),
        observation.policies,
        in_one_order(_state(state, chosen) for state in observation.states),
    )


def _result(result: StepResult, chosen: Mapping[int, int]) -> StepResult:
    events = tuple(_event(event, chosen) for event in result.events)
    if isinstance(result, OperationResult) and result.spi is not None:
        return replace(result, spi=chosen.get(result.spi, result.spi), events=events)
    return replace(result, events=events)


def _event(event: Event, chosen: Mapping[int, int]) -> Event:
    return event if event.state is None else replace(event, state=_name(event.state, chosen))


def _state(state: StoredState, chosen: Mapping[int, int]) -> StoredState:
    return replace(state, name=_name(state.name, chosen))


def _name(name: StateName, chosen: Mapping[int, int]) -> StateName:
    return replace(name, spi=chosen.get(name.spi, name.spi))
