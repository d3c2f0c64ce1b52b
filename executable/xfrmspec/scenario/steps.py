"""What the executable rules make of each step of a scenario in which states do not change with use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from xfrmspec.interfaces.netlink_commands import operate
from xfrmspec.interfaces.netlink_states import operate as operate_states
from xfrmspec.scenario.observation import (
    OperationResult,
    PacketResult,
    StepResult,
    StoredEntry,
    chain_names,
)
from xfrmspec.scenario.packets import headers_at_check
from xfrmspec.scenario.requests import command_of
from xfrmspec.scenario.terms import (
    INNER_INDEX,
    LOOPBACK_INDEX,
    AddPolicy,
    AddState,
    Arrive,
    DeletePolicy,
    DeleteState,
    FlushPolicies,
    FlushStates,
    Node,
    Receive,
    Send,
    SetDefaults,
    SetThresholds,
    UpdatePolicy,
)
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.policies import PolicyOutcome, set_thresholds
from xfrmspec.xfrm.reports import is_reported
from xfrmspec.xfrm.session import decode_session
from xfrmspec.xfrm.state_acquire import ManagerAnswer, raise_acquire
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies, XfrmTables
from xfrmspec.xfrm.timers import mark_used
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter, Decision, Errno
from xfrmspec_terms.packet import upper_header
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyIdentity, identity_of
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Flow, Protocol

_CHECKED_TWICE = frozenset({Protocol.ICMPV6})
_LISTENERS = (ManagerAnswer(0),)
_NO_STATES = StateDatabase()


@dataclass(frozen=True, slots=True)
class Run:
    """The tables in the middle of a scenario, and which policies have a use time.

    `states` is the state database; the tables hold its states as decisions see them. `now` is the second of
    the host's clock, None where no time goes by.
    """

    tables: XfrmTables
    node: Node
    used: frozenset[int] = frozenset()
    states: StateDatabase = _NO_STATES
    now: int | None = None

    def over(self, **changes: Any) -> Run:
        """Return the run with other policies or default actions in its tables."""
        return Run(replace(self.tables, **changes), self.node, self.used, self.states, self.now)


def begin(profile: Profile, node: Node, *, listeners: bool) -> Run:
    """Return a node with empty tables; `listeners` says that a key manager hears acquires."""
    tables = XfrmTables(PolicyDatabase(profile), listeners=listeners)
    return Run(tables, node, states=StateDatabase(profile))


def stored_entry(policy: Policy) -> StoredEntry:
    """Return what a dump shows of a policy."""
    return StoredEntry(identity_of(policy), policy.priority, policy.action, len(policy.templates))


def _with_policies(run: Run, outcome: PolicyOutcome) -> tuple[Run, StepResult]:
    return run.over(policies=outcome.database), OperationResult(outcome.errno)


@singledispatch
def perform(step: object, run: Run) -> tuple[Run, StepResult]:
    """Carry out one step; TypeError for anything that is no step."""
    raise TypeError(f"{type(step).__name__} is no step of a scenario")


@perform.register
def _(step: Arrive, run: Run) -> tuple[Run, StepResult]:
    raise ValueError("packets given as octets are for scenarios that say `octets`")


@perform.register
def _(step: AddPolicy | UpdatePolicy | DeletePolicy | FlushPolicies, run: Run) -> tuple[Run, StepResult]:
    return _with_policies(run, operate(step, run.tables.policies))


@perform.register
def _(step: SetThresholds, run: Run) -> tuple[Run, StepResult]:
    return _with_policies(run, set_thresholds(run.tables.policies, step.thresholds))


@perform.register
def _(step: SetDefaults, run: Run) -> tuple[Run, StepResult]:
    return run.over(defaults=step.actions), OperationResult(Errno.OK)


def with_states(run: Run, states: StateDatabase) -> Run:
    """Return the run with another state database, which its tables show as well."""
    if states is run.states:
        return run
    tables = replace(run.tables, states=states.associations)
    return Run(tables, run.node, run.used, states, run.now)


@perform.register
def _(step: AddState | DeleteState | FlushStates, run: Run) -> tuple[Run, StepResult]:
    now = step.state.added if isinstance(step, AddState) else 0
    outcome = operate_states(command_of(step), run.states, now)
    return with_states(run, outcome.database), OperationResult(outcome.errno)


@perform.register
def _(step: Send, run: Run) -> tuple[Run, StepResult]:
    after, _, result = sent(step, run)
    return after, result


def sent(step: Send, run: Run) -> tuple[Run, OutputDecision, PacketResult]:
    """Return the node after a packet was sent, what was decided about it, and what was seen."""
    sockets = SocketPolicies(step.inbound, step.outbound, step.flow.mark)
    flow = sendable(step.flow)
    plain = (*step.headers, upper_header(flow.protocol))
    decision = decide_output(run.tables, flow, sockets, chain=plain)
    after = _after_output(run, decision)
    result = PacketResult(
        errno=decision.errno,
        used=used_identities(after),
        counters=_counters(decision.counter),
        wire=_wire(decision),
        acquires=len(decision.acquires),
    )
    return after, decision, result


@clause("XFRM-FLOW-005")
def sendable(flow: Flow) -> Flow:
    """Return the flow that the sending socket presents: raw sockets know types, but no ports."""
    if flow.protocol in (Protocol.UDP, Protocol.UDPLITE, Protocol.ICMPV6):
        return flow
    if flow.protocol == Protocol.MOBILITY:
        return replace(flow, destination_slot=0)
    return replace(flow, source_slot=0, destination_slot=0)


@perform.register
def _(step: Receive, run: Run) -> tuple[Run, StepResult]:
    if any(state_key(state) not in map(state_key, run.tables.states) for state in sec_path(step)):
        return run, PacketResult(used=used_identities(run), counters=(("XfrmInNoStates", 1),))
    return arrived(step, run, sec_path(step))


def arrived(step: Receive, run: Run, path: tuple[SecurityAssociation, ...]) -> tuple[Run, PacketResult]:
    """Return the node after a packet came through the states of `path`, and what was seen of it."""
    local = any(own.address == step.flow.destination for own in run.node.addresses)
    return _deliver(step, run, path) if local else _forward(step, run, path)


@clause("XFRM-FLOW-001", "XFRM-SEL-003")
def received_flow(step: Receive, oif: int, profile: Profile) -> Flow:
    """Return the flow that the node decodes; `oif` is the loopback interface unless it is forwarded."""
    forwarded = oif != LOOPBACK_INDEX
    key = decode_session(headers_at_check(step, forwarded=forwarded), profile)
    return Flow(
        step.flow.source, step.flow.destination, key.protocol, key.source_slot, key.destination_slot, oif
    )


def state_key(state: SecurityAssociation) -> tuple[object, ...]:
    """What the node knows a received packet's state by."""
    if state.mode is Mode.RO:
        return (state.protocol, state.destination, state.source, state.care_of)
    return (state.protocol, state.destination, state.spi)


