"""Pictures of packets: sizes, fields, frames of tunnels, and where malformed octets go wrong."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import home_address_header, padded
from xfrmspec_diagrams.ir import Tone
from xfrmspec_diagrams.packet_fields import header_lines, header_title
from xfrmspec_diagrams.packet_picture import SAMPLES, packet_picture
from xfrmspec_diagrams.pictures import picture, render
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    FragmentHeader,
    IcmpV6Header,
    IPCompHeader,
    IPv4Flags,
    IPv4Header,
    IPv6Header,
    MobilityHeader,
    More,
    Packet,
    RoutingHeader,
    TcpHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, Pad1, RawOption, RouterAlert
from xfrmspec_terms.packet import UpperLayer

HERE, THERE = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
IP = IPv6Header(HERE, THERE)
IP4 = IPv4Header(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sizes_and_places_add_up_to_the_octets(name: str) -> None:
    packet, title = SAMPLES[name]
    drawn = packet_picture(packet, title)
    place = 0
    for node in drawn.nodes:
        size, _, at = node.lines[1].partition(" octets at ")
        assert int(at) == place
        place += int(size)
    assert place == len(encode(packet))
    assert drawn.notes == (f"{place} octets in all.",)
    assert decode(encode(packet)) == packet


def test_a_tunnel_shows_the_packet_inside_in_a_frame_of_its_own() -> None:
    drawn = packet_picture(*SAMPLES["packet-tunnel"])
    assert [cluster.title for cluster in drawn.clusters] == ["on the wire", "inside, level 1"]
    assert [len(cluster.nodes) for cluster in drawn.clusters] == [2, 3]
    assert [edge.labels[0].text for edge in drawn.edges] == ["names", "carries", "names", "carries"]


def test_headers_of_mobility_and_of_ipsec_look_different() -> None:
    drawn = packet_picture(*SAMPLES["packet-route-optimised"])
    tones = [node.tone for node in drawn.nodes]
    assert tones == [Tone.START, Tone.SUB, Tone.SUB, Tone.MAIN, Tone.STATE]
    assert "home address 2001:db8:100::a1" in drawn.nodes[2].lines


@pytest.mark.clause("XFRM-PKT-004")
def test_malformed_octets_are_drawn_up_to_their_fault() -> None:
    octets = encode(Packet((IP, home_address_header(HERE), UdpHeader(1, 2)), bytes(8)))
    damaged = bytearray(octets)
    damaged[47] = 60
    drawn = packet_picture(decode(bytes(damaged)))
    assert [node.lines[0] for node in drawn.nodes] == ["IPv6", "no packet"]
    assert drawn.nodes[-1].tone is Tone.BAD
    assert drawn.nodes[-1].lines[1] == "octet 46: an option runs past the end of its header"
    assert packet_picture(decode(b"")).nodes[0].lines[1].startswith("octet 0")


@pytest.mark.parametrize(
    ("header", "title", "lines"),
    [
        (replace(IP, traffic_class=0xB9, flow_label=5), "IPv6",
         ("from 2001:db8::1", "to 2001:db8::2", "DSCP 46", "ECT(1)", "flow label 0x00005", "hop limit 64")),
        (replace(IP4, flags=IPv4Flags.DONT_FRAGMENT, fragment_offset=2, options=bytes(4)), "IPv4",
         ("from 192.0.2.1", "to 192.0.2.2", "flags DONT_FRAGMENT", "fragment offset 16", "TTL 64",
          "options 4 octets")),
        (DestinationOptionsHeader(padded([RouterAlert(1), RawOption(30, b"xy"), Pad1()])), "DSTOPT",
         ("router alert 1", "option 30, 2 octets", "Pad1", "PadN 5 octets")),
        (DestinationOptionsHeader((HomeAddressOption(HERE, exchanged=True),)), "HAO",
         ("care-of address 2001:db8::1",)),
        (RoutingHeader(2, 1, bytes(36)), "RT2", ("type 2", "segments left 1")),
        (FragmentHeader(2, More.FOLLOWS, 16), "FRAG", ("offset 16, more follow", "identification 0x10")),
        (IPCompHeader(6, 2), "IPCOMP", ("CPI 0x2", "of protocol 6")),
        (MobilityHeader(6, bytes(10)), "MH",
         ("type 6 (BA)", "data 10 octets", "status 0", "sequence 0", "lifetime 0 s")),
        (MobilityHeader(99, bytes(2), checksum=1), "MH",
         ("type 99 (unknown)", "data 2 octets", "wrong checksum 1")),
        (TcpHeader(1, 2, 3, flags=0x12), "TCP", ("port 1 to 2", "SYN ACK", "sequence 3")),
        (IcmpV6Header(1, 4), "ICMPv6", ("type 1, code 4",)),
        (UpperLayer(253), "PROTO-253", ()),
    ],
)  # fmt: skip
def test_fields_in_words(header: WireHeader, title: str, lines: tuple[str, ...]) -> None:
    assert header_title(header) == title
    assert header_lines(header) == lines


@pytest.mark.parametrize("language", ["dot", "mermaid", "table"])
def test_packets_are_drawn_in_every_language(language: str) -> None:
    text = render(picture("packet-tunnel"), language)
    assert text.count("SPI 0x1000") == 1
    assert "4001" in text
