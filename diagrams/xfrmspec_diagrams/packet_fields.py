"""The fields of each packet header in words, one line for each thing worth reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xfrmspec.wire.chain import element_of
from xfrmspec.wire.mobility import message_of
from xfrmspec_diagrams.message_fields import message_lines
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    FragmentHeader,
    HopByHopHeader,
    IcmpHeader,
    IcmpV6Header,
    IPCompHeader,
    IPv4Header,
    IPv6Header,
    MobilityHeader,
    More,
    OptionsHeader,
    RoutingHeader,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.mobility import MobilityRefusal
from xfrmspec_terms.options import HomeAddressOption, Option, Pad1, PadN, RawOption, RouterAlert
from xfrmspec_terms.packet import UpperLayer, header_name

Lines = tuple[str, ...]

_DERIVED = (
    "payload_length",
    "total_length",
    "header_length",
    "data_offset",
    "length",
    "next_header",
    "checksum",
)
_TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_MESSAGES = ("BRR", "HoTI", "CoTI", "HoT", "CoT", "BU", "BA", "BE")
_ECN = ("", "ECT(1)", "ECT(0)", "CE")


def header_title(header: WireHeader) -> str:
    """Return the name of a header, with its version for IP."""
    if isinstance(header, IPv6Header):
        return "IPv6"
    return "IPv4" if isinstance(header, IPv4Header) else header_name(element_of(header))


def header_lines(header: WireHeader) -> Lines:
    """Return the fields of a header in words; a derived field only where it is wrong."""
    lines = () if isinstance(header, UpperLayer) else _FIELDS[type(header)](header)
    wrong = [(name, getattr(header, name, None)) for name in _DERIVED]
    return (
        *lines,
        *(f"wrong {name.replace('_', ' ')} {value}" for name, value in wrong if value is not None),
    )


def _ipv6(header: IPv6Header) -> Lines:
    label = f"flow label {header.flow_label:#07x}" if header.flow_label else ""
    return _some(*_ends(header), *_class(header.traffic_class), label, f"hop limit {header.hop_limit}")


def _ipv4(header: IPv4Header) -> Lines:
    offset = f"fragment offset {header.fragment_offset * 8}" if header.fragment_offset else ""
    flags = f"flags {header.flags.name}" if header.flags else ""
    options = f"options {len(header.options)} octets" if header.options else ""
    service = _class(header.type_of_service)
    return _some(*_ends(header), *service, flags, offset, f"TTL {header.time_to_live}", options)


def _some(*lines: str) -> Lines:
    return tuple(line for line in lines if line)


def _ends(header: IPv6Header | IPv4Header) -> Lines:
    return (f"from {header.source}", f"to {header.destination}")


def _class(value: int) -> Lines:
    return _some(f"DSCP {value >> 2}" if value >> 2 else "", _ECN[value & 3])


def _options(header: OptionsHeader) -> Lines:
    return tuple(_OPTIONS[type(option)](option) for option in header.options)


_OPTIONS: Mapping[type[Option], Callable[[Any], str]] = {
    Pad1: lambda option: "Pad1",
    PadN: lambda option: f"PadN {2 + len(option.octets)} octets",
    HomeAddressOption: lambda option: f"{'care-of' if option.exchanged else 'home'} address {option.address}",
    RouterAlert: lambda option: f"router alert {option.value}",
    RawOption: lambda option: f"option {option.type}, {len(option.octets)} octets",
}


def _fragment(header: FragmentHeader) -> Lines:
    more = "more follow" if header.more is More.FOLLOWS else "the last"
    return (f"offset {header.offset * 8}, {more}", f"identification {header.identification:#x}")


def _mobility(header: MobilityHeader) -> Lines:
    name = _MESSAGES[header.type] if header.type < len(_MESSAGES) else "unknown"
    message = message_of(header)
    fields = () if isinstance(message, MobilityRefusal) else message_lines(message)
    return (f"type {header.type} ({name})", f"data {len(header.data)} octets", *fields)


def _tcp(header: TcpHeader) -> Lines:
    flags = [name for bit, name in enumerate(_TCP_FLAGS) if header.flags >> bit & 1]
    return _some(*_ports(header), " ".join(flags), f"sequence {header.sequence}")


def _ports(header: UdpHeader | TcpHeader) -> Lines:
    return (f"port {header.source_port} to {header.destination_port}",)


def _security(header: AuthenticationHeader | EspHeader) -> Lines:
    return (f"SPI {header.spi:#x}", f"sequence {header.sequence}")


def _icmp(header: IcmpV6Header | IcmpHeader) -> Lines:
    return (f"type {header.type}, code {header.code}",)


_FIELDS: Mapping[type, Callable[[Any], Lines]] = {
    IPv6Header: _ipv6,
    IPv4Header: _ipv4,
    HopByHopHeader: _options,
    DestinationOptionsHeader: _options,
    Type2RoutingHeader: lambda header: (f"address {header.address}", f"segments left {header.segments_left}"),
    RoutingHeader: lambda header: (f"type {header.type}", f"segments left {header.segments_left}"),
    FragmentHeader: _fragment,
    AuthenticationHeader: lambda header: (*_security(header), f"ICV {len(header.icv)} octets"),
    EspHeader: _security,
    IPCompHeader: lambda header: (f"CPI {header.cpi:#x}", f"of protocol {header.protocol}"),
    MobilityHeader: _mobility,
    UdpHeader: _ports,
    TcpHeader: _tcp,
    IcmpV6Header: _icmp,
    IcmpHeader: _icmp,
}
