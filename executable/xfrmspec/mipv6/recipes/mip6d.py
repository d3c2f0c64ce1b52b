"""The recipe `mip6d`: what that daemon was seen to do on Linux 6.1 without IPsec, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.entries import (
    BINDING_ACKNOWLEDGEMENT,
    BINDING_ERROR,
    BINDING_UPDATE,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    NOWHERE,
    Traffic,
    block,
    discovery,
    home_option,
    home_state,
    inbound,
    mobility,
    outbound,
    receiver,
    routing,
    routing_state,
)
from xfrmspec.mipv6.recipes.terms import Memory, RecipeOperation, Settings, own_end
from xfrmspec.mipv6.recipes.work import Work, without_templates
from xfrmspec.scenario.terms import AddPolicy, UpdatePolicy, UpdateState
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyType, identity_of
from xfrmspec_terms.selector import PortMatch, Protocol

_BLOCKED = block(Traffic(None, None), 4)
_ANY_MESSAGE = outbound(mobility(None, None), 12)
_ERROR_BIT = 0x80


def _icmp_errors() -> Policy:
    """Return the policy for ICMPv6 types below 128; `ip xfrm` shows no masks and prints it as `type 0`."""
    everything = Traffic(None, None, Protocol.ICMPV6)
    selector = replace(everything.selector, source_port=PortMatch(0, _ERROR_BIT))
    return replace(outbound(everything, 12), selector=selector)


_ICMP_ERRORS = _icmp_errors()


def _data(home: IPv6Address, peer: IPv6Address, priority: int) -> tuple[Policy, Policy]:
    """Return the data policies of a mobile node with a peer, OUT first."""
    pair = Traffic(home, peer)
    out = outbound(pair, priority, home_option(home, peer, optional=True))
    return out, inbound(pair.reverse, priority, routing(optional=True))


def _update(home: IPv6Address, peer: IPv6Address, priority: int) -> Policy:
    option = home_option(home, peer, optional=True)
    return outbound(mobility(home, peer, BINDING_UPDATE), priority, option)


def _acknowledgement(home: IPv6Address, agent: IPv6Address) -> Policy:
    return inbound(mobility(agent, home, BINDING_ACKNOWLEDGEMENT), 2, routing(optional=True))


def _trigger(home: IPv6Address) -> Policy:
    option = home_option(home, NOWHERE, optional=True, mode=Mode.IN_TRIGGER)
    return outbound(Traffic(home, None), 18, option)


def _need(address: IPv6Address | None) -> IPv6Address:
    if address is None:
        raise ValueError("a stage names no address where the recipe needs one")
    return address


@clause("XFRM-DAEMON-012")
def _started(work: Work, settings: Settings, stage: Stage) -> Work:
    """A role after the first finds the common part standing."""
    received = receiver(Protocol.DESTINATION_OPTIONS)
    if received not in work.memory.states:
        update = inbound(mobility(None, None, BINDING_UPDATE), 9, home_option(optional=True))
        work = work.write(update).write_states(received).write(_ANY_MESSAGE)
        for kind, priority in ((NEIGHBOUR_SOLICITATION, 12), (NEIGHBOUR_ADVERTISEMENT, 3)):
            for type_ in (PolicyType.SUB, PolicyType.MAIN):
                work = work.write(outbound(discovery(kind), priority, type_=type_))
        work = work.write(_ICMP_ERRORS)
    if stage.role is not Role.MOBILE_NODE:
        return work
    errors = outbound(mobility(None, None, BINDING_ERROR), 3)
    anybody = inbound(Traffic(None, None), 19, routing(optional=True))
    return work.write(errors, anybody).write_states(receiver(Protocol.ROUTING))


@clause("XFRM-DAEMON-013")
def _registering(work: Work, settings: Settings, stage: Stage) -> Work:
    home, agent, care_of = settings.address, _need(stage.peer), _need(stage.care_of)
    work = work.drop(*_data(home, agent, 6))
    for peer in _peers(work.memory, home, agent):
        work = work.drop(*_data(home, peer, 15))
    is_first = work.memory.policy(identity_of(_trigger(home))) is None
    work = work.put(_trigger(home)).put(_BLOCKED)
    work = work.write(_acknowledgement(home, agent), _update(home, agent, 2))
    kept_back = block(Traffic(home, agent), 4)
    work = work.do(AddPolicy(kept_back) if is_first else UpdatePolicy(kept_back))
    return work.write_states(home_state(home, agent, care_of))


@clause("XFRM-DAEMON-014")
def _registered(work: Work, settings: Settings, stage: Stage) -> Work:
    out, back = _data(settings.address, _need(stage.peer), 6)
    work = work.drop(_BLOCKED).put(_trigger(settings.address))
    return work.do(UpdatePolicy(out), UpdatePolicy(back))


@clause("XFRM-DAEMON-015")
def _testing(work: Work, settings: Settings, stage: Stage) -> Work:
    home, peer, care_of = settings.address, _need(stage.peer), _need(stage.care_of)
    update, bypass = _update(home, peer, 8), outbound(Traffic(home, peer), 13)
    is_first = work.memory.policy(identity_of(update)) is None
    work = work.write(update).do(AddPolicy(bypass) if is_first else UpdatePolicy(bypass))
    return work.do(UpdateState(home_state(home, peer, care_of)))


@clause("XFRM-DAEMON-015")
def _optimised(work: Work, settings: Settings, stage: Stage) -> Work:
    out, back = _data(settings.address, _need(stage.peer), 15)
    return _testing(work, settings, stage).do(UpdatePolicy(out), UpdatePolicy(back))


def _fell_back(work: Work, settings: Settings, stage: Stage) -> Work:
    return work.drop(*_data(settings.address, _need(stage.peer), 15))


@clause("XFRM-DAEMON-016")
def _returning(work: Work, settings: Settings, stage: Stage) -> Work:
    home, agent = settings.address, _need(stage.peer)
    work = work.drop(_trigger(home)).write(_BLOCKED)
    work = work.drop_states(_bare_state(home, agent)).drop(*_data(home, agent, 6))
    return work.write(
        without_templates(_acknowledgement(home, agent)), without_templates(_update(home, agent, 2))
    )


@clause("XFRM-DAEMON-016")
def _returned(work: Work, settings: Settings, stage: Stage) -> Work:
    home, agent = settings.address, _need(stage.peer)
    work = work.drop(_BLOCKED, _update(home, agent, 2), _acknowledgement(home, agent))
    for peer in _peers(work.memory, home, agent):
        work = work.drop_states(_bare_state(home, peer)).drop(*_data(home, peer, 15))
        work = work.write(without_templates(_update(home, peer, 8))).drop(_update(home, peer, 8))
    return work


def _bare_state(home: IPv6Address, peer: IPv6Address) -> SecurityAssociation:
    return home_state(home, peer, NOWHERE)


def _peers(memory: Memory, home: IPv6Address, agent: IPv6Address) -> tuple[IPv6Address, ...]:
    """Return the correspondent nodes that have a BU policy, sorted."""
    own = Traffic(home, None).selector.source
    found = {
        policy.selector.destination.address
        for policy in memory.policies
        if policy.direction is Direction.OUT
        and policy.selector.protocol == Protocol.MOBILITY
        and policy.selector.source == own
    }
    return tuple(sorted(peer for peer in found if isinstance(peer, IPv6Address) and peer != agent))


@clause("XFRM-DAEMON-017")
def _bound(work: Work, settings: Settings, stage: Stage) -> Work:
    home = _need(stage.home_address or stage.peer)
    return _binding(work, own_end(settings, stage), home, _need(stage.care_of))


def _binding(work: Work, here: IPv6Address, home: IPv6Address, care_of: IPv6Address) -> Work:
    work = work.write_states(routing_state(here, home, care_of), home_state(home, here, care_of))
    return work.write(*_kept(here, home))


def _kept(here: IPv6Address, home: IPv6Address) -> tuple[Policy, Policy]:
    pair = Traffic(here, home)
    option = home_option(home, here, optional=True)
    return outbound(pair, 16, routing(optional=True)), inbound(pair.reverse, 16, option)


@clause("XFRM-DAEMON-017")
def _released(work: Work, settings: Settings, stage: Stage) -> Work:
    here, home = own_end(settings, stage), _need(stage.home_address or stage.peer)
    out, back = _kept(here, home)
    if work.memory.policy(identity_of(out)) is None:
        return work
    if stage.role is Role.HOME_AGENT:
        work = _binding(work, here, home, home)
    work = work.drop(out).drop_states(routing_state(here, home, NOWHERE))
    return work.drop(back).drop_states(home_state(home, here, NOWHERE))


@clause("XFRM-DAEMON-014")
def _refused(work: Work, settings: Settings, stage: Stage) -> Work:
    return work.write(block(Traffic(settings.address, None), 1))


def _nothing(work: Work, settings: Settings, stage: Stage) -> Work:
    return work


def _stopped(work: Work, settings: Settings, stage: Stage) -> Work:
    return work.drop(*reversed(work.memory.policies)).drop_states(*reversed(work.memory.states))


_PARTS: Mapping[StageKind, Callable[[Work, Settings, Stage], Work]] = {
    StageKind.STARTED: _started,
    StageKind.REGISTERING: _registering,
    StageKind.REGISTERED: _registered,
    StageKind.REFUSED: _refused,
    StageKind.TESTING: _testing,
    StageKind.OPTIMISED: _optimised,
    StageKind.FELL_BACK: _fell_back,
    StageKind.RETURNING: _returning,
    StageKind.RETURNED: _returned,
    StageKind.PROBING: _nothing,
    StageKind.BOUND: _bound,
    StageKind.REBOUND: _bound,
    StageKind.RELEASED: _released,
    StageKind.STOPPED: _stopped,
}


def mip6d(work: Work, settings: Settings, stage: Stage) -> Work:
    """Return the work of one stage."""
    return _PARTS[stage.kind](work, settings, stage)


@clause("XFRM-DAEMON-018")
def before_message() -> RecipeOperation:
    """Return what mip6d does before it sends any message: it updates the bypass of MH to what it is."""
    return UpdatePolicy(_ANY_MESSAGE)
