"""States that a dump does not show: what a host or its peer would use if every negotiation succeeded."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec.xfrm.match import selector_mismatch
from xfrmspec.xfrm.resolve import endpoints
from xfrmspec.xfrm.template_check import satisfies
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode, Policy, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Flow, unspecified


def assumed_states(policies: Sequence[Policy], flow: Flow) -> tuple[SecurityAssociation, ...]:
    """Return one valid state for every template of the policies that can have one, for an outgoing flow."""
    states: list[SecurityAssociation] = []
    for policy in policies:
        source, destination = flow.source, flow.destination
        for template in policy.templates:
            ends = endpoints(template, source, destination)
            if not instantiable(template.protocol, template.mode):
                continue
            states.append(_state_for(template, *ends, policy))
            source, destination = ends
    return tuple(dict.fromkeys(states))


def expected_path(
    templates: Sequence[Template],
    flow: Flow,
    states: Sequence[SecurityAssociation] | None,
    profile: Profile,
) -> tuple[SecurityAssociation, ...]:
    """Return the sec_path (outermost first) of a packet whose sender did everything the templates name.

    With `states` None every possible state is assumed; otherwise templates no state can meet are left out.
    `templates` are in list order, innermost first.
    """
    path: list[SecurityAssociation] = []
    for template in reversed(templates):
        state = (
            _assumed_inbound(template, flow)
            if states is None
            else receiving_state(template, flow, states, profile)
        )
        if state is not None:
            path.append(state)
    return tuple(path)


def receiving_state(
    template: Template, flow: Flow, states: Sequence[SecurityAssociation], profile: Profile
) -> SecurityAssociation | None:
    """Return the first state that would process a packet of the flow as the template wants, or None.

    Exact states come before wildcard receivers. Source: XFRM-CHECK-003, -008.
    """
    usable = [state for state in states if _receives(state, template, flow, profile)]
    exact = [state for state in usable if not state.flags & StateFlag.WILDRECV]
    return next(iter((*exact, *usable)), None)


def _receives(state: SecurityAssociation, template: Template, flow: Flow, profile: Profile) -> bool:
    return (
        state.lifecycle is Lifecycle.VALID
        and satisfies(template, state, flow.if_id)
        and _addressed(state, flow)
        and (state.selector is None or selector_mismatch(state.selector, flow, profile) is None)
    )


def _addressed(state: SecurityAssociation, flow: Flow) -> bool:
    """Tunnel ends are not the flow's; other states are found by the packet's own addresses."""
    if state.mode in ENDPOINT_MODES:
        return True
    if state.mode is not Mode.RO:
        return state.destination == flow.destination
    pair = (state.source, state.destination)
    if pair == (flow.source, flow.destination):
        return True
    nobody = unspecified(flow.family)
    wildcards = ((nobody, flow.destination), (nobody, nobody))
    return bool(state.flags & StateFlag.WILDRECV) and pair in wildcards


def _assumed_inbound(template: Template, flow: Flow) -> SecurityAssociation | None:
    if not instantiable(template.protocol, template.mode):
        return None
    source: Address = flow.source
    destination = flow.destination
    if template.mode in ENDPOINT_MODES:
        source, destination = template.source, template.destination
    elif template.mode is Mode.RO and int(template.source) != 0:
        source = template.source
    return _state_for(template, source, destination, None)


def _state_for(
    template: Template, source: Address, destination: Address, policy: Policy | None
) -> SecurityAssociation:
    return SecurityAssociation(
        source=source,
        destination=destination,
        protocol=template.protocol,
        mode=template.mode,
        spi=template.spi or (0 if template.mode is Mode.RO else 1),
        reqid=template.reqid,
        family=template.family,
        if_id=policy.if_id if policy else 0,
        care_of=unspecified(template.family) if template.mode is Mode.RO else None,
    )
