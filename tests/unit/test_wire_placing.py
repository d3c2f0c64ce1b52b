"""Headers put into packets with octets, and the addresses that the Mobile IPv6 headers exchange."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import home_address_header, padded
from xfrmspec.wire.placing import insert_header, open_at, open_for
from xfrmspec.wire.route_optimisation import (
    RouteRefusal,
    add_home_address,
    add_type2_routing,
    exchange_home_address,
    exchange_type2_routing,
)
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    HopByHopHeader,
    IPv4Header,
    IPv6Header,
    MobilityHeader,
    Packet,
    RoutingHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, PadN, RawOption
from xfrmspec_terms.packet import Header, header_name

HOME, CARE_OF, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("1", "c", "2"))
IP = IPv6Header(HOME, PEER)
HBH = HopByHopHeader((PadN(bytes(4)),))
DST = DestinationOptionsHeader((PadN(bytes(4)),))
RH = RoutingHeader(4, 0, bytes(20))
UDP = UdpHeader(4001, 4002)
BINDING_UPDATE = Packet((IP, MobilityHeader(5, bytes(10))))


def names(packet: Packet) -> str:
    return " ".join(header_name(element) for element in chain_of(packet))


def result(value: Packet | RouteRefusal) -> Packet:
    assert isinstance(value, Packet), value
    return value


@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003")
def test_headers_go_where_the_chain_rules_say() -> None:
    packet = Packet((IP, HBH, DST, RH, DST, UDP), b"data")
    packet = insert_header(packet, AuthenticationHeader(1, 1, bytes(12)))
    packet = insert_header(packet, home_address_header(HOME))
    packet = insert_header(packet, Type2RoutingHeader(PEER))
    assert names(packet) == "HBH DSTOPT RT2 RH HAO AH DSTOPT UDP"
    assert decode(encode(packet)) == packet


@pytest.mark.clause("XFRM-WIRE-001")
def test_a_packet_is_cut_open_with_its_final_checksums() -> None:
    packet = Packet((IP, HBH, UDP), b"data")
    opening = open_for(packet, Header.ESP)
    assert (opening.before, opening.protocol) == ((IP, HBH), 17)
    assert opening.octets == encode(packet)[48:]
    sealed = opening.closed(EspHeader(1, 2), opening.octets)
    assert names(sealed) == "HBH ESP"
    assert encode(sealed)[48:56] == bytes((0, 0, 0, 1, 0, 0, 0, 2))
    assert encode(sealed)[40] == 50
    assert open_at(packet, 1).protocol == 0


@pytest.mark.clause("XFRM-WIRE-001")
def test_in_ipv4_the_place_is_behind_the_ip_header() -> None:
    outer = IPv4Header(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"))
    packet = insert_header(Packet((outer, UDP)), AuthenticationHeader(1, 1, bytes(12)))
    assert names(packet) == "AH UDP"


@pytest.mark.parametrize("header", [DST, HBH, RH])
def test_a_header_that_no_transform_puts_in_has_no_place(header: HopByHopHeader) -> None:
    with pytest.raises(ValueError, match="no transform puts in"):
        insert_header(Packet((IP, UDP)), header)


@pytest.mark.clause("XFRM-OPT-001")
def test_the_home_address_option_in_octets() -> None:
    octets = encode(add_home_address(BINDING_UPDATE, CARE_OF))
    assert octets[8:24] == CARE_OF.packed
    assert octets[40:48].hex() == "870201020000c910"
    assert octets[48:64] == HOME.packed
    assert octets[64:] == encode(BINDING_UPDATE)[40:]


@pytest.mark.clause("XFRM-OPT-001")
def test_a_second_insertion_gives_two_options_which_a_receiver_refuses() -> None:
    twice = add_home_address(add_home_address(BINDING_UPDATE, CARE_OF), PEER)
    assert names(twice) == "HAO HAO MH"
    assert exchange_home_address(twice) is RouteRefusal.SECOND_OPTION


@pytest.mark.clause("XFRM-OPT-002")
def test_the_type_two_routing_header_in_octets() -> None:
    octets = encode(add_type2_routing(BINDING_UPDATE, CARE_OF))
    assert octets[24:40] == CARE_OF.packed
    assert octets[40:48].hex() == "8702020100000000"
    assert octets[48:64] == PEER.packed
    assert octets[64:] == encode(BINDING_UPDATE)[40:]


@pytest.mark.clause("XFRM-OPT-001", "XFRM-PKT-003")
def test_a_receiver_sees_the_home_address_and_the_option_keeps_the_other() -> None:
    sent = add_home_address(BINDING_UPDATE, CARE_OF)
    seen = result(exchange_home_address(sent))
    assert encode(seen)[8:24] == HOME.packed
    assert encode(seen)[48:64] == CARE_OF.packed
    assert encode(seen)[64:] == encode(sent)[64:]
    assert exchange_home_address(seen) == sent


@pytest.mark.clause("XFRM-OPT-002", "XFRM-PKT-003")
def test_a_receiver_takes_the_home_address_as_destination() -> None:
    sent = add_type2_routing(BINDING_UPDATE, CARE_OF)
    seen = result(exchange_type2_routing(sent))
    octets = encode(seen)
    assert (octets[7], octets[24:40]) == (63, PEER.packed)
    assert octets[40:48].hex() == "8702020000000000"
    assert octets[48:64] == CARE_OF.packed
    assert octets[64:] == encode(sent)[64:]


@pytest.mark.clause("XFRM-OPT-001", "XFRM-OPT-002")
def test_packets_without_these_headers_stay_as_they_are() -> None:
    tunnelled = Packet((IP, *add_home_address(add_type2_routing(BINDING_UPDATE, CARE_OF), CARE_OF).headers))
    for packet in (BINDING_UPDATE, tunnelled):
        assert exchange_home_address(packet) is packet
        assert exchange_type2_routing(packet) is packet


@pytest.mark.clause("XFRM-OPT-001")
@pytest.mark.parametrize(
    ("option", "refusal"),
    [
        (RawOption(0xC9, bytes(15)), RouteRefusal.OPTION_LENGTH),
        (HomeAddressOption(IPv6Address("::")), RouteRefusal.NOT_UNICAST),
        (HomeAddressOption(IPv6Address("ff02::1")), RouteRefusal.NOT_UNICAST),
        (HomeAddressOption(IPv6Address("::ffff:192.0.2.1")), RouteRefusal.NOT_UNICAST),
    ],
)
def test_home_address_options_that_a_receiver_refuses(
    option: HomeAddressOption | RawOption, refusal: RouteRefusal
) -> None:
    packet = Packet((IP, DestinationOptionsHeader(padded([option])), UDP))
    assert exchange_home_address(packet) is refusal


@pytest.mark.clause("XFRM-OPT-001")
def test_a_link_local_home_address_is_unicast() -> None:
    packet = Packet((IP, home_address_header(IPv6Address("fe80::1")), UDP))
    assert isinstance(exchange_home_address(packet), Packet)


@pytest.mark.clause("XFRM-OPT-002")
@pytest.mark.parametrize(
    ("outer", "header", "refusal"),
    [
        (IP, Type2RoutingHeader(PEER, 0), RouteRefusal.SEGMENTS_LEFT),
        (IP, Type2RoutingHeader(PEER, 2), RouteRefusal.SEGMENTS_LEFT),
        (IP, RoutingHeader(2, 1, bytes(36)), RouteRefusal.ROUTING_LENGTH),
        (IP, RoutingHeader(2, 0, bytes(36)), RouteRefusal.SEGMENTS_LEFT),
        (IP, Type2RoutingHeader(IPv6Address("ff02::1")), RouteRefusal.MULTICAST),
        (replace(IP, destination=IPv6Address("ff02::1")), Type2RoutingHeader(PEER), RouteRefusal.MULTICAST),
        (replace(IP, hop_limit=1), Type2RoutingHeader(PEER), RouteRefusal.HOP_LIMIT),
    ],
)
def test_routing_headers_that_a_receiver_refuses(
    outer: IPv6Header, header: WireHeader, refusal: RouteRefusal
) -> None:
    assert exchange_type2_routing(Packet((outer, header, UDP))) is refusal


@pytest.mark.clause("XFRM-OPT-002")
def test_the_lowest_hop_limit_that_survives_is_two() -> None:
    packet = Packet((replace(IP, hop_limit=2), Type2RoutingHeader(PEER), UDP))
    assert isinstance(exchange_type2_routing(packet), Packet)


@pytest.mark.parametrize("change", [add_home_address, add_type2_routing])
def test_ipv4_has_no_route_optimisation(change: object) -> None:
    packet = Packet((IPv4Header(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")), UDP))
    assert callable(change)
    with pytest.raises(ValueError, match="only an IPv6 packet"):
        change(packet, CARE_OF)
