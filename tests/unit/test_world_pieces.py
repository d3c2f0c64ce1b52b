"""Links, weather, routes, advertisements and scenario files of the world."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.cli import main
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.world.advertisements import advertised, advertisement_packet
from xfrmspec.world.cast import (
    CORRESPONDENT,
    HOME_ADDRESS,
    HOME_AGENT,
    LINKS,
    MOBILE_PLUG,
    Casting,
    usual_world,
)
from xfrmspec.world.invariants import Broken
from xfrmspec.world.links import ALL_NODES, Link
from xfrmspec.world.lives import live
from xfrmspec.world.plan import Inject, Ping, Planned, Replug
from xfrmspec.world.play import PlayError, read_play
from xfrmspec.world.routing import Neighbour, neighbour_for
from xfrmspec.world.starting import started
from xfrmspec.world.station import Frame
from xfrmspec.world.turning import next_time, turn, turns
from xfrmspec.world.weather import Weather, carry
from xfrmspec.world.world import Flight, World, receivers
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet

SEEDS = st.binary(min_size=1, max_size=8)


@pytest.mark.clause("XFRM-WORLD-003")
@given(SEEDS, st.integers(0, 100), st.integers(0, 100), st.integers(1, 50), st.integers(0, 50))
def test_weather_keeps_its_bounds_and_the_same_chance_gives_the_same_fate(
    seed: bytes, loss: int, copies: int, least: int, more: int
) -> None:
    weather = Weather(loss, copies, least, least + more)
    carried = carry(weather, Entropy(seed))
    assert carried == carry(weather, Entropy(seed))
    assert all(least <= delay <= least + more for delay in carried.delays)
    assert len(carried.delays) <= 2 if copies else len(carried.delays) <= 1


@pytest.mark.clause("XFRM-WORLD-003")
def test_the_shares_of_lost_and_copied_frames_are_those_asked_for() -> None:
    weather, entropy, fates = Weather(30, 10, 1, 20), Entropy(b"shares"), [0, 0, 0]
    for _ in range(4000):
        carried = carry(weather, entropy)
        entropy = carried.entropy
        fates[len(carried.delays)] += 1
    assert abs(fates[0] - 1200) < 150 and abs(fates[2] - 280) < 80


@pytest.mark.parametrize("words", [{"loss": 101}, {"copies": -1}, {"least_delay": 0}, {"least_delay": 9}])
def test_weather_that_cannot_be_is_refused(words: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"percent|ms"):
        Weather(**words)


@pytest.mark.clause("XFRM-WORLD-002")
def test_the_longest_prefix_wins_and_strangers_go_to_the_router() -> None:
    world = usual_world()
    agent, mobile = world.stations["HA"], world.stations["MN"]
    assert neighbour_for(agent, world.topology, HOME_ADDRESS) == Neighbour("home", HOME_ADDRESS)
    assert neighbour_for(agent, world.topology, CORRESPONDENT) == Neighbour(
        "core", IPv6Address("2001:db8:f::2")
    )
    assert neighbour_for(mobile, world.topology, CORRESPONDENT) == Neighbour("home", HOME_AGENT)
    nowhere = world.topology.moved(MOBILE_PLUG, None)
    assert neighbour_for(mobile, nowhere, CORRESPONDENT) is None


@pytest.mark.clause("XFRM-WORLD-002")
def test_owner_and_proxy_take_a_frame_and_a_multicast_goes_to_all_others() -> None:
    world = usual_world()
    proxy = replace(world.stations["HA"], proxies=frozenset({HOME_ADDRESS}))
    both = world.with_station(proxy)
    frame = Flight(1, 1, "MN", Frame("home", HOME_ADDRESS, b""))
    assert receivers(both, frame) == ("HA", "MN")
    assert receivers(world, frame) == ("MN",)
    everyone = Flight(1, 1, "HA", Frame("home", ALL_NODES, b""))
    assert receivers(world, everyone) == ("MN",)


@pytest.mark.clause("XFRM-WORLD-008")
def test_frames_to_a_link_that_was_left_are_lost() -> None:
    world = started(usual_world()).planning(
        Planned(10, Ping("CN", CORRESPONDENT, HOME_ADDRESS)), Planned(11, Replug(MOBILE_PLUG, None))
    )
    delivered = [d for one in turns(world, 100) for h in one.handled for d in h.deliveries]
    assert delivered == []


@pytest.mark.clause("XFRM-WORLD-001")
def test_events_happen_in_order_of_time_and_end() -> None:
    world = started(usual_world()).planning(Planned(50, Ping("CN", CORRESPONDENT, HOME_ADDRESS)))
    times = [one.world.now for one in turns(world, 60)]
    assert times == sorted(times) and times[-1] <= 60
    empty = World(world.topology, {})
    assert next_time(empty) is None and turn(empty) is None


@pytest.mark.clause("XFRM-WORLD-008")
@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_an_advertisement_survives_the_wire(link: Link) -> None:
    packet = decode(encode(advertisement_packet(link, link.router)))
    assert isinstance(packet, Packet)
    heard = advertised(packet)
    assert heard is not None and [one.network for one in heard.prefixes] == [link.prefix]


@pytest.mark.clause("XFRM-WORLD-008")
def test_an_advertisement_from_afar_or_damaged_is_none() -> None:
    packet = advertisement_packet(LINKS[0], LINKS[0].router)
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    assert advertised(Packet((replace(outer, hop_limit=64), *packet.headers[1:]), packet.payload)) is None
    assert advertised(Packet(packet.headers, packet.payload[:-1])) is None
    assert advertised(Packet(packet.headers, packet.payload[:4])) is None


@given(st.binary(max_size=80))
def test_no_octets_behind_an_advertisement_break_its_reader(octets: bytes) -> None:
    packet = advertisement_packet(LINKS[0], LINKS[0].router)
    advertised(Packet(packet.headers, octets))


@pytest.mark.clause("XFRM-WORLD-006")
def test_a_station_without_a_daemon_says_that_it_does_not_speak_mobile_ipv6() -> None:
    world = started(usual_world())
    mute = world.with_station(replace(world.stations["CN"], daemon=None)).planning(
        Planned(10, Replug(MOBILE_PLUG, "A")),
        Planned(5000, Ping("MN", HOME_ADDRESS, CORRESPONDENT)),
        Planned(6000, Ping("MN", HOME_ADDRESS, CORRESPONDENT)),
    )
    *_, last = turns(mute, 8000)
    daemon = last.world.stations["MN"].daemon
    assert daemon is not None and daemon.mobile is not None
    route = daemon.mobile.route_to(CORRESPONDENT)
    assert route is not None and route.state == "barred"


@pytest.mark.clause("XFRM-WORLD-005", "XFRM-WORLD-004")
def test_hosts_forward_nothing_and_hop_limits_run_out() -> None:
    world = started(usual_world())
    stranger = Packet((IPv6Header(CORRESPONDENT, IPv6Address("2001:db8:9::9")), IcmpV6Header(128)), b"")
    spent = Packet((IPv6Header(CORRESPONDENT, HOME_ADDRESS, hop_limit=1), IcmpV6Header(128)), b"")
    plan = (
        Planned(10, Inject(Frame("home", HOME_ADDRESS, encode(stranger)))),
        Planned(20, Inject(Frame("C", LINKS[4].router, encode(spent)))),
    )
    lost = [one.why for t in turns(world.planning(*plan), 40) for h in t.handled for one in h.losses]
    assert lost == ["not for this host", "the hop limit is used up"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = ", "expected a TOML document"),
        ("color = 1", "color: found 1; expected one of"),
        ('recipe = "own"', "recipe: found 'own'; expected one of paper"),
        ('profile = "bsd"', "profile: found 'bsd'"),
        ('mobiles = ["M2"]', "mobiles: found ['M2']"),
        ('seed = "a"', "seed: found 'a'; expected a whole number"),
        ('without = ["MAGIC"]', "without: found ['MAGIC']"),
        ("[weather]\nZ = {loss = 1}", "weather: found 'Z'"),
        ("[weather]\nA = {rain = 1}", "weather.A: found {'rain': 1}"),
        ("[weather]\nA = {loss = 200}", "percent"),
        ("at = 3", "at: found 3"),
        ("[[at]]\ntime = -1\ndump = 'x'", "[[at]] number 1, time: found -1"),
        ("[[at]]\ntime = 1\nmove = 'MN'\nto = 'moon'", "[[at]] number 1, to: found 'moon'"),
        ("[[at]]\ntime = 1\nmove = 'M2'\nto = 'A'", "[[at]] number 1, move: found 'M2'"),
        ("[[at]]\ntime = 1\nping = 'MN'\nto = 'X'", "[[at]] number 1, ping: found 'X'"),
        ("[[at]]\ntime = 1\nsing = 'MN'", "[[at]] number 1: found {'sing': 'MN'}"),
        ("[[at]]\nmove = 'MN'", "expected a table with `time`"),
    ],
)
def test_a_scenario_that_cannot_be_read_says_where_and_why(text: str, complaint: str) -> None:
    with pytest.raises(PlayError) as caught:
        read_play(text, "play.toml")
    assert str(caught.value).startswith("play.toml: ") and complaint in str(caught.value)


def test_simulate_writes_captures_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = tmp_path / "play.toml"
    scenario.write_text('until = 6\n[[at]]\ntime = 1\nmove = "MN"\nto = "A"\n[[at]]\ntime = 5\ndump = "d"\n')
    arguments = ["xfrmspec", "simulate", str(scenario), "--pcap", str(tmp_path / "p")]
    monkeypatch.setattr("sys.argv", [*arguments, "--tables", str(tmp_path / "t")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert "stage: mobile node registered" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "A.pcap", "B.pcap", "C.pcap", "core.pcap", "home.pcap",
    ]  # fmt: skip
    assert "proto hao" in (tmp_path / "t" / "d" / "MN.xfrm-state.txt").read_text()


def test_simulate_of_a_bad_file_ends_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["xfrmspec", "simulate", str(tmp_path / "none.toml")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "none.toml" in capsys.readouterr().err


def test_a_casting_without_ipsec_cannot_ask_for_associations() -> None:
    assert Defence.ASSOCIATION not in Casting().effective_defences
    assert Defence.ASSOCIATION in Casting(protection=Protection.SIGNALLING).effective_defences


def test_lives_are_counted_and_the_bad_ones_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["xfrmspec", "lives", "--lives", "3", "--seed", "40"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert capsys.readouterr().out.startswith("3 lives, ")
    spoiled = replace(live(Casting(seed=40)), answered=False, broken=(Broken("XFRM-SAFE-003", "MN", "x"),))
    monkeypatch.setattr("xfrmspec.cli.lives_command.live", lambda casting: spoiled)
    with pytest.raises(SystemExit) as failed:
        main()
    told = capsys.readouterr().out
    assert failed.value.code == 1
    assert "the last question was not answered" in told and "XFRM-SAFE-003 at MN: x" in told
