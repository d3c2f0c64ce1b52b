"""Generators of packets: every header, tunnels in tunnels, and octets with damage."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import padded
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    DestinationOptionsHeader,
    EspHeader,
    FragmentHeader,
    HopByHopHeader,
    IcmpHeader,
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
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, OptionType, Pad1, PadN, RawOption, RouterAlert
from xfrmspec_terms.packet import UpperLayer

octet = st.integers(0, 0xFF)
half_word = st.integers(0, 0xFFFF)
word = st.integers(0, 0xFFFFFFFF)
addresses6 = st.integers(0, 2**128 - 1).map(IPv6Address)
addresses4 = word.map(IPv4Address)
payloads = st.binary(max_size=40)


def units(unit: int, behind: int, most: int = 4) -> st.SearchStrategy[bytes]:
    """Octets whose length and `behind` together are a multiple of `unit`."""
    sizes = st.integers(0 if behind % unit == 0 else 1, most).map(lambda n: n * unit - behind % unit)
    return sizes.flatmap(lambda size: st.binary(min_size=size, max_size=size))


raw_options = st.builds(RawOption, octet, st.binary(max_size=20)).filter(
    lambda option: option.type not in OptionType._value2member_map_
)
options = st.one_of(
    st.just(Pad1()),
    st.builds(PadN, st.binary(max_size=7)),
    st.builds(HomeAddressOption, addresses6),
    st.builds(RouterAlert, half_word),
    st.builds(RawOption, st.just(int(OptionType.HOME_ADDRESS)), st.binary(max_size=15)),
    raw_options,
)
option_lists = st.lists(options, max_size=4).map(padded)

ipv6_headers = st.builds(IPv6Header, addresses6, addresses6, octet, st.integers(0, 0xFFFFF), octet)
ipv4_headers = st.builds(
    IPv4Header,
    addresses4,
    addresses4,
    octet,
    half_word,
    st.sampled_from((IPv4Flags.NONE, IPv4Flags.DONT_FRAGMENT, IPv4Flags.RESERVED)),
    st.just(0),
    octet,
    units(4, 0),
)
type2_headers = st.builds(Type2RoutingHeader, addresses6, octet, word)
routing_headers = st.builds(RoutingHeader, octet.filter(lambda kind: kind != 2), octet, units(8, 4, 6))
whole_fragments = st.builds(FragmentHeader, st.just(0), st.just(More.LAST), word, octet, st.integers(0, 3))
authentication_headers = st.builds(AuthenticationHeader, word, word, units(4, 0), half_word)
destination_headers = st.builds(DestinationOptionsHeader, option_lists)

extensions6 = st.one_of(
    destination_headers, type2_headers, routing_headers, whole_fragments, authentication_headers
)

both_uppers = st.one_of(
    st.builds(EspHeader, word, word),
    st.builds(IPCompHeader, octet, half_word, octet),
    st.builds(UdpHeader, half_word, half_word),
    st.builds(
        TcpHeader, half_word, half_word, word, word, st.integers(0, 0xFFF), half_word, half_word, units(4, 0)
    ),
    st.sampled_from((47, 59, 132, 136, 253)).map(UpperLayer),
)
mobility_headers = st.builds(MobilityHeader, octet, units(8, 6), octet, octet)
icmpv6_headers = st.builds(IcmpV6Header, octet, octet, st.binary(min_size=4, max_size=4))
icmp_headers = st.builds(IcmpHeader, octet, octet, st.binary(min_size=4, max_size=4))

pieces = st.builds(
    FragmentHeader, st.integers(0, 0x1FFF), st.just(More.FOLLOWS), word, octet, st.integers(0, 3)
)
Chain = tuple[WireHeader, ...]


def _behind(first: st.SearchStrategy[WireHeader], rest: st.SearchStrategy[Chain]) -> st.SearchStrategy[Chain]:
    return st.builds(lambda header, others: (header, *others), first, rest)


@st.composite
def chains(draw: st.DrawFn, depth: int = 2) -> Chain:
    """Header chains that a packet can have, with up to `depth` IP headers inside the first."""
    if draw(st.integers(0, 2)):
        return (draw(ipv6_headers), *draw(_ipv6_rest(depth)))
    return (draw(ipv4_headers), *draw(_ipv4_rest(depth)))


@st.composite
def _ipv6_rest(draw: st.DrawFn, depth: int) -> Chain:
    hops = draw(st.lists(st.builds(HopByHopHeader, option_lists), max_size=1))
    middle = (*hops, *draw(st.lists(extensions6, max_size=4)))
    if draw(st.integers(0, 7)) == 0:
        return (*middle, draw(pieces), UpperLayer(draw(octet)))
    if depth and draw(st.integers(0, 3)) == 0:
        return (*middle, *draw(chains(depth - 1)))
    return (*middle, draw(st.one_of(both_uppers, mobility_headers, icmpv6_headers)))


@st.composite
def _ipv4_rest(draw: st.DrawFn, depth: int) -> Chain:
    middle = draw(st.lists(authentication_headers, max_size=2))
    if depth and draw(st.integers(0, 3)) == 0:
        return (*middle, *draw(chains(depth - 1)))
    return (*middle, draw(st.one_of(both_uppers, icmp_headers)))


packets = st.builds(Packet, chains(), payloads)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Octets of a packet in which a few octets were changed, cut off or added."""
    octets = bytearray(encode(draw(packets)))
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(octet)
    end = draw(st.sampled_from((len(octets), len(octets), draw(st.integers(0, len(octets))))))
    return bytes(octets[:end]) + draw(st.sampled_from((b"", b"", b"\0", b"\xff" * 9)))
