"""What a real Linux 6.1 puts on the wire: the codec reads every packet, and writes the same octets again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from kernel.agreement import SEED
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult
from xfrmspec.scenario.protection import output_scenarios
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import home_address_header, is_home_address
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    EspHeader,
    IcmpV6Header,
    MobilityHeader,
    Packet,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption
from xfrmspec_terms.packet import UpperLayer

SCENARIOS = 400
WITH_CHECKSUM = (UdpHeader, TcpHeader, IcmpV6Header, MobilityHeader)


@pytest.fixture(scope="module")
def wire(uml: KernelSubject) -> tuple[bytes, ...]:
    """The packets that output scenarios put on the wire."""
    outcomes = uml.run_all(islice(output_scenarios(SEED), SCENARIOS))
    observations = [outcome for outcome in outcomes if isinstance(outcome, Observation)]
    results = [result for one in observations for result in one.results if isinstance(result, PacketResult)]
    return tuple(octets for result in results for octets in result.octets)


def read(octets: bytes) -> Packet:
    packet = decode(octets)
    assert isinstance(packet, Packet), (packet, octets.hex())
    return packet


def unwrapped(packet: Packet) -> Iterator[WireHeader]:
    """The headers of a packet and, behind ESP without encryption and ICV, those that it protects."""
    yield from packet.headers
    if isinstance(packet.headers[-1], EspHeader):
        padding, protocol = packet.payload[-2:]
        inner = packet.payload[: len(packet.payload) - 2 - padding]
        probe = Packet((*packet.headers[:-1], UpperLayer(protocol)), inner)
        yield from list(unwrapped(read(encode(probe))))[len(packet.headers) - 1 :]


@pytest.mark.clause("XFRM-PKT-001", "XFRM-PKT-002", "XFRM-PKT-005")
def test_every_packet_of_the_kernel_has_the_same_octets_again(wire: tuple[bytes, ...]) -> None:
    assert len(wire) > SCENARIOS // 4
    for octets in wire:
        assert encode(read(octets)) == octets


@pytest.mark.clause("XFRM-PKT-003", "XFRM-OPT-001", "XFRM-OPT-002")
def test_checksums_of_the_kernel_are_ours_whatever_was_put_in_before_them(wire: tuple[bytes, ...]) -> None:
    checked = set()
    for octets in wire:
        headers = tuple(unwrapped(read(octets)))
        upper = headers[-1]
        if isinstance(upper, WITH_CHECKSUM):
            assert upper.checksum is None, octets.hex()
            moved = {type(header) for header in headers} & {DestinationOptionsHeader, Type2RoutingHeader}
            checked.add((type(upper), bool(moved)))
    assert {(UdpHeader, True), (MobilityHeader, True), (UdpHeader, False)} <= checked


@pytest.mark.clause("XFRM-OPT-001", "XFRM-OPT-002")
def test_the_kernel_lays_out_its_mobility_headers_as_we_do(wire: tuple[bytes, ...]) -> None:
    seen: set[type] = set()
    for header in (header for octets in wire for header in unwrapped(read(octets))):
        if isinstance(header, Type2RoutingHeader):
            assert header == Type2RoutingHeader(header.address)
            seen.add(Type2RoutingHeader)
        elif isinstance(header, DestinationOptionsHeader):
            for option in filter(is_home_address, header.options):
                assert isinstance(option, HomeAddressOption)
                assert header == home_address_header(option.address)
                seen.add(HomeAddressOption)
    assert seen == {Type2RoutingHeader, HomeAddressOption}
