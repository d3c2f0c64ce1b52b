"""Lives of mobile nodes on a real kernel: every packet, every table and every counter is the reference's.

Daemons and cables are ours; everything between a socket and a cable is Linux, one namespace for each node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv6Address

import pytest

from kernel.conftest import absent, own_core
from xfrmspec.kernel.backends import uml_worlds
from xfrmspec.kernel.uml import KernelMissingError
from xfrmspec.kernel.world_compare import reference_policies, reference_states
from xfrmspec.kernel.world_run import Compared
from xfrmspec.mipv6.home_agent_settings import HomeAgent
from xfrmspec.mipv6.recipes.terms import CloseTunnel, MoveTunnel, OpenTunnel, Protection, StandAside, StandIn
from xfrmspec.scenario.terms import DeleteState, Migrate
from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.decode import decode
from xfrmspec.world.acting import PING_IDENTIFIER
from xfrmspec.world.cast import (
    CORRESPONDENT,
    HOME_ADDRESS,
    LINKS,
    MOBILE_PLUG,
    ROUTER_INSIDE,
    SECOND_HOME_ADDRESS,
    SECOND_PLUG,
    Casting,
    usual_world,
)
from xfrmspec.world.plan import Action, Ping, Planned, Replug
from xfrmspec.world.story import packet_text
from xfrmspec.world.weather import Weather
from xfrmspec.world.world import World
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.headers import IPv6Header, Packet
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.packet import header_name
from xfrmspec_terms.policy import Policy, PolicyType
from xfrmspec_terms.profile import LINUX_6_1

ON_A = IPv6Address("2001:db8:a::ff:fe00:505")


@dataclass(frozen=True)
class Life:
    """Every event of a world, seen alike by both."""

    events: tuple[Compared, ...]

    def at(self, second: float) -> World:
        """The world after everything up to a second."""
        return [event.turn.world for event in self.events if event.turn.world.now <= second * SECOND][-1]

    def packets(self, since: float = 0, until: float = 1000) -> list[Packet]:
        """Every packet on every link in a time, more than once if it crosses more than one."""
        sent = [one for event in self.events for one in event.turn.sent]
        found = [decode(one.frame.octets) for one in sent if since * SECOND <= one.at <= until * SECOND]
        return [packet for packet in found if isinstance(packet, Packet)]

    def chains(self, since: float = 0, until: float = 1000) -> set[str]:
        """The header chains that were seen."""
        packets = self.packets(since, until)
        return {" ".join(header_name(element) for element in chain_of(packet)) for packet in packets}

    def texts(self, since: float = 0, until: float = 1000) -> list[str]:
        """Every packet on a line."""
        return [packet_text(packet) for packet in self.packets(since, until)]

    def asked(self, station: str, since: float = 0, until: float = 1000) -> list[object]:
        """What a daemon asked of its kernel in a time; nothing of it was refused but where both say so."""
        return [
            operation
            for event in self.events
            if since * SECOND <= event.turn.world.now <= until * SECOND
            for operation, _ in event.seen.operations.get(station, [])
        ]

    def policies(self, station: str, second: float) -> list[Policy]:
        """A node's policies, which are those of the kernel, the strongest first."""
        node = self.at(second).stations[station].node
        return sorted((entry.policy for entry in node.tables.policies), key=lambda one: one.priority)

    def tables(self, station: str, second: float) -> str:
        """A node's policies and states, which are those of the kernel, as text."""
        node = self.at(second).stations[station].node
        return f"{reference_policies(node)} {reference_states(node)}"

    def answered(self, number: int, station: str = "MN") -> bool:
        """Whether a station read the echo reply with a number."""
        bodies = [echo.body[:4] for event in self.events for echo in event.seen.echoes.get(station, [])]
        return PING_IDENTIFIER + number.to_bytes(2, "big") in bodies


@pytest.fixture(scope="module")
def play() -> Iterator[Callable[[World, float], Life]]:
    try:
        subject = uml_worlds(core=own_core())
    except KernelMissingError as missing:
        absent(str(missing))

    def lived(world: World, until: float) -> Life:
        events = subject.play(world, int(until * SECOND))
        assert not events[-1].unlike, str(events[-1])
        return Life(events)

    with subject:
        yield lived


def plan(*steps: tuple[float, Action]) -> tuple[Planned, ...]:
    return tuple(Planned(int(at * SECOND), action) for at, action in steps)


