"""Sixteen attacks, played with real octets: each succeeds without its defence, and with it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xfrmspec.cli import main
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.world.attacker import Attacker, Move, OffPositionError
from xfrmspec.world.attacks.attack import Attack, Run, run, without
from xfrmspec.world.attacks.catalogue import ATTACKS
from xfrmspec.world.attacks.forging import echo, put_on
from xfrmspec.world.attacks.places import NAME, THIEF, acts_at, asks, moves, placing
from xfrmspec.world.bindings import bindings_at, registrations_at
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, usual_world
from xfrmspec.world.plan import Planned, Relocate
from xfrmspec.world.reading import reading_of
from xfrmspec.world.sent import Sent
from xfrmspec.world.starting import started
from xfrmspec.world.turning import turns
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingStatus

EVERY_ATTACK = [pytest.param(attack, id=attack.title.replace(" ", "-")) for attack in ATTACKS.values()]


@pytest.mark.clause(
    "XFRM-ATTACK-001",
    "XFRM-ATTACK-002",
    "XFRM-ATTACK-003",
    "XFRM-ATTACK-004",
    "XFRM-ATTACK-005",
    "XFRM-ATTACK-006",
    "XFRM-ATTACK-007",
    "XFRM-ATTACK-008",
    "XFRM-ATTACK-009",
    "XFRM-ATTACK-010",
    "XFRM-ATTACK-011",
    "XFRM-ATTACK-012",
    "XFRM-ATTACK-013",
    "XFRM-ATTACK-014",
    "XFRM-ATTACK-015",
    "XFRM-ATTACK-016",
)
@pytest.mark.parametrize("attack", EVERY_ATTACK)
def test_it_succeeds_without_its_defence_and_fails_with_all(attack: Attack) -> None:
    assert attack.succeeded(run(attack, without(attack.defence)))
    assert attack.succeeded(run(attack)) == ()


@pytest.mark.clause("XFRM-WORLD-010", "XFRM-WORLD-011")
@pytest.mark.parametrize("attack", EVERY_ATTACK)
def test_it_gets_through_without_these_other_defences_and_no_more(attack: Attack) -> None:
    others = EVERY_DEFENCE - {attack.defence}
    opened = {other for other in others if attack.succeeded(run(attack, without(other)))}
    assert opened == attack.opened_by


def test_every_defence_has_its_attack() -> None:
    assert {attack.defence for attack in ATTACKS.values()} == EVERY_DEFENCE
    assert list(ATTACKS) == list(range(1, 17))


def nosy(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    return Move(attacker)


@pytest.mark.clause("XFRM-WORLD-009")
def test_an_attacker_sees_all_of_its_links_and_nothing_of_others() -> None:
    plan = (moves(1000, "A"), asks(4000))
    start = started(placing(nosy, "A", "home")(usual_world()).planning(*plan))
    played = tuple(turns(start, 6000))
    frames = [sent for turn in played for sent in turn.sent]
    assert {sent.frame.link for sent in frames} >= {"A", "C", "core", "home"}
    (attacker,) = played[-1].world.attackers
    assert list(attacker.seen) == [sent for sent in frames if sent.frame.link in ("A", "home")]


@pytest.mark.clause("XFRM-WORLD-009")
def test_an_attacker_that_moves_sees_the_new_link_and_keeps_what_it_saw() -> None:
    plan = Planned(2000, Relocate(NAME, frozenset({"B"})))
    *_, last = turns(placing(nosy, "A")(usual_world()).planning(plan), 4000)
    (attacker,) = last.world.attackers
    assert [(sent.at < 2000) for sent in attacker.seen] == [sent.frame.link == "A" for sent in attacker.seen]
    assert {sent.frame.link for sent in attacker.seen} == {"A", "B"}


@pytest.mark.clause("XFRM-WORLD-009")
def test_an_attacker_puts_nothing_on_a_link_where_it_is_not() -> None:
    def astray(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
        return Move(attacker, (put_on("C", echo(THIEF, CORRESPONDENT)),))

    world = placing(astray, "B")(usual_world()).planning(*acts_at(1))
    with pytest.raises(OffPositionError, match="attacker is on B and puts a frame on C"):
        list(turns(world, 10))


@pytest.mark.clause("XFRM-WORLD-009")
def test_frames_of_an_attacker_are_seen_by_the_other_one_and_not_by_itself() -> None:
    def once(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
        return Move(attacker, () if sent else (put_on("B", echo(THIEF, CORRESPONDENT)),))

    world = placing(once, "B")(usual_world()).planning(*acts_at(5))
    world = world.with_attacker(Attacker("other", frozenset({"B"}), nosy))
    *_, last = turns(world, 10)
    seen = {one.name: [sent.sender for sent in one.seen] for one in last.world.attackers}
    assert NAME in seen["other"] and NAME not in seen[NAME]


def code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["xfrmspec", "simulate", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def sent_by(played: Run, name: str) -> list[Sent]:
    return [sent for turn in played.turns for sent in turn.sent if sent.sender == name]


def statuses(played: Run) -> list[int]:
    """Return the statuses of the acknowledgements that CN sent, each once."""
    found = [reading_of(sent.frame.octets) for sent in sent_by(played, "CN")]
    messages = (reading.message for reading in found if reading is not None)
    return [int(message.status) for message in messages if isinstance(message, BindingAcknowledgement)]


@pytest.mark.clause("XFRM-ATTACK-003", "XFRM-CN-036", "XFRM-CN-003")
def test_the_last_moment_of_a_token_is_used_and_the_bound_is_tight() -> None:
    """The update 238 s after the tests is taken, its binding ends 659 s after, and the next is refused."""
    played = run(ATTACKS[3])
    held = [turn.world.now for turn in played.turns if bindings_at(turn.world, "CN")]
    assert 239_000 < min(held) < 239_100 and 656_000 < max(held) < 659_100
    assert statuses(played) == [BindingStatus.ACCEPTED, BindingStatus.EXPIRED_NONCES]


@pytest.mark.clause("XFRM-ATTACK-016", "XFRM-HA-034")
def test_the_second_half_of_a_circle_is_refused() -> None:
    assert len(registrations_at(run(ATTACKS[16]).end, "HA")) == 1
    assert len(registrations_at(run(ATTACKS[16], without(Defence.ACYCLIC)).end, "HA")) == 2


@pytest.mark.clause("XFRM-ATTACK-012", "XFRM-WORLD-011", "XFRM-ROUTE-001")
def test_a_host_sends_on_only_what_a_routing_header_leads_on() -> None:
    """The frame that leaves the mobile node goes to the address in the header, one hop older."""
    attack = ATTACKS[12]
    assert sent_by(run(attack), "MN") == []
    (forwarded,) = sent_by(run(attack, without(Defence.ROUTING_HEADER)), "MN")
    assert forwarded.frame.octets[24:40] == (0x20010DB8_000F_0000 << 64 | 2).to_bytes(16, "big")
    assert forwarded.frame.octets[7] == 64 - 3


@pytest.mark.clause("XFRM-ATTACK-015", "XFRM-DAEMON-010", "XFRM-DAEMON-040")
@pytest.mark.parametrize(
    ("recipe", "protected"), [(Recipe.PAPER, False), (Recipe.PAPER_CORRECTED, True), (Recipe.CLEAN, True)]
)
def test_figure_6_as_printed_loses_the_protection_of_acknowledgements(
    recipe: Recipe, protected: bool
) -> None:
    """The data policy of the home agent outranks that of its signalling: its answer leaves without ESP."""
    attack = replace(ATTACKS[15], casting=replace(ATTACKS[15].casting, recipe=recipe))
    read = [reading_of(sent.frame.octets) for sent in sent_by(run(attack), "HA")]
    in_the_clear = [one for one in read if one and isinstance(one.message, BindingAcknowledgement)]
    assert (not in_the_clear) is protected


@pytest.mark.clause("XFRM-ATTACK-011", "XFRM-CN-032")
def test_the_reflected_packet_is_answered_by_a_binding_error_to_its_real_source() -> None:
    played = run(ATTACKS[11])
    readings = [reading_of(sent.frame.octets) for sent in sent_by(played, "CN")]
    assert [(one.source, str(one.destination)) for one in readings if one is not None] == [
        (CORRESPONDENT, "2001:db8:b::bad")
    ]


@pytest.mark.clause("XFRM-ATTACK-009")
def test_an_honest_test_is_not_answered_once_the_memory_is_full() -> None:
    attack = ATTACKS[9]
    planned = (moves(2000, "A"), *attack.planned, asks(6000))
    longer = replace(attack, planned=planned, until=9000)
    assert [one.home_address for one in bindings_at(run(longer).end, "CN")] == [HOME_ADDRESS]
    assert bindings_at(run(longer, without(Defence.STATELESS)).end, "CN") == ()


@pytest.mark.parametrize("number", [1, 14, 16])
def test_simulate_plays_an_attack_and_its_exit_code_tells_whether_it_succeeded(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(monkeypatch, "--attack", str(number)) == 0
    assert code(monkeypatch, "--attack", str(number), "--without-defence") == 1
    told = capsys.readouterr()
    assert f"broken: XFRM-ATTACK-{number:03}" in told.err
    assert "attacker" in told.out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--attack", "17"],
        ["--without-defence", "docs/examples/life-cycle.toml"],
        ["--attack", "1", "docs/examples/life-cycle.toml"],
    ],
)
def test_simulate_wants_a_scenario_or_an_attack(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code(monkeypatch, *arguments) == 2
