"""A station that moves: its addresses, and what its movement detection finds and tells the daemon."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.host.node import AddressKind
from xfrmspec.mipv6 import movement
from xfrmspec.mipv6.movement import care_of_address
from xfrmspec.world.handled import Handled
from xfrmspec.world.station import Station
from xfrmspec_terms.advertisement import Advertised, LinkChanged, MovementEvent, Waited
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Moved


@clause("XFRM-WORLD-008")
def detect(station: Station, event: MovementEvent, now: int) -> Handled:
    """Tell movement detection of an event at `now` (ms); what it finds is still to be told to the daemon.

    An address is formed on every link whose advertisement is heard, as stateless autoconfiguration does.
    """
    if station.detector is None:
        return Handled(station)
    sighting = movement.step(station.detector, event, now)
    station = replace(station, detector=sighting.detector)
    if isinstance(event, Advertised):
        station = _configured(station, event)
    if isinstance(event, LinkChanged):
        station = _without_formed(station)
    for told in sighting.told:
        if isinstance(told, Moved):
            station = station.with_address(told.care_of, AddressKind.PLAIN)
    return Handled(station, told=sighting.told, steps=sighting.steps)


def _configured(station: Station, event: Advertised) -> Station:
    """Form addresses on the foreign links that an advertisement names."""
    detector = station.detector
    assert detector is not None
    for prefix in event.prefixes:
        formed = _formed(station, prefix.network.network_address)
        if (
            prefix.autonomous
            and prefix.network != detector.home_prefix
            and formed not in station.node.addresses
        ):
            station = station.with_address(formed, AddressKind.PLAIN)
    return station


def _formed(station: Station, network: IPv6Address) -> IPv6Address:
    from ipaddress import IPv6Network

    assert station.detector is not None
    return care_of_address(IPv6Network((network, 64)), station.detector.interface_identifier)


def _without_formed(station: Station) -> Station:
    """Take away every address but home addresses: what was formed on a link is of no use on another."""
    homes = {address: kind for address, kind in station.node.addresses.items() if kind is AddressKind.HOME}
    return replace(station, node=replace(station.node, addresses=homes))


def wait_over(station: Station, now: int) -> Handled:
    """Let movement detection see that its deadline has come."""
    return detect(station, Waited(), now)


def movement_deadline(station: Station) -> int | None:
    """Return when movement detection wants to be woken (ms), or None."""
    return None if station.detector is None else movement.deadline(station.detector)
