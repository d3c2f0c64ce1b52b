"""The paper's Figure 6 on a real kernel: as printed no registration ends, as corrected it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from kernel.conftest import absent, own_core
from xfrmspec.kernel.backends import uml_worlds
from xfrmspec.kernel.uml import KernelMissingError
from xfrmspec.kernel.world_run import Compared
from xfrmspec.mipv6.recipes.counting import policies_of_registration
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.decode import decode
from xfrmspec.world.cast import (
    CORRESPONDENT,
    HOME_ADDRESS,
    HOME_AGENT,
    MOBILE_PLUG,
    Casting,
    usual_world,
)
from xfrmspec.world.plan import Ping, Planned, Replug
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.packet import header_name
from xfrmspec_terms.profile import LINUX_6_1

LIFE = (
    Planned(3 * SECOND, Replug(MOBILE_PLUG, "A")),
    Planned(3500, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 1)),
    Planned(8 * SECOND, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 2)),
    Planned(10 * SECOND, Replug(MOBILE_PLUG, "B")),
    Planned(12 * SECOND, Ping("MN", HOME_ADDRESS, CORRESPONDENT, 3)),
)
Events = tuple[Compared, ...]
Play = Callable[[Recipe, Protection], Events]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    try:
        subject = uml_worlds(core=own_core())
    except KernelMissingError as missing:
        absent(str(missing))

    @cache
    def played(recipe: Recipe, protection: Protection) -> Events:
        casting = Casting(recipe=recipe, protection=protection, profile=LINUX_6_1)
        events = subject.play(usual_world(casting).planning(*LIFE), 14 * SECOND)
        assert not events[-1].unlike, str(events[-1])
        return events

    with subject:
        yield played


def chains(events: Events, link: str, since: int, until: int) -> set[str]:
    found = set()
    for event in events:
        for sent in event.turn.sent:
            if sent.frame.link == link and since * SECOND <= sent.at <= until * SECOND:
                packet = decode(sent.frame.octets)
                assert isinstance(packet, Packet)
                found.add(" ".join(header_name(element) for element in chain_of(packet)))
    return found


def count(events: Events, station: str, second: int) -> int:
    """How many policies a node's kernel has for the registration."""
    world = [event.turn.world for event in events if event.turn.world.now <= second * SECOND][-1]
    policies = [entry.policy for entry in world.stations[station].node.tables.policies]
    return policies_of_registration(policies, HOME_ADDRESS, HOME_AGENT)


def counters(events: Events, station: str) -> dict[str, int]:
    return [event.seen.counters[station] for event in events if station in event.seen.counters][-1]


@pytest.mark.parametrize("protection", [Protection.NONE, Protection.TESTS], ids=lambda one: one.value)
@pytest.mark.clause("XFRM-DAEMON-005", "XFRM-DAEMON-006", "XFRM-DAEMON-010")
def test_as_printed_the_acknowledgement_is_dropped(play: Play, protection: Protection) -> None:
    events = play(Recipe.PAPER, protection)
    protected = protection is not Protection.NONE
    assert ("HAO ESP" if protected else "HAO MH") in chains(events, "A", 3, 10)
    assert "RT2 MH" in chains(events, "A", 4, 10), "once the data entry stands, a BA leaves without ESP"
    assert "RT2 ESP" not in chains(events, "A", 4, 10)
    assert counters(events, "MN")["XfrmInNoPols"] >= 2


@pytest.mark.parametrize("protection", [Protection.NONE, Protection.TESTS], ids=lambda one: one.value)
@pytest.mark.clause("XFRM-DAEMON-007", "XFRM-DAEMON-008", "XFRM-DAEMON-010", "XFRM-DAEMON-011")
def test_as_corrected_it_is_read_and_moves_on(play: Play, protection: Protection) -> None:
    events = play(Recipe.PAPER_CORRECTED, protection)
    protected = protection is not Protection.NONE
    acknowledged = "RT2 ESP" if protected else "RT2 MH"
    assert acknowledged in chains(events, "A", 4, 5) and acknowledged in chains(events, "B", 10, 11)
    assert ("IP ICMPv6" in chains(events, "A", 8, 9)) != protected
    assert ("XfrmOutNoStates" in counters(events, "MN")) == protected, (
        "nobody made associations for the new ends"
    )
    assert "XfrmInNoPols" not in counters(events, "MN")
    assert chains(events, "A", 3, 4) >= {"ICMPv6"}, "nothing is blocked while a registration is under way"


@pytest.mark.clause("XFRM-DAEMON-009")
def test_six_policies_at_the_end_of_a_registration(play: Play) -> None:
    corrected = play(Recipe.PAPER_CORRECTED, Protection.TESTS)
    assert count(corrected, "MN", 6) == count(corrected, "HA", 6) == 6
    assert count(play(Recipe.PAPER, Protection.TESTS), "HA", 6) == 6
    plain = play(Recipe.PAPER_CORRECTED, Protection.NONE)
    assert count(plain, "MN", 6) == count(plain, "HA", 6) == 4
    assert count(play(Recipe.PAPER, Protection.NONE), "HA", 6) == 3
