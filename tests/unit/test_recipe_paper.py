"""Figure 6 as it is printed and mended: what each does to the packets of a registration."""

from __future__ import annotations

import pytest
from test_recipe_clean import (
    AGENT,
    BA,
    BU,
    CARE_OF,
    CN,
    HAO,
    HOME,
    NEXT,
    PEER,
    RT2,
    TO_AGENT,
    TO_MOBILE,
    UDP,
    K,
    anybody,
    checked,
    each_decoder,
    esp,
    held,
    kept,
    message,
    mobile,
    modes,
    sent,
    udp,
)

from xfrmspec.host.node import Node
from xfrmspec.mipv6.recipes.carrying_out import carry_out_all
from xfrmspec.mipv6.recipes.counting import policies_of_registration
from xfrmspec.mipv6.recipes.figure import AGENT as FIGURE_AGENT
from xfrmspec.mipv6.recipes.figure import HOME as FIGURE_HOME
from xfrmspec.mipv6.recipes.figure import figure_tables
from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory, OpenTunnel, Protection, Reqid, Settings, StandIn
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.daemon import Role, Stage
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import Direction, Mode, PolicyType
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Flow, Protocol
from xfrmspec_terms.state import StateRequest

MN, HA = Role.MOBILE_NODE, Role.HOME_AGENT
MOBILE = Settings(HOME, frozenset({MN}), AGENT, (), Protection.PAYLOAD)
KEEPER = Settings(AGENT, frozenset({HA}), None, (HOME,), Protection.PAYLOAD)
BARE_KEEPER = Settings(AGENT, frozenset({HA}), None, (HOME,))
OUTWARDS, HOMEWARDS = (esp(*ends, Mode.TUNNEL, Reqid.TUNNEL) for ends in ((CARE_OF, AGENT), (AGENT, CARE_OF)))
STARTED = {MN: (Stage(K.STARTED, MN), mobile(K.REGISTERING)), HA: (Stage(K.STARTED, HA),)}
DONE = {MN: (*STARTED[MN], mobile(K.REGISTERED)), HA: (*STARTED[HA], kept(K.BOUND, HA, AGENT))}
EDITIONS = (Recipe.PAPER, Recipe.PAPER_CORRECTED)


def stood(
    recipe: Recipe, settings: Settings, stages: tuple[Stage, ...], profile: Profile = CLEAN
) -> tuple[Node, Memory]:
    states = StateDatabase(profile)
    for state in (TO_AGENT, TO_MOBILE, OUTWARDS, HOMEWARDS):
        states = add(states, StateRequest(state), 0).database
    node, memory = Node(XfrmTables(PolicyDatabase(profile)), states), NOTHING
    for stage in stages:
        asked = operations(recipe, settings, stage, memory)
        node, memory = carry_out_all(node, asked), after(memory, asked)
    return node, memory


@pytest.mark.clause("XFRM-DAEMON-009")
@pytest.mark.parametrize("recipe", EDITIONS)
def test_each_node_has_six_policies_at_the_end_of_registration(recipe: Recipe) -> None:
    for role, settings in ((MN, MOBILE), (HA, KEEPER)):
        _, memory = stood(recipe, settings, DONE[role])
        assert policies_of_registration(memory.policies, HOME, AGENT) == 6
        assert {policy.type for policy in memory.policies} == {PolicyType.MAIN}


@pytest.mark.clause("XFRM-DAEMON-009")
def test_the_count_of_the_other_recipes_is_as_the_chapter_says() -> None:
    def count(recipe: Recipe, protection: Protection, node: int) -> int:
        parts = figure_tables(recipe, protection)[node].parts[:2]
        policies = [policy for part in parts for policy in part.policies]
        return policies_of_registration(policies, FIGURE_HOME, FIGURE_AGENT)

    assert [count(Recipe.PAPER, Protection.NONE, node) for node in (0, 1)] == [4, 3]
    assert [count(Recipe.PAPER_CORRECTED, Protection.NONE, node) for node in (0, 1)] == [4, 4]
    assert [count(Recipe.MIP6D, Protection.NONE, node) for node in (0, 1)] == [4, 2]


