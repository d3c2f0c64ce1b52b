"""Packets through states that count, number and expire, on the way out and on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec.host.one_state import (
    EMIT_FAILURES,
    InputStep,
    closed_to,
    counter_of,
    enter,
    leave,
    settle_number,
)
from xfrmspec.scenario.announced import acquire_event, report_event
from xfrmspec.scenario.lengths import received_octets, sent_octets
from xfrmspec.scenario.living_run import LivingRun
from xfrmspec.scenario.observation import PacketResult
from xfrmspec.scenario.packets import layer_sequences
from xfrmspec.scenario.steps import arrived, received_flow, used_identities
from xfrmspec.scenario.terms import LOOPBACK_INDEX, Receive, Send
from xfrmspec.xfrm.announcements import numbers_changed
from xfrmspec.xfrm.output import OutputDecision
from xfrmspec.xfrm.sequence import numbers_packets
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.packet import upper_header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Address
from xfrmspec_terms.state import InstalledState


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why a state refuses a packet: the counter, and the error that a sender sees."""

    counter: Counter
    errno: Errno = Errno.OK


def carry_out(
    living: LivingRun, step: Send, applied: Sequence[SecurityAssociation], result: PacketResult
) -> PacketResult:
    """Return what is seen of a packet once its states have taken part, in their order."""
    plain = (*step.headers, upper_header(step.flow.protocol))
    stop = _carried_out(living, applied, sent_octets(plain, applied))
    if stop is None:
        return result
    return replace(result, errno=stop.errno, counters=((stop.counter.value, 1),), wire=())


@clause("XFRM-ACQ-001")
def ask_managers(living: LivingRun, decision: OutputDecision) -> None:
    """Tell managers of every larval state of a decision, which is stored by now."""
    for acquire, larval in zip(decision.acquires, decision.larvals, strict=True):
        living.events.append(acquire_event(larval, decision.selection.policies[acquire.policy]))


@clause("XFRM-LIFE-005", "XFRM-REPLAY-008")
def _carried_out(
    living: LivingRun, applied: Sequence[SecurityAssociation], octets: Sequence[int]
) -> _Stop | None:
    """Take a packet through its states in their order; the first that refuses it ends the walk."""
    entries = [living.states.entry_of(state) for state in applied]
    for entry, length in zip(entries, octets, strict=True):
        stop = None if entry is None else _one_out(living, entry, length)
        if stop is not None:
            return stop
    return None


def _one_out(living: LivingRun, entry: InstalledState, octets: int) -> _Stop | None:
    numbers = living.numbers_of(entry.age)
    asked = leave(living.states, entry, numbers.replay, living.now)
    living.put_states(asked.states, asked.events)
    if asked.failed is not None:
        return _Stop(*EMIT_FAILURES[asked.failed])
    if numbers_packets(entry.association.protocol):
        living.numbers[entry.age] = replace(numbers, replay=asked.numbers)
        _announce(living, entry)
    living.put_states(count_packet(living.states, entry, octets))
    return None


@clause("XFRM-REPLAY-010")
def _announce(living: LivingRun, entry: InstalledState) -> None:
    numbers = living.numbers_of(entry.age)
    told = numbers_changed(numbers.announcer, numbers.replay, listeners=True)
    living.numbers[entry.age] = replace(numbers, announcer=told.announcer)
    if told.cause is not None:
        living.announce_numbers(entry)


def receive(living: LivingRun, step: Receive) -> PacketResult:
    """Let a packet come in through the states of its layers, and the rules decide about it then."""
    path: list[SecurityAssociation] = []
    numbers = [n for layer, n in zip(step.layers, layer_sequences(step), strict=True) if _is_state(layer)]
    layers = [layer for layer in step.layers if isinstance(layer, SecurityAssociation)]
    for layer, number, octets in zip(layers, numbers, received_octets(step), strict=True):
        entry = _named(living, layer)
        stop = _Stop(Counter.IN_NO_STATES) if entry is None else _one_in(living, entry, number, octets)
        if stop is not None:
            return PacketResult(used=used_identities(living.run), counters=((stop.counter.value, 1),))
        if entry is not None:
            path.append(entry.association)
    living.run, result = arrived(step, living.run, tuple(path))
    flow = received_flow(step, LOOPBACK_INDEX, living.run.tables.profile)
    living.events += [report_event(flow)] * result.reports
    return result


def _is_state(layer: object) -> bool:
    return isinstance(layer, SecurityAssociation)


@clause("XFRM-SAD-002", "XFRM-SAD-003")
def _named(living: LivingRun, layer: SecurityAssociation) -> InstalledState | None:
    """Return the state that a layer's octets lead to, or None; one of route optimisation must fit as well.

    Limits are looked at before the care-of address, so that a state that does not fit counts as used.
    """
    if layer.mode is not Mode.RO:
        return living.states.by_spi(layer.destination, layer.spi, layer.protocol)
    entry = living.states.by_addresses(layer.source, layer.destination, layer.protocol)
    if entry is None or entry.association.lifecycle is not Lifecycle.VALID:
        return None
    use = ask_to_use(living.states, entry, living.now)
    living.put_states(use.database, use.events)
    fits = _fits(entry.association.care_of, layer.care_of)
    return entry if fits and use.refusal is None else None


def _fits(stored: Address | None, seen: Address | None) -> bool:
    return stored is not None and (stored == seen or int(stored) == 0)


@clause("XFRM-LIFE-005", "XFRM-REPLAY-007")
def _one_in(living: LivingRun, entry: InstalledState, number: int, octets: int) -> _Stop | None:
    """Take a packet through one state; the sequence number is looked at twice, and noted in between."""
    state, profile = entry.association, living.run.tables.profile
    if state.mode is Mode.RO:
        living.put_states(count_packet(living.states, entry, octets))
        return None
    closed = closed_to(state)
    if closed is not None:
        return _Stop(counter_of(closed, state))
    numbers = living.numbers_of(entry.age)
    asked = enter(living.states, entry, numbers.replay, number, living.now, profile)
    living.put_states(asked.states, asked.events)
    moved, noted = asked.numbers, False
    if asked.failed is None:
        moved, noted = settle_number(asked.numbers, number, asked.high, profile)
    living.numbers[entry.age] = replace(numbers, replay=moved)
    if not noted:
        return _Stop(counter_of(asked.failed or InputStep.WINDOW_AGAIN, state))
    if moved.window:
        _announce(living, entry)
    living.put_states(count_packet(living.states, entry, octets))
    return None
