"""Damaged mobility headers before the nodes of a world: no node falls, and each does what is due."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from random import Random

import pytest
from malformed_messages import (
    CARE_OF,
    MESSAGES,
    NOW,
    Due,
    Trial,
    Way,
    agrees,
    by_chance,
    due,
    octets_of,
    optimised,
    packet_of,
    put_before,
    truncations,
    with_checksum,
    wrong_lengths,
)

from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec.wire.route_optimisation import add_home_address, add_type2_routing
from xfrmspec.world.attacks.forging import echo
from xfrmspec.world.attacks.places import THIEF
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS
from xfrmspec.world.receiving import Setting, take
from xfrmspec.world.telling import settle
from xfrmspec_terms.daemon import Unbound
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet
from xfrmspec_terms.mobility import UnknownMessage

UNKNOWN = bytes.fromhex("3b00090000000000")


@pytest.mark.clause("XFRM-MH-006", "XFRM-PKT-004", "XFRM-RECV-001")
@pytest.mark.parametrize("way", list(Way))
def test_every_truncation_of_every_message(way: Way) -> None:
    trials = list(truncations(way))
    assert len(trials) == 2 * sum(len(whole) for whole in map(octets_of, MESSAGES))
    assert [trial for trial in trials if not agrees(trial)] == []


@pytest.mark.clause("XFRM-MH-002", "XFRM-MH-003", "XFRM-MH-006", "XFRM-MH-007", "XFRM-WORLD-012")
@pytest.mark.parametrize(
    ("way", "profile"),
    [
        (Way.CORRESPONDENT, "clean"),
        (Way.CORRESPONDENT, "linux-6.1"),
        (Way.BOUND, "linux-6.1"),
        (Way.ROUTED, "clean"),
    ],
)
def test_every_length_octet_wrong(way: Way, profile: str) -> None:
    trials = list(wrong_lengths(way, profile))
    assert {due(trial) for trial in trials} == {Due.SILENCE, Due.WRONG_LENGTH, Due.JUDGED}
    assert [trial for trial in trials if not agrees(trial)] == []


@pytest.mark.clause("XFRM-MH-006", "XFRM-MH-007", "XFRM-MH-008", "XFRM-WORLD-012", "XFRM-CN-033")
def test_two_thousand_headers_by_chance() -> None:
    random = Random(20261126)
    trials = [by_chance(random) for _ in range(2000)]
    assert {due(trial) for trial in trials} == set(Due)
    assert [trial for trial in trials if not agrees(trial)] == []


@pytest.mark.clause("XFRM-WORLD-012", "XFRM-CN-034")
def test_a_mobile_node_complains_about_unknown_types_itself_and_not_too_often() -> None:
    """The mobile node is no correspondent node, so none of its machines answers."""
    trial = Trial(Way.MOBILE, with_checksum(Way.MOBILE, UNKNOWN))
    first = put_before(trial)
    assert len(first.frames) == 1 and not first.heard
    packet = packet_of(trial)
    soon = take(first.station, packet, Setting(optimised("clean").topology, NOW + 100))
    later = take(first.station, packet, Setting(optimised("clean").topology, NOW + 101))
    assert (len(soon.frames), len(later.frames)) == (0, 1)


@pytest.mark.clause("XFRM-WORLD-012")
@pytest.mark.parametrize("source", ["::", "ff02::1"])
def test_nobody_in_particular_gets_an_answer(source: str) -> None:
    station = optimised("clean").stations["R"]
    address = next(iter(station.node.addresses))
    assert isinstance(address, IPv6Address)
    packet = Packet((IPv6Header(IPv6Address(source), address), header_of(UnknownMessage(9))))
    handled = take(station, encode(packet), Setting(optimised("clean").topology, NOW))
    assert handled.frames == ()
    assert [lost.why for lost in handled.losses] == ["nobody listens, XFRM-MH-008"]


@pytest.mark.clause("XFRM-ROUTE-001", "XFRM-WORLD-012")
def test_a_routing_header_whose_hops_are_used_up_is_answered_by_time_exceeded() -> None:
    packet = add_type2_routing(echo(CORRESPONDENT, HOME_ADDRESS), CARE_OF)
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    octets = encode(replace(packet, headers=(replace(outer, hop_limit=1), *packet.headers[1:])))
    world = optimised("clean")
    (frame,) = take(world.stations["MN"], octets, Setting(world.topology, NOW)).frames
    answer = decode(frame.octets)
    assert isinstance(answer, Packet)
    upper = answer.headers[-1]
    assert isinstance(upper, IcmpV6Header) and (upper.type, upper.code) == (3, 0)
    assert answer.payload == octets


@pytest.mark.clause("XFRM-HAO-005", "XFRM-WORLD-013")
def test_the_limiter_leaves_out_a_second_report_of_one_packet_only() -> None:
    world = optimised("clean")
    octets = encode(add_home_address(echo(HOME_ADDRESS, CORRESPONDENT), THIEF))

    first = take(world.stations["CN"], octets, Setting(world.topology, NOW, number=1))
    again = take(first.station, octets, Setting(world.topology, NOW, number=1))
    another = take(again.station, octets, Setting(world.topology, NOW, number=2))
    unbound = Unbound(THIEF, HOME_ADDRESS, CORRESPONDENT)
    assert [one.told for one in (first, again, another)] == [(unbound,), (), (unbound,)]


@pytest.mark.clause("XFRM-PKT-003", "XFRM-WORLD-005")
def test_an_echo_request_with_a_wrong_checksum_is_not_answered() -> None:
    world = optimised("clean")
    octets = bytearray(encode(echo(THIEF, CORRESPONDENT)))
    setting = Setting(world.topology, NOW)
    assert len(take(world.stations["CN"], bytes(octets), setting).frames) == 1
    octets[-1] ^= 1
    handled = settle(take(world.stations["CN"], bytes(octets), setting), world.topology, NOW)
    assert handled.frames == () and [lost.why for lost in handled.losses] == ["the checksum is wrong"]