def ask(number: int, peer: IPv6Address = CORRESPONDENT) -> Ping:
    return Ping("MN", HOME_ADDRESS, peer, number)


def answer(number: int) -> Ping:
    return Ping("CN", CORRESPONDENT, HOME_ADDRESS, number)


LIFE = plan(
    (1, ask(1)),
    (3, Replug(MOBILE_PLUG, "A")),
    (3.5, ask(2)),
    (8, ask(3)),
    (9, answer(4)),
    (10, ask(5)),
    (12, Replug(MOBILE_PLUG, "B")),
    (14, ask(6)),
    (15, answer(7)),
    (16, Replug(MOBILE_PLUG, "home")),
    (18, ask(8)),
    (19, answer(9)),
)
"""At home, registered from A, direct, moved to B, back home."""


@pytest.fixture(scope="module")
def life(play: Callable[[World, float], Life]) -> Callable[[Protection], Life]:
    @cache
    def lived(protection: Protection) -> Life:
        casting = Casting(protection=protection, profile=LINUX_6_1)
        return play(usual_world(casting).planning(*LIFE), 20)

    return lived


Lives = Callable[[Protection], Life]
Play = Callable[[World, float], Life]
each_protection = pytest.mark.parametrize("protection", list(Protection), ids=lambda one: one.value)
with_routes = pytest.mark.parametrize(
    "protection", [Protection.NONE, Protection.SIGNALLING, Protection.TESTS], ids=lambda one: one.value
)

PLAIN = {"MH", "ICMPv6", "HAO MH", "RT2 MH", "IP MH", "IP ICMPv6", "HAO ICMPv6", "RT2 ICMPv6"}
PAYLOAD = Protection.PAYLOAD
MAIN_PRIORITIES = {
    Protection.NONE: set[int](),
    Protection.SIGNALLING: {20},
    Protection.TESTS: {20, 40, 50},
    Protection.PAYLOAD: {10, 20, 60},
}
SEEN = {
    Protection.NONE: PLAIN,
    Protection.SIGNALLING: PLAIN | {"HAO ESP", "RT2 ESP", "ESP"},
    Protection.TESTS: PLAIN - {"IP MH"} | {"HAO ESP", "RT2 ESP", "ESP"},
    Protection.PAYLOAD: {"ICMPv6", "HAO ESP", "RT2 ESP", "ESP"},
}


