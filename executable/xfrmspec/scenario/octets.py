"""Scenarios about octets on the two loops of a node: keys, sequence numbers, and every octet that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

from xfrmspec.host.cutting import Origin
from xfrmspec.host.delivery import check_arrived, flow_of
from xfrmspec.host.departures import Departures, NothingLeaves, with_hop_taken
from xfrmspec.host.node import AddressKind, Node, Secured
from xfrmspec.host.receiving import Arrived, Fate, receive
from xfrmspec.scenario.numbers import numbers_of
from xfrmspec.scenario.observation import Observation, OperationResult, PacketResult, StepResult
from xfrmspec.scenario.packets import EXTENSIONS, upper_octets
from xfrmspec.scenario.steps import sendable, sorted_identities, stored_entry
from xfrmspec.scenario.suites import keys_of
from xfrmspec.scenario.terms import (
    INNER_INDEX,
    LOOPBACK_INDEX,
    AddPolicy,
    AddState,
    Arrive,
    Scenario,
    Send,
)
from xfrmspec.scenario.terms import Node as Place
from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode, encode_behind
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.policies import add as add_policy
from xfrmspec.xfrm.reports import is_reported
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add as add_state
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies, XfrmTables
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IPv6Header, Packet, UdpHeader
from xfrmspec_terms.outcome import Counter, Decision, Errno
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Policy, PolicyIdentity, identity_of
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Flow, Protocol
from xfrmspec_terms.state import InstalledState, StateRequest

PATH_MTU = 1500
NOW = 1000
_NEXT = 1


@dataclass(frozen=True, slots=True)
class OctetRun:
    """A node in the middle of a scenario, and which policies have a use time."""

    node: Node
    used: frozenset[int] = frozenset()

    @clause("XFRM-TIMER-003")
    def using(self, policies: Sequence[Policy]) -> OctetRun:
        """Return the run with a use time for these policies."""
        chosen = {policy.index for policy in policies}
        ages = {entry.age for entry in self.node.tables.policies if entry.policy.index in chosen}
        return replace(self, used=self.used | ages)


def new_run(scenario: Scenario, profile: Profile) -> OctetRun:
    """Return the run at its start: empty tables."""
    tables = XfrmTables(PolicyDatabase(profile), listeners=scenario.listeners)
    return OctetRun(Node(tables, StateDatabase(profile), addresses=addresses_of(scenario.node)))


def addresses_of(place: Place) -> dict[Address, AddressKind]:
    """Return the addresses of a scenario's node as the loops know them."""
    return {own.address: AddressKind.HOME if own.home else AddressKind.PLAIN for own in place.addresses}


@singledispatch
def perform_octets(step: object, run: OctetRun) -> tuple[OctetRun, StepResult]:
    """Carry out one step; ValueError for one that scenarios about octets do not have."""
    raise ValueError(f"{type(step).__name__} is no step of a scenario about octets")


@perform_octets.register
def _(step: AddPolicy, run: OctetRun) -> tuple[OctetRun, StepResult]:
    outcome = add_policy(run.node.tables.policies, step.policy)
    tables = replace(run.node.tables, policies=outcome.database)
    return replace(run, node=replace(run.node, tables=tables)), OperationResult(outcome.errno)


@perform_octets.register
def _(step: AddState, run: OctetRun) -> tuple[OctetRun, StepResult]:
    outcome = add_state(run.node.states, StateRequest(step.state), NOW)
    if outcome.found is None or outcome.errno is not Errno.OK:
        return run, OperationResult(outcome.errno)
    numbers = numbers_of(step)
    if isinstance(numbers, Errno):
        return run, OperationResult(numbers)
    node = replace(run.node, states=outcome.database)
    node = node.with_secured(outcome.found.age, Secured(keys_of(step.suite, step.state), numbers.replay))
    return replace(run, node=node), OperationResult(Errno.OK)


@perform_octets.register
def _(step: Send, run: OctetRun) -> tuple[OctetRun, StepResult]:
    plain = sent_packet(step)
    flow = sendable(step.flow)
    sockets = SocketPolicies(step.inbound, step.outbound, step.flow.mark)
    decision = decide_output(run.node.view(), flow, sockets, chain=chain_of(plain))
    return _departed(run, decision, plain, Origin.SOCKET)


def sent_packet(step: Send) -> Packet:
    """Return the packet that the sender's socket makes, before any transform."""
    flow = step.flow
    source, destination = flow.source, flow.destination
    outer = IPv6Header(source, destination)  # type: ignore[arg-type]
    own = tuple(EXTENSIONS[header] for header in step.headers)
    packet = decode(encode(Packet((outer, *own, UpperLayer(flow.protocol)), upper_octets(flow, step.size))))
    assert isinstance(packet, Packet)
    return packet


