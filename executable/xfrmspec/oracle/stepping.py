"""The reference one step at a time, with the decisions behind each result.

This is the one place that opens the inner steps of the reference subject. A law holds it to the subject:
the results of a scenario's steps are the subject's own observation.
"""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.scenario.observation import StepResult, StoredEntry
from xfrmspec.scenario.steps import (
    Run,
    received_flow,
    sec_path,
    sendable,
    state_key,
    stored_entry,
)
from xfrmspec.scenario.steps import (
    perform as reference_step,
)
from xfrmspec.scenario.terms import INNER_INDEX, LOOPBACK_INDEX, Receive, Send, Step
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies
from xfrmspec.xfrm.template_check import SecPath
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Decision
from xfrmspec_terms.policy import Direction
from xfrmspec_terms.selector import Family, Flow


@dataclass(frozen=True, slots=True)
class Checked:
    """One decision about one packet: its flow, the socket policies it met, and the states it came through."""

    flow: Flow
    decision: OutputDecision | InputDecision
    sockets: SocketPolicies = NO_SOCKET_POLICIES
    path: SecPath = ()

    @property
    def accepted(self) -> bool:
        """Whether the packet goes on."""
        if isinstance(self.decision, InputDecision):
            return self.decision.accepted
        return self.decision.decision not in (Decision.BLOCK, Decision.DROP)


def perform(step: Step, run: Run) -> tuple[Run, StepResult]:
    """Return the node after one step, and what the step did.

    ValueError or OverflowError for a step that no node can do, TypeError for something that is no step.
    """
    if isinstance(step, Receive) and step.flow.family is not Family.INET6:
        raise ValueError(f"received packets are IPv6, this one comes from {step.flow.source}")
    return reference_step(step, run)


def dump(run: Run) -> tuple[StoredEntry, ...]:
    """Return the policies as a dump lists them, newest object first."""
    return tuple(stored_entry(entry.policy) for entry in reversed(tuple(run.tables.policies)))


def decisions(step: Send | Receive, run: Run) -> tuple[Checked, ...]:
    """Return what is decided about a packet before the step is performed, in order.

    A packet for which a state is missing is not decided about at all; one to forward is checked, and then
    decided about once more as it leaves.
    """
    if isinstance(step, Send):
        sockets = SocketPolicies(step.inbound, step.outbound, step.flow.mark)
        flow = sendable(step.flow)
        return (Checked(flow, decide_output(run.tables, flow, sockets), sockets),)
    if missing_states(step, run):
        return ()
    local = any(own.address == step.flow.destination for own in run.node.addresses)
    flow = received_flow(step, LOOPBACK_INDEX if local else INNER_INDEX, run.tables.profile)
    direction = Direction.IN if local else Direction.FWD
    path = sec_path(step)
    arrived = Checked(flow, decide_input(run.tables, flow, path, direction), path=path)
    if local or not arrived.accepted:
        return (arrived,)
    return arrived, Checked(flow, decide_output(run.tables, flow))


def missing_states(step: Receive, run: Run) -> tuple[SecurityAssociation, ...]:
    """Return the states that a received packet needs and the node does not have, outermost first."""
    known = {state_key(state) for state in run.tables.states}
    return tuple(state for state in sec_path(step) if state_key(state) not in known)
