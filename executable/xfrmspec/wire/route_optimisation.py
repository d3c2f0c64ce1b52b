"""Home address option and type 2 routing header in octets: what a sender puts in, a receiver exchanges."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from ipaddress import IPv6Address

from xfrmspec.wire.chain import element_of
from xfrmspec.wire.options import home_address_header, is_home_address
from xfrmspec.wire.placing import insert_header, outer_section
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    IPv6Header,
    Packet,
    RoutingHeader,
    Type2RoutingHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, Option
from xfrmspec_terms.packet import Header


class RouteRefusal(Enum):
    """Why a receiver drops a packet at one of these headers; the value is printed."""

    SECOND_OPTION = "a second home address option"
    OPTION_LENGTH = "a home address option whose length is not 16"
    NOT_UNICAST = "a home address that is no unicast address"
    ROUTING_LENGTH = "a type 2 routing header whose length is not 2"
    SEGMENTS_LEFT = "a type 2 routing header whose segments left is not 1"
    MULTICAST = "a multicast destination"
    HOP_LIMIT = "the hop limit is used up"


def _ipv6_of(packet: Packet) -> IPv6Header:
    outer = packet.headers[0]
    if not isinstance(outer, IPv6Header):
        raise ValueError("only an IPv6 packet has route optimisation headers")
    return outer


@clause("XFRM-OPT-001")
def add_home_address(packet: Packet, care_of: IPv6Address) -> Packet:
    """Return the packet with its source in a home address option and the care-of address as source.

    ValueError for an IPv4 packet. Source: XFRM-WIRE-002; kernel mip6_destopt_output.
    """
    outer = _ipv6_of(packet)
    grown = insert_header(packet, home_address_header(outer.source))
    return replace(grown, headers=(replace(outer, source=care_of), *grown.headers[1:]))


@clause("XFRM-OPT-002")
def add_type2_routing(packet: Packet, care_of: IPv6Address) -> Packet:
    """Return the packet with its destination in a type 2 routing header and the care-of address instead.

    ValueError for an IPv4 packet. Source: XFRM-WIRE-003; kernel mip6_rthdr_output.
    """
    outer = _ipv6_of(packet)
    grown = insert_header(packet, Type2RoutingHeader(outer.destination))
    return replace(grown, headers=(replace(outer, destination=care_of), *grown.headers[1:]))


@clause("XFRM-OPT-001")
def exchange_home_address(packet: Packet) -> Packet | RouteRefusal:
    """Return the packet as a receiver sees it after its home address option; as it is without one.

    Only headers before a second IP header count. Whether a state accepts the address is XFRM-CHECK's
    matter. ValueError for an IPv4 packet. Source: kernel ipv6_dest_hao, K-MIP-7.
    """
    _ipv6_of(packet)
    found = [
        index
        for index, header in enumerate(packet.headers[: outer_section(packet)])
        for option in options_of(header)
        if is_home_address(option)
    ]
    if not found:
        return packet
    refusal = home_address_refusal(packet, found[0])
    if refusal is not None:
        return refusal
    return RouteRefusal.SECOND_OPTION if len(found) > 1 else exchange_option_at(packet, found[0])


def options_of(header: WireHeader) -> tuple[Option, ...]:
    """Return the options of a destination options header; none for any other."""
    return header.options if isinstance(header, DestinationOptionsHeader) else ()


@clause("XFRM-HAO-001")
def home_address_refusal(packet: Packet, index: int) -> RouteRefusal | None:
    """Return why the first home address option of a header is refused unseen, before a state is looked up.

    Source: kernel ipv6_dest_hao, K-MIP-7.
    """
    before = (option for header in packet.headers[:index] for option in options_of(header))
    if any(map(is_home_address, before)):
        return RouteRefusal.SECOND_OPTION
    option = next(filter(is_home_address, options_of(packet.headers[index])))
    if not isinstance(option, HomeAddressOption):
        return RouteRefusal.OPTION_LENGTH
    return None if _is_unicast(option.address) else RouteRefusal.NOT_UNICAST


@clause("XFRM-OPT-001")
def exchange_option_at(packet: Packet, index: int) -> Packet:
    """Return the packet with its source and the first home address option of a header exchanged."""
    outer = _ipv6_of(packet)
    option = next(filter(is_home_address, options_of(packet.headers[index])))
    assert isinstance(option, HomeAddressOption)
    exchanged = HomeAddressOption(outer.source, not option.exchanged)
    headers = list(packet.headers)
    headers[0] = replace(outer, source=option.address)
    headers[index] = _with_option(headers[index], option, exchanged)
    return Packet(tuple(headers), packet.payload)


def _is_unicast(address: IPv6Address) -> bool:
    """As the kernel sorts addresses, in which IPv4-mapped ones are a kind of their own."""
    return not (address.is_multicast or address.is_unspecified or address.ipv4_mapped is not None)


def _with_option(header: WireHeader, old: Option, new: Option) -> WireHeader:
    assert isinstance(header, DestinationOptionsHeader)
    return replace(header, options=tuple(new if option is old else option for option in header.options))


@clause("XFRM-OPT-002")
def exchange_type2_routing(packet: Packet) -> Packet | RouteRefusal:
    """Return the packet as a receiver sees it after its type 2 routing header; as it is without one.

    Only headers before a second IP header count. Whether a state and a local home address accept it is not
    decided here. ValueError for an IPv4 packet. Source: kernel ipv6_rthdr_rcv, K-MIP-8.
    """
    outer = _ipv6_of(packet)
    section = packet.headers[: outer_section(packet)]
    index = next((i for i, header in enumerate(section) if element_of(header) is Header.RT2), None)
    if index is None:
        return packet
    header = section[index]
    refusal = _routing_refusal(outer, header)
    if refusal is not None:
        return refusal
    assert isinstance(header, Type2RoutingHeader)
    headers = list(packet.headers)
    headers[0] = replace(outer, destination=header.address, hop_limit=outer.hop_limit - 1)
    headers[index] = replace(header, address=outer.destination, segments_left=0)
    return Packet(tuple(headers), packet.payload)


def _routing_refusal(outer: IPv6Header, header: WireHeader) -> RouteRefusal | None:
    """The order of the kernel: destination, segments left 0, layout, address, hop limit."""
    if outer.destination.is_multicast:
        return RouteRefusal.MULTICAST
    if isinstance(header, RoutingHeader):
        return RouteRefusal.ROUTING_LENGTH if header.segments_left else RouteRefusal.SEGMENTS_LEFT
    assert isinstance(header, Type2RoutingHeader)
    if header.segments_left != 1:
        return RouteRefusal.SEGMENTS_LEFT
    if header.address.is_multicast:
        return RouteRefusal.MULTICAST
    return RouteRefusal.HOP_LIMIT if outer.hop_limit <= 1 else None
