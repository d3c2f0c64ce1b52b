"""Figure 6 of the paper as two recipes: as it is printed, and with its errors mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.entries import (
    BINDING_ACKNOWLEDGEMENT,
    BINDING_UPDATE,
    NOWHERE,
    Traffic,
    home_option,
    home_state,
    inbound,
    mobility,
    outbound,
    receiver,
    routing,
    routing_state,
    transport,
    tunnel,
)
from xfrmspec.mipv6.recipes.terms import (
    CloseTunnel,
    MoveTunnel,
    OpenTunnel,
    Protection,
    Settings,
    StandAside,
    StandIn,
    own_end,
)
from xfrmspec.mipv6.recipes.work import Work
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.policy import Direction, Policy, PolicyType, Template
from xfrmspec_terms.selector import Protocol

_HIGH, _NORMAL, _TUNNEL = 10, 20, 30
_MAIN = PolicyType.MAIN


class Edition(Enum):
    """Which text of the figure is meant."""

    PRINTED = "as printed"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class _Figure:
    """The figure in one edition, for one node."""

    edition: Edition
    settings: Settings

    @property
    def signalling(self) -> int:
        """The priority of signalling."""
        return _NORMAL if self.edition is Edition.PRINTED else _HIGH

    @property
    def data(self) -> int:
        """The priority of route optimisation."""
        return _HIGH if self.edition is Edition.PRINTED else _NORMAL

    @property
    def esp(self) -> tuple[Template, ...]:
        """The ESP template of signalling, if there is IPsec; it stands innermost."""
        return () if self.settings.protection is Protection.NONE else (transport(),)


def _need(address: IPv6Address | None) -> IPv6Address:
    if address is None:
        raise ValueError("a stage names no address where the recipe needs one")
    return address


@clause("XFRM-DAEMON-005", "XFRM-DAEMON-010")
def _mobile_signalling(figure: _Figure, agent: IPv6Address) -> tuple[Policy, Policy]:
    home = figure.settings.address
    update = mobility(home, agent, BINDING_UPDATE)
    out = outbound(
        update, figure.signalling, *figure.esp, home_option(home, agent, optional=False), type_=_MAIN
    )
    if figure.edition is Edition.PRINTED:
        header = routing(home, agent, optional=False)
        return out, inbound(update, figure.signalling, *figure.esp, header, type_=_MAIN)
    answer = mobility(agent, home, BINDING_ACKNOWLEDGEMENT)
    header = routing(agent, home, optional=False)
    return out, inbound(answer, figure.signalling, *figure.esp, header, type_=_MAIN)


@clause("XFRM-DAEMON-006", "XFRM-DAEMON-010")
def _agent_signalling(figure: _Figure) -> tuple[Policy, Policy]:
    here = figure.settings.address
    option = home_option(NOWHERE, here, optional=False)
    update = inbound(
        mobility(None, here, BINDING_UPDATE), figure.signalling, *figure.esp, option, type_=_MAIN
    )
    header = () if figure.edition is Edition.PRINTED else (routing(optional=True),)
    answer = outbound(
        mobility(here, None, BINDING_ACKNOWLEDGEMENT), figure.signalling, *figure.esp, *header, type_=_MAIN
    )
    return update, answer


def _mobile_pair(figure: _Figure, peer: IPv6Address) -> tuple[Policy, Policy]:
    home = figure.settings.address
    pair = Traffic(home, peer)
    out = outbound(pair, figure.data, home_option(home, peer, optional=False), type_=_MAIN)
    return out, inbound(pair.reverse, figure.data, routing(peer, home, optional=False), type_=_MAIN)


def _kept_pair(figure: _Figure, here: IPv6Address, home: IPv6Address) -> tuple[Policy, Policy]:
    pair = Traffic(home, here)
    back = inbound(pair, figure.data, home_option(home, here, optional=False), type_=_MAIN)
    return back, outbound(pair.reverse, figure.data, routing(here, home, optional=False), type_=_MAIN)


def _peer_update(figure: _Figure, peer: IPv6Address) -> tuple[Policy, ...]:
    if figure.edition is Edition.PRINTED:
        return ()
    home = figure.settings.address
    option = home_option(home, peer, optional=False)
    return (outbound(mobility(home, peer, BINDING_UPDATE), figure.signalling, option, type_=_MAIN),)


@clause("XFRM-DAEMON-008", "XFRM-DAEMON-010")
def _tunnel_policies(
    figure: _Figure, home: IPv6Address, agent: IPv6Address, care_of: IPv6Address
) -> tuple[Policy, ...]:
    if figure.settings.protection is Protection.NONE:
        return ()
    outwards = Traffic(home, None)
    forth, back = tunnel(care_of, agent), tunnel(agent, care_of)
    if figure.settings.address == home:
        out = outbound(outwards, _TUNNEL, forth, type_=_MAIN)
        return out, inbound(outwards.reverse, _TUNNEL, back, type_=_MAIN)
    local = inbound(outwards, _TUNNEL, forth, type_=_MAIN)
    out = outbound(outwards.reverse, _TUNNEL, back, type_=_MAIN)
    if figure.edition is Edition.PRINTED:
        return local, out
    return local, replace(local, direction=Direction.FWD), out


@clause("XFRM-DAEMON-008")
def _with_tunnel(
    figure: _Figure, work: Work, home: IPv6Address, agent: IPv6Address, care_of: IPv6Address
) -> Work:
    if figure.settings.protection is not Protection.NONE:
        return work.put(*_tunnel_policies(figure, home, agent, care_of))
    ends = (care_of, agent) if figure.settings.address == home else (agent, care_of)
    stands = work.memory.tunnel(home)
    if stands == OpenTunnel(home, *ends):
        return work
    return work.do((OpenTunnel if stands is None else MoveTunnel)(home, *ends))


def _without_tunnel(figure: _Figure, work: Work, home: IPv6Address, agent: IPv6Address) -> Work:
    work = work.drop(*_tunnel_policies(figure, home, agent, NOWHERE))
    return work if work.memory.tunnel(home) is None else work.do(CloseTunnel(home))


@clause("XFRM-DAEMON-006")
def _started(figure: _Figure, work: Work, stage: Stage) -> Work:
    here = figure.settings.address
    if stage.role is Role.MOBILE_NODE:
        return work
    if stage.role is Role.HOME_AGENT:
        return work.put_states(receiver(Protocol.DESTINATION_OPTIONS, here)).put(*_agent_signalling(figure))
    option = home_option(NOWHERE, here, optional=False)
    update = inbound(mobility(None, here, BINDING_UPDATE), figure.signalling, option, type_=_MAIN)
    return work.put_states(receiver(Protocol.DESTINATION_OPTIONS, here)).put(update)


def _mobile_states(figure: _Figure, work: Work, peer: IPv6Address, care_of: IPv6Address) -> Work:
    home = figure.settings.address
    return work.put_states(home_state(home, peer, care_of), routing_state(peer, home, care_of))


@clause("XFRM-DAEMON-005")
def _registering(figure: _Figure, work: Work, stage: Stage) -> Work:
    agent = _need(stage.peer)
    work = _mobile_states(figure, work, agent, _need(stage.care_of))
    return work.put(*_mobile_signalling(figure, agent))


@clause("XFRM-DAEMON-007")
def _registered(figure: _Figure, work: Work, stage: Stage) -> Work:
    agent, care_of = _need(stage.peer), _need(stage.care_of)
    work = work.put(*_mobile_pair(figure, agent))
    return _with_tunnel(figure, work, figure.settings.address, agent, care_of)


def _testing(figure: _Figure, work: Work, stage: Stage) -> Work:
    peer = _need(stage.peer)
    work = _mobile_states(figure, work, peer, _need(stage.care_of))
    return work.put(*_peer_update(figure, peer))


@clause("XFRM-DAEMON-007")
def _optimised(figure: _Figure, work: Work, stage: Stage) -> Work:
    return _testing(figure, work, stage).put(*_mobile_pair(figure, _need(stage.peer)))


@clause("XFRM-DAEMON-011")
def _ended(figure: _Figure, work: Work, stage: Stage) -> Work:
    """Delete what was set for a peer of a mobile node, the home agent or another."""
    peer, home = _need(stage.peer), figure.settings.address
    work = work.drop(*_mobile_pair(figure, peer))
    if peer == figure.settings.home_agent:
        work = _without_tunnel(figure, work, home, peer).drop(*_mobile_signalling(figure, peer))
    else:
        work = work.drop(*_peer_update(figure, peer))
    return work.drop_states(home_state(home, peer, NOWHERE), routing_state(peer, home, NOWHERE))


@clause("XFRM-DAEMON-007")
def _bound(figure: _Figure, work: Work, stage: Stage) -> Work:
    here, home, care_of = (
        own_end(figure.settings, stage),
        _need(stage.home_address or stage.peer),
        _need(stage.care_of),
    )
    work = work.put_states(home_state(home, here, care_of), routing_state(here, home, care_of))
    work = work.put(*_kept_pair(figure, here, home))
    if stage.role is not Role.HOME_AGENT:
        return work
    work = _with_tunnel(figure, work, home, here, care_of)
    return work if home in work.memory.stands_in_for else work.do(StandIn(home))


@clause("XFRM-DAEMON-011")
def _released(figure: _Figure, work: Work, stage: Stage) -> Work:
    here, home = own_end(figure.settings, stage), _need(stage.home_address or stage.peer)
    work = work.drop(*_kept_pair(figure, here, home))
    if stage.role is Role.HOME_AGENT:
        work = _without_tunnel(figure, work, home, here)
    work = work.drop_states(home_state(home, here, NOWHERE), routing_state(here, home, NOWHERE))
    return work.do(StandAside(home)) if home in work.memory.stands_in_for else work


def _nothing(figure: _Figure, work: Work, stage: Stage) -> Work:
    return work


@clause("XFRM-DAEMON-011")
def _stopped(figure: _Figure, work: Work, stage: Stage) -> Work:
    ends = [CloseTunnel(tunnel.home_address) for tunnel in work.memory.tunnels]
    asides = [StandAside(home) for home in work.memory.stands_in_for]
    work = work.do(*ends, *asides).drop(*reversed(work.memory.policies))
    return work.drop_states(*reversed(work.memory.states))


_PARTS: Mapping[StageKind, Callable[[_Figure, Work, Stage], Work]] = {
    StageKind.STARTED: _started,
    StageKind.REGISTERING: _registering,
    StageKind.REGISTERED: _registered,
    StageKind.REFUSED: _ended,
    StageKind.TESTING: _testing,
    StageKind.OPTIMISED: _optimised,
    StageKind.FELL_BACK: _ended,
    StageKind.RETURNING: _nothing,
    StageKind.RETURNED: _ended,
    StageKind.PROBING: _nothing,
    StageKind.BOUND: _bound,
    StageKind.REBOUND: _bound,
    StageKind.RELEASED: _released,
    StageKind.STOPPED: _stopped,
}


def paper(edition: Edition, work: Work, settings: Settings, stage: Stage) -> Work:
    """Return the work of one stage."""
    return _PARTS[stage.kind](_Figure(edition, settings), work, stage)
