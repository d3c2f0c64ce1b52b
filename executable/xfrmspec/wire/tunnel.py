"""The outer IP header of tunnel and beet mode, and what the inner one takes over when it is removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IpHeader, IPv4Flags, IPv4Header, IPv6Header, Packet
from xfrmspec_terms.selector import Address

ECN_MASK = 3
ECT_0 = 2
CE = 3
_IPV6_LEAST_MTU = 1280


@dataclass(frozen=True, slots=True)
class TunnelEnds:
    """What the outer header takes from the state and from the route to its far end.

    `hop_limit` is the route's (8 bits); `identification` (16 bits) counts for an IPv4 header only.
    `encapsulate_dscp` is off for a state with the extra flag that keeps the DSCP inside.
    """

    source: Address
    destination: Address
    hop_limit: int
    flags: StateFlag = StateFlag.NONE
    encapsulate_dscp: bool = True
    identification: int = 0


@clause("XFRM-TUN-002")
def encapsulated_dsfield(inner: int, ends: TunnelEnds) -> int:
    """Return the traffic class (8 bits: DSCP, then ECN) of the outer header for that of the inner one.

    A mark of congestion stays inside: the outer header says ECT(0) in its place. Source: kernel
    INET_ECN_encapsulate, RFC 3168 9.1.1.
    """
    dscp = inner & ~ECN_MASK if ends.encapsulate_dscp else 0
    if ends.flags & StateFlag.NOECN:
        return dscp
    ecn = inner & ECN_MASK
    return dscp | (ECT_0 if ecn == CE else ecn)


@clause("XFRM-TUN-002")
def decapsulated_dsfield(outer: int, inner: int, flags: StateFlag) -> int:
    """Return the traffic class that the inner header has after the outer one is gone.

    Source: kernel xfrm6_remove_tunnel_encap, xfrm4_remove_tunnel_encap.
    """
    dscp = outer if flags & StateFlag.DECAP_DSCP else inner
    ecn = inner & ECN_MASK
    marked = outer & ECN_MASK == CE and not flags & StateFlag.NOECN
    if marked and ecn:
        ecn = CE
    return dscp & ~ECN_MASK | ecn


def dsfield_of(header: IpHeader) -> int:
    """Return traffic class or type of service, 8 bits."""
    return header.traffic_class if isinstance(header, IPv6Header) else header.type_of_service


def with_dsfield(header: IpHeader, value: int) -> IpHeader:
    """Return the header with another traffic class or type of service."""
    if isinstance(header, IPv6Header):
        return replace(header, traffic_class=value)
    return replace(header, type_of_service=value)


@clause("XFRM-TUN-001")
def outer_header(packet: Packet, size: int, ends: TunnelEnds) -> IpHeader:
    """Return the outer header for a packet of `size` octets, in the family of the tunnel's ends.

    ValueError for ends of two families. Source: kernel xfrm6_tunnel_encap_add, xfrm4_tunnel_encap_add.
    """
    inner = _ip_of(packet)
    dsfield = encapsulated_dsfield(dsfield_of(inner), ends)
    source, destination = ends.source, ends.destination
    if isinstance(source, IPv6Address) and isinstance(destination, IPv6Address):
        label = inner.flow_label if isinstance(inner, IPv6Header) else 0
        return IPv6Header(source, destination, dsfield, label, ends.hop_limit)
    if isinstance(source, IPv4Address) and isinstance(destination, IPv4Address):
        flags = _dont_fragment(inner, size, ends.flags)
        return IPv4Header(
            source, destination, dsfield, ends.identification, flags, time_to_live=ends.hop_limit
        )
    raise ValueError(f"a tunnel cannot lead from {source} to {destination}: two families")


def _dont_fragment(inner: IpHeader, size: int, flags: StateFlag) -> IPv4Flags:
    """IPv6 inside counts as not to be fragmented, unless the packet is so small that it must pass."""
    if flags & StateFlag.NOPMTUDISC:
        return IPv4Flags.NONE
    if isinstance(inner, IPv6Header):
        return IPv4Flags.NONE if size <= _IPV6_LEAST_MTU else IPv4Flags.DONT_FRAGMENT
    return inner.flags & IPv4Flags.DONT_FRAGMENT


@clause("XFRM-TUN-001")
def encapsulate(packet: Packet, size: int, ends: TunnelEnds) -> Packet:
    """Return the packet of `size` octets behind a new outer header; ValueError as in outer_header."""
    return Packet((outer_header(packet, size, ends), *packet.headers), packet.payload)


@clause("XFRM-TUN-002")
def decapsulate(outer: IpHeader, packet: Packet, flags: StateFlag) -> Packet:
    """Return the inner packet as it goes on when the given outer header and its transforms are removed."""
    inner = _ip_of(packet)
    value = decapsulated_dsfield(dsfield_of(outer), dsfield_of(inner), flags)
    return replace(packet, headers=(with_dsfield(inner, value), *packet.headers[1:]))


@clause("XFRM-TUN-003")
def with_addresses(packet: Packet, source: IPv6Address, destination: IPv6Address) -> Packet:
    """Return an IPv6 packet with two other addresses and nothing else changed: beet mode, both ways.

    A sender puts in the ends of the state, a receiver the addresses of the state's selector.
    ValueError for an IPv4 packet. Source: kernel xfrm6_beet_encap_add, xfrm6_remove_beet_encap.
    """
    header = _ip_of(packet)
    if not isinstance(header, IPv6Header):
        raise ValueError("beet mode is described for IPv6 in IPv6 only")
    exchanged = replace(header, source=source, destination=destination)
    return replace(packet, headers=(exchanged, *packet.headers[1:]))


def _ip_of(packet: Packet) -> IpHeader:
    first = packet.headers[0]
    if not isinstance(first, IPv6Header | IPv4Header):
        raise ValueError("a packet begins with an IP header")
    return first