def sec_path(step: Receive) -> tuple[SecurityAssociation, ...]:
    """Return the states that process a received packet, outermost first."""
    return tuple(layer for layer in step.layers if isinstance(layer, SecurityAssociation))


def _deliver(step: Receive, run: Run, path: tuple[SecurityAssociation, ...]) -> tuple[Run, PacketResult]:
    flow = received_flow(step, LOOPBACK_INDEX, run.tables.profile)
    decision = decide_input(run.tables, flow, path)
    after = _after_selection(run, decision.selection.policies)
    times = 2 if flow.protocol in _CHECKED_TWICE else 1
    return after, PacketResult(
        used=used_identities(after),
        counters=_counters(decision.counter, times),
        delivered=flow.source if decision.accepted else None,
        reports=_reports(decision, path, flow, run.tables.profile),
    )


@clause("XFRM-CHECK-006")
def _reports(
    decision: InputDecision, path: tuple[SecurityAssociation, ...], flow: Flow, profile: Profile
) -> int:
    """A second check of the same packet has the same time stamp and is not reported again."""
    return int(is_reported(decision, path, flow, profile))


def _forward(step: Receive, run: Run, path: tuple[SecurityAssociation, ...]) -> tuple[Run, PacketResult]:
    flow = received_flow(step, INNER_INDEX, run.tables.profile)
    checked = decide_input(run.tables, flow, path, Direction.FWD)
    after = _after_selection(run, checked.selection.policies)
    if not checked.accepted:
        result = PacketResult(used=used_identities(after), counters=_counters(checked.counter))
        return after, replace(result, reports=_reports(checked, path, flow, run.tables.profile))
    kept = tuple(layer for layer in step.layers if not isinstance(layer, SecurityAssociation))
    plain = (*kept, upper_header(step.flow.protocol))
    decision = decide_output(after.tables, flow, NO_SOCKET_POLICIES, chain=plain)
    after = _after_output(after, decision)
    return after, PacketResult(
        used=used_identities(after),
        counters=_counters(decision.counter),
        wire=_wire(decision),
        acquires=len(decision.acquires),
    )


