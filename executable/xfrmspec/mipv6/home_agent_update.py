"""Whether a home agent takes a binding update: the questions, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xfrmspec.mipv6.addresses import is_routable_unicast
from xfrmspec.mipv6.binding_request import BindingRequest, request_of
from xfrmspec.mipv6.course import Reply, decided
from xfrmspec.mipv6.home_agent_settings import HomeAgent, Waiting, registration_of, serving_prefix
from xfrmspec.mipv6.sequence import is_ahead
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEvent, Heard, Step
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_binding_update import CARE_OF, DELETION, FLAG_H, SEQUENCE, UPDATE_ARRIVES
from xfrmspec_terms.machines_home_agent import (
    AGENT_ROOM,
    ANY_PREFIX,
    ASSOCIATION,
    CAME_WITH_OPTION,
    HOME_AGENT_UPDATE,
    OWN_PREFIX,
    PROHIBITED,
    REGISTERED_ALREADY,
    SOURCE_OF_UPDATE,
)
from xfrmspec_terms.mobility import BindingUpdate


@dataclass(frozen=True, slots=True)
class AgentCase:
    """A binding update before a home agent."""

    agent: HomeAgent
    heard: Heard
    request: BindingRequest
    now: int

    @property
    def defences(self) -> frozenset[Defence]:
        """Return the defences that are on."""
        return self.agent.settings.defences


@clause("XFRM-HA-012", "XFRM-HA-030")
def judge_event(
    agent: HomeAgent, event: DaemonEvent, now: int
) -> tuple[BindingRequest | None, tuple[Step, ...]]:
    """Return what an event asks of a home agent, if it is an update, and the answers to the questions."""
    if not isinstance(event, Heard) or not isinstance(event.message, BindingUpdate):
        return None, decided(HOME_AGENT_UPDATE, _OTHER, event)
    request = request_of(event, event.message)
    return request, decided(HOME_AGENT_UPDATE, _QUESTIONS, AgentCase(agent, event, request, now))


def _other(event: DaemonEvent) -> Reply:
    what = event.message if isinstance(event, Heard) else event
    return "any other message or event", "", type(what).__name__


_OTHER: Mapping[str, Callable[[DaemonEvent], Reply]] = {UPDATE_ARRIVES: _other}


def _arrives(case: AgentCase) -> Reply:
    return "binding update", "", ""


@clause("XFRM-HA-002")
def _source(case: AgentCase) -> Reply:
    sources = [address for address in (case.heard.care_of, case.heard.source) if address is not None]
    because = ", ".join(map(str, sources))
    if not all(map(is_routable_unicast, sources)):
        return "no", "unspecified, loopback, multicast or link-local", because
    return "yes", "", because


@clause("XFRM-HA-001")
def _flag_h(case: AgentCase) -> Reply:
    if case.request.update.home_registration:
        return "yes", "", ""
    registered = registration_of(case.agent, case.request.home_address) is not None
    return "no", f"home address {'' if registered else 'not '}registered", ""


@clause("XFRM-HA-003")
def _association(case: AgentCase) -> Reply:
    stands = case.heard.association == case.request.home_address
    if Defence.ASSOCIATION in case.defences and not stands:
        return "no", "none, or of another home address", str(case.heard.association)
    return "yes", "", str(case.heard.association)


@clause("XFRM-HA-005")
def _any_prefix(case: AgentCase) -> Reply:
    return "yes" if case.agent.settings.prefixes else "no", "", ""


@clause("XFRM-HA-006")
def _own_prefix(case: AgentCase) -> Reply:
    prefix = serving_prefix(case.agent.settings.prefixes, case.request.home_address, case.now)
    if prefix is None:
        return "no", "in no prefix valid for 4 s or more", str(case.request.home_address)
    return "yes", "", str(prefix.prefix)


@clause("XFRM-HA-007", "XFRM-HA-032")
def _sequence(case: AgentCase) -> Reply:
    entry, number = case.agent.entry(case.request), case.request.update.sequence
    if entry is None:
        return "yes", "no entry", ""
    because = f"{number} after {entry.sequence}"
    if Defence.SEQUENCE not in case.defences or is_ahead(number, entry.sequence):
        return "yes", "entry, 1 to 32767 ahead modulo 2^16", because
    if isinstance(entry, Waiting) and number == entry.sequence:
        return "no", "probed, same number", because
    return "no", "entry, not 1 to 32767 ahead", because


@clause("XFRM-HA-004")
def _deletion(case: AgentCase) -> Reply:
    if case.request.is_deletion:
        return "yes", "lifetime 0, or care-of is home address", ""
    return "no", "", ""


@clause("XFRM-HA-008")
def _registered_already(case: AgentCase) -> Reply:
    if case.agent.registration(case.request.home_address) is None:
        return "no", "neither registered nor probed", ""
    return "yes", "", ""


@clause("XFRM-HA-004")
def _came_with_option(case: AgentCase) -> Reply:
    return "no" if case.request.wire_source is None else "yes", "", ""


@clause("XFRM-HA-009")
def _prohibited(case: AgentCase) -> Reply:
    return "no" if case.request.home_address in case.agent.settings.prohibited else "yes", "", ""


@clause("XFRM-HA-010", "XFRM-HA-034")
def _care_of(case: AgentCase) -> Reply:
    care_of = case.request.care_of
    leads_on = Defence.ACYCLIC in case.defences and case.agent.registration(care_of) is not None
    if leads_on or care_of == case.request.own or not is_routable_unicast(care_of):
        return "no", "not routable unicast, own, or registered as a home address", str(care_of)
    return "yes", "", str(care_of)


@clause("XFRM-HA-011")
def _room(case: AgentCase) -> Reply:
    taken, capacity = case.agent.registrations(), case.agent.settings.capacity
    if case.agent.registration(case.request.home_address) is None and taken >= capacity:
        return "no", "no registration, and the cache is full", f"{taken} of {capacity}"
    return "yes", "", f"{taken} of {capacity}"


_QUESTIONS: Mapping[str, Callable[[AgentCase], Reply]] = {
    UPDATE_ARRIVES: _arrives,
    SOURCE_OF_UPDATE: _source,
    FLAG_H: _flag_h,
    ASSOCIATION: _association,
    ANY_PREFIX: _any_prefix,
    OWN_PREFIX: _own_prefix,
    SEQUENCE: _sequence,
    DELETION: _deletion,
    REGISTERED_ALREADY: _registered_already,
    CAME_WITH_OPTION: _came_with_option,
    PROHIBITED: _prohibited,
    CARE_OF: _care_of,
    AGENT_ROOM: _room,
}
