"""What becomes of a packet that leaves: pass, transform, block or drop, and why."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.wire.insertion import wire_chain
from xfrmspec.xfrm.pairing import Selection, describe, select_policies
from xfrmspec.xfrm.resolve import Resolution, resolve
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies, XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Acquire, Counter, Decision, Errno, Reason
from xfrmspec_terms.packet import ChainElement, upper_header
from xfrmspec_terms.policy import DefaultAction, Direction
from xfrmspec_terms.selector import Flow


@dataclass(frozen=True, slots=True)
class OutputDecision:
    """The fate of one outgoing packet.

    `errno` is what the sender sees (OK also for a packet that a blackhole swallows), `applied` the states
    in application order (innermost first), `chain` the headers on the wire after the outermost IP header.
    `larvals` are the states that the acquires left behind, oldest first.
    """

    decision: Decision
    selection: Selection
    chain: tuple[ChainElement, ...]
    errno: Errno = Errno.OK
    counter: Counter | None = None
    applied: tuple[SecurityAssociation, ...] = ()
    acquires: tuple[Acquire, ...] = ()
    reasons: tuple[Reason, ...] = ()
    larvals: tuple[SecurityAssociation, ...] = ()


@clause("XFRM-OUT-001", "XFRM-DEFAULT-002", "XFRM-FLOW-005")
def decide_output(
    tables: XfrmTables,
    flow: Flow,
    sockets: SocketPolicies = NO_SOCKET_POLICIES,
    *,
    chain: tuple[ChainElement, ...] | None = None,
    loopback: bool = False,
) -> OutputDecision:
    """Decide one outgoing packet; `chain` are the headers its sender already wrote (default: upper only).

    `loopback` says that the route leaves through the loopback device.
    Source: XFRM-OUT-001..008; kernel xfrm_lookup_with_ifid.
    """
    plain = chain if chain is not None else (upper_header(flow.protocol),)
    selection = select_policies(tables, flow, Direction.OUT, sockets)
    if not selection.policies:
        return _without_policy(tables, selection, plain, loopback)
    if selection.blocking is not None:
        return _blocked(selection)
    if not any(policy.templates for policy in selection.policies):
        reason = Reason("XFRM-OUT-003", "templates in all", False, "none", "at least one to transform")
        return OutputDecision(Decision.PASS, selection, plain, reasons=(*selection.reasons, reason))
    return _transformed(tables, flow, selection, plain)


@clause("XFRM-DEFAULT-001")
def _without_policy(
    tables: XfrmTables, selection: Selection, plain: tuple[ChainElement, ...], loopback: bool
) -> OutputDecision:
    default = tables.defaults.of(Direction.OUT)
    refuses = default is DefaultAction.BLOCK and not loopback
    reason = Reason("XFRM-DEFAULT-001", "default action out", not refuses, default.name)
    reasons = (*selection.reasons, reason)
    if refuses:
        return OutputDecision(Decision.BLOCK, selection, (), Errno.EPERM, reasons=reasons)
    return OutputDecision(Decision.PASS, selection, plain, reasons=reasons)


@clause("XFRM-OUT-003", "XFRM-OUT-004")
def _blocked(selection: Selection) -> OutputDecision:
    policy = selection.blocking
    subject = describe(policy) if policy else "policy"
    reason = Reason("XFRM-OUT-004", subject, False, "action block", "action allow")
    return OutputDecision(
        Decision.BLOCK,
        selection,
        (),
        Errno.EPERM,
        Counter.OUT_POLICY_BLOCK,
        reasons=(*selection.reasons, reason),
    )


@clause("XFRM-OUT-006")
def _transformed(
    tables: XfrmTables, flow: Flow, selection: Selection, plain: tuple[ChainElement, ...]
) -> OutputDecision:
    resolution = resolve(selection.policies, flow, tables)
    if resolution.errno is not Errno.OK:
        return _unresolved(tables, selection, resolution)
    reasons = selection.reasons + resolution.reasons
    if not resolution.states:
        reason = Reason("XFRM-OUT-006", "states resolved", False, "none", "at least one to transform")
        return OutputDecision(
            Decision.PASS,
            selection,
            plain,
            acquires=resolution.acquires,
            reasons=(*reasons, reason),
            larvals=resolution.larvals,
        )
    return OutputDecision(
        Decision.TRANSFORM,
        selection,
        wire_chain(plain, resolution.states),
        applied=resolution.states,
        acquires=resolution.acquires,
        reasons=reasons,
        larvals=resolution.larvals,
    )


@clause("XFRM-OUT-002", "XFRM-OUT-005", "XFRM-OUT-007", "XFRM-OUT-008")
def _unresolved(tables: XfrmTables, selection: Selection, resolution: Resolution) -> OutputDecision:
    errno, counter, name = _failure(tables, selection, resolution.errno)
    seen = "success, the packet vanishes" if errno is Errno.OK else errno.name
    reason = Reason(name, "a required template", False, resolution.errno.name, f"the sender sees {seen}")
    return OutputDecision(
        Decision.DROP,
        selection,
        (),
        errno,
        counter,
        acquires=resolution.acquires,
        reasons=(*selection.reasons, *resolution.reasons, reason),
        larvals=resolution.larvals,
    )


def _failure(tables: XfrmTables, selection: Selection, errno: Errno) -> tuple[Errno, Counter | None, str]:
    """Return (what the sender sees, the counter, the clause) for a failed resolution."""
    if errno is Errno.EAGAIN and selection.from_socket:
        return Errno.EAGAIN, None, "XFRM-OUT-002"
    if errno is Errno.EAGAIN:
        shown = Errno.OK if tables.larval_drop else Errno.EAGAIN
        return shown, Counter.OUT_NO_STATES, "XFRM-OUT-007"
    name = "XFRM-OUT-005" if errno is Errno.ENOBUFS else "XFRM-OUT-008"
    return errno, Counter.OUT_POLICY_ERROR, name