def _wire(decision: OutputDecision) -> tuple[tuple[str, ...], ...]:
    leaves = decision.decision in (Decision.PASS, Decision.TRANSFORM)
    return (chain_names(decision.chain),) if leaves else ()


def _counters(counter: Counter | None, times: int = 1) -> tuple[tuple[str, int], ...]:
    return () if counter is None else ((counter.value, times),)


@clause("XFRM-TIMER-003")
def _after_output(run: Run, decision: OutputDecision) -> Run:
    """Policies get a use time unless their templates could not be resolved; acquires leave larval states.

    A socket's own policy is in no dump, so its use is not seen.
    """
    states = run.states
    for larval in decision.larvals:
        states = raise_acquire(states, larval, _LISTENERS, run.now or 0).database
    run = with_states(run, states)
    if decision.decision is Decision.DROP or decision.selection.from_socket:
        return run
    return _after_selection(run, decision.selection.policies)


@clause("XFRM-TIMER-003")
def _after_selection(run: Run, policies: tuple[Policy, ...]) -> Run:
    chosen = {policy.index for policy in policies}
    entries = [entry for entry in run.tables.policies if entry.policy.index in chosen]
    used = run.used | {entry.age for entry in entries}
    if run.now is None:
        return Run(run.tables, run.node, used, run.states)
    database = run.tables.policies
    for entry in entries:
        database = mark_used(database, entry, run.now)
    return replace(run.over(policies=database), used=used)


def used_identities(run: Run) -> tuple[PolicyIdentity, ...]:
    """Return the identities of the policies that have a use time."""
    found = [identity_of(entry.policy) for entry in run.tables.policies if entry.age in run.used]
    return sorted_identities(found)


def sorted_identities(found: Iterable[PolicyIdentity]) -> tuple[PolicyIdentity, ...]:
    """Return identities in the one order that every subject reports them in."""
    identities = tuple(found)
    return identities if len(identities) < 2 else tuple(sorted(identities, key=_rank))


def _rank(identity: PolicyIdentity) -> tuple[Any, ...]:
    selector, mark = identity.selector, identity.mark
    ends = selector.source, selector.destination
    ports = selector.source_port, selector.destination_port
    return (
        *(identity.direction, identity.type, selector.family),
        *((int(end.address), end.length) for end in ends),
        *((port.value, port.mask) for port in ports),
        *(selector.protocol, selector.ifindex, selector.user),
        *(mark.value, mark.mask, identity.if_id, identity.security_context),
    )
