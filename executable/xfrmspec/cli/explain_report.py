"""An explanation as a JSON object and as text."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xfrmspec.configuration import Configuration
from xfrmspec.explain import Explanation
from xfrmspec.flow_text import flow_line, flow_object
from xfrmspec.xfrm.lookup import Fate, Trial
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Decision, Errno
from xfrmspec_terms.packet import transform_name
from xfrmspec_terms.policy import Direction, Policy

PLAIN_WIDTH = 160
"""Columns to lay tables out in when the output is no terminal."""

_COLOURS = {
    Decision.PASS: "yellow",
    Decision.TRANSFORM: "green",
    Decision.BLOCK: "red",
    Decision.DROP: "red",
}


def explanation_object(explanation: Explanation, configuration: Configuration) -> dict[str, object]:
    """Return the JSON object of `explain --format json`; headers are outermost first."""
    result: dict[str, object] = {
        "decision": explanation.decision.value,
        "policies": [_policy_object(policy, configuration) for policy in explanation.policies],
        "headers": list(explanation.header_names),
        "counter": explanation.counter.value if explanation.counter else None,
        "tried": [_trial_object(trial, configuration) for trial in explanation.trials],
        "clauses": list(explanation.clauses),
        "flow": flow_object(explanation.flow, explanation.direction),
        "profile": configuration.tables.profile.name,
        "errno": explanation.errno.name,
        "acquires": explanation.acquires,
        "states": [_state_line(state) for state in explanation.applied],
        "states_assumed": explanation.assumed,
        "reasons": [
            {
                "clause": reason.clause,
                "subject": reason.subject,
                "held": reason.held,
                "found": reason.found,
                "expected": reason.expected,
            }
            for reason in explanation.reasons
        ],
        "notes": [f"{note.at.file}:{note.at.line}: {note.text}" for note in configuration.notes],
    }
    if explanation.cleartext is not None:
        counter = explanation.cleartext.counter
        result["cleartext"] = {
            "accepted": explanation.cleartext.accepted,
            "counter": counter.value if counter else None,
        }
    return result


def print_explanation(explanation: Explanation, configuration: Configuration) -> None:
    """Write an explanation for a person; plain text when the output is no terminal."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    profile = configuration.tables.profile.name
    console.print(f"flow      {flow_line(explanation.flow, explanation.direction)}")
    console.print(f"profile   {profile}")
    colour = _COLOURS[explanation.decision]
    console.print(f"decision  [{colour}]{explanation.decision.value}[/{colour}]  {_consequence(explanation)}")
    chain = " / ".join(("IP", *explanation.header_names)) if explanation.headers else "nothing"
    console.print(f"headers   {chain}")
    if explanation.counter is not None:
        console.print(f"counter   {explanation.counter.value}")
    if explanation.cleartext is not None:
        console.print(f"cleartext {_cleartext(explanation)}")
    _print_policies(console, explanation, configuration)
    _print_states(console, explanation)
    _print_trials(console, explanation, configuration)
    _print_reasons(console, explanation)
    for note in configuration.notes:
        console.print(escape(f"note: {note.at.file}:{note.at.line}: {note.text}"))


def _policy_object(policy: Policy, configuration: Configuration) -> dict[str, object]:
    record = configuration.record_of(policy)
    return {
        "file": record.at.file if record else None,
        "line": record.at.line if record else None,
        "type": policy.type.name.lower(),
        "priority": policy.priority,
        "masked": [masked.field for masked in record.masked] if record else [],
    }


def _trial_object(trial: Trial, configuration: Configuration) -> dict[str, object]:
    shown = _policy_object(trial.entry.policy, configuration)
    shown.update(fate=trial.fate.value, mismatch=trial.mismatch.value if trial.mismatch else None)
    shown["clause"] = trial.clause
    return shown


def _consequence(explanation: Explanation) -> str:
    if explanation.acquires:
        raised = f"{explanation.acquires} acquire raised"
        if explanation.decision is Decision.PASS:
            return f"{raised}, optional templates skipped: the packet goes out untransformed"
        return raised
    if explanation.decision is Decision.DROP and explanation.direction is Direction.OUT:
        seen = "success, the packet vanishes" if explanation.errno is Errno.OK else explanation.errno.name
        return f"the sender sees {seen}"
    return f"the sender sees {explanation.errno.name}" if explanation.errno is not Errno.OK else ""


def _cleartext(explanation: Explanation) -> str:
    plain = explanation.cleartext
    if plain is None or plain.accepted:
        return "the same packet without these headers would be accepted"
    counter = plain.counter.value if plain.counter else "no counter"
    return f"the same packet without these headers would be dropped ({counter})"


def _print_policies(console: Console, explanation: Explanation, configuration: Configuration) -> None:
    for policy in explanation.policies:
        console.print(escape(f"policy    {_place(policy, configuration)}  {_policy_line(policy)}"))


def _print_states(console: Console, explanation: Explanation) -> None:
    label = "assumed" if explanation.assumed else "state"
    for number, state in enumerate(explanation.applied, start=1):
        console.print(escape(f"{label:<9} {number}. {_state_line(state)}"))


def _print_trials(console: Console, explanation: Explanation, configuration: Configuration) -> None:
    if not explanation.trials:
        return
    table = Table("where", "type", "priority", "fate", "clause", box=None, pad_edge=False)
    for trial in explanation.trials:
        policy = trial.entry.policy
        fate = trial.fate.value
        if trial.fate is Fate.NO_MATCH and trial.mismatch:
            fate = f"{trial.mismatch.value} does not match"
        place = _place(policy, configuration)
        table.add_row(escape(place), policy.type.name.lower(), str(policy.priority), fate, trial.clause)
    console.print("tried, in search order:")
    console.print(table)


def _print_reasons(console: Console, explanation: Explanation) -> None:
    for reason in explanation.reasons:
        sign = "yes" if reason.held else "no "
        expected = f" (expected: {reason.expected})" if reason.expected and not reason.held else ""
        console.print(escape(f"{sign} {reason.clause}  {reason.subject}: {reason.found}{expected}"))


def _place(policy: Policy, configuration: Configuration) -> str:
    record = configuration.record_of(policy)
    return f"{record.at.file}:{record.at.line}" if record else "?"


def _short_place(policy: Policy, configuration: Configuration) -> str:
    record = configuration.record_of(policy)
    return f"{Path(record.at.file).name}:{record.at.line}" if record else "?"


def _policy_line(policy: Policy) -> str:
    selector = policy.selector
    templates = ", ".join(
        f"{transform_name(template.protocol)} {template.mode.name.lower()}"
        f"{' (optional)' if template.optional else ''}"
        for template in policy.templates
    )
    return (
        f"{policy.type.name.lower()} priority {policy.priority} {policy.action.name.lower()} "
        f"{selector.source} -> {selector.destination} [{templates or 'no templates'}]"
    )


def _state_line(state: SecurityAssociation) -> str:
    care_of = f" care-of {state.care_of}" if state.care_of is not None else ""
    return (
        f"{transform_name(state.protocol)} {state.mode.name.lower()} {state.source} -> {state.destination} "
        f"spi {state.spi:#010x} reqid {state.reqid}{care_of}"
    )
