"""Other programs read our packets and we theirs: scapy field by field, tshark, and a Mobile IPv6 daemon."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from scapy.compat import raw
from scapy.layers import inet, inet6
from scapy.layers.ipsec import AH, ESP

from xfrmspec.wire.capture import read_capture, write_capture
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.fragments import fragments
from xfrmspec.wire.options import home_address_header
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    FragmentHeader,
    HopByHopHeader,
    IcmpHeader,
    IcmpV6Header,
    IPv4Flags,
    IPv4Header,
    IPv6Header,
    MobilityHeader,
    More,
    Packet,
    RoutingHeader,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
)
from xfrmspec_terms.options import PadN, RouterAlert
from xfrmspec_terms.packet import UpperLayer

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "mip6d"
HOME, CARE_OF, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("1", "c", "2"))
HERE4, THERE4 = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
IP = IPv6Header(CARE_OF, PEER, 0xB9, 0x12345, 7)
IP4 = IPv4Header(HERE4, THERE4, 0xB9, 77, IPv4Flags.DONT_FRAGMENT, 0, 9, bytes((1, 1, 1, 0)))
ALERT = HopByHopHeader((RouterAlert(0), PadN(b"")))
HAO, RT2 = home_address_header(HOME), Type2RoutingHeader(HOME)
UDP, TCP = UdpHeader(4001, 4002), TcpHeader(4003, 4004, 5, 6, 0x18, 7, 8, bytes((2, 4, 5, 180)))
OURS = {
    "udp": Packet((IP, UDP), b"odd"),
    "tcp": Packet((IP, ALERT, TCP), b"data"),
    "home address": Packet((IP, ALERT, RT2, HAO, UDP), b"data"),
    "home address and tcp": Packet((IP, RT2, HAO, TCP), b"data"),
    "home address and icmpv6": Packet((IP, RT2, HAO, IcmpV6Header(128, 0, b"\0\1\0\2")), b"data"),
    "source route": Packet((IP, RoutingHeader(0, 1, bytes(4) + HOME.packed), UDP), b"data"),
    "binding update": Packet((IP, HAO, MobilityHeader(5, bytes.fromhex("00078000000a01020000")))),
    "ah": Packet((IP, HAO, AuthenticationHeader(0x100, 7, bytes(range(12))), UDP), b"data"),
    "esp": Packet((IP, RT2, HAO, EspHeader(0x101, 9)), bytes(40)),
    "tunnel": Packet((IP, IPv6Header(HOME, PEER), HAO, UDP), b"data"),
    "4in6": Packet((IP, IP4, UDP), b"data"),
    "6in4": Packet((IP4, IP, UDP), b"data"),
    "ping4": Packet((IP4, IcmpHeader(8, 0, b"\0\1\0\2")), b"data"),
    "whole fragment": Packet((IP, FragmentHeader(0, More.LAST, 0xABCD), UDP), b"data"),
    "tcp4": Packet((IP4, TCP), b"data"),
}


# What scapy calls each header, and for each field of scapy where ours is found.
FIELDS: dict[type, tuple[str, dict[str, Callable[[Any], Any]]]] = {
    IPv6Header: (
        "IPv6",
        {
            "tc": lambda h: h.traffic_class,
            "fl": lambda h: h.flow_label,
            "hlim": lambda h: h.hop_limit,
            "src": lambda h: str(h.source),
            "dst": lambda h: str(h.destination),
        },
    ),
    IPv4Header: (
        "IP",
        {
            "tos": lambda h: h.type_of_service,
            "id": lambda h: h.identification,
            "ttl": lambda h: h.time_to_live,
            "flags": lambda h: h.flags.value,
            "frag": lambda h: h.fragment_offset,
            "src": lambda h: str(h.source),
            "dst": lambda h: str(h.destination),
            "ihl": lambda h: 5 + len(h.options) // 4,
        },
    ),
    HopByHopHeader: ("IPv6ExtHdrHopByHop", {"len": lambda h: 0}),
    DestinationOptionsHeader: ("IPv6ExtHdrDestOpt", {"len": lambda h: 2}),
    Type2RoutingHeader: (
        "IPv6ExtHdrRouting",
        {
            "len": lambda h: 2,
            "type": lambda h: 2,
            "segleft": lambda h: h.segments_left,
            "addresses": lambda h: [str(h.address)],
        },
    ),
    RoutingHeader: ("IPv6ExtHdrRouting", {"type": lambda h: h.type, "segleft": lambda h: h.segments_left}),
    FragmentHeader: (
        "IPv6ExtHdrFragment",
        {"offset": lambda h: h.offset, "m": lambda h: h.more.value, "id": lambda h: h.identification},
    ),
    AuthenticationHeader: (
        "AH",
        {
            "spi": lambda h: h.spi,
            "seq": lambda h: h.sequence,
            "payloadlen": lambda h: 4,
            "icv": lambda h: h.icv,
        },
    ),
    EspHeader: ("ESP", {"spi": lambda h: h.spi, "seq": lambda h: h.sequence}),
    MobilityHeader: (
        "MIP6MH_BU",
        {
            "mhtype": lambda h: h.type,
            "len": lambda h: 1,
            "nh": lambda h: h.payload_protocol,
            "seq": lambda h: int.from_bytes(h.data[:2], "big"),
            "mhtime": lambda h: int.from_bytes(h.data[4:6], "big"),
        },
    ),
    UdpHeader: ("UDP", {"sport": lambda h: h.source_port, "dport": lambda h: h.destination_port}),
    TcpHeader: (
        "TCP",
        {
            "sport": lambda h: h.source_port,
            "dport": lambda h: h.destination_port,
            "seq": lambda h: h.sequence,
            "ack": lambda h: h.acknowledgment,
            "flags": lambda h: h.flags,
            "window": lambda h: h.window,
            "urgptr": lambda h: h.urgent,
            "dataofs": lambda h: 5 + len(h.options) // 4,
        },
    ),
    IcmpV6Header: (
        "ICMPv6EchoRequest",
        {"type": lambda h: h.type, "id": lambda h: int.from_bytes(h.body[:2], "big")},
    ),
    IcmpHeader: ("ICMP", {"type": lambda h: h.type, "id": lambda h: int.from_bytes(h.body[:2], "big")}),
}


def dissected(octets: bytes) -> Any:
    return (inet.IP if octets[0] >> 4 == 4 else inet6.IPv6)(octets)


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002", "XFRM-PKT-005", "XFRM-OPT-001", "XFRM-OPT-002")
@pytest.mark.parametrize("name", sorted(OURS))
def test_scapy_sees_the_fields_that_we_wrote(name: str) -> None:
    layer = dissected(encode(OURS[name]))
    for header in OURS[name].headers:
        kind, fields = FIELDS[type(header)]
        assert type(layer).__name__ == kind
        for field, ours in fields.items():
            assert getattr(layer, field) == ours(header), (kind, field)
        layer = inet.UDP(raw(layer.payload)) if isinstance(layer, AH) else layer.payload


@pytest.mark.clause("XFRM-PKT-002", "XFRM-PKT-003")
@pytest.mark.parametrize("name", sorted(OURS))
def test_scapy_computes_the_same_lengths_and_checksums(name: str) -> None:
    """Scapy pads options itself, and knows a home address option only when it stands alone."""
    octets = encode(OURS[name])
    layer = built = dissected(octets)
    while layer:
        for field in ("plen", "len", "chksum", "cksum"):
            if field in layer.fields:
                delattr(layer, field)
        if isinstance(layer, inet6.IPv6ExtHdrDestOpt):
            layer.options = [option for option in layer.options if isinstance(option, inet6.HAO)]
        layer = layer.payload
    assert raw(built) == octets


BASE = inet6.IPv6(src=str(CARE_OF), dst=str(PEER), tc=3, fl=5, hlim=9)
OPTION = inet6.IPv6ExtHdrDestOpt(options=[inet6.HAO(hoa=str(HOME))])
ROUTE = inet6.IPv6ExtHdrRouting(type=2, segleft=1, addresses=[str(HOME)])
MESSAGES = {
    0: inet6.MIP6MH_BRR(),
    1: inet6.MIP6MH_HoTI(),
    2: inet6.MIP6MH_CoTI(),
    3: inet6.MIP6MH_HoT(),
    4: inet6.MIP6MH_CoT(),
    5: inet6.MIP6MH_BU(seq=7, mhtime=9),
    6: inet6.MIP6MH_BA(seq=7),
    7: inet6.MIP6MH_BE(),
}


@pytest.mark.clause("XFRM-PKT-003", "XFRM-PKT-005", "XFRM-OPT-001", "XFRM-OPT-002")
@pytest.mark.parametrize("kind", sorted(MESSAGES))
def test_we_read_the_mobility_messages_of_scapy(kind: int) -> None:
    octets = raw(BASE / ROUTE / OPTION / MESSAGES[kind])
    packet = decode(octets)
    assert isinstance(packet, Packet)
    message = packet.headers[-1]
    assert packet.headers[1] == RT2
    assert isinstance(packet.headers[2], DestinationOptionsHeader)
    assert HAO.options[1] in packet.headers[2].options
    assert isinstance(message, MobilityHeader)
    assert (message.type, message.checksum, message.payload_protocol) == (kind, None, 59)
    assert encode(packet) == octets


THEIRS = {
    "udp": (inet.UDP(sport=1, dport=2) / b"data", UdpHeader(1, 2)),
    "tcp": (inet.TCP(sport=1, dport=2, options=[("MSS", 1440)]) / b"data", TcpHeader),
    "icmpv6": (inet6.ICMPv6EchoRequest(id=1, seq=2), IcmpV6Header(128, 0, b"\0\1\0\2")),
    "unreachable": (inet6.ICMPv6DestUnreach(code=4) / BASE / inet.UDP(), IcmpV6Header(1, 4)),
    "hop-by-hop": (
        inet6.IPv6ExtHdrHopByHop(options=[inet6.RouterAlert(value=1)]) / inet.UDP(),
        HopByHopHeader((RouterAlert(1), PadN(b""))),
    ),
    "ah": (
        AH(spi=5, seq=6, nh=50, payloadlen=4, icv=bytes(12)) / ESP(),
        AuthenticationHeader(5, 6, bytes(12)),
    ),
    "esp": (ESP(spi=5, seq=6, data=bytes(16)), EspHeader(5, 6)),
    "fragment": (
        inet6.IPv6ExtHdrFragment(offset=3, m=1, id=9, nh=17) / bytes(16), FragmentHeader(3, More.FOLLOWS, 9),
    ),
    "no next header": (None, UpperLayer(59)),
    "4in6": (
        inet.IP(src=str(HERE4), dst=str(THERE4), id=1, ttl=3) / inet.ICMP(),
        IPv4Header(HERE4, THERE4, identification=1, time_to_live=3),
    ),
}  # fmt: skip


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002", "XFRM-PKT-003")
@pytest.mark.parametrize("name", sorted(THEIRS))
def test_we_read_what_scapy_builds(name: str) -> None:
    rest, expected = THEIRS[name]
    octets = raw(BASE / rest if rest is not None else BASE)
    packet = decode(octets)
    assert isinstance(packet, Packet), packet
    assert packet.headers[0] == IPv6Header(CARE_OF, PEER, 3, 5, 9)
    header = packet.headers[1]
    assert type(header) is expected if isinstance(expected, type) else header == expected
    assert getattr(packet.headers[-1], "checksum", None) is None
    assert encode(packet) == octets


@pytest.mark.clause("XFRM-FRAG-001")
def test_scapy_joins_our_fragments() -> None:
    packet = Packet((IP, RT2, HAO, UDP), bytes(range(250)))
    cut = [dissected(encode(part)) for part in fragments(packet, 200, 0x77)]
    joined = inet6.defragment6(cut)  # type: ignore[no-untyped-call]
    assert raw(joined)[40:] == encode(packet)[40:]


def captures() -> list[Path]:
    return sorted(SAMPLES.glob("*/pcap/*.pcap"))


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002", "XFRM-PKT-003", "XFRM-PKT-005", "XFRM-OPT-001")
def test_every_packet_of_a_mobile_ipv6_daemon_has_the_same_octets_again() -> None:
    if not captures():
        pytest.skip("the captures of a Mobile IPv6 daemon (shared/samples/mip6d) are not here")
    messages = count = 0
    for path in captures():
        with path.open("rb") as stream:
            for captured in read_capture(stream):
                packet = decode(captured.octets)
                assert isinstance(packet, Packet), (path.name, captured.number, str(packet))
                assert encode(packet) == captured.octets
                message = packet.headers[-1]
                if isinstance(message, MobilityHeader):
                    assert message.checksum is None, (path.name, captured.number)
                    messages += 1
                count += 1
    assert messages > 20
    assert count > 200


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002", "XFRM-PKT-003", "XFRM-FRAG-001")
def test_tshark_finds_nothing_malformed_in_our_capture(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    packets = [*OURS.values(), *fragments(Packet((IP, HAO, UDP), bytes(600)), 300, 5)]
    stream = io.BytesIO()
    write_capture(stream, enumerate(map(encode, packets)))
    path = tmp_path / "ours.pcap"
    path.write_bytes(stream.getvalue())
    checks = [f"-o{name}.check_checksum:TRUE" for name in ("udp", "tcp", "ip")]
    fields = ["-Tfields", "-eframe.number", "-e_ws.malformed", "-e_ws.expert.message", "-eframe.protocols"]
    command = [tshark, "-n", "-r", str(path), *checks, *fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == len(packets)
    for number, malformed, experts, protocols in rows:
        assert not malformed, (number, malformed)
        assert "hecksum" not in experts, (number, experts)
        assert protocols.startswith("raw:ip"), protocols