@pytest.mark.clause("XFRM-DAEMON-005", "XFRM-DAEMON-010")
@each_decoder
def test_the_printed_mobile_node_drops_its_acknowledgement_and_the_mended_one_takes_it(
    profile: Profile,
) -> None:
    for recipe, accepted in zip(EDITIONS, (False, True), strict=True):
        node, _ = stood(recipe, MOBILE, STARTED[MN], profile)
        header = held(node, Protocol.ROUTING, (AGENT, HOME))
        answer = checked(node, (AGENT, HOME), message(BA), (RT2,), (header, TO_MOBILE))
        assert answer.accepted == accepted
        assert accepted or answer.counter is Counter.IN_NO_POLICIES
        update = sent(node, Flow(HOME, AGENT, Protocol.MOBILITY, BU))
        assert modes(update) == [
            (Protocol.ESP, Mode.TRANSPORT),
            (Protocol.DESTINATION_OPTIONS, Mode.RO),
        ]


@pytest.mark.clause("XFRM-DAEMON-006", "XFRM-DAEMON-010", "XFRM-DAEMON-007")
def test_the_printed_home_agent_never_puts_both_headers_on_its_acknowledgement() -> None:
    esp_only, both = (
        [(Protocol.ESP, Mode.TRANSPORT)],
        [
            (Protocol.ESP, Mode.TRANSPORT),
            (Protocol.ROUTING, Mode.RO),
        ],
    )
    answer = Flow(AGENT, HOME, Protocol.MOBILITY, BA)
    printed = [modes(sent(stood(Recipe.PAPER, KEEPER, part[HA])[0], answer)) for part in (STARTED, DONE)]
    assert printed == [esp_only, [(Protocol.ROUTING, Mode.RO)]]
    assert modes(sent(stood(Recipe.PAPER_CORRECTED, KEEPER, DONE[HA])[0], answer)) == both


@pytest.mark.clause("XFRM-DAEMON-007", "XFRM-DAEMON-010")
@each_decoder
def test_the_printed_home_agent_lets_in_an_update_without_esp_once_it_has_a_binding(profile: Profile) -> None:
    for recipe, accepted in zip(EDITIONS, (True, False), strict=True):
        node, _ = stood(recipe, KEEPER, STARTED[HA], profile)
        assert checked(node, (HOME, AGENT), message(BU), (HAO,), (anybody(node), TO_AGENT)).accepted
        assert not checked(node, (HOME, AGENT), message(BU), (HAO,), (anybody(node),)).accepted
        node, _ = stood(recipe, KEEPER, DONE[HA], profile)
        option = held(node, Protocol.DESTINATION_OPTIONS, (HOME, AGENT))
        forged = checked(node, (HOME, AGENT), message(BU), (HAO,), (option,))
        assert forged.accepted == accepted


@pytest.mark.clause("XFRM-DAEMON-006")
def test_the_home_agent_takes_options_by_a_state_that_only_receives() -> None:
    node, _ = stood(Recipe.PAPER, KEEPER, STARTED[HA])
    state = anybody(node)
    assert (state.destination, str(state.source), str(state.care_of)) == (AGENT, "::", "::")
    assert state.flags & StateFlag.WILDRECV


@pytest.mark.clause("XFRM-DAEMON-007", "XFRM-DAEMON-008")
@pytest.mark.parametrize("recipe", EDITIONS)
def test_data_goes_by_the_optimised_pair_and_everything_else_through_the_tunnel(recipe: Recipe) -> None:
    node, _ = stood(recipe, MOBILE, DONE[MN])
    assert modes(sent(node, udp(HOME, AGENT))) == [(Protocol.DESTINATION_OPTIONS, Mode.RO)]
    assert modes(sent(node, udp(HOME, PEER))) == [(Protocol.ESP, Mode.TUNNEL)]
    agent, _ = stood(recipe, KEEPER, DONE[HA])
    assert modes(sent(agent, udp(AGENT, HOME))) == [(Protocol.ROUTING, Mode.RO)]
    assert modes(sent(agent, udp(PEER, HOME))) == [(Protocol.ESP, Mode.TUNNEL)]
    bare = operations(recipe, BARE_KEEPER, kept(K.BOUND, HA, AGENT))
    assert bare[-2:] == (OpenTunnel(HOME, AGENT, CARE_OF), StandIn(HOME))


