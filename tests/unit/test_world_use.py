"""A kernel tells its daemon which bindings packets use, so that bindings in use are renewed in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xfrmspec.mipv6.binding_cache import Use
from xfrmspec.mipv6.recipes.entries import routing_state
from xfrmspec.world.attacks.places import asks, moves
from xfrmspec.world.bindings import bindings_at
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, Casting, usual_world
from xfrmspec.world.plan import Ping, Planned
from xfrmspec.world.reading import reading_of
from xfrmspec.world.reporting import used_to_send
from xfrmspec.world.starting import started
from xfrmspec.world.turning import turns
from xfrmspec.world.world import Turn
from xfrmspec_terms.daemon import SECOND, Heard, Used
from xfrmspec_terms.mobility import BindingRefreshRequest, BindingUpdate


def lived(*planned: Planned, until: int) -> tuple[Turn, ...]:
    world = started(usual_world(Casting())).planning(moves(1 * SECOND, "A"), asks(5 * SECOND), *planned)
    return tuple(turns(world, until))


def used_at(life: tuple[Turn, ...], station: str) -> list[tuple[int, Used]]:
    return [
        (turn.world.now, event)
        for turn in life
        for handled in turn.handled
        if handled.station.name == station
        for event in handled.heard
        if isinstance(event, Used)
    ]


@pytest.mark.clause("XFRM-WORLD-013")
def test_both_directions_use_a_binding_and_only_optimised_packets_do() -> None:
    out = Planned(9 * SECOND, Ping("CN", CORRESPONDENT, HOME_ADDRESS))
    life = lived(out, until=10 * SECOND)
    used = used_at(life, "CN")
    assert {event for _, event in used} == {Used(HOME_ADDRESS)}
    assert len([at for at, _ in used if at == 9 * SECOND]) == 1, "the request has a routing header"
    assert len([at for at, _ in used if at > 9 * SECOND]) == 1, "the reply has a home address option"
    before = lived(until=7 * SECOND)
    assert [one.use for one in bindings_at(before[-1].world, "CN")] == [Use.UNUSED]
    assert [one.use for one in bindings_at(life[-1].world, "CN")] == [Use.USED]


@pytest.mark.clause("XFRM-WORLD-013")
def test_the_daemon_hears_of_the_use_before_the_message() -> None:
    """An accepted update makes its binding unused, so the use that its own option is must come before."""
    again = moves(9 * SECOND, "B"), asks(13 * SECOND)
    life = lived(*again, until=20 * SECOND)
    for turn in life:
        for handled in turn.handled:
            kinds = [type(event) for event in handled.heard if isinstance(event, Used | Heard)]
            assert Used not in kinds or kinds[0] is Used


@pytest.mark.clause("XFRM-WORLD-013", "XFRM-CN-031", "XFRM-MN-036", "XFRM-SAFE-004")
def test_a_binding_in_use_is_renewed_and_an_idle_one_ends() -> None:
    """Seven eighths of 420 s after the update the peer asks, and the update that follows comes in time."""
    talk = Planned(100 * SECOND, Ping("CN", CORRESPONDENT, HOME_ADDRESS))
    life, idle = lived(talk, until=430 * SECOND), lived(until=430 * SECOND)
    assert sent(life, BindingRefreshRequest) and not sent(idle, BindingRefreshRequest)
    (binding,) = bindings_at(life[-1].world, "CN")
    assert binding.care_of != HOME_ADDRESS and binding.accepted_at > 370 * SECOND
    assert bindings_at(idle[-1].world, "CN") == ()
    updates = sent(life, BindingUpdate)
    requests = sent(life, BindingRefreshRequest)
    assert updates[-1] - requests[0] < SECOND
    held = [bindings_at(turn.world, "CN") for turn in life if turn.world.now > 6 * SECOND]
    assert all(held), "there is a binding without a gap"


def sent(life: tuple[Turn, ...], kind: type) -> list[int]:
    """Return when MN or CN sent a message of a kind to CN or HoA (ms)."""
    found = []
    for turn in life:
        for one in turn.sent:
            reading = reading_of(one.frame.octets)
            ends = (CORRESPONDENT, HOME_ADDRESS)
            if (
                reading
                and isinstance(reading.message, kind)
                and reading.destination in ends
                and one.sender in ("MN", "CN")
            ):
                found.append(one.at)
    return found


@pytest.mark.clause("XFRM-WORLD-013")
def test_a_station_without_a_daemon_is_told_nothing() -> None:
    station = usual_world().stations["CN"]
    states = (routing_state(CORRESPONDENT, HOME_ADDRESS, CORRESPONDENT),)
    assert used_to_send(station, states) == (Used(HOME_ADDRESS),)
    assert used_to_send(replace(station, daemon=None), states) == ()