@clause("XFRM-TIMER-003")
def _departed(
    run: OctetRun, decision: OutputDecision, plain: Packet, origin: Origin
) -> tuple[OctetRun, PacketResult]:
    node = run.node
    for larval in decision.larvals:
        node = replace(node, states=node.states.linked(InstalledState(larval, 0)).database)
    run = replace(run, node=node)
    if decision.decision is not Decision.DROP and not decision.selection.from_socket:
        run = run.using(decision.selection.policies)
    counters = [] if decision.counter is None else [decision.counter]
    result = PacketResult(decision.errno, acquires=len(decision.acquires), allowed=NothingLeaves())
    if decision.decision in (Decision.PASS, Decision.TRANSFORM):
        ages = tuple(entry.age for s in decision.applied if (entry := node.states.entry_of(s)) is not None)
        leaving = Departures(node, plain, ages, PATH_MTU, NOW, origin)
        node, done = leaving.outcome()
        run = replace(run, node=node)
        counters += [sent.counter for sent in done if sent.counter is not None]
        errno = next((sent.errno for sent in done if sent.errno is not Errno.OK), Errno.OK)
        result = replace(result, errno=errno, allowed=leaving)
    return run, replace(result, used=_used(run), counters=_counted(counters))


@perform_octets.register
def _(step: Arrive, run: OctetRun) -> tuple[OctetRun, StepResult]:
    arrived = receive(run.node, step.octets, NOW)
    run = replace(run, node=arrived.node)
    if arrived.fate is Fate.LOCAL:
        return _delivered(step, run, arrived)
    if arrived.fate is Fate.FORWARD:
        return _forwarded(run, arrived)
    counters = [] if arrived.counter is None else [arrived.counter]
    return run, PacketResult(used=_used(run), counters=_counted(counters), allowed=NothingLeaves())


def _delivered(step: Arrive, run: OctetRun, arrived: Arrived) -> tuple[OctetRun, PacketResult]:
    """A raw socket checks for itself; ICMPv6 is checked by its protocol as well."""
    packet = arrived.packet
    assert packet is not None
    flow = flow_of(packet, arrived.processed, run.node.profile, LOOPBACK_INDEX)
    decision = decide_input(run.node.view(), flow, arrived.path)
    run = run.using(decision.selection.policies)
    counters = [] if decision.counter is None else [decision.counter]
    if flow.protocol == Protocol.ICMPV6:
        again = check_arrived(arrived, oif=LOOPBACK_INDEX)
        counters += again.counters
        run = run.using(again.decision.selection.policies)
    result = PacketResult(reports=_reports(decision, arrived, flow), allowed=NothingLeaves())
    if decision.accepted and flow.protocol == step.protocol:
        result = replace(result, delivered=flow.source, payload=_payload(packet))
    return run, replace(result, used=_used(run), counters=_counted(counters))


def _payload(packet: Packet) -> bytes:
    """Return what a socket reads: a datagram without its header, anything else with it."""
    last = packet.headers[-1]
    if isinstance(last, UdpHeader | UpperLayer):
        return packet.payload
    return encode_behind(packet.headers[:-1], (last,), packet.payload)


def _reports(decision: InputDecision, arrived: Arrived, flow: Flow) -> int:
    return int(is_reported(decision, arrived.path, flow, arrived.node.profile))


def _forwarded(run: OctetRun, arrived: Arrived) -> tuple[OctetRun, PacketResult]:
    packet = arrived.packet
    assert packet is not None
    checked = check_arrived(arrived, oif=INNER_INDEX).decision
    run = run.using(checked.selection.policies)
    flow = flow_of(packet, arrived.processed, run.node.profile, INNER_INDEX)
    if not checked.accepted:
        counters = [] if checked.counter is None else [checked.counter]
        result = PacketResult(used=_used(run), counters=_counted(counters), allowed=NothingLeaves())
        return run, replace(result, reports=_reports(checked, arrived, flow))
    decision = decide_output(run.node.view(), flow, NO_SOCKET_POLICIES, chain=chain_of(packet))
    run, result = _departed(run, decision, with_hop_taken(packet), Origin.ELSEWHERE)
    return run, replace(result, errno=0)


def _counted(counters: Sequence[Counter]) -> tuple[tuple[str, int], ...]:
    names = sorted(counter.value for counter in counters)
    return tuple((name, names.count(name)) for name in sorted(set(names)))


def _used(run: OctetRun) -> tuple[PolicyIdentity, ...]:
    found = (identity_of(entry.policy) for entry in run.node.tables.policies if entry.age in run.used)
    return sorted_identities(found)


def run_octets(scenario: Scenario, profile: Profile) -> Observation:
    """Run a scenario about octets; ValueError for a step that it cannot have."""
    run = new_run(scenario, profile)
    results: list[StepResult] = []
    for step in scenario.steps:
        run, result = perform_octets(step, run)
        results.append(result)
    newest_first = reversed(tuple(run.node.tables.policies))
    return Observation(tuple(results), tuple(stored_entry(entry.policy) for entry in newest_first))
