"""The home agent judges an update: who may register, the probe, and what is granted."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest
from home_agents import (
    DUPLICATE,
    NOW,
    UNIQUE,
    acknowledgement,
    asked,
    dropped,
    granted,
    home_agent,
    stage,
    stages,
)
from mobility_peers import (
    AGENT,
    CARE_A,
    CARE_B,
    ELSE_HOME,
    HOME,
    HOME_AGENT,
    HOME_LINK,
    Wish,
    agent,
    registered,
    registration_heard,
    said,
    status_of,
    without,
)

from xfrmspec.mipv6.binding_cache import Binding, Remembered
from xfrmspec.mipv6.home_agent import deadline, step
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings, HomePrefix, Waiting, proxied
from xfrmspec_terms.daemon import (
    Heard,
    Probe,
    Say,
    StageKind,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_binding_update import PASSED_OVER
from xfrmspec_terms.machines_home_agent import HOME_AGENT_UPDATE
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingUpdate,
)


@pytest.mark.clause("XFRM-HA-013", "XFRM-HA-016", "XFRM-HA-024", "XFRM-HA-033")
def test_the_first_registration_is_probed_and_then_answered_behind_its_stage() -> None:
    first = asked(agent(), Wish(7))
    assert first.effects == (stage(StageKind.PROBING), Probe(HOME))
    assert proxied(first.node) == ()
    second = step(first.node, UNIQUE, NOW + 1000)
    answer = Say(BindingAcknowledgement(0, False, 7, 200), AGENT, HOME, routed_by=CARE_A)
    assert second.effects == (stage(StageKind.BOUND), answer)
    bound = Binding(HOME, CARE_A, AGENT, 7, NOW + 1000, 800_000, NOW + 801_000)
    assert second.node.entries == (bound,)


@pytest.mark.clause("XFRM-HA-027", "XFRM-HA-013")
def test_the_agent_stands_in_for_what_is_registered() -> None:
    assert proxied(home_agent()) == (HOME,)
    local = Wish(flags={"link_local_compatibility": True})
    link_local = IPv6Address("fe80::1234")
    assert asked(agent(), local).effects[1] == Probe(HOME, link_local)
    assert proxied(home_agent(local)) == (HOME, link_local)
    assert proxied(asked(home_agent(local), Wish(2, lifetime=0)).node) == ()


@pytest.mark.clause("XFRM-HA-017", "XFRM-HA-022")
def test_a_home_address_that_is_taken_is_refused_with_134() -> None:
    answer = step(asked(agent(), Wish(7)).node, DUPLICATE, NOW + 1000)
    assert (status_of(answer), answer.effects[0]) == (134, stage(StageKind.RELEASED))
    assert answer.node.entries == (Remembered(HOME, 7, NOW + 1000),)
    for settled in (answer.node, home_agent(), agent()):
        assert step(settled, UNIQUE, NOW + 2000).node == settled
        assert step(settled, UNIQUE, NOW + 2000).effects == ()


@pytest.mark.clause("XFRM-HA-015", "XFRM-HA-007")
def test_while_it_is_probed_the_latest_update_waits() -> None:
    first = asked(agent(), Wish(7)).node
    assert dropped(asked(first, Wish(7)))
    assert status_of(asked(first, Wish(6))) == 135
    assert acknowledgement(asked(first, Wish(6))).sequence == 7
    later = asked(first, Wish(8, care_of=CARE_B))
    assert (later.effects, isinstance(later.node.entries[0], Waiting)) == ((), True)
    ended = step(later.node, UNIQUE, NOW + 1000)
    assert (said(ended).routed_by, acknowledgement(ended).sequence) == (CARE_B, 8)
    assert stages(ended) == [stage(StageKind.BOUND, CARE_B)]


@pytest.mark.clause("XFRM-HA-015")
def test_a_deletion_ends_the_wait() -> None:
    answer = asked(asked(agent(), Wish(7)).node, Wish(8, lifetime=0))
    assert answer.effects[0] == stage(StageKind.RELEASED)
    assert acknowledgement(answer) == BindingAcknowledgement(0, False, 8, 0)
    assert answer.node.entries == (Remembered(HOME, 8, NOW),)
    assert step(answer.node, UNIQUE, NOW + 1000).effects == ()


@pytest.mark.clause("XFRM-HA-001")
def test_an_update_without_flag_h_is_refused_over_a_registration_and_passed_over_otherwise() -> None:
    update = Heard(BindingUpdate(9, True, lifetime=9), HOME, AGENT, CARE_A)
    assert status_of(step(home_agent(), update, NOW)) == 139
    for node in (agent(), asked(agent()).node, asked(home_agent(), Wish(2, lifetime=0)).node):
        answer = step(node, update, NOW)
        assert (answer.node, answer.effects, answer.steps[-1].target) == (node, (), PASSED_OVER)


@pytest.mark.clause("XFRM-HA-002")
@pytest.mark.parametrize("bad", ["::", "::1", "ff02::1", "fe80::1"])
def test_sources_that_cannot_register(bad: str) -> None:
    address = IPv6Address(bad)
    assert dropped(asked(agent(), Wish(home=address)))
    assert dropped(asked(agent(), Wish(care_of=address)))


@pytest.mark.clause("XFRM-HA-003")
@pytest.mark.parametrize("association", [None, ELSE_HOME])
def test_only_the_association_of_the_home_address_registers_it(association: IPv6Address | None) -> None:
    heard = registration_heard(Wish(), association)
    assert dropped(step(agent(), heard, NOW))
    open_agent = agent(replace(HOME_AGENT, defences=without(Defence.ASSOCIATION)))
    assert step(open_agent, heard, NOW).effects[0] == stage(StageKind.PROBING)


@pytest.mark.clause("XFRM-HA-004")
def test_a_registration_needs_a_home_address_option_and_a_deletion_does_not() -> None:
    assert dropped(asked(agent(), Wish(at_home=True, alternate=CARE_A)))
    assert status_of(asked(home_agent(), Wish(2, at_home=True))) == 0


@pytest.mark.clause("XFRM-HA-004")
def test_the_alternate_care_of_address_is_registered() -> None:
    answer = registered(agent(), NOW, Wish(alternate=CARE_B))
    assert stages(answer) == [stage(StageKind.BOUND, CARE_B)]
    assert said(answer).routed_by == CARE_A


@pytest.mark.clause("XFRM-HA-005", "XFRM-HA-006")
def test_home_addresses_elsewhere_are_refused() -> None:
    assert status_of(asked(agent(HomeAgentSettings()))) == 131
    assert status_of(asked(agent(), Wish(home=IPv6Address("2001:db8:2::1234")))) == 132


@pytest.mark.clause("XFRM-HA-006", "XFRM-HA-016")
def test_a_prefix_serves_while_4_s_are_left() -> None:
    def until(moment: int) -> HomeAgent:
        return agent(HomeAgentSettings((replace(HOME_LINK, valid_until=moment),)))

    assert asked(until(NOW + 4000)).effects[0] == stage(StageKind.PROBING)
    assert status_of(asked(until(NOW + 3999))) == 132
    late = step(asked(until(NOW + 4000)).node, UNIQUE, NOW + 1000)
    assert (status_of(late), late.effects[0]) == (132, stage(StageKind.RELEASED))
    assert isinstance(late.node.entries[0], Remembered)


@pytest.mark.clause("XFRM-HA-006")
def test_the_longest_prefix_counts() -> None:
    longer = HomePrefix(IPv6Network("2001:db8:1::/80"), valid_until=NOW + 40_000)
    for prefixes in ((HOME_LINK, longer), (longer, HOME_LINK)):
        assert granted(registered(agent(HomeAgentSettings(prefixes)), NOW)) == 40_000


@pytest.mark.clause("XFRM-HA-018", "XFRM-HA-031")
@pytest.mark.parametrize(
    ("units", "limit", "rest", "expected"),
    [
        (200, 10**9, None, 800_000),
        (200, 80_000, None, 80_000),
        (200, 81_999, None, 80_000),
        (200, 10**9, 50_001, 48_000),
        (1, 10**9, 50_001, 4_000),
        (65535, None, None, 262_140_000),
    ],
)
def test_the_least_of_asked_allowed_and_left_is_granted(
    units: int, limit: int | None, rest: int | None, expected: int
) -> None:
    prefix = replace(HOME_LINK, valid_until=None if rest is None else NOW + rest)
    settings = HomeAgentSettings((prefix,)) if limit is None else HomeAgentSettings((prefix,), limit=limit)
    answer = registered(agent(settings), NOW, Wish(lifetime=units))
    assert (granted(answer), acknowledgement(answer).lifetime) == (expected, expected // 4000)


@pytest.mark.clause("XFRM-HA-019")
@pytest.mark.parametrize(
    ("valid", "preferred", "status"),
    [
        (None, None, 0),
        (None, 800_000, 1),
        (None, 800_001, 0),
        (799_999, None, 1),
        (800_000, None, 0),
        (None, -5, 1),
    ],
)
def test_status_1_tells_of_an_old_prefix(valid: int | None, preferred: int | None, status: int) -> None:
    def at(rest: int | None) -> int | None:
        return None if rest is None else NOW + rest

    prefix = HomePrefix(HOME_LINK.prefix, at(valid), at(preferred))
    assert status_of(registered(agent(HomeAgentSettings((prefix,))), NOW)) == status


@pytest.mark.clause("XFRM-HA-007", "XFRM-HA-032")
def test_numbers_go_forward_and_the_last_one_is_told() -> None:
    node = home_agent(Wish(65535))
    old = asked(node, Wish(65535))
    assert (status_of(old), acknowledgement(old).sequence, old.node) == (135, 65535, node)
    assert status_of(asked(node, Wish(32767))) == 135
    assert status_of(asked(node, Wish(32766))) == 0
    careless = home_agent(Wish(5), replace(HOME_AGENT, defences=without(Defence.SEQUENCE)))
    assert status_of(asked(careless, Wish(5))) == 0


@pytest.mark.clause("XFRM-HA-022", "XFRM-HA-007", "XFRM-HA-008")
def test_the_number_outlives_the_registration_for_good() -> None:
    gone = asked(home_agent(Wish(5)), Wish(6, lifetime=0)).node
    assert deadline(gone) is None
    for wish, status in ((Wish(6), 135), (Wish(5), 135), (Wish(7, lifetime=0), 133)):
        assert status_of(asked(gone, wish, 10**9)) == status
    assert asked(gone, Wish(7), 10**9).effects[0] == stage(StageKind.PROBING)


@pytest.mark.clause("XFRM-HA-008")
def test_nothing_to_delete_is_133() -> None:
    assert status_of(asked(agent(), Wish(lifetime=0))) == 133
    assert status_of(asked(agent(), Wish(at_home=True))) == 133


@pytest.mark.clause("XFRM-HA-008", "XFRM-HA-022")
def test_a_registration_that_its_deletion_overtook_is_not_taken() -> None:
    overtaken = asked(agent(), Wish(2, lifetime=0))
    assert status_of(overtaken) == 133
    late = asked(overtaken.node, Wish(1))
    assert (status_of(late), acknowledgement(late).sequence, late.node) == (135, 2, overtaken.node)


@pytest.mark.clause("XFRM-HA-009")
def test_prohibited_home_addresses_may_only_leave() -> None:
    settings = replace(HOME_AGENT, prohibited=frozenset({HOME}))
    assert status_of(asked(agent(settings))) == 129
    closed = replace(home_agent(), settings=settings)
    assert status_of(asked(closed, Wish(2, lifetime=0))) == 0


@pytest.mark.clause("XFRM-HA-010")
@pytest.mark.parametrize("bad", ["::", "::1", "ff02::1", "fe80::1", str(AGENT)])
def test_care_of_addresses_that_cannot_be_registered(bad: str) -> None:
    assert status_of(asked(agent(), Wish(alternate=IPv6Address(bad)))) == 174


@pytest.mark.clause("XFRM-HA-010", "XFRM-HA-034")
@pytest.mark.parametrize("first", [home_agent(), asked(agent()).node], ids=["registered", "probed"])
def test_a_care_of_address_that_is_a_home_address_is_refused(first: HomeAgent) -> None:
    circle = Wish(home=ELSE_HOME, care_of=HOME)
    assert status_of(asked(first, circle)) == 174
    trusting = replace(first, settings=replace(HOME_AGENT, defences=without(Defence.ACYCLIC)))
    assert stages(asked(trusting, circle))[0].kind is StageKind.PROBING
    gone = asked(home_agent(), Wish(2, lifetime=0)).node
    assert stages(asked(gone, circle))[0].kind is StageKind.PROBING


@pytest.mark.clause("XFRM-HA-011")
def test_a_full_agent_refuses_new_home_addresses_only() -> None:
    full = home_agent(settings=replace(HOME_AGENT, capacity=1))
    assert status_of(asked(full, Wish(home=ELSE_HOME))) == 130
    assert status_of(asked(full, Wish(2))) == 0
    emptied = asked(full, Wish(2, lifetime=0)).node
    assert stages(asked(emptied, Wish(home=ELSE_HOME)))[0].kind is StageKind.PROBING


@pytest.mark.clause("XFRM-HA-012")
def test_the_first_answer_that_is_against_a_registration_decides() -> None:
    elsewhere = Wish(0, home=IPv6Address("2001:db8:2::1"), alternate=AGENT)
    assert status_of(asked(agent(HomeAgentSettings()), elsewhere)) == 131
    assert status_of(asked(home_agent(), elsewhere)) == 132
    closed = replace(HOME_AGENT, prohibited=frozenset({HOME}))
    assert status_of(asked(home_agent(settings=HOME_AGENT), Wish(0, alternate=AGENT))) == 135
    assert status_of(asked(agent(closed), Wish(alternate=AGENT))) == 129
    full = replace(HOME_AGENT, capacity=0)
    assert status_of(asked(agent(full), Wish(alternate=AGENT))) == 174
    order = [one.source for one in asked(agent()).steps if one.machine == HOME_AGENT_UPDATE.name]
    assert [state for state in HOME_AGENT_UPDATE.states if state in order] == order
