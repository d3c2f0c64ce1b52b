"""An operation of a recipe on a station: policies and states in its kernel, tunnels, proxies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.host.node import Node, Secured
from xfrmspec.mipv6.recipes.carrying_out import carry_out
from xfrmspec.mipv6.recipes.terms import (
    CloseTunnel,
    MoveTunnel,
    OpenTunnel,
    RecipeOperation,
    StandAside,
    StandIn,
)
from xfrmspec.scenario.terms import Migrate
from xfrmspec.world.station import Station, Tunnel, TunnelEnd
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno


@dataclass(frozen=True, slots=True)
class Configured:
    """The station after an operation, and how the kernel answered it."""

    station: Station
    errno: Errno = Errno.OK


@clause("XFRM-DAEMON-002", "XFRM-HA-027")
def configure(station: Station, operation: RecipeOperation, now: int) -> Configured:
    """Carry out one operation at `now` (seconds); one that the kernel refuses changes nothing."""
    match operation:
        case OpenTunnel() | MoveTunnel():
            return Configured(_with_tunnel(station, operation))
        case CloseTunnel(home):
            tunnels = {known: tunnel for known, tunnel in station.tunnels.items() if known != home}
            return Configured(replace(station, tunnels=tunnels))
        case StandIn(home):
            return Configured(replace(station, proxies=station.proxies | {home}))
        case StandAside(home):
            return Configured(replace(station, proxies=station.proxies - {home}))
        case _:
            done = carry_out(station.node, operation, now)
            moved = isinstance(operation, Migrate)
            node = _with_keys_moved(station.node, done.node) if moved else done.node
            return Configured(replace(station, node=node), done.errno)


def _with_tunnel(station: Station, operation: OpenTunnel | MoveTunnel) -> Station:
    at_home_agent = operation.home_address not in station.node.addresses
    end = TunnelEnd.HOME_AGENT if at_home_agent else TunnelEnd.MOBILE_NODE
    tunnel = Tunnel(operation.local, operation.remote, end)
    return replace(station, tunnels={**station.tunnels, operation.home_address: tunnel})


@clause("XFRM-DAEMON-027")
def _with_keys_moved(before: Node, after: Node) -> Node:
    """Give each copy of a migration the keys and numbers of the state that it replaced, which had its SPI."""
    by_spi: dict[tuple[int, int], Secured] = {
        (entry.association.protocol, entry.association.spi): before.secured[entry.age]
        for entry in before.states
        if entry.age in before.secured
    }
    secured = dict(after.secured)
    for entry in after.states:
        key = (entry.association.protocol, entry.association.spi)
        if entry.age not in secured and key in by_spi:
            secured[entry.age] = by_spi[key]
    return replace(after, secured=secured)