@each_protection
@pytest.mark.clause("XFRM-DAEMON-002", "XFRM-DAEMON-021", "XFRM-DAEMON-022", "XFRM-DAEMON-023")
def test_links_carry_these_packets_and_no_others(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    assert lived.chains() == SEEN[protection]
    assert not [event for event in lived.events if event.seen.failures]


@each_protection
@pytest.mark.clause("XFRM-DAEMON-024", "XFRM-DAEMON-025", "XFRM-DAEMON-034", "XFRM-WORLD-006")
def test_a_mobile_node_registers_with_its_home_agent(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    protected = protection is not Protection.NONE
    assert lived.chains(3.001, 3.4) == {"ICMPv6", "HAO ESP" if protected else "HAO MH"}
    assert ("RT2 ESP" if protected else "RT2 MH") in lived.chains(4, 4.5)
    assert any(isinstance(one, StandIn) for one in lived.asked("HA", 3, 5))
    assert lived.answered(1) and lived.answered(3)


@each_protection
@pytest.mark.clause("XFRM-DAEMON-038")
def test_nothing_else_leaves_while_a_registration_is_pending(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    refusals = [(event.turn.world.now, *one) for event in lived.events for one in event.seen.refusals]
    assert refusals == [(3500, "MN", Errno.EPERM)]
    assert not lived.answered(2)


@pytest.mark.clause("XFRM-DAEMON-026", "XFRM-DAEMON-028", "XFRM-WORLD-004")
def test_which_packets_go_through_which_tunnel(life: Lives) -> None:
    devices = {
        protection: any(isinstance(one, OpenTunnel) for one in life(protection).asked("MN"))
        for protection in Protection
    }
    assert devices == {protection: protection is not Protection.PAYLOAD for protection in Protection}
    assert life(Protection.PAYLOAD).chains(8, 8.9) == {"ESP", "ICMPv6"}
    first = life(Protection.TESTS).texts(8, 8.1)
    assert any("MH CoTI" in text for text in first)
    assert not any("HoTI" in text for text in first if "2001:db8:a::" in text)


@each_protection
@pytest.mark.clause("XFRM-DAEMON-027", "XFRM-DAEMON-036", "XFRM-DAEMON-041")
def test_a_movement_moves_what_holds_the_care_of_address(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    wanted = Migrate if protection is Protection.PAYLOAD else MoveTunnel
    for station in ("MN", "HA"):
        assert any(isinstance(one, wanted) for one in lived.asked(station, 12, 13))
    for name in ("MN", "HA", "CN"):
        assert "2001:db8:a::ff:fe00:505" in lived.tables(name, 11) or (name, protection) == ("CN", PAYLOAD)
        assert "2001:db8:a::ff:fe00:505" not in lived.tables(name, 15.9)
    for packet in lived.packets(14, 15.9):
        outer = packet.headers[0]
        assert isinstance(outer, IPv6Header)
        assert ON_A not in (outer.source, outer.destination)
    assert lived.answered(6) and lived.answered(7, "CN")


@with_routes
@pytest.mark.clause("XFRM-DAEMON-030", "XFRM-DAEMON-031", "XFRM-DAEMON-035")
def test_routes_are_optimised_both_ways(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    assert lived.chains(9, 11) == {"HAO ICMPv6", "RT2 ICMPv6", "ICMPv6"}
    ends = {text.split(" HAO")[0] for text in lived.texts(10, 10.1) if "HAO" in text}
    assert ends == {f"{ON_A} > {CORRESPONDENT}"}
    assert all(lived.answered(number) for number in (3, 5, 6)) and lived.answered(4, "CN")


@with_routes
@pytest.mark.clause("XFRM-DAEMON-032")
def test_a_movement_takes_a_route_back_to_the_tunnel_and_then_anew(
    life: Lives, protection: Protection
) -> None:
    lived = life(protection)
    stages = [
        stage.kind.value
        for event in lived.events
        if 12 * SECOND <= event.turn.world.now < 14 * SECOND
        for handled in event.turn.handled
        for stage in handled.stages
        if handled.station.name == "MN"
    ]
    assert stages == ["registering", "fell back to the tunnel", "registered", "testing", "optimised"]


@each_protection
@pytest.mark.clause("XFRM-DAEMON-033", "XFRM-DAEMON-039")
def test_nothing_is_left_at_home(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    first, last = lived.events[0].turn.world, lived.events[-1].turn.world
    for name in first.stations:
        before, after = first.stations[name].node, last.stations[name].node
        assert reference_policies(before) == reference_policies(after)
        assert reference_states(before) == reference_states(after)
    assert any(isinstance(one, StandAside) for one in lived.asked("HA", 16, 17))
    closed = any(isinstance(one, CloseTunnel) for one in lived.asked("MN", 16, 17))
    assert closed == (protection is not Protection.PAYLOAD)
    assert lived.chains(18) == {"ICMPv6"}
    assert lived.answered(8) and lived.answered(9, "CN")


@each_protection
@pytest.mark.clause("XFRM-DAEMON-040", "XFRM-DAEMON-043")
def test_signalling_meets_its_own_policies_whatever_stands(life: Lives, protection: Protection) -> None:
    lived = life(protection)
    to_agent = [text for text in lived.texts() if "BU" in text and "2001:db8:1::1 " in text]
    assert bool(to_agent) == (protection is Protection.NONE)
    main = {policy.priority for policy in lived.policies("MN", 11) if policy.type is PolicyType.MAIN}
    assert main == MAIN_PRIORITIES[protection]


@pytest.mark.clause("XFRM-DAEMON-019")
def test_every_meaning_has_its_priority(life: Lives) -> None:
    lived = life(Protection.NONE)
    away = [policy.priority for policy in lived.policies("MN", 11) if policy.type is PolicyType.SUB]
    assert set(away) == {10, 20, 40, 50, 60, 70, 80}
    pending = [policy.priority for policy in lived.policies("MN", 3.4)]
    assert 30 in pending and 70 not in pending


@each_protection
@pytest.mark.clause("XFRM-DAEMON-020")
def test_no_request_is_in_vain(life: Lives, protection: Protection) -> None:
    """What stands is not added again, and what is deleted is there, but for larval states of a trigger."""
    lived = life(protection)
    refused = [
        operation
        for event in lived.events
        for operations in event.seen.operations.values()
        for operation, errno in operations
        if errno
    ]
    assert all(isinstance(operation, DeleteState) for operation in refused), refused
    assert len(refused) <= 2


TOGETHER = plan(
    (1, ask(1, SECOND_HOME_ADDRESS)),
    (3, Replug(MOBILE_PLUG, "A")),
    (3.3, Replug(SECOND_PLUG, "B")),
    (8, ask(2, SECOND_HOME_ADDRESS)),
    (9, ask(3, SECOND_HOME_ADDRESS)),
    (10, Ping("M2", SECOND_HOME_ADDRESS, HOME_ADDRESS, 4)),
    (11, Replug(MOBILE_PLUG, "B")),
    (13, ask(5, SECOND_HOME_ADDRESS)),
    (14, Replug(MOBILE_PLUG, "home")),
    (16, Ping("M2", SECOND_HOME_ADDRESS, HOME_ADDRESS, 6)),
    (17, Replug(SECOND_PLUG, "home")),
    (20, Ping("M2", SECOND_HOME_ADDRESS, HOME_ADDRESS, 7)),
)


@pytest.mark.parametrize("protection", [Protection.TESTS, Protection.PAYLOAD], ids=lambda one: one.value)
@pytest.mark.clause("XFRM-DAEMON-037", "XFRM-DAEMON-027")
def test_two_mobile_nodes_find_each_other_wherever_they_are(play: Play, protection: Protection) -> None:
    casting = Casting(protection=protection, profile=LINUX_6_1, mobiles=("MN", "M2"))
    lived = play(usual_world(casting).planning(*TOGETHER), 21)
    assert all(lived.answered(number) for number in (1, 2, 3, 5))
    assert all(lived.answered(number, "M2") for number in (4, 6, 7))
    assert ("RT2 HAO ICMPv6" in lived.chains(9, 9.1)) == (protection is Protection.TESTS)
    first, last = lived.events[0].turn.world, lived.events[-1].turn.world
    for name in ("MN", "M2", "HA"):
        before, after = first.stations[name].node, last.stations[name].node
        assert reference_policies(before) == reference_policies(after)


@pytest.mark.clause("XFRM-DAEMON-029")
def test_a_refused_mobile_node_sends_binding_updates_and_nothing_else(play: Play) -> None:
    world = usual_world(Casting(protection=Protection.SIGNALLING, profile=LINUX_6_1))
    station = world.stations["HA"]
    assert station.daemon is not None and station.daemon.agent is not None
    settings = replace(station.daemon.agent.settings, prohibited=frozenset({HOME_ADDRESS}))
    refusing = replace(station, daemon=replace(station.daemon, agent=HomeAgent(settings)))
    steps = plan((1, ask(1)), (3, Replug(MOBILE_PLUG, "A")), (8, ask(2)), (9, answer(3)))
    lived = play(world.with_station(refusing).planning(*steps), 10)
    assert [one for event in lived.events for one in event.seen.refusals] == [("MN", Errno.EPERM)]
    assert lived.chains(3.001, 8.9) == {"ICMPv6", "HAO ESP", "RT2 ESP"}
    assert lived.answered(1) and not lived.answered(2) and not lived.answered(3, "CN")


@pytest.mark.clause("XFRM-MH-008", "XFRM-DAEMON-032")
def test_a_peer_without_mobile_ipv6_answers_with_a_parameter_problem(play: Play) -> None:
    steps = plan((3, Replug(MOBILE_PLUG, "A")), (8, ask(1, ROUTER_INSIDE)), (9, ask(2, ROUTER_INSIDE)))
    lived = play(usual_world(Casting(profile=LINUX_6_1)).planning(*steps), 10)
    assert any("parameter problem" in text for text in lived.texts())
    assert lived.chains(9) <= {"IP ICMPv6", "ICMPv6"}
    assert lived.answered(1) and lived.answered(2)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.clause("XFRM-WORLD-005")
def test_in_bad_weather_every_packet_is_still_the_reference_s(play: Play, seed: int) -> None:
    bad = {link.name: Weather(15, 15, 1, 40) for link in LINKS}
    casting = Casting(protection=Protection.TESTS, profile=LINUX_6_1, weather=bad, seed=seed)
    lived = play(usual_world(casting).planning(*LIFE), 20)
    fates = {min(len(sent.delays), 2) for event in lived.events for sent in event.turn.sent}
    assert fates == {0, 1, 2}
