"""What becomes of a received packet after its headers were processed: accepted or dropped, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.xfrm.match import selector_mismatch
from xfrmspec.xfrm.pairing import Selection, describe, select_policies
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies, XfrmTables
from xfrmspec.xfrm.template_check import PathCheck, SecPath, check_path, first_barrier
from xfrmspec.xfrm.templates import exceeds_usable, merge_templates
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter, Reason
from xfrmspec_terms.packet import transform_name
from xfrmspec_terms.policy import Action, DefaultAction, Direction, Policy, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow


@dataclass(frozen=True, slots=True)
class InputDecision:
    """The fate of one received packet.

    `verified` counts the sec_path entries that this check accepted. `reported` is the index of the entry
    whose type is told about the rejection, None when nothing is.
    """

    accepted: bool
    selection: Selection
    counter: Counter | None = None
    templates: tuple[Template, ...] = ()
    verified: int = 0
    reported: int | None = None
    reasons: tuple[Reason, ...] = ()


@clause("XFRM-CHECK-001", "XFRM-DEFAULT-002", "XFRM-ARCH-001")
def decide_input(
    tables: XfrmTables,
    flow: Flow,
    path: SecPath,
    direction: Direction = Direction.IN,
    sockets: SocketPolicies = NO_SOCKET_POLICIES,
    *,
    verified: int = 0,
    selection: Selection | None = None,
) -> InputDecision:
    """Decide one received packet by its flow and its sec_path (outermost entry first).

    `direction` is IN for local delivery and FWD for forwarding; `verified` counts the entries an earlier
    check of the same packet accepted, and a `selection` found before stands for the search.
    Source: XFRM-CHECK-001..013; kernel __xfrm_policy_check.
    """
    offender = state_selector_offender(path, flow, tables.profile)
    if offender is not None:
        reason = Reason("XFRM-CHECK-003", f"selector of sec_path entry {offender + 1}", False, "no match")
        return InputDecision(False, Selection(), Counter.IN_STATE_MISMATCH, reasons=(reason,))
    if selection is None:
        selection = select_policies(tables, flow, direction, sockets)
    if not selection.policies:
        return _without_policy(tables, selection, path, direction)
    if selection.blocking is selection.policies[0]:
        return _rejected(selection, Counter.IN_POLICY_BLOCK, _block_reason(selection.policies[0]))
    return _by_templates(tables, flow, selection, path, verified)


@clause("XFRM-CHECK-003")
def state_selector_offender(path: SecPath, flow: Flow, profile: Profile) -> int | None:
    """Return the index of the last sec_path entry whose own selector rejects the flow, or None.

    Source: XFRM-CHECK-003; kernel __xfrm_policy_check.
    """
    for index in range(len(path) - 1, -1, -1):
        selector = path[index].selector
        if selector is not None and selector_mismatch(selector, flow, profile) is not None:
            return index
    return None


@clause("XFRM-CHECK-004", "XFRM-DEFAULT-001")
def _without_policy(
    tables: XfrmTables, selection: Selection, path: SecPath, direction: Direction
) -> InputDecision:
    default = tables.defaults.of(direction)
    if default is DefaultAction.BLOCK:
        reason = Reason("XFRM-DEFAULT-001", f"default action {direction.name.lower()}", False, "BLOCK")
        return _rejected(selection, Counter.IN_NO_POLICIES, reason)
    barrier = first_barrier(path, 0)
    if barrier is not None:
        found = f"entry {barrier + 1} is {path[barrier].mode.name.lower()} mode"
        reason = Reason("XFRM-CHECK-004", "sec_path without a policy", False, found, "transport mode only")
        return _rejected(selection, Counter.IN_NO_POLICIES, reason, reported=barrier)
    reason = Reason("XFRM-CHECK-004", "no policy", True, "default action ACCEPT")
    return InputDecision(True, selection, reasons=(*selection.reasons, reason))


@clause("XFRM-CHECK-005", "XFRM-CHECK-006", "XFRM-TMPL-004")
def _by_templates(
    tables: XfrmTables, flow: Flow, selection: Selection, path: SecPath, verified: int
) -> InputDecision:
    """Policies are taken in order; the first that blocks or overflows the limit decides."""
    groups: list[Sequence[Template]] = []
    for policy in selection.policies:
        if policy.action is not Action.ALLOW:
            return _rejected(selection, Counter.IN_POLICY_BLOCK, _block_reason(policy))
        already = sum(len(group) for group in groups)
        if exceeds_usable(already, len(policy.templates), tables.profile):
            found = str(already + len(policy.templates))
            limit = f"at most {tables.profile.usable_templates}"
            reason = Reason("XFRM-TMPL-004", "templates in all", False, found, limit)
            return _rejected(selection, Counter.IN_BUFFER_ERROR, reason)
        groups.append(policy.templates)
    templates = merge_templates(groups, flow.family, tables.profile)
    checked = check_path(templates, path, verified, flow.if_id)
    return _judged(selection, templates, path, checked)


def _judged(
    selection: Selection, templates: tuple[Template, ...], path: SecPath, checked: PathCheck
) -> InputDecision:
    reason = path_reason(templates, path, checked)
    if checked.accepted:
        return InputDecision(
            True, selection, None, templates, checked.verified, reasons=(*selection.reasons, reason)
        )
    return _rejected(
        selection, Counter.IN_TEMPLATE_MISMATCH, reason, reported=checked.culprit, templates=templates
    )


@clause("XFRM-CHECK-013")
def path_reason(templates: Sequence[Template], path: SecPath, checked: PathCheck) -> Reason:
    """Return the reason a sec_path was accepted or not, in words."""
    names = (
        ", ".join(f"{transform_name(state.protocol)} {state.mode.name.lower()}" for state in path)
        or "cleartext"
    )
    if checked.accepted:
        return Reason("XFRM-CHECK-006", "sec_path", True, names, f"{len(templates)} templates met")
    if checked.failed is None:
        extra = path[checked.culprit or 0]
        found = f"{transform_name(extra.protocol)} {extra.mode.name.lower()} left over"
        return Reason("XFRM-CHECK-009", "sec_path", False, found, "only transport mode may be left over")
    template = templates[checked.failed]
    expected = f"{transform_name(template.protocol)} {template.mode.name.lower()} reqid {template.reqid}"
    name = "XFRM-CHECK-013" if not path else "XFRM-CHECK-007"
    return Reason(name, f"required template {checked.failed + 1}", False, names, expected)


def _block_reason(policy: Policy) -> Reason:
    return Reason("XFRM-CHECK-005", describe(policy), False, "action block", "action allow")


def _rejected(
    selection: Selection,
    counter: Counter,
    reason: Reason,
    *,
    reported: int | None = None,
    templates: tuple[Template, ...] = (),
) -> InputDecision:
    reasons = (*selection.reasons, reason)
    return InputDecision(False, selection, counter, templates, 0, reported, reasons)
