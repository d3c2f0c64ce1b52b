"""What an onlooker without keys reads in a frame: the mobility message, however it is wrapped."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.wire.checksum import final_addresses
from xfrmspec.wire.decode import decode
from xfrmspec.wire.mobility import message_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import MobilityHeader, Packet
from xfrmspec_terms.mobility import MobilityMessage, MobilityRefusal


@dataclass(frozen=True, slots=True)
class Reading:
    """A mobility message, and its addresses as its receiver will see them behind options and tunnels."""

    message: MobilityMessage
    source: IPv6Address
    destination: IPv6Address


@clause("XFRM-WORLD-009")
def reading_of(octets: bytes) -> Reading | None:
    """Return the mobility message of a frame; None without one, or where ESP hides it."""
    packet = decode(octets)
    if not isinstance(packet, Packet) or not isinstance(packet.headers[-1], MobilityHeader):
        return None
    message = message_of(packet.headers[-1])
    if isinstance(message, MobilityRefusal):
        return None
    source, destination = final_addresses(packet.headers[:-1])
    if not isinstance(source, IPv6Address) or not isinstance(destination, IPv6Address):
        return None
    return Reading(message, source, destination)
