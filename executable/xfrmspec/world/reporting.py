"""What a kernel tells its daemon about packets: which binding they used, and which option nobody wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.host.delivery import flow_of
from xfrmspec.host.receiving import Arrived
from xfrmspec.wire.options import home_address_options
from xfrmspec.world.station import Station
from xfrmspec.xfrm.check import InputDecision
from xfrmspec.xfrm.reports import Reported, is_reported
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEvent, Unbound, Used
from xfrmspec_terms.headers import IPv6Header, Packet
from xfrmspec_terms.selector import Protocol


@dataclass(frozen=True, slots=True)
class Report:
    """The station, whose limiter may have changed, and what its daemon is told."""

    station: Station
    told: tuple[DaemonEvent, ...] = ()


@clause("XFRM-WORLD-013")
def used_to_send(station: Station, applied: Iterable[SecurityAssociation]) -> tuple[DaemonEvent, ...]:
    """Return the bindings by which a packet got its routing header."""
    homes = (state.destination for state in applied if state.protocol is Protocol.ROUTING)
    return _used(station, homes)


@clause("XFRM-WORLD-013")
def used_to_receive(station: Station, path: Iterable[SecurityAssociation]) -> tuple[DaemonEvent, ...]:
    """Return the bindings by which a home address option was let in."""
    homes = (state.source for state in path if state.protocol is Protocol.DESTINATION_OPTIONS)
    return _used(station, homes)


def _used(station: Station, homes: Iterable[object]) -> tuple[DaemonEvent, ...]:
    """A state for every home address names none, and so no binding."""
    if station.daemon is None:
        return ()
    return tuple(Used(home) for home in homes if isinstance(home, IPv6Address) and not home.is_unspecified)


@clause("XFRM-HAO-004", "XFRM-HAO-005", "XFRM-WORLD-013")
def report(station: Station, arrived: Arrived, decision: InputDecision, stamp: int) -> Report:
    """Report a home address option that no policy wanted; `stamp` is when the packet came (nanoseconds)."""
    packet = arrived.packet
    if packet is None or station.daemon is None:
        return Report(station)
    flow = flow_of(packet, arrived.processed, station.node.profile)
    option = care_of_on_the_wire(packet)
    if option is None or not is_reported(decision, arrived.path, flow, station.node.profile):
        return Report(station)
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    limiter, allowed = station.limiter.allows(Reported(stamp, 0, outer.destination, option))
    told = (Unbound(option, outer.source, outer.destination),) if allowed else ()
    return Report(replace(station, limiter=limiter), told)


def care_of_on_the_wire(packet: Packet) -> IPv6Address | None:
    """Return the source that a packet had before its home address option was used, None without one."""
    options = home_address_options(packet.headers)
    return next((option.address for option in options if option.exchanged), None)
