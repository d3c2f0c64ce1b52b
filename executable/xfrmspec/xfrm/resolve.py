"""From the templates of the selected policies to the states that will transform the packet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.xfrm.associations import Found, StateKey, find_state, larval_state
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec.xfrm.templates import exceeds_usable, merge_states
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Acquire, Errno, Reason
from xfrmspec_terms.packet import transform_name
from xfrmspec_terms.policy import ENDPOINT_MODES, Policy, Template
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow


@dataclass(frozen=True, slots=True)
class Resolution:
    """The states in application order (innermost first), or the error that ended the search.

    `acquires` were raised on the way, also by optional templates that were then skipped; each left one of
    the `larvals`, oldest first, which the rest of the search already sees.
    """

    states: tuple[SecurityAssociation, ...] = ()
    errno: Errno = Errno.OK
    acquires: tuple[Acquire, ...] = ()
    reasons: tuple[Reason, ...] = ()
    larvals: tuple[SecurityAssociation, ...] = ()


@clause("XFRM-TMPL-009", "XFRM-TMPL-004", "XFRM-OUT-005", "XFRM-LOOKUP-010")
def resolve(policies: Sequence[Policy], flow: Flow, tables: XfrmTables) -> Resolution:
    """Resolve each policy from the flow's own addresses, then merge; ENOBUFS when there are too many.

    The limit compares the states found so far plus the next policy's declared templates.
    Source: XFRM-TMPL-004, -009; kernel xfrm_tmpl_resolve.
    """
    groups: list[tuple[SecurityAssociation, ...]] = []
    acquires: tuple[Acquire, ...] = ()
    reasons: tuple[Reason, ...] = ()
    larvals: tuple[SecurityAssociation, ...] = ()
    for number, policy in enumerate(policies):
        already = sum(len(group) for group in groups)
        if exceeds_usable(already, len(policy.templates), tables.profile):
            limit = _limit_reason(already + len(policy.templates), tables)
            return Resolution((), Errno.ENOBUFS, acquires, (*reasons, limit), larvals)
        one = resolve_one(policy, number, flow, _with_larvals(tables, larvals))
        acquires, reasons, larvals = acquires + one.acquires, reasons + one.reasons, larvals + one.larvals
        if one.errno is not Errno.OK:
            return Resolution((), one.errno, acquires, reasons, larvals)
        groups.append(one.states)
    return Resolution(merge_states(groups, flow.family), Errno.OK, acquires, reasons, larvals)


@clause("XFRM-TMPL-003", "XFRM-TMPL-007", "XFRM-TMPL-008", "XFRM-TMPL-002", "XFRM-TMPL-001")
def resolve_one(policy: Policy, number: int, flow: Flow, tables: XfrmTables) -> Resolution:
    """Walk one policy's templates in stored order; tunnel ends become the addresses of what follows.

    A required template without a valid state ends the walk with its error; an optional one is skipped.
    `number` tells which of the selected policies this is. Source: kernel xfrm_tmpl_resolve_one.
    """
    source, destination = flow.source, flow.destination
    states: list[SecurityAssociation] = []
    acquires: list[Acquire] = []
    reasons: list[Reason] = []
    larvals: list[SecurityAssociation] = []
    for index, template in enumerate(policy.templates):
        ends = endpoints(template, source, destination)
        key = StateKey(*ends, flow, policy.mark, policy.if_id)
        known = _with_larvals(tables, larvals).states
        found = find_state(known, template, key, tables.listeners, tables.profile)
        reasons.append(_template_reason(index, template, found))
        if found.acquire:
            acquires.append(Acquire(flow, index, number))
            larvals.append(larval_state(template, key))
        if found.state is not None:
            states.append(found.state)
            source, destination = ends
        elif not template.optional:
            return Resolution((), _walk_error(found.errno), tuple(acquires), tuple(reasons), tuple(larvals))
    return Resolution(tuple(states), Errno.OK, tuple(acquires), tuple(reasons), tuple(larvals))


@clause("XFRM-FIND-003")
def _with_larvals(tables: XfrmTables, larvals: Sequence[SecurityAssociation]) -> XfrmTables:
    return replace(tables, states=(*reversed(larvals), *tables.states)) if larvals else tables


@clause("XFRM-TMPL-003")
def endpoints(template: Template, source: Address, destination: Address) -> tuple[Address, Address]:
    """Return the (source, destination) a template is looked up with.

    Tunnel and BEET templates bring their own; an open source means the address the host would choose,
    taken to be the current source. Other modes ignore the template's addresses. Source: XFRM-TMPL-003.
    """
    if template.mode not in ENDPOINT_MODES:
        return source, destination
    if int(template.source) == 0 and source.version == template.destination.version:
        return source, template.destination
    return template.source, template.destination


@clause("XFRM-TMPL-008")
def _walk_error(errno: Errno) -> Errno:
    """Nobody listening, or a failed negotiation, reads as "try again" to the sender."""
    return Errno.EAGAIN if errno is Errno.ESRCH else errno


def _template_reason(index: int, template: Template, found: Found) -> Reason:
    level = "optional" if template.optional else "required"
    subject = (
        f"template {index + 1}: {transform_name(template.protocol)} {template.mode.name.lower()}, {level}"
    )
    if found.state is not None:
        return Reason("XFRM-TMPL-008", subject, True, f"state with spi {found.state.spi:#010x}")
    outcome = "acquire raised, larval state" if found.acquire else found.errno.name
    return Reason("XFRM-TMPL-008", subject, False, outcome, "a valid state")


def _limit_reason(total: int, tables: XfrmTables) -> Reason:
    limit = tables.profile.usable_templates
    return Reason("XFRM-TMPL-004", "templates in all", False, str(total), f"at most {limit}")
