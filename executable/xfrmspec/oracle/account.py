"""The account of a packet's decisions: which clauses fired, and which guards did not hold on which values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xfrmspec.oracle.stepping import Checked
from xfrmspec.oracle.verdicts import Tried
from xfrmspec.xfrm.check import InputDecision
from xfrmspec.xfrm.lookup import Fate, Trial
from xfrmspec.xfrm.match import Mismatch
from xfrmspec.xfrm.pairing import describe
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter, Decision
from xfrmspec_terms.packet import transform_name
from xfrmspec_terms.policy import Policy
from xfrmspec_terms.selector import PORT_MASK_FULL, Flow, PortMatch

_PASSING = {
    "XFRM-CHECK-003": "a selector that the packet meets",
    "XFRM-DEFAULT-001": "ACCEPT",
    "XFRM-OUT-002": "OK",
    "XFRM-OUT-005": "OK",
    "XFRM-OUT-007": "OK",
    "XFRM-OUT-008": "OK",
    "XFRM-PAIR-001": "a policy",
}
"""What would have passed, where the reason itself tells a consequence or nothing."""


def packet_clauses(checks: Sequence[Checked]) -> tuple[str, ...]:
    """Return the clauses that the decisions used, each once, in the order of their first use."""
    named = [
        name
        for checked in checks
        for name in (
            *(trial.clause for trial in checked.decision.selection.trials),
            *(reason.clause for reason in checked.decision.reasons),
        )
    ]
    return tuple(dict.fromkeys(name for name in named if name))


def packet_refusal(checks: Sequence[Checked]) -> tuple[Tried, ...]:
    """Return the guards that did not hold in the decision that ended the packet; the last one ended it."""
    return tuple(_failed_guards(checks[-1]))


def missing_state_refusal(missing: Sequence[SecurityAssociation]) -> tuple[Tried, ...]:
    """Return why a packet was dropped whose outermost unknown layer found no state."""
    state = missing[0]
    found = f"none for {transform_name(state.protocol)} to {state.destination} spi {state.spi:#010x}"
    return (Tried(None, "state of the header", found, "a state of the receiver"),)


def fate_of(checks: Sequence[Checked]) -> Decision:
    """Return what became of a packet; one that no decision was about is dropped."""
    if not checks:
        return Decision.DROP
    decision, path = checks[-1].decision, checks[-1].path
    if not isinstance(decision, InputDecision):
        return decision.decision
    if decision.accepted:
        return Decision.TRANSFORM if path else Decision.PASS
    blocked = decision.counter is Counter.IN_POLICY_BLOCK
    return Decision.BLOCK if blocked else Decision.DROP


def _failed_guards(checked: Checked) -> Iterator[Tried]:
    selection = checked.decision.selection
    for trial in selection.trials:
        if trial.fate is not Fate.WON:
            yield _lost(trial, checked.flow, selection.trials)
    for reason in checked.decision.reasons:
        if not reason.held:
            expected = _PASSING.get(reason.clause, reason.expected)
            yield Tried(reason.clause, reason.subject, reason.found, expected)


def _lost(trial: Trial, flow: Flow, trials: Sequence[Trial]) -> Tried:
    """Return why one policy does not own the flow: what did not match, or who was preferred."""
    policy = trial.entry.policy
    if trial.mismatch is not None:
        found, expected = _compared(trial.mismatch, policy, flow)
        return Tried(trial.clause, f"{describe(policy)}: {trial.mismatch.value}", found, expected)
    rivals = (other.entry for other in trials if other.fate is Fate.WON)
    winner = next(entry for entry in rivals if entry.policy.type is policy.type)
    if trial.fate is Fate.WEAKER:
        strongest = f"at most {winner.policy.priority}"
        return Tried(trial.clause, f"{describe(policy)}: priority", str(policy.priority), strongest)
    found = f"{trial.entry.list.name.lower()} list, place {trial.entry.rank}, position {trial.entry.position}"
    before = f"before {winner.list.name.lower()} list, place {winner.rank}, position {winner.position}"
    return Tried(trial.clause, f"{describe(policy)}: place among equals", found, before)


def _compared(mismatch: Mismatch, policy: Policy, flow: Flow) -> tuple[str, str]:
    """Return (the flow's value, the policy's value) of the part that did not match."""
    selector = policy.selector
    values: dict[Mismatch, tuple[object, object]] = {
        Mismatch.FAMILY: (flow.family.name.lower(), selector.family.name.lower()),
        Mismatch.IF_ID: (flow.if_id, policy.if_id),
        Mismatch.MARK: (f"{flow.mark:#x}", f"{policy.mark.value:#x} under mask {policy.mark.mask:#x}"),
        Mismatch.SOURCE: (flow.source, selector.source),
        Mismatch.DESTINATION: (flow.destination, selector.destination),
        Mismatch.PROTOCOL: (flow.protocol, int(selector.protocol)),
        Mismatch.SOURCE_PORT: (flow.source_slot, _port_text(selector.source_port)),
        Mismatch.DESTINATION_PORT: (flow.destination_slot, _port_text(selector.destination_port)),
        Mismatch.INTERFACE: (flow.oif, selector.ifindex),
    }
    found, expected = values[mismatch]
    return str(found), str(expected)


def _port_text(match: PortMatch) -> str:
    return str(match.value) if match.mask == PORT_MASK_FULL else f"{match.value} under mask {match.mask:#x}"
