"""The life of a home agent's entry for one home address."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.acknowledging import acknowledgement, refusal
from xfrmspec.mipv6.addresses import link_local_of
from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import Binding, Remembered, Use, bound, entry_of, stored
from xfrmspec.mipv6.binding_request import LIFETIME_UNIT, BindingRequest
from xfrmspec.mipv6.course import taken
from xfrmspec.mipv6.home_agent_settings import (
    HomeAgent,
    HomeAgentEntry,
    HomePrefix,
    Waiting,
    serving_prefix,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import (
    DaemonEffect,
    Probe,
    Probed,
    Role,
    Say,
    Stage,
    StageKind,
    Step,
    Uniqueness,
)
from xfrmspec_terms.machines_binding_update import ABSENT, REMEMBERED
from xfrmspec_terms.machines_home_agent import (
    AGENT_REGISTRATION,
    PROBING,
    REGISTERED,
    REGISTERED_ASKED,
    REGISTERED_IN_USE,
)
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingStatus,
)

_REGISTERED = {Use.UNUSED: REGISTERED, Use.USED: REGISTERED_IN_USE, Use.ASKED: REGISTERED_ASKED}

Agent = Answer[HomeAgent]


def standing(entry: HomeAgentEntry | None) -> str:
    """Return the state of the machine that an entry stands for."""
    match entry:
        case None:
            return ABSENT
        case Waiting():
            return PROBING
        case Binding():
            return _REGISTERED[entry.use]
    return REMEMBERED


@clause("XFRM-HA-008", "XFRM-HA-023")
def refuse(agent: HomeAgent, request: BindingRequest, status: BindingStatus, now: int) -> Agent:
    """Refuse an update with a status; the number of a deletion that had nothing to delete is remembered."""
    entry = agent.entry(request)
    outside = status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW and entry is not None
    number = entry.sequence if outside and entry else request.update.sequence
    said = (refusal(request, status, number),)
    nothing_there = status is BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE
    state, event = standing(entry), "update refused"
    if state not in (ABSENT, REMEMBERED):
        return Answer(agent, said, (taken(AGENT_REGISTRATION, state, event, "", str(status.value)),))
    guard = "with 133" if nothing_there else "with another status"
    step = taken(AGENT_REGISTRATION, state, event, guard, str(status.value))
    if not nothing_there:
        return Answer(agent, said, (step,))
    remembered = Remembered(request.home_address, request.update.sequence, now)
    return Answer(replace(agent, entries=stored(agent.entries, remembered)), said, (step,))


def accept(agent: HomeAgent, request: BindingRequest, now: int) -> Agent:
    """Carry out an accepted update."""
    entry = agent.entry(request)
    if request.is_deletion:
        return _delete(agent, request, entry, now)
    if isinstance(entry, Binding):
        return _move(agent, request, entry, now)
    return _wait(agent, request, entry)


@clause("XFRM-HA-013", "XFRM-HA-015")
def _wait(agent: HomeAgent, request: BindingRequest, entry: HomeAgentEntry | None) -> Agent:
    step = taken(AGENT_REGISTRATION, standing(entry), "update accepted", "a registration")
    begins = () if isinstance(entry, Waiting) else (_stage(StageKind.PROBING, request), _probe(request))
    return Answer(replace(agent, entries=stored(agent.entries, Waiting(request))), begins, (step,))


@clause("XFRM-HA-020")
def _move(agent: HomeAgent, request: BindingRequest, entry: Binding, now: int) -> Agent:
    moved = entry.care_of != request.care_of
    guard = f"{'another' if moved else 'same'} care-of address"
    step = taken(AGENT_REGISTRATION, standing(entry), "update accepted", guard)
    stages = (_stage(StageKind.REBOUND, request, entry.care_of),) if moved else ()
    return _register(agent, request, stages, step, now)


@clause("XFRM-HA-021", "XFRM-HA-015", "XFRM-HA-022")
def _delete(agent: HomeAgent, request: BindingRequest, entry: HomeAgentEntry | None, now: int) -> Agent:
    step = taken(AGENT_REGISTRATION, standing(entry), "update accepted", "a deletion")
    released = _released(entry)
    remembered = Remembered(request.home_address, request.update.sequence, now)
    following = replace(agent, entries=stored(agent.entries, remembered))
    return Answer(following, (*released, *_success(agent, request, BindingStatus.ACCEPTED, 0)), (step,))


@clause("XFRM-HA-016", "XFRM-HA-017", "XFRM-HA-033")
def end_probe(agent: HomeAgent, probed: Probed, now: int) -> Agent:
    """Carry out what a probe found. Source: RFC 6275 10.3.1."""
    entry = entry_of(agent.entries, probed.home_address)
    if not isinstance(entry, Waiting):
        return Answer(agent, (), (taken(AGENT_REGISTRATION, standing(entry), "probe over"),))
    if probed.found is Uniqueness.DUPLICATE:
        step = taken(AGENT_REGISTRATION, PROBING, "probe over", "duplicate")
        return _give_up(agent, entry, BindingStatus.DUPLICATE_ADDRESS_DETECTION_FAILED, step, now)
    if serving_prefix(agent.settings.prefixes, entry.home_address, now) is None:
        step = taken(AGENT_REGISTRATION, PROBING, "probe over", "unique, no such prefix")
        return _give_up(agent, entry, BindingStatus.NOT_HOME_SUBNET, step, now)
    step = taken(AGENT_REGISTRATION, PROBING, "probe over", "unique, prefix valid for 4 s")
    return _register(agent, entry.request, (_stage(StageKind.BOUND, entry.request),), step, now)


def _give_up(agent: HomeAgent, entry: Waiting, status: BindingStatus, step: Step, now: int) -> Agent:
    remembered = Remembered(entry.home_address, entry.sequence, now)
    said = refusal(entry.request, status, entry.sequence)
    following = replace(agent, entries=stored(agent.entries, remembered))
    return Answer(following, (*_released(entry), said), (step,))


@clause("XFRM-HA-018", "XFRM-HA-019")
def _register(
    agent: HomeAgent, request: BindingRequest, stages: tuple[DaemonEffect, ...], step: Step, now: int
) -> Agent:
    """Let an update be the registration from now on, and acknowledge it behind the stages."""
    prefix = serving_prefix(agent.settings.prefixes, request.home_address, now)
    assert prefix is not None
    granted = agent.settings.granted(request.asked, prefix, now)
    binding = bound(request, granted, now, agent.settings.ends_at(now, granted))
    status = _success_status(agent, request, prefix, granted, now)
    said = _success(agent, request, status, granted)
    following = replace(agent, entries=stored(agent.entries, binding))
    return Answer(following, (*stages, *said), (step,))


@clause("XFRM-HA-019")
def _success_status(
    agent: HomeAgent, request: BindingRequest, prefix: HomePrefix, granted: int, now: int
) -> BindingStatus:
    rest = prefix.rest(now)
    cut = rest is not None and rest < min(request.asked, agent.settings.limit)
    old = cut or prefix.is_deprecated(now + granted)
    return BindingStatus.ACCEPTED_PREFIX_DISCOVERY_NECESSARY if old else BindingStatus.ACCEPTED


@clause("XFRM-HA-023", "XFRM-HA-025", "XFRM-HA-026")
def _success(
    agent: HomeAgent, request: BindingRequest, status: BindingStatus, granted: int
) -> tuple[Say, ...]:
    update, settings = request.update, agent.settings
    if not update.acknowledge:
        return ()
    lifetime = granted // LIFETIME_UNIT
    advised = settings.advice is not None and settings.advice < lifetime
    message = BindingAcknowledgement(
        status,
        update.key_management_mobility and settings.moves_keys,
        update.sequence,
        lifetime,
        (BindingRefreshAdvice(settings.advice),) if advised and settings.advice else (),
    )
    return (acknowledgement(request, message),)


@clause("XFRM-HA-029")
def use(agent: HomeAgent, home_address: IPv6Address) -> Agent:
    """Note that the registration of a home address was used."""
    entry = entry_of(agent.entries, home_address)
    step = taken(AGENT_REGISTRATION, standing(entry), "used")
    if not isinstance(entry, Binding) or entry.use is not Use.UNUSED:
        return Answer(agent, (), (step,))
    used = replace(entry, use=Use.USED)
    return Answer(replace(agent, entries=stored(agent.entries, used)), (), (step,))


@clause("XFRM-HA-022", "XFRM-HA-028")
def grow_older(agent: HomeAgent, entry: HomeAgentEntry, now: int) -> Agent:
    """Do what is due for an entry."""
    if not isinstance(entry, Binding):
        return Answer(agent)
    if entry.is_over(now):
        step = taken(AGENT_REGISTRATION, standing(entry), "lifetime over")
        remembered = Remembered(entry.home_address, entry.sequence, entry.accepted_at)
        return Answer(replace(agent, entries=stored(agent.entries, remembered)), _released(entry), (step,))
    return _ask(agent, entry) if entry.refresh_is_due(now) else Answer(agent)


@clause("XFRM-HA-029")
def _ask(agent: HomeAgent, entry: Binding) -> Agent:
    step = taken(AGENT_REGISTRATION, REGISTERED_IN_USE, "refresh due", "seven eighths of the lifetime over")
    said = Say(BindingRefreshRequest(), entry.own, entry.home_address, routed_by=entry.care_of)
    asked = replace(entry, use=Use.ASKED)
    return Answer(replace(agent, entries=stored(agent.entries, asked)), (said,), (step,))


def _stage(
    kind: StageKind, about: BindingRequest | Binding, previous: IPv6Address | None = None
) -> DaemonEffect:
    home = about.home_address
    return Stage(kind, Role.HOME_AGENT, home, home, about.care_of, previous, about.own)


def _released(entry: HomeAgentEntry | None) -> tuple[DaemonEffect, ...]:
    match entry:
        case Waiting():
            return (_stage(StageKind.RELEASED, entry.request),)
        case Binding():
            return (_stage(StageKind.RELEASED, entry),)
    return ()


@clause("XFRM-HA-013")
def _probe(request: BindingRequest) -> DaemonEffect:
    wanted = request.update.link_local_compatibility
    return Probe(request.home_address, link_local_of(request.home_address) if wanted else None)
