"""The oracle as a library: events in, verdicts out."""

from __future__ import annotations

from xfrmspec.oracle.account import (
    fate_of,
    missing_state_refusal,
    packet_clauses,
    packet_refusal,
)
from xfrmspec.oracle.freedom import OUTCOME_LIMIT, TooManyOutcomesError, outcomes, spis_on_the_wire
from xfrmspec.oracle.refusals import operation_clauses, operation_refusal
from xfrmspec.oracle.stepping import Checked, decisions, dump, missing_states, perform
from xfrmspec.oracle.verdicts import Accepted, Effects, Overflow, Refused, Spis, Verdict
from xfrmspec.scenario.observation import StepResult, StoredEntry
from xfrmspec.scenario.steps import (
    Run,
    begin,
)
from xfrmspec.scenario.terms import (
    LABORATORY,
    Arrive,
    Node,
    Open,
    Operation,
    Receive,
    Send,
    SendOn,
    Step,
    Wait,
)
from xfrmspec.xfrm.output import OutputDecision
from xfrmspec_terms.profile import LINUX_6_1, Profile


class EventError(ValueError):
    """No node can do this event, or no packet looks like it; the text says why.

    `step` is the number of the event, counted from 0.
    """

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(reason)
        self.step = step


class Oracle:
    """One node under one profile, told what happens to it, that says what the rules make of each event.

    It starts with empty tables. `node` are the addresses of the host, `listeners` says that a key manager
    hears acquires, and `limit` is how many outcomes of one packet are followed. The choices that the rules
    leave open (XFRM-FIND-004) change the SPIs on the wire but nothing that stays on the node, so one
    state of the node stands for them all.
    """

    def __init__(
        self,
        profile: Profile = LINUX_6_1,
        *,
        node: Node = LABORATORY,
        listeners: bool = True,
        limit: int = OUTCOME_LIMIT,
    ) -> None:
        self._run = begin(profile, node, listeners=listeners)
        self._limit = limit
        self._steps = 0

    @property
    def policies(self) -> tuple[StoredEntry, ...]:
        """The policies of the node as a dump lists them, newest object first."""
        return dump(self._run)

    def step(self, event: Step) -> Verdict:
        """Let one event happen and return its verdict.

        EventError for an event that cannot happen; the node then stays as it was. TypeError for something
        that is no step of a scenario.
        """
        before = self._run
        try:
            after, result = perform(event, before)
            if isinstance(event, Send | Receive):
                verdict = self._packet_verdict(event, before, result)
            elif isinstance(event, Arrive | Open | SendOn | Wait):
                verdict = Accepted(Effects(result), ())
            else:
                verdict = _operation_verdict(event, before, result)
        except (ValueError, OverflowError) as error:
            raise EventError(str(error), self._steps) from error
        self._run, self._steps = after, self._steps + 1
        return verdict

    def _packet_verdict(self, stimulus: Send | Receive, before: Run, result: StepResult) -> Verdict:
        checks = decisions(stimulus, before)
        effects, fired = Effects(result, fate_of(checks)), packet_clauses(checks)
        if not checks and isinstance(stimulus, Receive):
            return Refused(effects, fired, missing_state_refusal(missing_states(stimulus, before)))
        if not checks[-1].accepted:
            return Refused(effects, fired, packet_refusal(checks))
        try:
            spis = _allowed_spis(checks[-1], before, self._limit)
        except TooManyOutcomesError:
            return Overflow(effects, fired, self._limit)
        return Accepted(Effects(result, effects.decision, spis), fired)


def _operation_verdict(operation: Operation, before: Run, result: StepResult) -> Verdict:
    if not result.errno:
        return Accepted(Effects(result), operation_clauses(operation))
    tried = operation_refusal(operation, before, result.errno)
    return Refused(Effects(result), tuple(guard.clause for guard in tried if guard.clause), tried)


def _allowed_spis(checked: Checked, before: Run, limit: int) -> tuple[Spis, ...]:
    decision = checked.decision
    if not isinstance(decision, OutputDecision):
        return ()
    allowed = outcomes(decision.applied, before.tables, checked.flow, checked.sockets, limit)
    return tuple(sorted({spis_on_the_wire(applied) for applied in allowed}))
