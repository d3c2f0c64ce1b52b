"""Why an operation was refused: the clause, the guard, the value found and the value expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec.oracle.verdicts import Tried
from xfrmspec.scenario.steps import (
    Run,
)
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    FlushPolicies,
    FlushStates,
    Operation,
    SetDefaults,
    SetThresholds,
    UpdatePolicy,
)
from xfrmspec.xfrm.pairing import describe
from xfrmspec.xfrm.policies import PolicyOutcome, add, delete, flush, update
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.packet import transform_name
from xfrmspec_terms.policy import DIRECTION_BITS, MAX_DEPTH, Policy, PolicyErrorReason


@dataclass(frozen=True, slots=True)
class _Guard:
    """One guard of the policy operations: its clause, its name, and what would pass it."""

    clause: str
    name: str
    expected: str


_GUARDS = {
    PolicyErrorReason.EXISTS: _Guard("XFRM-DB-007", "identity", "no policy of this identity"),
    PolicyErrorReason.NOT_FOUND: _Guard("XFRM-DB-005", "identity or index", "a policy"),
    PolicyErrorReason.BAD_TYPE: _Guard("XFRM-ARCH-004", "type", "main"),
    PolicyErrorReason.BAD_INDEX: _Guard("XFRM-DB-003", "index", "low bits that are the direction's number"),
    PolicyErrorReason.BAD_FAMILY: _Guard("XFRM-DB-009", "selector family", "inet or inet6"),
    PolicyErrorReason.BAD_PREFIX: _Guard(
        "XFRM-DB-009", "prefix lengths", "prefixes of the selector's family"
    ),
    PolicyErrorReason.TOO_MANY_TEMPLATES: _Guard("XFRM-TMPL-004", "templates", f"at most {MAX_DEPTH}"),
    PolicyErrorReason.OPTIONAL_ENDPOINT_MODE: _Guard(
        "XFRM-TMPL-005", "template level", "required, where the mode is tunnel or BEET and the direction out"
    ),
    PolicyErrorReason.FAMILY_CHANGE: _Guard(
        "XFRM-TMPL-005", "template family", "the family before it, where the mode has no endpoints"
    ),
    PolicyErrorReason.BAD_TEMPLATE_FAMILY: _Guard("XFRM-TMPL-005", "template family", "inet or inet6"),
    PolicyErrorReason.BAD_TEMPLATE_PROTOCOL: _Guard(
        "XFRM-TMPL-005", "template protocol", "a protocol that a state can have"
    ),
}
assert set(_GUARDS) == set(PolicyErrorReason)

_CARRIED_OUT_BY: dict[type[object], Callable[..., object] | type[object]] = {
    AddPolicy: add,
    UpdatePolicy: update,
    DeletePolicy: delete,
    FlushPolicies: flush,
}
_CLAUSES: dict[type[object], tuple[str, ...]] = {
    AddState: ("XFRM-TMPL-006",),
    DeleteState: (),
    FlushStates: (),
    SetDefaults: ("XFRM-DEFAULT-001",),
    SetThresholds: ("XFRM-DB-002", "XFRM-LOOKUP-009"),
} | {kind: getattr(function, "__clauses__", ()) for kind, function in _CARRIED_OUT_BY.items()}


def operation_clauses(operation: Operation) -> tuple[str, ...]:
    """Return the clauses that an operation is carried out by; none for what no clause states yet."""
    return _CLAUSES.get(type(operation), ())


def operation_refusal(operation: Operation, run: Run, errno: int) -> tuple[Tried, ...]:
    """Return the guard that an operation with this error number did not pass, on the tables before it."""
    if errno == Errno.OK:
        return ()
    if isinstance(operation, AddState | DeleteState):
        return (_state_refusal(operation.state, errno),)
    outcome = _policy_outcome(operation, run)
    if outcome is None or outcome.refusal is None:
        return ()
    guard = _GUARDS[outcome.refusal]
    return (Tried(guard.clause, guard.name, _found(operation, outcome), guard.expected),)


def _policy_outcome(operation: Operation, run: Run) -> PolicyOutcome | None:
    policies = run.tables.policies
    if isinstance(operation, AddPolicy):
        return add(policies, operation.policy)
    if isinstance(operation, UpdatePolicy):
        return update(policies, operation.policy)
    if isinstance(operation, DeletePolicy):
        return delete(policies, operation.identity, operation.index)
    return flush(policies, operation.type) if isinstance(operation, FlushPolicies) else None


def _found(operation: Operation, outcome: PolicyOutcome) -> str:
    """Return the value that the guard looked at."""
    if outcome.refusal is PolicyErrorReason.EXISTS and outcome.found is not None:
        stored = outcome.found.policy
        return f"{describe(stored)}, index {stored.index}"
    if outcome.refusal is PolicyErrorReason.NOT_FOUND:
        index = operation.index if isinstance(operation, DeletePolicy) else 0
        return f"none of index {index}" if index else "none"
    if outcome.refusal is PolicyErrorReason.BAD_TYPE:
        return "sub"
    policy = operation.policy if isinstance(operation, AddPolicy | UpdatePolicy) else None
    return _found_in(policy, outcome.refusal) if policy and outcome.refusal else ""


def _found_in(policy: Policy, refusal: PolicyErrorReason) -> str:
    if refusal is PolicyErrorReason.BAD_INDEX:
        low = policy.index & DIRECTION_BITS
        return f"index {policy.index} with low bits {low}, direction {policy.direction.value}"
    if refusal is PolicyErrorReason.TOO_MANY_TEMPLATES:
        return str(len(policy.templates))
    if refusal in (PolicyErrorReason.BAD_FAMILY, PolicyErrorReason.BAD_PREFIX):
        selector = policy.selector
        return f"{selector.family.name.lower()} for {selector.source} and {selector.destination}"
    return ", ".join(
        f"{transform_name(t.protocol)} {t.mode.name.lower()} {t.family.name.lower()}"
        f"{' optional' if t.optional else ''}"
        for t in policy.templates
    )


def _state_refusal(state: SecurityAssociation, errno: int) -> Tried:
    pair = f"{transform_name(state.protocol)} {state.mode.name.lower()}"
    key = f"{transform_name(state.protocol)} {state.source} -> {state.destination} spi {state.spi:#010x}"
    if errno == Errno.EEXIST:
        return Tried(None, "key of the state", f"{key} is taken", "a free key")
    if errno == Errno.ESRCH:
        return Tried(None, "key of the state", f"none has {key}", "a state with this key")
    if not instantiable(state.protocol, state.mode):
        return Tried("XFRM-TMPL-006", "protocol and mode", pair, "a pair that a state can have")
    care_of = state.care_of or "none"
    found = f"{pair}, spi {state.spi:#010x}, care-of address {care_of}"
    expected = (
        "for HAO and RT2 a care-of address and no SPI, for IPComp at most 16 bits of SPI, "
        "outside tunnels a selector of the state's family"
    )
    return Tried(None, "members of the state", found, expected)
