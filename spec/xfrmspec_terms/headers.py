"""Packets as values: one class for each header, and the chain of them with the payload behind.

A field that follows from the rest (a length, a next header, a checksum) is None, which means right. A number
instead is what stands on the wire although it is wrong; so a damaged packet can be said, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag
from ipaddress import IPv4Address, IPv6Address

from xfrmspec_terms.options import Option
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.selector import Protocol

DEFAULT_HOP_LIMIT = 64


@dataclass(frozen=True, slots=True)
class IPv6Header:
    """40 octets: traffic class (8 bits), flow label (20), hop limit (8). Source: RFC 8200 3.

    `payload_length` counts octets behind the header.
    """

    source: IPv6Address
    destination: IPv6Address
    traffic_class: int = 0
    flow_label: int = 0
    hop_limit: int = DEFAULT_HOP_LIMIT
    payload_length: int | None = None
    next_header: int | None = None


class IPv4Flags(IntFlag):
    """The three bits before the fragment offset of an IPv4 header."""

    NONE = 0
    MORE_FRAGMENTS = 1
    DONT_FRAGMENT = 2
    RESERVED = 4


@dataclass(frozen=True, slots=True)
class IPv4Header:
    """20 octets and the options, whose octets are a multiple of four, at most 40. Source: RFC 791 3.1.

    `fragment_offset` counts 8-octet units (13 bits), `header_length` 4-octet words, `total_length` octets.
    """

    source: IPv4Address
    destination: IPv4Address
    type_of_service: int = 0
    identification: int = 0
    flags: IPv4Flags = IPv4Flags.NONE
    fragment_offset: int = 0
    time_to_live: int = DEFAULT_HOP_LIMIT
    options: bytes = b""
    header_length: int | None = None
    total_length: int | None = None
    protocol: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class HopByHopHeader:
    """Options for every router; with the two octets before them a multiple of 8. Source: RFC 8200 4.3.

    `length` counts 8-octet units behind the first. Padding is given as options.
    """

    options: tuple[Option, ...]
    length: int | None = None
    next_header: int | None = None


@dataclass(frozen=True, slots=True)
class DestinationOptionsHeader:
    """Options for the destination, the home address among them; sized like HopByHopHeader. RFC 8200 4.6."""

    options: tuple[Option, ...]
    length: int | None = None
    next_header: int | None = None


@dataclass(frozen=True, slots=True)
class Type2RoutingHeader:
    """24 octets. With segments left 1 it holds the home address, the IPv6 header the care-of address.

    Source: XFRM-OPT-002, RFC 6275 6.4.
    """

    address: IPv6Address
    segments_left: int = 1
    reserved: int = 0
    length: int | None = None
    next_header: int | None = None


@dataclass(frozen=True, slots=True)
class RoutingHeader:
    """Any other routing header; `octets` are those behind segments left, 4 modulo 8. RFC 8200 4.4."""

    type: int
    segments_left: int
    octets: bytes
    length: int | None = None
    next_header: int | None = None


class More(Enum):
    """Whether fragments follow this one: the M flag."""

    LAST = 0
    FOLLOWS = 1


@dataclass(frozen=True, slots=True)
class FragmentHeader:
    """8 octets; `offset` counts 8-octet units (13 bits), `identification` has 32 bits. RFC 8200 4.5.

    `reserved` is the second octet, `reserved_bits` the two bits before the M flag.
    """

    offset: int
    more: More
    identification: int
    reserved: int = 0
    reserved_bits: int = 0
    next_header: int | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationHeader:
    """12 octets and the ICV with its padding, a multiple of four octets. Source: RFC 4302 2.

    `length` counts 4-octet words less two. `spi` and `sequence` have 32 bits.
    """

    spi: int
    sequence: int
    icv: bytes
    reserved: int = 0
    length: int | None = None
    next_header: int | None = None


@dataclass(frozen=True, slots=True)
class EspHeader:
    """SPI and sequence number (32 bits each); whatever is behind is opaque payload. Source: RFC 4303 2."""

    spi: int
    sequence: int


@dataclass(frozen=True, slots=True)
class IPCompHeader:
    """Compression parameter index (16 bits) and the protocol of what is compressed. RFC 3173 3.1."""

    protocol: int
    cpi: int
    flags: int = 0


@dataclass(frozen=True, slots=True)
class MobilityHeader:
    """Six octets and the message data, together a multiple of 8 octets. Source: RFC 6275 6.1.

    `length` counts 8-octet units behind the first; `payload_protocol` should be 59.
    """

    type: int
    data: bytes
    payload_protocol: int = int(Protocol.NO_NEXT_HEADER)
    reserved: int = 0
    length: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class UdpHeader:
    """8 octets; `length` counts octets, header and payload. Source: RFC 768."""

    source_port: int
    destination_port: int
    length: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class TcpHeader:
    """20 octets and the options, a multiple of four octets. Source: RFC 9293 3.1.

    `flags` are the 12 bits behind the data offset, reserved ones included; `data_offset` counts words.
    """

    source_port: int
    destination_port: int
    sequence: int = 0
    acknowledgment: int = 0
    flags: int = 0
    window: int = 0
    urgent: int = 0
    options: bytes = b""
    data_offset: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class IcmpV6Header:
    """8 octets: type, code, checksum, and four octets whose meaning the type decides. RFC 4443 2.1.

    In an error message the payload quotes the packet that caused it.
    """

    type: int
    code: int = 0
    body: bytes = bytes(4)
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class IcmpHeader:
    """The ICMP of IPv4, of the same layout without a pseudo-header in its checksum. RFC 792."""

    type: int
    code: int = 0
    body: bytes = bytes(4)
    checksum: int | None = None


IpHeader = IPv6Header | IPv4Header
OptionsHeader = HopByHopHeader | DestinationOptionsHeader
ExtensionHeader = OptionsHeader | Type2RoutingHeader | RoutingHeader | FragmentHeader | AuthenticationHeader
"""Headers behind an IP header that name the protocol of what follows them."""

UpperHeader = (
    EspHeader | IPCompHeader | MobilityHeader | UdpHeader | TcpHeader | IcmpV6Header | IcmpHeader | UpperLayer
)
"""Headers behind which only payload comes; UpperLayer has no octets and gives the payload its protocol."""

WireHeader = IpHeader | ExtensionHeader | UpperHeader


@dataclass(frozen=True, slots=True)
class Packet:
    """Headers, outermost first, and the payload octets behind the last of them.

    The first header is an IP header, the last one an upper header; a tunnel is an IP header in between.
    Behind a fragment header that is not the whole packet, the rest is UpperLayer and payload.
    Source: XFRM-PKT-001.
    """

    headers: tuple[WireHeader, ...]
    payload: bytes = b""


class Fault(Enum):
    """Why octets are no packet; the value is printed."""

    TRUNCATED = "the packet ends before its headers and lengths say"
    TRAILING = "octets stand behind the end of the packet"
    VERSION = "the version is neither 4 nor 6"
    LENGTH = "a length is smaller than the header itself"
    OPTION = "an option runs past the end of its header"
    HOP_BY_HOP_PLACE = "a hop-by-hop header does not follow the IPv6 header"


@dataclass(frozen=True, slots=True)
class Malformed:
    """Octets that are no packet: why, at which octet, and the headers that were whole before it.

    For TRUNCATED the offset is that of the first missing octet, otherwise that of the field at fault.
    Source: XFRM-PKT-004.
    """

    fault: Fault
    offset: int
    headers: tuple[WireHeader, ...] = ()

    def __str__(self) -> str:
        return f"octet {self.offset}: {self.fault.value}"
