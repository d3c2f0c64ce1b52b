"""The whole story of one flow through one configuration, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.assumption import assumed_states, expected_path
from xfrmspec.configuration import Configuration
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.lookup import Trial
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.pairing import Selection, select_policies
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES
from xfrmspec.xfrm.templates import merge_templates
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter, Decision, Errno, Reason
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, Header, header_name, upper_header
from xfrmspec_terms.policy import Action, Direction, Mode, Policy
from xfrmspec_terms.selector import Flow


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happens to a flow and why.

    `headers` are outermost first, after the first IP header. `applied` are the states used, outermost
    first for received packets, innermost first for sent ones. `cleartext` says for received flows what
    the same packet without any protection would meet (None for sent ones).
    """

    flow: Flow
    direction: Direction
    decision: Decision
    selection: Selection
    headers: tuple[ChainElement, ...]
    counter: Counter | None
    errno: Errno
    applied: tuple[SecurityAssociation, ...]
    acquires: int
    reasons: tuple[Reason, ...]
    assumed: bool
    cleartext: InputDecision | None = None

    @property
    def header_names(self) -> tuple[str, ...]:
        """The printed names of the headers."""
        return tuple(header_name(element) for element in self.headers)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that decided, SUB before MAIN."""
        return self.selection.policies

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every policy considered, in search order."""
        return self.selection.trials

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that the decision used, each once, in the order of their use."""
        named = [trial.clause for trial in self.trials] + [reason.clause for reason in self.reasons]
        return tuple(dict.fromkeys(named))


def explain(configuration: Configuration, flow: Flow, direction: Direction) -> Explanation:
    """Explain one flow; where states are unknown, every negotiation is assumed to have succeeded.

    Sent flows are decided as `decide_output` does. A received flow is taken to carry the headers that its
    policies ask for (as far as states can process them); cleartext is judged beside it.
    """
    if direction is Direction.OUT:
        return _explain_output(configuration, flow)
    return _explain_input(configuration, flow, direction)


def _explain_output(configuration: Configuration, flow: Flow) -> Explanation:
    tables, assumed = configuration.tables, not configuration.states_known
    if assumed:
        selection = select_policies(tables, flow, Direction.OUT, NO_SOCKET_POLICIES)
        tables = replace(tables, states=assumed_states(selection.policies, flow))
    decided: OutputDecision = decide_output(tables, flow)
    return Explanation(
        flow,
        Direction.OUT,
        decided.decision,
        decided.selection,
        decided.chain,
        decided.counter,
        decided.errno,
        decided.applied,
        len(decided.acquires),
        decided.reasons,
        assumed,
    )


def _explain_input(configuration: Configuration, flow: Flow, direction: Direction) -> Explanation:
    tables = configuration.tables
    selection = select_policies(tables, flow, direction, NO_SOCKET_POLICIES)
    allowed = [policy.templates for policy in selection.policies if policy.action is Action.ALLOW]
    templates = merge_templates(allowed, flow.family, tables.profile)
    known = tables.states if configuration.states_known else None
    path = expected_path(templates, flow, known, tables.profile)
    decided = decide_input(tables, flow, path, direction)
    return Explanation(
        flow,
        direction,
        _input_decision(decided, path),
        decided.selection,
        received_chain(path, flow),
        decided.counter,
        Errno.OK,
        path,
        0,
        decided.reasons,
        not configuration.states_known,
        decide_input(tables, flow, (), direction),
    )


def _input_decision(decided: InputDecision, path: tuple[SecurityAssociation, ...]) -> Decision:
    if decided.accepted:
        return Decision.TRANSFORM if path else Decision.PASS
    if decided.selection.blocking is not None or decided.counter is Counter.IN_POLICY_BLOCK:
        return Decision.BLOCK
    return Decision.DROP


def received_chain(path: tuple[SecurityAssociation, ...], flow: Flow) -> tuple[ChainElement, ...]:
    """Return the headers of a received packet with this sec_path, outermost first."""
    chain: list[ChainElement] = []
    for state in path:
        chain.append(TRANSFORM_HEADERS[state.protocol])
        if state.mode is Mode.TUNNEL:
            chain.append(Header.IP)
    return (*chain, upper_header(flow.protocol))