@pytest.mark.clause("XFRM-DAEMON-010", "XFRM-DAEMON-008")
def test_only_the_mended_home_agent_forwards_what_comes_out_of_the_tunnel() -> None:
    for recipe, accepted in zip(EDITIONS, (False, True), strict=True):
        node, _ = stood(recipe, KEEPER, DONE[HA])
        packet = checked(node, (HOME, PEER), UDP, (), (OUTWARDS,), Direction.FWD)
        assert packet.accepted == accepted


@pytest.mark.clause("XFRM-DAEMON-010")
def test_only_the_mended_update_to_a_correspondent_node_has_its_option_before_it_is_accepted() -> None:
    update = Flow(HOME, PEER, Protocol.MOBILITY, BU)
    for recipe, has_option in zip(EDITIONS, (False, True), strict=True):
        node, _ = stood(recipe, MOBILE, (*DONE[MN], mobile(K.TESTING, PEER)))
        applied = {protocol for protocol, _ in modes(sent(node, update))}
        assert (Protocol.DESTINATION_OPTIONS in applied) == has_option


@pytest.mark.clause("XFRM-DAEMON-011")
@pytest.mark.parametrize("recipe", EDITIONS)
def test_movement_updates_and_every_end_deletes(recipe: Recipe) -> None:
    optimised = (*DONE[MN], mobile(K.TESTING, PEER), mobile(K.OPTIMISED, PEER))
    _, memory = stood(recipe, MOBILE, (*optimised, mobile(K.REGISTERING, AGENT, NEXT)))
    assert {state.care_of for state in memory.states if AGENT in (state.source, state.destination)} == {NEXT}
    assert not any(policy.action for policy in memory.policies)
    _, memory = stood(recipe, MOBILE, (*optimised, mobile(K.FELL_BACK, PEER), mobile(K.RETURNED)))
    assert memory == NOTHING
    _, memory = stood(recipe, KEEPER, (*DONE[HA], kept(K.RELEASED, HA, AGENT, None)))
    assert memory == stood(recipe, KEEPER, STARTED[HA])[1]
    _, memory = stood(recipe, MOBILE, (*optimised, Stage(K.STOPPED, MN)))
    assert memory == NOTHING


@pytest.mark.clause("XFRM-DAEMON-007")
@pytest.mark.parametrize("recipe", EDITIONS)
def test_a_correspondent_node_has_the_pair_of_the_home_agent(recipe: Recipe) -> None:
    settings = Settings(PEER, frozenset({CN}))
    node, _ = stood(recipe, settings, (Stage(K.STARTED, CN), kept(K.BOUND, CN, PEER)))
    option = held(node, Protocol.DESTINATION_OPTIONS, (HOME, PEER))
    assert checked(node, (HOME, PEER), UDP, (HAO,), (option,)).accepted
    assert not checked(node, (HOME, PEER), UDP).accepted
    assert modes(sent(node, udp(PEER, HOME))) == [(Protocol.ROUTING, Mode.RO)]


@pytest.mark.clause("XFRM-DAEMON-005", "XFRM-DAEMON-007")
def test_the_tables_of_the_figure_show_each_part_as_it_stands() -> None:
    mobile_node, agent, _ = figure_tables(Recipe.PAPER, Protection.PAYLOAD)
    first, registered = mobile_node.parts[:2]
    assert [policy.direction for policy in first.policies] == [Direction.OUT, Direction.IN]
    assert [policy.selector for policy in first.policies] == [first.policies[0].selector] * 2
    assert len(registered.policies) == 4
    assert [part.title for part in agent.parts] == ["INITIALIZE", "HOME REGISTRATION"]
    clean = figure_tables(Recipe.CLEAN, Protection.NONE)[0]
    assert clean.parts[1].gone == 1
