"""The home registration of a mobile node: what it sends when, what it believes, and how it comes home."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from mobile_nodes import AGENT, HOME, ON_A, ON_B, OTHER, SETTINGS, Scene, scene
from mobile_scenes import in_state

from xfrmspec.mipv6.mobile_node import deadline
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Role,
    Say,
    Stage,
    StageKind,
    Unbound,
    Woke,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_mobile_node import (
    AT_HOME,
    REFRESHING,
    REFUSED,
    REGISTERED,
    REGISTERING,
    RETURNING,
)
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingError,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingUpdate,
)

HOUR = 3_600_000


@pytest.mark.clause("XFRM-MN-001", "XFRM-MN-009", "XFRM-MN-010", "XFRM-MN-047")
def test_a_movement_stages_a_registration_and_sends_its_update() -> None:
    played = Scene()
    stage, say = played.tell(Moved(ON_A))
    assert stage == Stage(StageKind.REGISTERING, Role.MOBILE_NODE, HOME, AGENT, ON_A)
    update = BindingUpdate(1, True, True, lifetime=900, options=(AlternateCareOfAddress(ON_A),))
    assert say == Say(update, HOME, AGENT, care_of=ON_A)
    assert played.state == REGISTERING


@pytest.mark.clause("XFRM-MN-004", "XFRM-MN-016")
def test_the_first_registration_backs_off_from_a_second_and_a_half_to_half_a_minute() -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    played.wait(120_000)
    times = played.times(BindingUpdate, AGENT)
    assert times == [0, 1500, 4500, 10_500, 22_500, 46_500, 78_500, 110_500]


@pytest.mark.clause("XFRM-MN-004")
def test_with_a_binding_the_back_off_begins_with_one_second() -> None:
    played = Scene()
    played.register()
    played.tell(Moved(ON_B))
    played.wait(70_000)
    assert played.times(BindingUpdate, AGENT)[1:] == [0, 1000, 3000, 7000, 15_000, 31_000, 63_000]


@pytest.mark.clause("XFRM-MN-016")
def test_an_unanswered_registration_never_stops_and_is_never_faster_than_its_limit() -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    played.wait(24 * HOUR)
    times = played.times(BindingUpdate, AGENT)
    assert {later - earlier for earlier, later in pairwise(times[5:])} == {32_000}
    assert played.now - times[-1] < 32_000


@pytest.mark.clause("XFRM-MN-003", "XFRM-MN-005", "XFRM-MN-011")
def test_only_the_last_number_is_acknowledged() -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    played.wait(1500)
    assert [say.message.sequence for say in played.said(BindingUpdate)] == [1, 2]  # type: ignore[union-attr]
    played.agent_says(sequence=1)
    assert played.state == REGISTERING
    played.agent_says(sequence=2)
    assert played.state == REGISTERED


@pytest.mark.clause("XFRM-MN-003")
def test_numbers_go_round_after_65535() -> None:
    played = Scene()
    played.number_from(65_534)
    played.tell(Moved(ON_A))
    played.wait(5000)
    numbers = [say.message.sequence for say in played.said(BindingUpdate)]  # type: ignore[union-attr]
    assert numbers == [65_535, 0, 1]


@pytest.mark.clause("XFRM-MN-011")
@pytest.mark.parametrize(
    "change",
    [{"source": OTHER}, {"destination": ON_A}, {"association": None}, {"association": OTHER}],
    ids=str,
)
def test_an_acknowledgement_from_elsewhere_or_unprotected_is_not_read(change: dict[str, object]) -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    right = Heard(BindingAcknowledgement(0, sequence=1, lifetime=900), AGENT, HOME, association=HOME)
    before = played.node
    assert played.tell(replace(right, **change)) == []  # type: ignore[arg-type]
    assert played.node == before
    played.tell(right)
    assert played.state == REGISTERED


@pytest.mark.clause("XFRM-MN-011")
def test_without_the_defence_an_unprotected_acknowledgement_is_read() -> None:
    played = Scene(replace(SETTINGS, defences=SETTINGS.defences - {Defence.ASSOCIATION}))
    played.tell(Moved(ON_A))
    played.tell(Heard(BindingAcknowledgement(0, sequence=1, lifetime=900), AGENT, HOME))
    assert played.state == REGISTERED


@pytest.mark.clause("XFRM-MN-007", "XFRM-MN-008", "XFRM-MN-012", "XFRM-MN-017")
@pytest.mark.parametrize(("granted", "refreshed"), [(900, 2_700_000), (10, 30_000), (65_535, 2_700_000)])
def test_the_lesser_lifetime_counts_from_the_sending(granted: int, refreshed: int) -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    played.now = 1200
    assert played.agent_says(lifetime=granted) == [
        Stage(StageKind.REGISTERED, Role.MOBILE_NODE, HOME, AGENT, ON_A)
    ]
    assert deadline(played.node) == refreshed
    (say,) = played.wait(refreshed - 1200)
    assert isinstance(say, Say)
    assert say.message == replace(played.last_update(AGENT), sequence=2)
    assert (played.state, played.now) == (REFRESHING, refreshed)
    assert played.agent_says(lifetime=granted) == []
    assert played.state == REGISTERED


@pytest.mark.clause("XFRM-MN-008")
@pytest.mark.parametrize(("advice", "refreshed"), [(5, 20_000), (0, 2_700_000), (900, 2_700_000)])
def test_advice_brings_the_refresh_forward_only(advice: int, refreshed: int) -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    played.agent_says(options=(BindingRefreshAdvice(advice),))
    assert deadline(played.node) == refreshed


@pytest.mark.clause("XFRM-MN-008")
def test_a_late_acknowledgement_is_not_refreshed_within_its_second() -> None:
    played = scene(first_registration_timeout=30_000)
    played.tell(Moved(ON_A))
    played.now = 7000
    played.agent_says(lifetime=2)
    assert deadline(played.node) == 8000


@pytest.mark.clause("XFRM-MN-007")
@pytest.mark.parametrize("lifetime", [0, 1])
def test_an_acknowledgement_that_leaves_no_time_is_passed_over(lifetime: int) -> None:
    played = scene(first_registration_timeout=30_000)
    played.tell(Moved(ON_A))
    played.now = 4000
    assert played.agent_says(lifetime=lifetime) == []
    assert played.state == REGISTERING
    played.agent_says(lifetime=2)
    assert played.state == REGISTERED


@pytest.mark.clause("XFRM-MN-013")
@pytest.mark.parametrize(
    ("theirs", "following"), [(41, 42), (40, 41), (40 + 32_768, 40 + 32_769), (39, None), (40 + 32_769, None)]
)
def test_a_number_ahead_is_taken_up_and_one_behind_is_not(theirs: int, following: int | None) -> None:
    played = Scene()
    played.number_from(39)
    played.tell(Moved(ON_A))
    said = played.agent_says(status=135, sequence=theirs)
    sequences = [say.message.sequence for say in said if isinstance(say, Say)]  # type: ignore[union-attr]
    assert sequences == ([] if following is None else [following])
    assert played.state == REGISTERING


@pytest.mark.clause("XFRM-MN-013")
def test_a_jump_goes_round_and_begins_a_new_back_off() -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    played.wait(4500)
    played.number_from(65_000)
    played.agent_says(status=135, sequence=65_535)
    assert played.last_update(AGENT).sequence == 0
    assert deadline(played.node) == 4500 + 1500


@pytest.mark.clause("XFRM-MN-014", "XFRM-MN-015", "XFRM-MN-047")
@pytest.mark.parametrize("status", [128, 129, 130, 131, 132, 133, 134, 136, 174, 255])
def test_a_refusal_silences_the_node_for_32_seconds(status: int) -> None:
    played = Scene()
    played.tell(Moved(ON_A))
    assert played.agent_says(status) == [Stage(StageKind.REFUSED, Role.MOBILE_NODE, HOME, AGENT, ON_A)]
    assert played.state == REFUSED
    assert played.wait(31_999) == []
    stage, say = played.wait(1)
    assert isinstance(stage, Stage)
    assert stage.kind is StageKind.REGISTERING
    assert isinstance(say, Say)
    assert played.state == REGISTERING
    assert deadline(played.node) == 32_000 + 1500


@pytest.mark.clause("XFRM-MN-018")
def test_a_binding_that_ends_unrefreshed_is_registered_anew_with_its_back_off_going_on() -> None:
    played = Scene()
    played.register()
    done = played.wait(HOUR)
    assert played.state == REGISTERING
    assert done[-1] == Stage(StageKind.REGISTERING, Role.MOBILE_NODE, HOME, AGENT, ON_A)
    times = played.times(BindingUpdate, AGENT)
    assert times[1] == 2_700_000
    played.wait(100_000)
    later = [at for at in played.times(BindingUpdate, AGENT) if at > HOUR]
    assert later[0] - times[-1] == 32_000


@pytest.mark.clause("XFRM-MN-018", "XFRM-MN-023")
def test_a_binding_that_ends_before_its_refresh_is_registered_anew_at_once() -> None:
    played = scene(first_registration_timeout=30_000)
    played.tell(Moved(ON_A))
    played.now = 3500
    played.agent_says(lifetime=1)
    stage, say = played.wait(500)
    assert isinstance(stage, Stage)
    assert stage.kind is StageKind.REGISTERING
    assert isinstance(say, Say)
    assert played.state == REGISTERING


@pytest.mark.clause("XFRM-MN-017", "XFRM-MN-018")
def test_without_the_defence_nothing_is_refreshed_and_no_end_is_noticed() -> None:
    played = Scene(replace(SETTINGS, defences=SETTINGS.defences - {Defence.REFRESH}))
    played.register()
    assert played.wait(10 * HOUR) == []
    assert played.state == REGISTERED
    assert played.complains(1, AGENT) == []


@pytest.mark.clause("XFRM-MN-019")
def test_a_binding_error_of_the_home_agent_costs_an_update_and_not_the_tunnel() -> None:
    played = Scene()
    played.register()
    assert played.complains(2, AGENT) == []
    assert played.complains(1, OTHER) == []
    assert played.complains(1, AGENT, home=OTHER) == []
    assert played.tell(Heard(BindingError(1, HOME), AGENT, ON_B)) == []
    (say,) = played.complains(1, AGENT)
    assert isinstance(say, Say)
    assert played.state == REFRESHING


@pytest.mark.clause("XFRM-MN-020", "XFRM-MN-021", "XFRM-MN-047")
@pytest.mark.parametrize("status", [0, 1, 133])
def test_the_way_home_ends_the_registration(status: int) -> None:
    played = Scene()
    played.register()
    stage, say = played.tell(CameHome())
    assert stage == Stage(StageKind.RETURNING, Role.MOBILE_NODE, HOME, AGENT, None, ON_A)
    assert say == Say(BindingUpdate(2, True, True), HOME, AGENT)
    assert played.state == RETURNING
    assert played.agent_says(status) == [Stage(StageKind.RETURNED, Role.MOBILE_NODE, HOME, AGENT, None, ON_A)]
    assert (played.state, deadline(played.node)) == (AT_HOME, None)


@pytest.mark.clause("XFRM-MN-020")
def test_where_nothing_was_sent_nothing_needs_to_be_ended() -> None:
    played = Scene()
    for care_of in (ON_A, ON_B, ON_A, ON_B):
        played.tell(Moved(care_of))
        played.tell(CameHome())
    played.wait(4_000_000)
    played.tell(Moved(ON_A))
    assert played.state == REGISTERING


@pytest.mark.clause("XFRM-MN-021", "XFRM-MN-022")
def test_the_return_ends_when_no_binding_can_be_held_any_more() -> None:
    played = Scene()
    played.register()
    played.now = 1_000_000
    played.tell(CameHome())
    assert played.agent_says(130) == []
    assert played.state == RETURNING
    played.wait(HOUR - 1_000_000 - 1)
    assert played.state == RETURNING
    (stage,) = played.wait(1)
    assert isinstance(stage, Stage)
    assert stage.kind is StageKind.RETURNED
    assert (played.state, deadline(played.node)) == (AT_HOME, None)


@pytest.mark.clause("XFRM-MN-010")
@pytest.mark.parametrize("state", [AT_HOME, REGISTERING, REGISTERED, REFRESHING, REFUSED, RETURNING])
def test_a_movement_registers_from_every_state(state: str) -> None:
    played = in_state(state)
    stage, say = played.tell(Moved(ON_B))
    assert isinstance(stage, Stage)
    assert (stage.kind, stage.care_of) == (StageKind.REGISTERING, ON_B)
    assert stage.previous == (None if state == AT_HOME else ON_A)
    assert isinstance(say, Say)
    assert say.care_of == ON_B
    assert played.state == REGISTERING
    played.agent_says()
    assert played.state == REGISTERED


@pytest.mark.clause("XFRM-MN-020")
@pytest.mark.parametrize("state", [REGISTERING, REGISTERED, REFRESHING, REFUSED])
def test_the_way_home_is_open_in_every_state(state: str) -> None:
    played = in_state(state)
    played.tell(CameHome())
    assert played.state == RETURNING
    played.agent_says()
    assert played.state == AT_HOME


@pytest.mark.clause("XFRM-MN-024")
@pytest.mark.parametrize("state", [AT_HOME, REGISTERING, REGISTERED, REFRESHING, REFUSED, RETURNING])
def test_what_is_passed_over_changes_nothing_and_says_so(state: str) -> None:
    played = in_state(state)
    before = played.node
    care_of = before.registration.care_of
    events: list[DaemonEvent] = [
        Moved(HOME),
        Woke(),
        Unbound(OTHER, HOME, HOME),
        Heard(BindingRefreshRequest(), AGENT, HOME),
        Heard(BindingAcknowledgement(0, sequence=40_000, lifetime=900), AGENT, HOME, association=HOME),
    ]
    if care_of:
        events.append(Moved(care_of))
    else:
        events.append(CameHome())
    for event in events:
        assert played.tell(event) == []
        last = played.steps[-1]
        assert (last.source, last.clause) == (last.target, "XFRM-MN-024")
        assert played.node == before
