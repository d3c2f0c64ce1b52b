"""Octets of single headers: layouts, lengths, checksums, faults and their offsets."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.checksum import final_addresses, internet_checksum
from xfrmspec.wire.decode import decode, decode_quoted
from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import home_address_header, padded
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    Fault,
    FragmentHeader,
    HopByHopHeader,
    IcmpV6Header,
    IPv4Header,
    IPv6Header,
    Malformed,
    MobilityHeader,
    More,
    Packet,
    RoutingHeader,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, Option, Pad1, PadN, RawOption, RouterAlert
from xfrmspec_terms.packet import Header, UpperLayer

HOME, CARE_OF, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("1", "c", "2"))
IP = IPv6Header(HOME, PEER)
UDP = UdpHeader(4001, 4002)


def behind_ip(*headers: WireHeader, payload: bytes = b"") -> bytes:
    return encode(Packet((IP, *headers), payload))[40:]


def decoded(octets: bytes) -> Packet:
    result = decode(octets)
    assert isinstance(result, Packet), result
    return result


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002")
def test_an_ipv6_header_in_octets() -> None:
    header = IPv6Header(HOME, PEER, 0xB9, 0x12345, 7)
    octets = encode(Packet((header, UpperLayer(253)), b"abc"))
    assert octets[:8].hex() == "6b9123450003fd07"
    assert octets[8:40] == HOME.packed + PEER.packed
    assert octets[40:] == b"abc"


@pytest.mark.clause("XFRM-PKT-001")
def test_every_header_names_the_one_behind_it() -> None:
    hops = HopByHopHeader((PadN(bytes(4)),))
    chain = (
        hops,
        RoutingHeader(0, 0, bytes(20)),
        home_address_header(HOME),
        AuthenticationHeader(1, 1, bytes(12)),
        UDP,
    )
    octets = encode(Packet((IP, *chain)))
    assert (octets[6], octets[40], octets[48], octets[72], octets[96]) == (0, 43, 60, 51, 17)
    assert chain_of(decoded(octets)) == (
        Header.HOP_BY_HOP, Header.ROUTING, Header.HAO, Header.AH, Header.UDP,
    )  # fmt: skip


@pytest.mark.clause("XFRM-PKT-001")
def test_an_explicit_next_header_stands_on_the_wire() -> None:
    lying = DestinationOptionsHeader((PadN(bytes(4)),), next_header=6)
    octets = encode(Packet((IP, lying, UDP)))
    assert octets[40] == 6
    assert decode(octets) == Malformed(Fault.TRUNCATED, len(octets), (IP, replace(lying, next_header=None)))


@pytest.mark.clause("XFRM-PKT-001")
@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ((), "begins with an IP header"),
        ((UDP,), "begins with an IP header"),
        ((IP,), "ends without an upper header behind IPv6Header"),
        ((IP, EspHeader(1, 1), UDP), "goes on behind EspHeader"),
    ],
)
def test_a_chain_that_is_none_is_refused(headers: tuple[WireHeader, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        encode(Packet(headers))


@pytest.mark.clause("XFRM-PKT-002")
@pytest.mark.parametrize(
    ("options", "padding"),
    [
        ((), (PadN(bytes(4)),)),
        ((RouterAlert(0),), (PadN(b""),)),
        ((RawOption(0x1E, bytes(3)),), (Pad1(),)),
        ((RawOption(0x1E, bytes(4)),), ()),
        ((RawOption(0x1E, bytes(5)),), (PadN(bytes(5)),)),
    ],
)
def test_options_are_padded_to_eight_octets(options: tuple[Option, ...], padding: tuple[Option, ...]) -> None:
    assert padded(options) == (*options, *padding)
    assert len(behind_ip(DestinationOptionsHeader(padded(options)), UpperLayer(59))) % 8 == 0


@pytest.mark.clause("XFRM-PKT-002")
def test_lengths_count_units_without_the_first() -> None:
    assert behind_ip(HopByHopHeader((PadN(bytes(12)),)), UDP)[:4].hex() == "1101010c"
    assert behind_ip(RoutingHeader(4, 0, bytes(36)), UDP)[:4].hex() == "11040400"
    assert behind_ip(AuthenticationHeader(7, 9, bytes(12)), UDP)[:12].hex() == "110400000000000700000009"
    assert behind_ip(MobilityHeader(5, bytes(18)))[:4].hex() == "3b020500"


@pytest.mark.clause("XFRM-PKT-002")
@pytest.mark.parametrize(
    "header",
    [
        DestinationOptionsHeader((PadN(bytes(3)),)),
        RoutingHeader(0, 0, bytes(19)),
        AuthenticationHeader(1, 1, bytes(13)),
    ],
)
def test_parts_of_units_need_an_explicit_length(header: WireHeader) -> None:
    with pytest.raises(ValueError, match="no multiple of"):
        encode(Packet((IP, header, UDP)))
    forced = replace(header, length=200)  # type: ignore[arg-type]
    octets = encode(Packet((IP, forced, UDP)))
    assert octets[41] == 200
    assert decode(octets) == Malformed(Fault.TRUNCATED, len(octets), (IP,))


@pytest.mark.clause("XFRM-PKT-002")
@pytest.mark.parametrize(
    ("header", "name"),
    [
        (replace(IP, flow_label=1 << 20), "IPv6Header"),
        (replace(IP, hop_limit=256), "IPv6Header"),
        (FragmentHeader(1 << 13, More.LAST, 0), "FragmentHeader"),
        (UdpHeader(1 << 16, 0), "UdpHeader"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(header: WireHeader, name: str) -> None:
    headers = (header,) if isinstance(header, IPv6Header) else (IP, header)
    chain = headers if isinstance(header, UdpHeader) else (*headers, UpperLayer(59))
    with pytest.raises(ValueError, match=f"{name} has a value that does not fit"):
        encode(Packet(chain))


@pytest.mark.clause("XFRM-PKT-003")
def test_the_checksum_is_the_complement_of_the_folded_sum() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert internet_checksum(bytes.fromhex("ffff")) == 0
    assert internet_checksum(b"") == 0xFFFF
    assert internet_checksum(b"\x12") == internet_checksum(b"\x12\x00")


@pytest.mark.clause("XFRM-PKT-003")
@pytest.mark.parametrize("upper", [UDP, TcpHeader(1, 2), IcmpV6Header(128), MobilityHeader(5, bytes(10))])
def test_checksums_use_the_home_address_and_the_last_segment(upper: WireHeader) -> None:
    plain = encode(Packet((IP, upper), b"payload."))[40:]
    away = (IPv6Header(CARE_OF, CARE_OF), Type2RoutingHeader(PEER), home_address_header(HOME), upper)
    assert encode(Packet(away, b"payload."))[88:] == plain
    neither = (IPv6Header(CARE_OF, CARE_OF), upper)
    assert encode(Packet(neither, b"payload."))[40:] != plain


@pytest.mark.clause("XFRM-PKT-003")
def test_what_is_worked_through_no_longer_counts() -> None:
    done = DestinationOptionsHeader(padded([HomeAddressOption(CARE_OF, exchanged=True)]))
    assert final_addresses((IP, done, Type2RoutingHeader(CARE_OF, 0))) == (HOME, PEER)
    assert final_addresses((IP, RoutingHeader(0, 0, bytes(20)))) == (HOME, PEER)


@pytest.mark.clause("XFRM-PKT-003")
def test_the_last_segment_of_other_routing_headers() -> None:
    segments = CARE_OF.packed + HOME.packed
    assert final_addresses((IP, RoutingHeader(0, 1, bytes(4) + segments)))[1] == HOME
    assert final_addresses((IP, RoutingHeader(4, 1, bytes(4) + segments)))[1] == CARE_OF
    assert final_addresses((IP, RoutingHeader(3, 1, bytes(4) + segments)))[1] == PEER


@pytest.mark.clause("XFRM-PKT-003")
def test_the_nearest_ip_header_counts_in_a_tunnel() -> None:
    inner = Packet((IP, UDP), b"x")
    outer = Packet((IPv6Header(CARE_OF, PEER), home_address_header(PEER), *inner.headers), b"x")
    assert encode(outer).endswith(encode(inner))


@pytest.mark.clause("XFRM-PKT-003")
def test_udp_never_sends_zero_and_the_others_may() -> None:
    octets = encode(Packet((IP, UdpHeader(0, 0)), bytes(2)))
    missing = int.from_bytes(octets[46:48], "big")
    balanced = encode(Packet((IP, UdpHeader(0, 0)), missing.to_bytes(2, "big")))
    assert balanced[46:48] == b"\xff\xff"
    assert decoded(balanced).headers[1] == UdpHeader(0, 0)
    octets = encode(Packet((IP, IcmpV6Header(128)), bytes(2)))
    missing = int.from_bytes(octets[42:44], "big")
    assert encode(Packet((IP, IcmpV6Header(128)), missing.to_bytes(2, "big")))[42:44] == bytes(2)


@pytest.mark.clause("XFRM-PKT-003", "XFRM-PKT-004")
def test_a_wrong_checksum_is_kept_as_a_number() -> None:
    octets = bytearray(encode(Packet((IP, UDP), b"data")))
    octets[46] ^= 1
    udp = decoded(bytes(octets)).headers[1]
    assert isinstance(udp, UdpHeader)
    assert udp.checksum == int.from_bytes(octets[46:48], "big")


@pytest.mark.clause("XFRM-PKT-003", "XFRM-PKT-004")
def test_a_udp_length_shorter_than_the_rest_bounds_the_checksum() -> None:
    short = Packet((IP, UdpHeader(1, 2, length=12)), b"dataXXXX")
    assert encode(short)[46:48] == encode(Packet((IP, UdpHeader(1, 2)), b"data"))[46:48]
    assert decode(encode(short)) == short


def damaged(place: int, value: int, *headers: WireHeader, payload: bytes = b"") -> bytes:
    octets = bytearray(encode(Packet((IP, *headers), payload)))
    octets[place] = value
    return bytes(octets)


@pytest.mark.clause("XFRM-PKT-004")
@pytest.mark.parametrize(
    ("octets", "fault", "offset"),
    [
        (b"", Fault.TRUNCATED, 0),
        (b"\x50", Fault.VERSION, 0),
        (encode(Packet((IP, UDP))) + b"\0", Fault.TRAILING, 48),
        (damaged(41, 1, HopByHopHeader((PadN(bytes(4)),)), UDP), Fault.OPTION, 48),
        (damaged(43, 5, DestinationOptionsHeader((PadN(bytes(4)),)), UDP), Fault.OPTION, 42),
        (damaged(47, 1, HopByHopHeader((PadN(b"1"), Pad1(), Pad1(), Pad1())), UDP), Fault.OPTION, 47),
        (damaged(40, 0, DestinationOptionsHeader((PadN(bytes(4)),)), UDP), Fault.HOP_BY_HOP_PLACE, 48),
        (damaged(41, 0, AuthenticationHeader(1, 1, b""), UDP), Fault.LENGTH, 41),
        (damaged(45, 7, UDP), Fault.LENGTH, 44),
        (damaged(45, 9, UDP), Fault.TRUNCATED, 48),
        (damaged(52, 0x40, TcpHeader(1, 2)), Fault.LENGTH, 52),
        (damaged(52, 0x60, TcpHeader(1, 2)), Fault.TRUNCATED, 60),
        (damaged(41, 1, MobilityHeader(5, bytes(2))), Fault.TRUNCATED, 48),
        (damaged(40, 0x45, IPv6Header(HOME, PEER), UDP), Fault.VERSION, 40),
        (damaged(45, 9, IPv6Header(HOME, PEER), UDP), Fault.TRUNCATED, 88),
        (damaged(45, 7, IPv6Header(HOME, PEER), UDP), Fault.TRAILING, 87),
    ],
)  # fmt: skip
def test_each_fault_has_its_offset(octets: bytes, fault: Fault, offset: int) -> None:
    result = decode(octets)
    assert isinstance(result, Malformed)
    assert (result.fault, result.offset) == (fault, offset)
    assert str(result) == f"octet {offset}: {fault.value}"


@pytest.mark.clause("XFRM-PKT-004")
def test_faults_of_an_ipv4_header() -> None:
    header = IPv4Header(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"))
    short = replace(header, header_length=4)
    assert decode(encode(Packet((short, UDP)))) == Malformed(Fault.LENGTH, 0)
    tiny = replace(header, total_length=19)
    assert decode(encode(Packet((tiny, UDP)))) == Malformed(Fault.LENGTH, 2)
    long = replace(header, header_length=9, total_length=40)
    assert decode(encode(Packet((long, UDP)))) == Malformed(Fault.TRUNCATED, 28)


@pytest.mark.clause("XFRM-PKT-001")
@pytest.mark.parametrize(("offset", "more"), [(0, More.FOLLOWS), (3, More.LAST), (3, More.FOLLOWS)])
def test_a_fragment_that_is_not_the_whole_packet_is_opaque(offset: int, more: More) -> None:
    fragment = FragmentHeader(offset, more, 0xABCD)
    packet = Packet((IP, fragment, UpperLayer(17)), bytes(16))
    assert decode(encode(packet)) == packet
    assert chain_of(packet) == (Header.FRAGMENT, Header.UDP)
    whole = Packet((IP, FragmentHeader(0, More.LAST, 0xABCD), UDP), bytes(8))
    assert decode(encode(whole)) == whole


@pytest.mark.clause("XFRM-PKT-004")
def test_the_packet_in_an_icmp_error_is_read_as_far_as_it_goes() -> None:
    cause = encode(Packet((IP, home_address_header(HOME), UDP), bytes(100)))
    error = Packet((IP, IcmpV6Header(1, 4)), cause[:80])
    quoted = decode_quoted(decoded(encode(error)).payload)
    assert [type(header) for header in quoted] == [IPv6Header, DestinationOptionsHeader, UdpHeader]
    udp = quoted[-1]
    assert isinstance(udp, UdpHeader)
    assert udp.length == 108
    assert [type(header) for header in decode_quoted(cause[:71])] == [IPv6Header, DestinationOptionsHeader]


@pytest.mark.clause("XFRM-PKT-005")
def test_a_mobility_header_in_octets() -> None:
    packet = Packet((IP, MobilityHeader(5, bytes.fromhex("00018000000a01020000"))))
    octets = encode(packet)
    assert octets[40:44].hex() == "3b010500"
    assert octets[46:].hex() == "00018000000a01020000"
    assert decode(octets) == packet


@pytest.mark.clause("XFRM-PKT-005")
def test_octets_behind_a_mobility_header_are_payload_under_its_checksum() -> None:
    packet = Packet((IP, MobilityHeader(0, bytes(2))), b"more")
    assert decode(encode(packet)) == packet
    assert encode(packet)[44:46] != encode(Packet((IP, MobilityHeader(0, bytes(2))), b"mor!"))[44:46]
