"""The recipe `clean` on a mobile node: registration, routes to correspondent nodes, return."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes import clean_tunnel
from xfrmspec.mipv6.recipes.clean_entries import (
    Priority,
    data_identity,
    peers_out,
    with_data,
    without_data,
)
from xfrmspec.mipv6.recipes.entries import (
    BINDING_UPDATE,
    NOWHERE,
    Traffic,
    block,
    home_option,
    home_state,
    mobility,
    outbound,
)
from xfrmspec.mipv6.recipes.terms import Optimisation, Protection, Settings
from xfrmspec.mipv6.recipes.work import Work, without_templates
from xfrmspec.scenario.terms import DeleteState
from xfrmspec.xfrm.state_operations import key_of
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Stage
from xfrmspec_terms.policy import Mode, Policy
from xfrmspec_terms.selector import Protocol


def _named(address: IPv6Address | None, what: str) -> IPv6Address:
    if address is None:
        raise ValueError(f"a stage of a mobile node names no {what}")
    return address


def _block(settings: Settings) -> Policy:
    return block(Traffic(settings.address, None), Priority.BLOCK)


def _update_policy(settings: Settings, peer: IPv6Address, priority: Priority) -> Policy:
    option = home_option(settings.address, peer, optional=False)
    return outbound(mobility(settings.address, peer, BINDING_UPDATE), priority, option)


def _trigger(settings: Settings) -> Policy:
    """Return the policy that asks for tests; it has the identity of the block and takes its place."""
    option = home_option(settings.address, NOWHERE, optional=True, mode=Mode.IN_TRIGGER)
    return outbound(Traffic(settings.address, None), Priority.TRIGGER, option)


def _state(settings: Settings, peer: IPv6Address, care_of: IPv6Address = NOWHERE) -> SecurityAssociation:
    return home_state(settings.address, peer, care_of)


@clause("XFRM-DAEMON-024", "XFRM-DAEMON-038")
def registering(work: Work, settings: Settings, stage: Stage) -> Work:
    """Block everything, then let binding updates to the home agent leave from the care-of address."""
    agent = _named(stage.peer, "home agent")
    care_of = _named(stage.care_of, "care-of address")
    update = _update_policy(settings, agent, Priority.HOME_SIGNALLING)
    return work.put(_block(settings)).put_states(_state(settings, agent, care_of)).put(update)


@clause("XFRM-DAEMON-025")
def registered(work: Work, settings: Settings, stage: Stage) -> Work:
    """Set up or move the tunnel, let data have their options, and open the block last."""
    agent = _named(stage.peer, "home agent")
    care_of = _named(stage.care_of, "care-of address")
    home = settings.address
    work = clean_tunnel.open_from(work, settings, home, agent, care_of)
    if settings.protection is not Protection.PAYLOAD:
        work = work.put_states(_state(settings, agent, care_of))
        work = with_data(work, home, agent, home_option(home, agent, optional=True))
        if settings.optimisation is Optimisation.WANTED:
            return work.put(_trigger(settings))
    return work.drop(_block(settings))


@clause("XFRM-DAEMON-029")
def refused(work: Work, settings: Settings, stage: Stage) -> Work:
    """Keep everything back but binding updates; a refusal by a correspondent node is a fall back."""
    agent = _named(stage.peer, "other end")
    if agent != settings.home_agent:
        return fell_back(work, settings, stage)
    work = without_data(work.put(_block(settings)), settings.address, agent, Protocol.DESTINATION_OPTIONS)
    return clean_tunnel.close(work, settings, settings.address)


@clause("XFRM-DAEMON-030")
def testing(work: Work, settings: Settings, stage: Stage) -> Work:
    """Let binding updates to a peer have their option, and everything else stay in the tunnel unasked."""
    if settings.protection is Protection.PAYLOAD:
        return work
    peer = _named(stage.peer, "correspondent node")
    state = _state(settings, peer, _named(stage.care_of, "care-of address"))
    if work.memory.state(key_of(state)) is None:
        work = work.do(DeleteState(state))
    work = work.put_states(state).put(_update_policy(settings, peer, Priority.PEER_SIGNALLING))
    if work.memory.policy(data_identity(settings.address, peer)) is not None:
        return work
    return work.put(outbound(Traffic(settings.address, peer), Priority.DATA))


@clause("XFRM-DAEMON-031")
def optimised(work: Work, settings: Settings, stage: Stage) -> Work:
    """Let packets to a peer take the direct way."""
    if settings.protection is Protection.PAYLOAD:
        return work
    peer = _named(stage.peer, "correspondent node")
    work = work.put_states(_state(settings, peer, _named(stage.care_of, "care-of address")))
    return with_data(work, settings.address, peer, home_option(settings.address, peer, optional=True))


@clause("XFRM-DAEMON-032")
def fell_back(work: Work, settings: Settings, stage: Stage) -> Work:
    """Forget the direct way to a peer; what the node's own binding for it needs stays."""
    return _forget(work, settings, _named(stage.peer, "correspondent node"))


def _forget(work: Work, settings: Settings, peer: IPv6Address) -> Work:
    update = _update_policy(settings, peer, Priority.PEER_SIGNALLING)
    bypass = work.memory.policy(data_identity(settings.address, peer))
    if bypass is not None and not bypass.templates:
        work = work.drop(bypass)
    work = without_data(work, settings.address, peer, Protocol.DESTINATION_OPTIONS)
    return work.drop(update).drop_states(_state(settings, peer))


@clause("XFRM-DAEMON-033", "XFRM-DAEMON-038")
def returning(work: Work, settings: Settings, stage: Stage) -> Work:
    """Keep everything back but a plain binding update, close the tunnel, and forget every direct way."""
    agent = _named(stage.peer, "other end")
    if agent != settings.home_agent:
        return fell_back(work, settings, stage)
    update = _update_policy(settings, agent, Priority.HOME_SIGNALLING)
    work = clean_tunnel.close(work.put(_block(settings)), settings, settings.address)
    return _leave(work.put(without_templates(update)), settings, agent)


def _leave(work: Work, settings: Settings, agent: IPv6Address) -> Work:
    """Forget every direct way, and the way of data and option to the home agent."""
    for peer in peers_out(work, settings.address):
        if peer != agent:
            work = _forget(work, settings, peer)
    work = without_data(work, settings.address, agent, Protocol.DESTINATION_OPTIONS)
    return work.drop_states(_state(settings, agent))


@clause("XFRM-DAEMON-033", "XFRM-DAEMON-039")
def returned(work: Work, settings: Settings, stage: Stage) -> Work:
    """End what is left of the way from abroad, and open the block last."""
    agent = _named(stage.peer, "other end")
    if agent != settings.home_agent:
        return fell_back(work, settings, stage)
    work = _leave(clean_tunnel.close(work, settings, settings.address), settings, agent)
    work = work.drop(_update_policy(settings, agent, Priority.HOME_SIGNALLING))
    return work.drop(_block(settings))
