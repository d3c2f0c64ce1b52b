"""The home registration: how often it speaks, what is due first, and which settings it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mobile_nodes import AGENT, ON_A, ON_B, SETTINGS, Scene, scene
from mobile_scenes import in_state

from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec_terms.daemon import (
    CameHome,
    Moved,
    Say,
    Step,
    Wanted,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_mobile_node import (
    REFRESHING,
    REGISTERING,
)
from xfrmspec_terms.mobility import (
    BindingUpdate,
)


@pytest.mark.clause("XFRM-MN-006")
def test_the_fourth_update_in_a_second_waits_for_its_turn() -> None:
    played = Scene()
    for care_of in (ON_A, ON_B, ON_A, ON_B):
        played.now += 100
        played.tell(Moved(care_of))
    assert played.times(BindingUpdate, AGENT) == [100, 200, 300]
    assert played.agent_says() == []
    assert played.state == REGISTERING
    assert deadline(played.node) == 1100
    (say,) = played.wait(1000 - 300)
    assert isinstance(say, Say)
    assert (played.now, say.care_of) == (1100, ON_B)
    assert deadline(played.node) == 1100 + 1500


@pytest.mark.clause("XFRM-MN-006")
def test_without_the_defence_nothing_is_put_off() -> None:
    played = Scene(replace(SETTINGS, defences=SETTINGS.defences - {Defence.RATE}))
    for number in range(20):
        played.tell(Moved((ON_A, ON_B)[number % 2]))
    assert len(played.times(BindingUpdate, AGENT)) == 20


@pytest.mark.clause("XFRM-MN-023", "XFRM-MN-049")
def test_a_timer_that_is_due_comes_before_the_event() -> None:
    played = Scene()
    played.register()
    played.now = 2_700_000
    played.tell(Moved(ON_B))
    taken = [(entry.event, entry.target) for entry in played.steps[-2:]]
    assert taken == [("timer", REFRESHING), ("moved", REGISTERING)]
    assert all(isinstance(entry, Step) for entry in played.steps)


@pytest.mark.parametrize(
    "change", [{"home_lifetime": 0}, {"attempts": -1}, {"peer_lifetime": 65_536}], ids=str
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"lifetime|attempts"):
        scene(**change)


@pytest.mark.clause("XFRM-MN-025")
def test_no_route_is_made_for_the_home_agent() -> None:
    played = Scene()
    played.register()
    assert played.tell(Wanted(AGENT)) == []
    assert played.node.routes == ()


@pytest.mark.clause("XFRM-MN-004", "XFRM-MN-016", "XFRM-MN-020")
def test_the_end_of_a_registration_backs_off_from_one_second_and_forgets_the_binding() -> None:
    played = Scene()
    played.register()
    played.tell(CameHome())
    played.wait(8000)
    assert played.times(BindingUpdate, AGENT)[1:] == [0, 1000, 3000, 7000]
    played.tell(Moved(ON_B))
    assert deadline(played.node) == 8000 + 1500


@pytest.mark.clause("XFRM-MN-004", "XFRM-MN-014")
def test_after_a_refused_refresh_the_binding_no_longer_counts() -> None:
    played = in_state(REFRESHING)
    played.agent_says(130)
    played.tell(Moved(ON_B))
    assert deadline(played.node) == played.now + 1500
