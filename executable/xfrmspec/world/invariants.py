"""What must hold after every event of a world, and what must hold when it is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.daemon import Daemon
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.wire.decode import decode
from xfrmspec.wire.options import home_address_options
from xfrmspec.world.sent import Sent
from xfrmspec.world.station import Station, TunnelEnd
from xfrmspec.world.world import Turn, World
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    EspHeader,
    IcmpV6Header,
    IPv6Header,
    MobilityHeader,
    Packet,
)
from xfrmspec_terms.machines_mobile_node import (
    AT_HOME,
    OPTIMISED,
    REFUSED,
    REGISTERED,
    REGISTERING,
    RETURNING,
)
from xfrmspec_terms.mobility_times import MAX_RR_BINDING_LIFETIME

_ON_THE_WAY = frozenset({REGISTERING, REFUSED, RETURNING})
_NEIGHBOUR_DISCOVERY = frozenset(range(133, 138))


@dataclass(frozen=True, slots=True, order=True)
class Broken:
    """An invariant that does not hold: its clause, the station, and what was found."""

    clause: str
    station: str
    found: str


def broken_by(turn: Turn) -> tuple[Broken, ...]:
    """Return every invariant that does not hold after a turn, sorted."""
    found: list[Broken] = []
    for station in turn.world.stations.values():
        if station.daemon is not None:
            found += _of_daemon(station, station.daemon, turn.world.now)
    for sent in turn.sent:
        found += _of_frame(turn.world, sent)
    return tuple(sorted(found))


def _of_daemon(station: Station, daemon: Daemon, now: int) -> Iterator[Broken]:
    yield from _tunnels_follow_registrations(station, daemon)
    bindings = () if daemon.correspondent is None else daemon.correspondent.entries
    for binding in bindings:
        if isinstance(binding, Binding):
            yield from _is_short(station, binding, now)
    yield from _is_acyclic(station, bindings)
    if daemon.agent is not None:
        yield from _is_acyclic(station, daemon.agent.entries)


@clause("XFRM-SAFE-003")
def _tunnels_follow_registrations(station: Station, daemon: Daemon) -> Iterator[Broken]:
    """A home agent stands in for exactly what is registered; a mobile node at home has no tunnel."""
    if daemon.agent is not None:
        registered = {entry.home_address for entry in daemon.agent.entries if isinstance(entry, Binding)}
        if registered != set(station.proxies):
            yield Broken("XFRM-SAFE-003", station.name, f"stands in for {_shown(station.proxies)}")
        tunnels = {home for home, one in station.tunnels.items() if one.end is TunnelEnd.HOME_AGENT}
        if not tunnels <= registered:
            yield Broken("XFRM-SAFE-003", station.name, f"has tunnels for {_shown(tunnels)}")
    mobile = daemon.mobile
    if mobile is not None and mobile.registration.state in (AT_HOME, RETURNING) and station.tunnels:
        yield Broken("XFRM-SAFE-003", station.name, "is at home, or nearly, and has a tunnel")
    if mobile is not None and mobile.registration.state == REGISTERED:
        for tunnel in station.tunnels.values():
            if tunnel.end is TunnelEnd.MOBILE_NODE and tunnel.local != mobile.registration.care_of:
                yield Broken("XFRM-SAFE-003", station.name, f"its tunnel begins at {tunnel.local}")


def _shown(addresses: object) -> str:
    return ", ".join(sorted(map(str, addresses))) or "nothing"  # type: ignore[call-overload]


@clause("XFRM-CN-036")
def _is_short(station: Station, binding: Binding, now: int) -> Iterator[Broken]:
    if binding.ends_at is None or binding.ends_at - now > MAX_RR_BINDING_LIFETIME:
        yield Broken("XFRM-CN-036", station.name, f"the binding of {binding.home_address} lasts too long")


@clause("XFRM-CN-039", "XFRM-HA-034")
def _is_acyclic(station: Station, entries: tuple[object, ...]) -> Iterator[Broken]:
    leads = {entry.home_address: entry.care_of for entry in entries if isinstance(entry, Binding)}
    for home in leads:
        seen, at = {home}, leads[home]
        while at in leads and at not in seen:
            seen.add(at)
            at = leads[at]
        if at in seen:
            yield Broken("XFRM-CN-039", station.name, f"bindings lead from {home} back to {at}")


@clause("XFRM-SAFE-005")
def _of_frame(world: World, sent: Sent) -> Iterator[Broken]:
    """While a mobile node of `clean` is on the way, only signalling and neighbour discovery leave."""
    station = world.stations.get(sent.sender)
    daemon = None if station is None else station.daemon
    if daemon is None or daemon.mobile is None or daemon.recipe is not Recipe.CLEAN:
        return
    if daemon.mobile.registration.state not in _ON_THE_WAY:
        return
    packet = decode(sent.frame.octets)
    if isinstance(packet, Packet) and not _may_leave(packet, daemon.mobile):
        yield Broken("XFRM-SAFE-005", sent.sender, f"{packet.headers[-1]} leaves to {_destination(packet)}")


def _may_leave(packet: Packet, mobile: MobileNode) -> bool:
    outer, upper = packet.headers[0], packet.headers[-1]
    assert isinstance(outer, IPv6Header)
    if isinstance(upper, IcmpV6Header) and upper.type in _NEIGHBOUR_DISCOVERY:
        return True
    if mobile.settings.home_address not in (outer.source, _carried(packet)) and len(packet.headers) == 2:
        return True
    signalling = isinstance(upper, MobilityHeader | EspHeader)
    return signalling and outer.destination == mobile.settings.home_agent


def _carried(packet: Packet) -> IPv6Address | None:
    return next((option.address for option in home_address_options(packet.headers)), None)


def _destination(packet: Packet) -> IPv6Address:
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    return outer.destination


@clause("XFRM-SAFE-004")
def disagreements(world: World) -> tuple[Broken, ...]:
    """Return where an acknowledged binding is not held by its peer; asked for when nothing is in flight."""
    found: list[Broken] = []
    for station in world.stations.values():
        mobile = None if station.daemon is None else station.daemon.mobile
        if mobile is not None:
            found += _registration_disagrees(world, station.name, mobile)
    return tuple(sorted(found))


def _registration_disagrees(world: World, name: str, mobile: MobileNode) -> Iterator[Broken]:
    home, registration = mobile.settings.home_address, mobile.registration
    holder = _owner(world, mobile.settings.home_agent)
    entries = () if holder is None or holder.agent is None else holder.agent.entries
    held = {entry.home_address: entry.care_of for entry in entries if isinstance(entry, Binding)}
    if registration.state == REGISTERED and held.get(home) != registration.care_of:
        yield Broken("XFRM-SAFE-004", name, f"is registered, and its home agent has {held.get(home)}")
    if registration.state == AT_HOME and home in held:
        yield Broken("XFRM-SAFE-004", name, f"is at home, and its home agent has {held[home]}")
    for route in mobile.routes:
        peer = _owner(world, route.peer)
        cached = () if peer is None or peer.correspondent is None else peer.correspondent.entries
        bound = {entry.home_address: entry.care_of for entry in cached if isinstance(entry, Binding)}
        if route.state == OPTIMISED and bound.get(home) != registration.care_of:
            yield Broken(
                "XFRM-SAFE-004", name, f"is optimised with {route.peer}, which has {bound.get(home)}"
            )


def _owner(world: World, address: IPv6Address) -> Daemon | None:
    owners = (one for one in world.stations.values() if address in one.node.addresses)
    return next((one.daemon for one in owners), None)


@clause("XFRM-SAFE-006", "XFRM-DAEMON-039")
def left_behind(before: World, after: World) -> tuple[Broken, ...]:
    """Return what the registration of a node that is home again has left at it or at its home agent."""
    found: list[Broken] = []
    for name in ("HA", "MN"):
        then, now = before.stations[name], after.stations[name]
        extra = _things(now) - _things(then)
        missing = _things(then) - _things(now)
        found += [Broken("XFRM-SAFE-006", name, f"has still {thing}") for thing in sorted(extra)]
        found += [Broken("XFRM-SAFE-006", name, f"has no longer {thing}") for thing in sorted(missing)]
    return tuple(found)


def _things(station: Station) -> set[str]:
    """Return policies and states, but for larval ones, as words that can be compared."""
    policies = {
        f"{entry.policy.direction.name} {entry.policy.type.name} {entry.policy.selector} "
        f"{entry.policy.priority} {entry.policy.action.name} {entry.policy.templates}"
        for entry in station.node.tables.policies
    }
    states = {
        f"{one.protocol.name} {one.source} {one.destination} {one.mode.name} {one.spi:#x} {one.care_of}"
        for one in station.node.states.associations
        if one.lifecycle is Lifecycle.VALID
    }
    return policies | states
