"""What the upper layers of a station do with a packet: a daemon or socket reads it, an echo is answered."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.host.node import AddressKind
from xfrmspec.mipv6.acceptance import Refused
from xfrmspec.wire.decode import decode_quoted
from xfrmspec.world.advertisements import advertised
from xfrmspec.world.answering import PARAMETER_PROBLEM
from xfrmspec.world.handled import Handled, Lost
from xfrmspec.world.judging import judged, refuse, refuse_unheard
from xfrmspec.world.links import Topology
from xfrmspec.world.moving import detect
from xfrmspec.world.sending import send
from xfrmspec.world.station import Delivery, Station
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEvent, Heard, Path, Unsupported
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.policy import Mode

ECHO_REQUEST = 128
ECHO_REPLY = 129
UNRECOGNISED_NEXT_HEADER = 1
_NEXT_HEADER_AT = 6


@dataclass(frozen=True, slots=True)
class Context:
    """What came with a packet: time (ms), care-of address, IPsec states that protected it, and the way."""

    now: int
    care_of: IPv6Address | None
    secured: tuple[SecurityAssociation, ...]
    path: Path


@clause("XFRM-WORLD-006")
def hear(station: Station, topology: Topology, delivery: Delivery, context: Context) -> Handled:
    """Give an accepted packet to the upper layer that it is for."""
    upper = delivery.packet.headers[-1]
    if isinstance(upper, MobilityHeader):
        return _mobility(station, topology, delivery, upper, context)
    read = Handled(station, deliveries=(delivery,))
    if not isinstance(upper, IcmpV6Header):
        return read
    if upper.checksum is not None:
        return Handled(station, losses=(Lost(station.name, "the checksum is wrong", delivery.packet),))
    if upper.type == ECHO_REQUEST:
        reply = Packet(
            (IPv6Header(delivery.destination, delivery.source), IcmpV6Header(ECHO_REPLY, 0, upper.body)),
            delivery.packet.payload,
        )
        return read.then(send(station, topology, reply, context.now))
    if upper.type == PARAMETER_PROBLEM:
        return Handled(station, told=unsupported(upper, delivery))
    heard = advertised(delivery.packet)
    if heard is not None:
        return detect(station, heard, context.now)
    return read


def unsupported(upper: IcmpV6Header, delivery: Delivery) -> tuple[DaemonEvent, ...]:
    """Return what a parameter problem about a mobility header means: the node does not know the protocol."""
    quoted = decode_quoted(delivery.packet.payload)
    about_mobility = any(isinstance(header, MobilityHeader) for header in quoted)
    if upper.code != UNRECOGNISED_NEXT_HEADER or not about_mobility:
        return ()
    return (Unsupported(delivery.source),)


def _mobility(
    station: Station, topology: Topology, delivery: Delivery, header: MobilityHeader, context: Context
) -> Handled:
    """Give a mobility message to the daemon; a node without one says that it does not know the protocol."""
    if station.daemon is None:
        return refuse_unheard(station, topology, delivery.packet, context.now)
    message = judged(delivery.packet, station)
    if isinstance(message, Refused):
        return refuse(station, topology, delivery.packet, message, context.now)
    association = _home_address_of(context.secured, delivery, station)
    heard = Heard(
        message,
        delivery.source,
        delivery.destination,
        context.care_of,
        association,
        context.path,
        header,
    )
    return Handled(station, told=(heard,), messages=(delivery,))


def _home_address_of(
    secured: tuple[SecurityAssociation, ...], delivery: Delivery, station: Station
) -> IPv6Address | None:
    """Return the home address for which the association stands: the end that is not the home agent.

    A transport association for signalling names both ends. Of the two, it is the own home address at a mobile
    node, and the other end at a home agent.
    """
    for state in secured:
        if state.mode is not Mode.TRANSPORT:
            continue
        if (state.source, state.destination) == (delivery.source, delivery.destination):
            at_home_address = station.node.addresses.get(delivery.destination) is AddressKind.HOME
            return delivery.destination if at_home_address else delivery.source
    return None
