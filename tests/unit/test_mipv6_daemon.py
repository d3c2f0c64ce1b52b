"""The daemon of a node: which machine is asked, in which order things are done, and a life cycle of three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest
from life_cycle_sample import (
    AGENT,
    HOME,
    NODES,
    ON_A,
    ON_B,
    PEER,
    SETTINGS,
    STAGES,
    Tables,
    dumped,
    shown,
    view_of_policy,
    view_of_state,
)

from xfrmspec.mipv6.correspondent_settings import new_correspondent_node
from xfrmspec.mipv6.daemon import Daemon, Reaction, deadline, start, step, stop
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings, HomePrefix
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec.mipv6.recipes.recipe import Recipe, operations_before_message
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Path,
    Probed,
    Role,
    Say,
    Stage,
    StageKind,
    Uniqueness,
    Wanted,
    Woke,
)
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingUpdate

PREFIX = HomePrefix(IPv6Network("2001:db8:1::/64"))
AT = {AGENT: "HA", PEER: "CN"}
SECOND = 1000


def daemons(recipe: Recipe) -> dict[str, Daemon]:
    """The three nodes of the recorded life cycle."""
    mobile = MobileNode(MobileSettings(HOME, AGENT), Entropy(b"mobile"))
    agent = HomeAgent(HomeAgentSettings((PREFIX,)))
    correspondents = {node: new_correspondent_node(Entropy(node.encode())) for node in NODES}
    return {
        "MN": Daemon(recipe, SETTINGS["MN"], mobile, None, correspondents["MN"]),
        "HA": Daemon(recipe, SETTINGS["HA"], None, agent, correspondents["HA"]),
        "CN": Daemon(recipe, SETTINGS["CN"], correspondent=correspondents["CN"]),
    }


class Network:
    """Three daemons on links that lose, delay and alter nothing."""

    def __init__(self, recipe: Recipe) -> None:
        self.daemons = daemons(recipe)
        self.now = 0
        self.away = False
        self.said: list[tuple[str, Say]] = []

    def begin(self, *nodes: str) -> None:
        for node in nodes:
            self._take(node, start(self.daemons[node]))

    def tell(self, node: str, event: DaemonEvent) -> None:
        self._take(node, step(self.daemons[node], event, self.now))

    def _take(self, node: str, reaction: Reaction) -> None:
        self.daemons[node] = reaction.daemon
        for say in reaction.says:
            self.said.append((node, say))
            self.tell(*self._arriving(say))
        for probe in reaction.probes:
            self.now += SECOND
            self.tell(node, Probed(probe.home_address, Uniqueness.UNIQUE))

    def _arriving(self, say: Say) -> tuple[str, Heard]:
        node = AT.get(say.destination, "MN")
        by_tunnel = node == "MN" and self.away and say.destination == HOME and say.routed_by is None
        association = HOME if {say.source, say.destination} == {HOME, AGENT} else None
        path = Path.TUNNEL if by_tunnel else Path.DIRECT
        return node, Heard(say.message, say.source, say.destination, say.care_of, association, path)

    def tables(self, node: str) -> Tables:
        memory = self.daemons[node].memory
        return Tables(
            frozenset(shown(view_of_policy(policy)) for policy in memory.policies),
            frozenset(view_of_state(state) for state in memory.states),
        )


def life_cycle(recipe: Recipe) -> Iterator[tuple[str, Network]]:
    """Live through the recorded life cycle; yield the network at each stage that was dumped."""
    network = Network(recipe)
    yield STAGES[0], network
    network.begin("HA", "CN")
    yield STAGES[1], network
    network.begin("MN")
    yield STAGES[2], network
    network.away = True
    network.tell("MN", Moved(ON_A))
    yield STAGES[3], network
    network.tell("MN", Wanted(PEER))
    yield STAGES[4], network
    yield STAGES[5], network
    network.now += 10 * SECOND
    network.tell("MN", Moved(ON_B))
    yield STAGES[6], network
    yield STAGES[7], network
    network.now += 10 * SECOND
    network.away = False
    network.tell("MN", CameHome())
    yield STAGES[8], network
    yield STAGES[9], network


@pytest.mark.clause("XFRM-DAEMON-001", "XFRM-DAEMON-002", "XFRM-DAEMON-003")
def test_three_daemons_with_the_recipe_mip6d_have_the_recorded_tables_at_every_stage() -> None:
    for stage, network in life_cycle(Recipe.MIP6D):
        for node in NODES:
            assert network.tables(node) == dumped(stage, node), (stage, node)


@pytest.mark.clause("XFRM-DAEMON-039", "XFRM-DAEMON-003")
@pytest.mark.parametrize("recipe", [Recipe.CLEAN, Recipe.MIP6D])
def test_a_life_cycle_ends_as_it_began(recipe: Recipe) -> None:
    memories = [{node: network.daemons[node].memory for node in NODES} for _, network in life_cycle(recipe)]

    def sets(memory: Memory) -> tuple[frozenset[object], frozenset[object]]:
        return frozenset(memory.policies), frozenset(memory.states)

    for node in NODES:
        assert sets(memories[-1][node]) == sets(memories[2][node])
        assert sets(memories[5][node]) != sets(memories[2][node])


@pytest.mark.clause("XFRM-DAEMON-003", "XFRM-DAEMON-018")
@pytest.mark.parametrize("recipe", list(Recipe))
def test_what_a_stage_asks_for_stands_between_it_and_the_message_that_follows(recipe: Recipe) -> None:
    daemon = start(daemons(recipe)["MN"]).daemon
    moved = step(daemon, Moved(ON_A), 0)
    kinds = [type(deed) for deed in moved.deeds]
    assert kinds[0] is Stage
    assert kinds[-1] is Say
    before = operations_before_message(recipe)
    assert moved.deeds[len(moved.deeds) - 1 - len(before) : -1] == before
    assert moved.deeds[1:-1] == moved.operations
    assert len(moved.operations) > len(before)
    assert isinstance(moved.says[0].message, BindingUpdate)


def _registered() -> Daemon:
    """A home agent that has registered the mobile node."""
    update = BindingUpdate(1, acknowledge=True, home_registration=True, lifetime=100)
    heard = Heard(update, HOME, AGENT, ON_A, HOME)
    waiting = step(start(daemons(Recipe.CLEAN)["HA"]).daemon, heard, 0)
    assert [probe.home_address for probe in waiting.probes] == [HOME]
    return step(waiting.daemon, Probed(HOME, Uniqueness.UNIQUE), SECOND).daemon


def _asked(reaction: Reaction) -> set[Role]:
    """Return which of two roles the machines belong to that took a step."""
    names = {taken.machine for taken in reaction.steps}
    return {
        role
        for role in (Role.HOME_AGENT, Role.CORRESPONDENT_NODE)
        if any(name.endswith(role.value) for name in names)
    }


@pytest.mark.clause("XFRM-DAEMON-003", "XFRM-DAEMON-001", "XFRM-CN-040")
def test_an_update_has_one_judge() -> None:
    daemon = _registered()
    plain = BindingUpdate(2, acknowledge=True, lifetime=100)
    both = step(daemon, Heard(plain, HOME, AGENT, ON_A, HOME), 2 * SECOND)
    answers = [say.message for say in both.says]
    assert [type(answer) for answer in answers] == [BindingAcknowledgement]
    stranger = step(daemon, Heard(plain, PEER, AGENT, ON_B), 2 * SECOND)
    assert _asked(stranger) == {Role.HOME_AGENT, Role.CORRESPONDENT_NODE}
    assert _asked(both) == {Role.HOME_AGENT}
    dropped = step(daemon, Heard(replace(plain, home_registration=True), HOME, AGENT, ON_A), 2 * SECOND)
    assert dropped.says == ()
    assert _asked(dropped) == {Role.HOME_AGENT}


@pytest.mark.clause("XFRM-DAEMON-003")
def test_the_earliest_deadline_of_the_machines_is_the_daemon_s() -> None:
    away = step(start(daemons(Recipe.CLEAN)["MN"]).daemon, Moved(ON_A), 0)
    due = deadline(away.daemon)
    assert due is not None
    assert step(away.daemon, Woke(), due - 1).says == ()
    assert len(step(away.daemon, Woke(), due).says) == 1
    assert deadline(daemons(Recipe.CLEAN)["CN"]) is None


@pytest.mark.clause("XFRM-DAEMON-036", "XFRM-DAEMON-001")
@pytest.mark.parametrize("recipe", list(Recipe))
def test_a_daemon_begins_once_for_each_role_and_stops_once(recipe: Recipe) -> None:
    for daemon in daemons(recipe).values():
        begun = start(daemon)
        stages = [deed for deed in begun.deeds if isinstance(deed, Stage)]
        assert [stage.role for stage in stages] == list(daemon.roles)
        assert {stage.kind for stage in stages} == {StageKind.STARTED}
        assert stop(begun.daemon).daemon.memory == NOTHING
    assert daemons(recipe)["MN"].roles == (Role.MOBILE_NODE, Role.CORRESPONDENT_NODE)


def test_the_addresses_of_the_sample_are_those_of_the_settings() -> None:
    assert SETTINGS["MN"].home_agent == IPv6Address("2001:db8:1::1")
