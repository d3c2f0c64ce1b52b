"""Notifications of the reference as the events that observations hold."""

from __future__ import annotations

from xfrmspec.scenario.events import Event, EventKind, StateName, name_of
from xfrmspec.xfrm.policies import PolicyEvent, PolicyEventKind
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Policy, identity_of
from xfrmspec_terms.selector import Flow, PortMatch, Prefix, Protocol, Selector
from xfrmspec_terms.state import StateEvent, StateEventKind

_STATES = {
    StateEventKind.EXPIRE_SOFT: EventKind.EXPIRE,
    StateEventKind.EXPIRE_HARD: EventKind.EXPIRE,
    StateEventKind.NEW: EventKind.NEW_STATE,
    StateEventKind.UPDATE: EventKind.UPDATE_STATE,
    StateEventKind.DELETE: EventKind.DELETE_STATE,
}
_POLICIES = {
    PolicyEventKind.NEW: EventKind.NEW_POLICY,
    PolicyEventKind.UPDATE: EventKind.UPDATE_POLICY,
    PolicyEventKind.DELETE: EventKind.DELETE_POLICY,
    PolicyEventKind.EXPIRE_SOFT: EventKind.POLICY_EXPIRE,
    PolicyEventKind.EXPIRE_HARD: EventKind.POLICY_EXPIRE,
}


def state_event(event: StateEvent) -> Event:
    """Return a notification about states; ValueError for one whose kind needs more than the event tells."""
    if event.kind is StateEventKind.FLUSH:
        return Event(EventKind.FLUSH_STATES, protocol=event.protocol)
    if event.kind is StateEventKind.MIGRATE and event.migration is not None:
        return Event(EventKind.MIGRATE, selector=event.migration.selector, entries=event.migration.entries)
    if event.state is None or event.kind not in _STATES:
        raise ValueError(f"{event.kind.value} needs more than its event tells")
    hard = event.kind is StateEventKind.EXPIRE_HARD
    return Event(_STATES[event.kind], name_of(event.state), hard=hard)


def policy_event(event: PolicyEvent) -> Event:
    """Return a notification about policies."""
    if event.policy is None:
        return Event(EventKind.FLUSH_POLICIES)
    hard = event.kind is PolicyEventKind.EXPIRE_HARD
    return Event(_POLICIES[event.kind], policy=identity_of(event.policy), hard=hard)


def acquire_event(larval: SecurityAssociation, policy: Policy) -> Event:
    """Return the question for a state that a policy asks for; its selector is the flow."""
    name = StateName(larval.source, larval.destination, larval.protocol, None, larval.spi)
    return Event(
        EventKind.ACQUIRE,
        name,
        identity_of(policy),
        selector=larval.selector,
        templates=len(policy.templates),
    )


def report_event(flow: Flow) -> Event:
    """Return the report of a home address option that the policies refuse; it names the packet's flow."""
    width = flow.family.width
    selector = Selector(
        Prefix(flow.source, width),
        Prefix(flow.destination, width),
        flow.protocol,
        PortMatch.exactly(flow.source_slot) if flow.source_slot else PortMatch(0, 0),
        PortMatch.exactly(flow.destination_slot) if flow.destination_slot else PortMatch(0, 0),
        flow.oif,
        0,
        flow.family,
    )
    return Event(EventKind.REPORT, selector=selector, protocol=Protocol.DESTINATION_OPTIONS)
