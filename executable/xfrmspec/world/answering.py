"""What a station sends back about a packet that it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import assert_never

from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec.wire.options import is_home_address
from xfrmspec.wire.route_optimisation import exchange_option_at, options_of
from xfrmspec.world.handled import Handled
from xfrmspec.world.links import Topology
from xfrmspec.world.sending import send
from xfrmspec.world.station import Station
from xfrmspec_terms.answers import Answer, HopLimitExceeded, ParameterProblem, SendBindingError
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet
from xfrmspec_terms.mobility import BindingError
from xfrmspec_terms.options import HomeAddressOption

PARAMETER_PROBLEM = 4
_TIME_EXCEEDED = 3
_POINTER_OCTETS = 4
_QUOTED_OCTETS = 1232


@dataclass(frozen=True, slots=True)
class Complaint:
    """An answer, from whom and to whom it goes, and the octets of the refused packet."""

    answer: Answer
    own: IPv6Address
    to: IPv6Address
    quoted: bytes


@clause("XFRM-WORLD-012")
def complain(station: Station, topology: Topology, complaint: Complaint, now: int) -> Handled:
    """Send an answer at `now` (ms), unless nobody in particular would get it or it answers a multicast.

    Source: RFC 4443 2.4.
    """
    ends = (complaint.own, complaint.to)
    if any(address.is_multicast or address.is_unspecified for address in ends):
        return Handled(station)
    return send(station, topology, _packet(complaint), now)


def _packet(complaint: Complaint) -> Packet:
    outer = IPv6Header(complaint.own, complaint.to)
    match complaint.answer:
        case ParameterProblem(code, pointer):
            body = pointer.to_bytes(_POINTER_OCTETS, "big")
            header = IcmpV6Header(PARAMETER_PROBLEM, code, body)
        case HopLimitExceeded():
            header = IcmpV6Header(_TIME_EXCEEDED, 0, bytes(_POINTER_OCTETS))
        case SendBindingError(status, home_address):
            return Packet((outer, header_of(BindingError(status, home_address))))
        case _:
            assert_never(complaint.answer)
    return Packet((outer, header), complaint.quoted[:_QUOTED_OCTETS])


@clause("XFRM-WORLD-012")
def as_sent(packet: Packet) -> bytes:
    """Return a packet with the addresses that it had on the wire, before its home address option was used.

    Source: kernel mip6_addr_swap.
    """
    for index, header in enumerate(packet.headers):
        used = [option for option in options_of(header) if is_home_address(option)]
        if used and isinstance(used[0], HomeAddressOption) and used[0].exchanged:
            packet = exchange_option_at(packet, index)
    return encode(packet)
