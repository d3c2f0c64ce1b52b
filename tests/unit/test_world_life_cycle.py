"""A mobile node leaves home, moves on and comes back, under every protection and profile that has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xfrmspec.host.node import AddressKind
from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.wire.decode import decode
from xfrmspec.world.cast import HOME_ADDRESS, HOME_AGENT, Casting, usual_world
from xfrmspec.world.lives import live
from xfrmspec.world.play import ADDRESSES, read_play
from xfrmspec.world.showing import Performance, perform
from xfrmspec.world.starting import started
from xfrmspec.world.story import packet_text
from xfrmspec.world.turning import turns
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.machines_mobile_node import REFUSED
from xfrmspec_terms.profile import PROFILES

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "life-cycle.toml"
CARE_OF_A, CARE_OF_B = "2001:db8:a::ff:fe00:505", "2001:db8:b::ff:fe00:505"
MOBILE_PROFILES = ("clean", "linux-6.1")


def played(**changes: object) -> Performance:
    play = read_play(EXAMPLE.read_text(encoding="utf-8"), EXAMPLE.name)
    return perform(replace(play, casting=replace(play.casting, **changes)))  # type: ignore[arg-type]


def texts(performance: Performance, link: str) -> list[str]:
    packets = (decode(sent.frame.octets) for sent in performance.carried[link])
    return [packet_text(packet) for packet in packets if isinstance(packet, Packet)]


@pytest.mark.clause("XFRM-WORLD-001", "XFRM-WORLD-005", "XFRM-SAFE-007", "XFRM-SAFE-005")
@pytest.mark.parametrize("profile", MOBILE_PROFILES)
@pytest.mark.parametrize("protection", list(Protection))
def test_every_question_is_answered_and_nothing_is_broken(protection: Protection, profile: str) -> None:
    performance = played(protection=protection, profile=PROFILES[profile])
    assert performance.broken == ()
    replies = [text for text in texts(performance, "C") if text.endswith("echo reply")]
    assert len(replies) == 5


@pytest.mark.clause("XFRM-WORLD-008", "XFRM-MN-010", "XFRM-HA-020")
def test_the_registration_follows_the_node_and_ends_at_home() -> None:
    performance = played()
    stages = [line.text for line in performance.lines if line.text.startswith("stage: home agent")]
    assert [text.split(" with")[0] for text in stages] == [
        "stage: home agent probing the home address",
        "stage: home agent bound",
        "stage: home agent bound to another care-of address",
        "stage: home agent released",
    ]
    assert CARE_OF_A in stages[1] and CARE_OF_B in stages[2]


@pytest.mark.clause("XFRM-WORLD-004", "XFRM-DAEMON-030", "XFRM-MN-027")
def test_home_tests_go_through_the_tunnel_and_care_of_tests_do_not() -> None:
    on_a = texts(played(protection=Protection.NONE), "A")
    assert f"{CARE_OF_A} > {HOME_AGENT} IP MH HoTI" in on_a
    assert f"{CARE_OF_A} > {ADDRESSES['CN']} MH CoTI" in on_a


@pytest.mark.clause("XFRM-DAEMON-031", "XFRM-DAEMON-035")
def test_optimised_traffic_goes_straight_with_both_headers() -> None:
    on_a = texts(played(), "A")
    assert f"{CARE_OF_A} > {ADDRESSES['CN']} HAO ICMPv6 echo reply" in on_a
    assert f"{ADDRESSES['CN']} > {CARE_OF_A} RT2 ICMPv6 echo request" in on_a


@pytest.mark.clause("XFRM-SAFE-006", "XFRM-DAEMON-039")
@pytest.mark.parametrize("protection", list(Protection))
def test_the_tables_at_home_are_those_of_the_start(protection: Protection) -> None:
    tables = played(protection=protection).tables
    at = {(one.moment.name, one.station): (one.policies, one.states) for one in tables}
    for station in ("MN", "HA"):
        assert sorted(at["1-at-home", station][0].split("\nsrc")) == sorted(
            at["5-back-home", station][0].split("\nsrc")
        )


@pytest.mark.clause("XFRM-WORLD-001")
def test_the_same_scenario_gives_the_same_octets() -> None:
    def octets(performance: Performance) -> list[bytes]:
        return [
            sent.frame.octets for link in sorted(performance.carried) for sent in performance.carried[link]
        ]

    assert octets(played(protection=Protection.PAYLOAD)) == octets(played(protection=Protection.PAYLOAD))


@pytest.mark.clause("XFRM-DAEMON-037", "XFRM-ROUTE-003")
@pytest.mark.parametrize("profile", MOBILE_PROFILES)
def test_two_mobile_nodes_reach_each_other_directly(profile: str) -> None:
    text = """
        mobiles = ["MN", "M2"]
        until = 40.0
        [[at]]
        time = 3.0
        move = "MN"
        to = "A"
        [[at]]
        time = 4.0
        move = "M2"
        to = "B"
        [[at]]
        time = 10.0
        ping = "MN"
        to = "M2"
        [[at]]
        time = 20.0
        ping = "M2"
        to = "MN"
        [[at]]
        time = 30.0
        ping = "MN"
        to = "M2"
    """
    play = read_play(text, "two")
    performance = perform(replace(play, casting=replace(play.casting, profile=PROFILES[profile])))
    assert performance.broken == ()
    on_a = [text for text in texts(performance, "A") if "echo" in text]
    assert on_a[-2].endswith("RT2 HAO ICMPv6 echo request") and on_a[-1].endswith("RT2 HAO ICMPv6 echo reply")


@pytest.mark.clause("XFRM-HA-017", "XFRM-WORLD-007")
def test_a_home_address_that_somebody_else_has_is_refused() -> None:
    play = read_play('[[at]]\ntime = 3.0\nmove = "MN"\nto = "A"\n', "taken")
    world = started(usual_world(replace(play.casting, mobiles=("MN", "M2"))))
    thief = world.stations["M2"].with_address(HOME_ADDRESS, AddressKind.PLAIN)
    *_, last = turns(world.with_station(thief).planning(*play.planned), 6000)
    mobile, agent = last.world.stations["MN"].daemon, last.world.stations["HA"].daemon
    assert mobile is not None and mobile.mobile is not None and mobile.mobile.registration.state == REFUSED
    assert agent is not None and agent.agent is not None
    assert not [entry for entry in agent.agent.entries if isinstance(entry, Binding)]


@pytest.mark.clause("XFRM-DAEMON-033", "XFRM-SAFE-003", "XFRM-MN-020")
def test_the_update_that_ends_a_registration_never_takes_the_tunnel() -> None:
    """Life 305 loses the first acknowledgement of the return; with a tunnel left no other update arrived."""
    life = live(Casting(seed=305))
    assert life.schedule.place == "home"
    assert (life.broken, life.answered) == ((), True)


@pytest.mark.clause("XFRM-SAFE-003", "XFRM-SAFE-004", "XFRM-SAFE-005", "XFRM-SAFE-006", "XFRM-SAFE-007")
@pytest.mark.parametrize("protection", list(Protection))
@pytest.mark.parametrize("profile", MOBILE_PROFILES)
def test_random_lives_in_bad_weather_end_well(protection: Protection, profile: str) -> None:
    casting = Casting(protection=protection, profile=PROFILES[profile])
    for seed in range(9000, 9012):
        life = live(replace(casting, seed=seed))
        assert (seed, life.broken, life.answered) == (seed, (), True)
