"""What is planned for a world happens."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from xfrmspec.wire.encode import encode
from xfrmspec.world.advertisements import advertisement_packet
from xfrmspec.world.handled import Handled
from xfrmspec.world.moving import detect
from xfrmspec.world.outcomes import after
from xfrmspec.world.plan import Action, Advertise, Inject, Ping, Planned, Prompt, Relocate, Replug
from xfrmspec.world.sending import send
from xfrmspec.world.station import Frame, Station
from xfrmspec.world.telling import settle
from xfrmspec.world.upper import ECHO_REQUEST
from xfrmspec.world.watching import prompted, relocated
from xfrmspec.world.world import Turn, World, launched
from xfrmspec_terms.advertisement import LinkChanged
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet

PING_IDENTIFIER = bytes((0, 1))
"""What tells the echo requests of stations from anybody else's, 2 octets."""


def act(world: World, action: Action) -> Turn:
    """Carry out one action now; ValueError for one that names what does not exist."""
    match action:
        case Replug():
            return _replug(world, action)
        case Advertise():
            return _advertise(world, action)
        case Ping():
            return _ping(world, action)
        case Inject():
            world, sent = launched(world, action.sender, (action.frame,))
            return Turn(world, f"{action.sender} puts a frame on {action.frame.link}", (), sent)
        case Prompt():
            return Turn(prompted(world, action.attacker), f"{action.attacker} acts")
        case Relocate():
            where = ", ".join(sorted(action.links)) or "no link"
            moved = relocated(world, action.attacker, action.links)
            return Turn(moved, f"{action.attacker} is on {where}")
        case _:
            assert_never(action)


def _station(world: World, name: str) -> Station:
    if name not in world.stations:
        raise ValueError(f"no such station: {name}; there are {', '.join(sorted(world.stations))}")
    return world.stations[name]


@clause("XFRM-WORLD-008")
def _replug(world: World, action: Replug) -> Turn:
    """Move a plug; the router of the new link is heard at once."""
    station = _station(world, action.plug.station)
    world = replace(world, topology=world.topology.moved(action.plug, action.link))
    if action.link is None:
        return Turn(world, f"{station.name} is unplugged", (Handled(station),))
    world = world.planning(Planned(world.now, Advertise(action.link, 0)))
    noticed = settle(detect(station, LinkChanged(), world.now), world.topology, world.now)
    return after(world, f"{station.name} is plugged into {action.link}", (noticed,))


@clause("XFRM-WORLD-008")
def _advertise(world: World, action: Advertise) -> Turn:
    """Let the router of a link advertise itself, and plan the next time."""
    link = world.topology.links[action.link]
    routers = (plug.station for plug in world.topology.on(action.link))
    router = next((name for name in routers if link.router in world.stations[name].node.addresses), None)
    if action.interval:
        world = world.planning(Planned(world.now + action.interval, action))
    if router is None:
        return Turn(world, f"{action.link} has no router to advertise it")
    packet = advertisement_packet(link, link.router)
    frame = Frame(link.name, _destination(packet), encode(packet))
    world, sent = launched(world, router, (frame,))
    return Turn(world, f"{router} advertises {link.prefix}", (), sent)


def _destination(packet: Packet):  # type: ignore[no-untyped-def]
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    return outer.destination


def echo_request(action: Ping) -> Packet:
    """Return the packet that a station pings with."""
    return Packet(
        (
            IPv6Header(action.source, action.destination),
            IcmpV6Header(ECHO_REQUEST, 0, PING_IDENTIFIER + action.number.to_bytes(2, "big")),
        ),
        b"is anybody there?",
    )


def _ping(world: World, action: Ping) -> Turn:
    station = _station(world, action.station)
    sent = send(station, world.topology, echo_request(action), world.now)
    handled = settle(sent, world.topology, world.now)
    return after(world, f"{station.name} pings {action.destination}", (handled,))
