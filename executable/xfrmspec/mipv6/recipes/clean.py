"""The recipe `clean`: the order of its policies, and what a daemon has from start to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xfrmspec.mipv6.recipes import clean_agent, clean_mobile, clean_tunnel
from xfrmspec.mipv6.recipes.clean_entries import Priority, transport_pair
from xfrmspec.mipv6.recipes.entries import (
    BINDING_UPDATE,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    Traffic,
    discovery,
    home_option,
    inbound,
    mobility,
    outbound,
    receiver,
    routing,
)
from xfrmspec.mipv6.recipes.terms import Protection, Settings
from xfrmspec.mipv6.recipes.work import Work
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Policy, PolicyType
from xfrmspec_terms.selector import Protocol

_DISCOVERY = (NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT)
_Part = Callable[[Work, Settings, Stage], Work]


@clause("XFRM-DAEMON-021", "XFRM-WORLD-010")
def _common(work: Work, settings: Settings, stage: Stage) -> Work:
    bypasses = [outbound(discovery(kind), Priority.DISCOVERY) for kind in _DISCOVERY]
    work = work.put(*bypasses, outbound(mobility(None, None), Priority.MOBILITY))
    if stage.role is Role.MOBILE_NODE:
        return work
    only_updates = Defence.HOME_ADDRESS_OPTION in settings.defences
    traffic = mobility(None, None, BINDING_UPDATE) if only_updates else Traffic(None, None)
    update = inbound(traffic, Priority.HOME_SIGNALLING, home_option(optional=True))
    return work.put_states(receiver(Protocol.DESTINATION_OPTIONS)).put(update)


@clause("XFRM-DAEMON-022")
def _mobile(work: Work, settings: Settings) -> Work:
    anybody = inbound(clean_tunnel.to_home(settings.address), Priority.GENERAL, routing(optional=True))
    return work.put_states(receiver(Protocol.ROUTING)).put(anybody)


@clause("XFRM-DAEMON-023")
def _protected_signalling(settings: Settings, role: Role) -> tuple[Policy, ...]:
    if settings.protection is Protection.NONE or role is Role.CORRESPONDENT_NODE:
        return ()
    if role is Role.MOBILE_NODE:
        return () if settings.home_agent is None else transport_pair(settings, settings.home_agent)
    pairs = [transport_pair(settings, home) for home in settings.mobile_nodes]
    return tuple(policy for pair in pairs for policy in pair)


@clause("XFRM-DAEMON-028")
def _open_discovery(settings: Settings, role: Role) -> tuple[Policy, ...]:
    if settings.protection is not Protection.PAYLOAD or role is Role.CORRESPONDENT_NODE:
        return ()
    return tuple(
        build(discovery(kind), Priority.DISCOVERY, type_=PolicyType.MAIN)
        for kind in _DISCOVERY
        for build in (outbound, inbound)
    )


def _started(work: Work, settings: Settings, stage: Stage) -> Work:
    work = _common(work, settings, stage)
    if stage.role is Role.MOBILE_NODE:
        work = _mobile(work, settings)
    return work.put(*_open_discovery(settings, stage.role), *_protected_signalling(settings, stage.role))


@clause("XFRM-DAEMON-036")
def _stopped(work: Work, settings: Settings, stage: Stage) -> Work:
    homes = {tunnel.home_address for tunnel in work.memory.tunnels} | set(settings.mobile_nodes)
    if Role.MOBILE_NODE in settings.roles:
        homes.add(settings.address)
    for home in sorted(homes):
        work = clean_tunnel.close(work, settings, home)
    for home in work.memory.stands_in_for:
        work = clean_agent.stand_aside(work, home)
    work = work.drop(*reversed(work.memory.policies))
    return work.drop_states(*reversed(work.memory.states))


@clause("XFRM-DAEMON-036")
def _nothing(work: Work, settings: Settings, stage: Stage) -> Work:
    return work


PARTS: Mapping[StageKind, _Part] = {
    StageKind.STARTED: _started,
    StageKind.REGISTERING: clean_mobile.registering,
    StageKind.REGISTERED: clean_mobile.registered,
    StageKind.REFUSED: clean_mobile.refused,
    StageKind.TESTING: clean_mobile.testing,
    StageKind.OPTIMISED: clean_mobile.optimised,
    StageKind.FELL_BACK: clean_mobile.fell_back,
    StageKind.RETURNING: clean_mobile.returning,
    StageKind.RETURNED: clean_mobile.returned,
    StageKind.PROBING: _nothing,
    StageKind.BOUND: clean_agent.bound,
    StageKind.REBOUND: clean_agent.bound,
    StageKind.RELEASED: clean_agent.released,
    StageKind.STOPPED: _stopped,
}


def clean(work: Work, settings: Settings, stage: Stage) -> Work:
    """Return the work of one stage."""
    return PARTS[stage.kind](work, settings, stage)
