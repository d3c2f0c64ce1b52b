"""Random scenarios about sent octets: several packets through states with real algorithms."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from xfrmspec.conform.raw import raw_output
from xfrmspec.scenario.protection import output_scenario
from xfrmspec.scenario.suites import AH_SUITES, ESP_SUITES, Suite
from xfrmspec.scenario.terms import (
    PAYLOAD_OCTETS,
    AddState,
    ExtendedReplay,
    LegacyCounters,
    Scenario,
    Send,
    Step,
)
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.selector import Protocol

_SIZES = (*(PAYLOAD_OCTETS,) * 6, 64, 88, 96, 1200)
_LARGE_SIZES = (1360, 1400, 1448, 1456, 1496, 1600, 2000, 2040)
_WINDOW = 64
_LARGEST_HALF = 0xFFFFFFFF


def octet_scenario(random: Random) -> Scenario:
    """Return policies and states that fit, all with keys, and a few packets of one flow."""
    return with_suites(random, output_scenario(random))


def large_octet_scenario(random: Random) -> Scenario:
    """Return the same with packets around the path MTU and above it."""
    return with_suites(random, output_scenario(random), _LARGE_SIZES)


def raw_octets(random: Random) -> Scenario:
    """Return outbound policies with any templates, states for some of them, and a few packets."""
    return with_suites(random, raw_output(random), (*_SIZES, *_LARGE_SIZES))


def with_suites(random: Random, scenario: Scenario, sizes: tuple[int, ...] = _SIZES) -> Scenario:
    """Give the states of an output scenario keys and counters, and send its packet several times."""
    steps: list[Step] = []
    for step in scenario.steps:
        if isinstance(step, AddState):
            steps.append(with_keys(random, step.state))
        elif isinstance(step, Send):
            packets = range(random.choice((1, 2, 3)))
            steps += [replace(step, size=random.choice(sizes)) for _ in packets]
        else:
            steps.append(step)
    return Scenario(tuple(steps), scenario.listeners, octets=True)


def suite_for(random: Random, protocol: Protocol) -> Suite:
    """Return a suite that a state of the protocol can have; one that hides nothing is rare."""
    if protocol not in (Protocol.ESP, Protocol.AH):
        return Suite.READABLE
    if random.random() < 0.04:
        return Suite.READABLE
    return random.choice(AH_SUITES if protocol is Protocol.AH else ESP_SUITES)


def with_keys(random: Random, state: SecurityAssociation) -> AddState:
    """Return the step that adds a state with a suite; a fifth has 64-bit numbers, some are nearly used up."""
    suite = suite_for(random, state.protocol)
    if state.protocol not in IPSEC_PROTOCOLS or state.protocol is Protocol.IPCOMP:
        return AddState(state, suite=suite)
    draw = random.random()
    if draw < 0.2 and suite is not Suite.READABLE:
        high = random.choice((0, 0, 1, _LARGEST_HALF))
        sent = random.choice((0, 0, 7, _LARGEST_HALF - 1, _LARGEST_HALF))
        record = ExtendedReplay(_WINDOW, (0, 0), sequence=0, out_sequence=sent, out_sequence_high=high)
        return AddState(replace(state, flags=state.flags | StateFlag.ESN), record, suite)
    if draw < 0.3:
        sent = random.choice((5, _LARGEST_HALF - 1, _LARGEST_HALF))
        return AddState(state, LegacyCounters(out_sequence=sent), suite)
    return AddState(state, suite=suite)
