"""The life of a mobile node as messages from end to end, as packets, and as the tables of Figure 6."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from xfrmspec.mipv6.recipes.figure import figure_tables
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.wire.encode import encode
from xfrmspec.world.attacks.attack import run, without
from xfrmspec.world.attacks.catalogue import ATTACKS
from xfrmspec.world.cast import HOME_ADDRESS
from xfrmspec.world.journeys import Journey, journeys
from xfrmspec.world.play import read_play
from xfrmspec.world.showing import Performance, perform
from xfrmspec.world.weather import Weather
from xfrmspec_diagrams.attack_table import attack_table
from xfrmspec_diagrams.figure_six import DRAWN_WITH, figure_six
from xfrmspec_diagrams.ir import Graph, Sequence
from xfrmspec_diagrams.life_pictures import LIFE, LIFE_PICTURES
from xfrmspec_diagrams.life_sequence import life_sequence
from xfrmspec_diagrams.message_fields import message_lines
from xfrmspec_diagrams.pictures import picture, render
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import EspHeader
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingErrorStatus,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    NonceIndices,
)

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "life-cycle.toml"
EVERY_MESSAGE_ONCE = (
    ("MN", "CN", "echo request"),
    ("CN", "MN", "echo reply"),
    ("MN", "HA", "BU #1 in HAO ESP"),
    ("HA", "MN", "BA #1 status 0 in RT2 ESP"),
    ("MN", "HA", "echo request in a tunnel"),
    ("MN", "HA", "HoTI in a tunnel"),
    ("MN", "CN", "CoTI"),
    ("HA", "CN", "echo request"),
    ("HA", "CN", "HoTI"),
    ("CN", "MN", "CoT"),
    ("CN", "HA", "echo reply"),
    ("CN", "HA", "HoT"),
    ("HA", "MN", "echo reply in a tunnel"),
    ("HA", "MN", "HoT in a tunnel"),
    ("MN", "CN", "BU #1 in HAO"),
    ("CN", "MN", "BA #1 status 0 in RT2"),
    ("CN", "MN", "echo request in RT2"),
    ("MN", "CN", "echo reply in HAO"),
)


@cache
def performed() -> Performance:
    return perform(LIFE)


def sequence(name: str) -> Sequence:
    drawn = picture(name)
    assert isinstance(drawn, Sequence)
    return drawn


def told(drawn: Sequence) -> list[tuple[str, str, str]]:
    spoken = (one for one in drawn.messages if one.source != one.target)
    return [(one.source, one.target, one.label.text) for one in spoken]


def test_the_life_of_the_pictures_is_the_committed_example() -> None:
    assert replace(read_play(EXAMPLE.read_text(encoding="utf-8"), EXAMPLE.name), dumps=()) == LIFE


def test_figure_3_shows_every_message_once_from_end_to_end() -> None:
    drawn = sequence("life-registration")
    assert told(drawn) == list(EVERY_MESSAGE_ONCE)
    assert drawn.participants == ("MN", "HA", "CN")


def test_the_parts_are_the_stages_of_the_mobile_node() -> None:
    parts = [
        section.title
        for name in ("life-registration", "life-move", "life-return")
        for section in sequence(name).sections
    ]
    assert parts == [
        "Before",
        "Home registration",
        "Registered: packets go through the tunnel",
        "Return routability, and a binding at CN",
        "Route to CN optimised",
        "Home registration",
        "Return routability, and a binding at CN",
        "Route to CN optimised",
        "The way home",
        "At home again",
    ]


def test_notes_are_the_steps_that_changed_a_state_with_their_clauses() -> None:
    notes = [one for one in sequence("life-registration").messages if one.source == one.target]
    at_agent = [(one.label.text, one.label.clause) for one in notes if one.source == "HA"]
    assert at_agent == [
        ("Registration at a home agent: probed", "XFRM-HA-013"),
        ("Registration at a home agent: registered", "XFRM-HA-016"),
    ]
    assert all(one.label.clause for one in notes)


def test_without_ipsec_the_same_messages_are_read_from_the_wire() -> None:
    plain = perform(replace(LIFE, casting=replace(LIFE.casting, protection=Protection.NONE)))
    seen = told(life_sequence(turn for turn in plain.turns if turn.world.now < 20_000))
    assert seen == [(a, b, text.replace(" ESP", "")) for a, b, text in EVERY_MESSAGE_ONCE]
    assert not any(isinstance(one.packet.headers[-1], EspHeader) for one in journeys(plain.turns))


def test_what_a_link_loses_is_said_and_has_no_reader() -> None:
    stormy = replace(LIFE, casting=replace(LIFE.casting, weather={"core": Weather(loss=100)}), until=6_000)
    updates = [one for one in journeys(perform(stormy).turns) if one.source == "MN" and one.at > 3_000]
    assert len(updates) > 1
    assert all(not one.arrived and one.read is None for one in updates)
    assert str(updates[0]) == "something in HAO ESP [lost]"


def test_a_journey_lasts_as_long_as_its_frames() -> None:
    first = next(one for one in journeys(performed().turns) if str(one) == "CoTI")
    assert (first.at, first.until) == (8_000, 8_002)


def journey(words: str) -> Journey:
    return next(one for one in journeys(performed().turns) if str(one) == words)


@pytest.mark.parametrize("name", [name for name in LIFE_PICTURES if name.startswith("packet-")])
def test_sizes_of_packets_add_up_and_their_secrets_are_not_shown(name: str) -> None:
    drawn = picture(name)
    assert isinstance(drawn, Graph)
    octets = [int(node.lines[1].split(" ")[0]) for node in drawn.nodes if " octets at " in node.lines[1]]
    assert drawn.notes == (f"{sum(octets)} octets in all.",)
    for language in ("dot", "mermaid", "table"):
        assert "cookie" not in render(drawn, language)


def test_the_update_behind_esp_is_what_the_home_agent_read() -> None:
    sent = journey("BU #1 in HAO ESP")
    assert sent.read is not None
    drawn = picture("packet-home-registration")
    assert isinstance(drawn, Graph)
    assert drawn.clusters[-1].title == "behind ESP"
    assert {"type 5 (BU)", "sequence 1", "flags A H"} <= set(drawn.nodes[-1].lines)
    assert drawn.notes == (f"{len(encode(sent.packet))} octets in all.",)


SECRET = bytes.fromhex("a1b2c3d4e5f60718")


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        (BindingUpdate(7, True, False, True, False, 105, (NonceIndices(3, 4),)),
         ("sequence 7", "flags A L", "lifetime 420 s", "nonce indices 3 and 4")),
        (BindingUpdate(7, False, False, False, False, 0), ("sequence 7", "flags none", "lifetime 0 s")),
        (BindingAcknowledgement(BindingStatus(135), False, 9, 0, (BindingRefreshAdvice(5),)),
         ("status 135", "sequence 9", "lifetime 0 s", "refresh after 20 s")),
        (BindingError(BindingErrorStatus(1), HOME_ADDRESS),
         ("status 1", "home address 2001:db8:1::1234")),
        (HomeTest(12, SECRET, SECRET), ("nonce index 12",)),
        (HomeTestInit(SECRET), ()),
        (BindingRefreshRequest((AlternateCareOfAddress(HOME_ADDRESS),)),
         ("care-of address 2001:db8:1::1234",)),
        (BindingUpdate(1, False, True, False, True, 1, (BindingAuthorizationData(SECRET + bytes(4)),)),
         ("sequence 1", "flags H K", "lifetime 4 s", "authenticator 12 octets")),
    ],
)  # fmt: skip
def test_messages_in_words_without_their_secrets(message: MobilityMessage, lines: tuple[str, ...]) -> None:
    assert message_lines(message) == lines
    assert SECRET.hex() not in " ".join(message_lines(message))


@pytest.mark.clause("XFRM-DAEMON-005", "XFRM-DAEMON-010")
def test_figure_6_as_printed_and_mended_differ_where_the_clause_says() -> None:
    printed, mended = figure_six(Recipe.PAPER).rows, figure_six(Recipe.PAPER_CORRECTED).rows
    incoming = "IN policy, MAIN"
    assert ("", "", incoming, "HoA \N{RIGHTWARDS ARROW} HA mobility type 5", "20",
            "esp transport reqid 1, rt2 ro") in printed  # fmt: skip
    assert ("", "", incoming, "HA \N{RIGHTWARDS ARROW} HoA mobility type 6", "10",
            "esp transport reqid 1, rt2 ro") in mended  # fmt: skip
    assert not any(row[2].startswith("FWD") for row in printed)
    assert sum(row[2].startswith("FWD") for row in mended) == 1


@pytest.mark.parametrize("recipe", list(Recipe))
def test_figure_6_has_a_row_for_every_object_and_names_for_every_address(recipe: Recipe) -> None:
    drawn = figure_six(recipe)
    assert not any("2001:" in cell for row in drawn.rows for cell in row)
    assert [row[0] for row in drawn.rows if row[0]] == ["MN", "HA", "CN"]
    shown = [row for row in drawn.rows if "deleted" not in row[2]]
    parts = [part for node in figure_tables(recipe, DRAWN_WITH[recipe]) for part in node.parts]
    objects = [(part.policies, part.states, part.tunnels) for part in parts]
    assert len(shown) == sum(len(kind) for kinds in objects for kind in kinds)
    states = sum(len(part.states) for part in parts)
    assert sum(row[2] == "state" for row in shown) == states > 0


@pytest.mark.clause(*(attack.clause for attack in ATTACKS.values()))
def test_the_table_of_attacks_says_what_happens_without_each_defence() -> None:
    rows = attack_table().rows
    assert [row[0] for row in rows] == [str(number) for number in range(1, 17)]
    assert {row[3] for row in rows} == {defence.value for defence in Defence}
    stolen = "CN sends what is for 2001:db8:1::1234 to 2001:db8:b::bad"
    first = ("1", "Address stealing", "link B", Defence.HOME_TOKEN.value, stolen, "XFRM-ATTACK-001")
    assert rows[0] == first
    assert all(attack.succeeded(run(attack)) == () for attack in ATTACKS.values())


def test_an_attacker_takes_part_in_a_sequence() -> None:
    attack = ATTACKS[1]
    drawn = life_sequence(run(attack, without(attack.defence)).turns)
    assert "attacker" in drawn.participants
    assert ("attacker", "CN", "BU #1 in HAO") in told(drawn)
