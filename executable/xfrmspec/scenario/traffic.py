"""Packets through states that count, number and expire, on the way out and on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec.scenario.announced import acquire_event, report_event
from xfrmspec.scenario.host import Host
from xfrmspec.scenario.lengths import received_octets, sent_octets
from xfrmspec.scenario.observation import PacketResult
from xfrmspec.scenario.packets import layer_sequences
from xfrmspec.scenario.steps import arrived, received_flow, used_identities
from xfrmspec.scenario.terms import LOOPBACK_INDEX, Receive, Send
from xfrmspec.xfrm.announcements import numbers_changed
from xfrmspec.xfrm.output import OutputDecision
from xfrmspec.xfrm.replay import Verdict, advance, check, counted, infer_high, recheck
from xfrmspec.xfrm.sequence import next_sequence, numbers_packets
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.packet import upper_header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Address
from xfrmspec_terms.state import InstalledState, StateRefusal


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why a state refuses a packet: the counter, and the error that a sender sees."""

    counter: Counter
    errno: Errno = Errno.OK


def carry_out(
    host: Host, step: Send, applied: Sequence[SecurityAssociation], result: PacketResult
) -> PacketResult:
    """Return what is seen of a packet once its states have taken part, in their order."""
    plain = (*step.headers, upper_header(step.flow.protocol))
    stop = _carried_out(host, applied, sent_octets(plain, applied))
    if stop is None:
        return result
    return replace(result, errno=stop.errno, counters=((stop.counter.value, 1),), wire=())


@clause("XFRM-ACQ-001")
def ask_managers(host: Host, decision: OutputDecision) -> None:
    """Tell managers of every larval state of a decision, which is stored by now."""
    for acquire, larval in zip(decision.acquires, decision.larvals, strict=True):
        host.events.append(acquire_event(larval, decision.selection.policies[acquire.policy]))


@clause("XFRM-LIFE-005", "XFRM-REPLAY-008")
def _carried_out(host: Host, applied: Sequence[SecurityAssociation], octets: Sequence[int]) -> _Stop | None:
    """Take a packet through its states in their order; the first that refuses it ends the walk."""
    entries = [host.states.entry_of(state) for state in applied]
    for entry, length in zip(entries, octets, strict=True):
        stop = None if entry is None else _one_out(host, entry, length)
        if stop is not None:
            return stop
    return None


def _one_out(host: Host, entry: InstalledState, octets: int) -> _Stop | None:
    use = ask_to_use(host.states, entry, host.now)
    host.put_states(use.database, use.events)
    if use.refusal is not None:
        limit = use.refusal is StateRefusal.LIMIT_REACHED
        return _Stop(Counter.OUT_STATE_EXPIRED if limit else Counter.OUT_STATE_INVALID, Errno.EINVAL)
    numbers = host.numbers_of(entry.age)
    numbered = next_sequence(numbers.replay, entry.association.protocol)
    if numbered.errno:
        return _Stop(Counter.OUT_STATE_SEQUENCE_ERROR, numbered.errno)
    if numbers_packets(entry.association.protocol):
        host.numbers[entry.age] = replace(numbers, replay=numbered.state)
        _announce(host, entry)
    host.put_states(count_packet(host.states, entry, octets))
    return None


@clause("XFRM-REPLAY-010")
def _announce(host: Host, entry: InstalledState) -> None:
    numbers = host.numbers_of(entry.age)
    told = numbers_changed(numbers.announcer, numbers.replay, listeners=True)
    host.numbers[entry.age] = replace(numbers, announcer=told.announcer)
    if told.cause is not None:
        host.announce_numbers(entry)


def receive(host: Host, step: Receive) -> PacketResult:
    """Let a packet come in through the states of its layers, and the rules decide about it then."""
    path: list[SecurityAssociation] = []
    numbers = [n for layer, n in zip(step.layers, layer_sequences(step), strict=True) if _is_state(layer)]
    layers = [layer for layer in step.layers if isinstance(layer, SecurityAssociation)]
    for layer, number, octets in zip(layers, numbers, received_octets(step), strict=True):
        entry = _named(host, layer)
        stop = _Stop(Counter.IN_NO_STATES) if entry is None else _one_in(host, entry, number, octets)
        if stop is not None:
            return PacketResult(used=used_identities(host.run), counters=((stop.counter.value, 1),))
        if entry is not None:
            path.append(entry.association)
    host.run, result = arrived(step, host.run, tuple(path))
    flow = received_flow(step, LOOPBACK_INDEX, host.run.tables.profile)
    host.events += [report_event(flow)] * result.reports
    return result


def _is_state(layer: object) -> bool:
    return isinstance(layer, SecurityAssociation)


@clause("XFRM-SAD-002", "XFRM-SAD-003")
def _named(host: Host, layer: SecurityAssociation) -> InstalledState | None:
    """Return the state that a layer's octets lead to, or None; one of route optimisation must fit as well.

    Limits are looked at before the care-of address, so that a state that does not fit counts as used.
    """
    if layer.mode is not Mode.RO:
        return host.states.by_spi(layer.destination, layer.spi, layer.protocol)
    entry = host.states.by_addresses(layer.source, layer.destination, layer.protocol)
    if entry is None or entry.association.lifecycle is not Lifecycle.VALID:
        return None
    use = ask_to_use(host.states, entry, host.now)
    host.put_states(use.database, use.events)
    fits = _fits(entry.association.care_of, layer.care_of)
    return entry if fits and use.refusal is None else None


def _fits(stored: Address | None, seen: Address | None) -> bool:
    return stored is not None and (stored == seen or int(stored) == 0)


@clause("XFRM-LIFE-005", "XFRM-REPLAY-007")
def _one_in(host: Host, entry: InstalledState, number: int, octets: int) -> _Stop | None:
    """Take a packet through one state; the sequence number is looked at twice, and noted in between."""
    state, profile = entry.association, host.run.tables.profile
    if state.mode is Mode.RO:
        host.put_states(count_packet(host.states, entry, octets))
        return None
    if state.lifecycle is not Lifecycle.VALID:
        larval = state.lifecycle is Lifecycle.ACQ
        return _Stop(Counter.IN_ACQUIRE_ERROR if larval else Counter.IN_STATE_INVALID)
    numbers = host.numbers_of(entry.age)
    verdict = check(numbers.replay, number, profile)
    if verdict is not Verdict.ACCEPT:
        host.numbers[entry.age] = replace(numbers, replay=counted(numbers.replay, verdict))
        return _Stop(Counter.IN_STATE_SEQUENCE_ERROR)
    use = ask_to_use(host.states, entry, host.now)
    host.put_states(use.database, use.events)
    if use.refusal is not None:
        return _Stop(Counter.IN_STATE_EXPIRED)
    high = infer_high(numbers.replay, number)
    if recheck(numbers.replay, number, high, profile) is not Verdict.ACCEPT:
        return _Stop(Counter.IN_STATE_SEQUENCE_ERROR)
    moved = advance(numbers.replay, number, profile)
    host.numbers[entry.age] = replace(numbers, replay=moved)
    if moved.window:
        _announce(host, entry)
    host.put_states(count_packet(host.states, entry, octets))
    return None
