"""A remembered decision is the decision of a fresh lookup: by the clean rules always, with each hole not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xfrmspec.conform.caches import cache_scenario, raw_caches
from xfrmspec.scenario.living_run import LivingRun
from xfrmspec.scenario.sending import packet_of, present, still_usable
from xfrmspec.scenario.stateful import take_step
from xfrmspec.scenario.steps import begin, sent
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    AddState,
    DeletePolicy,
    Migrate,
    Open,
    Scenario,
    Send,
    SendOn,
    Step,
)
from xfrmspec.xfrm.bundle import Bundle, PolicyStamp, Route, Stamped, StateStamp, make_bundle
from xfrmspec.xfrm.flow_cache import FlowCache, recall, remember
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.outcome import Decision, Errno
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template, identity_of
from xfrmspec_terms.profile import CLEAN, USAGI_2004, Profile
from xfrmspec_terms.selector import Flow, Protocol, Selector

HERE, THERE, MOVED = map(IPv6Address, ("2001:db8::1", "2001:db8:b::1", "2001:db8:b::2"))
FLOW = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
OPEN = Selector.between("::/0", "::/0")
LOOSE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

histories = st.randoms(use_true_random=False).map(cache_scenario) | st.randoms(use_true_random=False).map(
    raw_caches
)


@dataclass(frozen=True)
class Decided:
    """What counts of a decision: whether packets pass, and the ages of the states that are applied."""

    decision: Decision
    ages: tuple[int, ...] = ()


def fresh(host: LivingRun, packet: Send) -> Decided:
    """Decide a packet without leaving a trace on the host."""
    _, decision, _ = sent(packet, host.run)
    entries = map(host.states.entry_of, decision.applied)
    return Decided(decision.decision, tuple(entry.age for entry in entries if entry is not None))


def hosts(profile: Profile, scenario: Scenario) -> Iterator[tuple[LivingRun, Step]]:
    """Yield the host before each step of a scenario, with the step."""
    states = StateDatabase(profile)
    run = begin(profile, scenario.node, listeners=scenario.listeners)
    host = LivingRun(replace(run, states=states, now=0))
    for step in scenario.steps:
        yield host, step
        take_step(step, host)
        host.settle()


def reuses(profile: Profile, scenario: Scenario) -> list[tuple[Decided, Decided]]:
    """Return (remembered, fresh) for every packet that goes by what its socket remembers."""
    found = []
    for host, step in hosts(profile, scenario):
        connection = host.sockets.get(step.socket) if isinstance(step, SendOn) else None
        usable = None if connection is None else still_usable(host, connection)
        if connection is not None and usable is not None:
            remembered = Decided(usable.decision.decision, usable.ages)
            found.append((remembered, fresh(host, packet_of(connection.opened))))
    return found


@pytest.mark.clause("XFRM-CACHE-005", "XFRM-CACHE-001", "XFRM-CACHE-002", "XFRM-CACHE-006", "XFRM-CACHE-008")
@given(scenario=histories)
@LOOSE
def test_what_a_socket_remembers_is_what_a_fresh_lookup_decides(scenario: Scenario) -> None:
    for remembered, decided in reuses(CLEAN, scenario):
        assert remembered == decided


@pytest.mark.clause("XFRM-CACHE-001")
def test_sockets_do_remember_their_decisions_by_the_clean_rules() -> None:
    drawn = (cache_scenario(Random(number)) for number in range(60))
    used = [remembered for scenario in drawn for remembered, _ in reuses(CLEAN, scenario)]
    assert {one.decision for one in used} == {Decision.PASS, Decision.TRANSFORM}


ESP = Template(Protocol.ESP, Mode.TRANSPORT)
STATE = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)
TUNNEL = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE)
OPEN_TUNNEL = SecurityAssociation(IPv6Address(0), THERE, Protocol.ESP, Mode.TUNNEL, 0x1002)
SUB = Policy(OPEN, Direction.OUT, PolicyType.SUB, templates=(ESP,))
MAIN = Policy(OPEN, Direction.OUT, templates=(TUNNEL,))
EXCEPTION = Policy(Selector.between("::/0", "2001:db8:b::/48"), Direction.OUT, priority=1)
BLOCK = Policy(OPEN, Direction.OUT, action=Action.BLOCK, priority=2)
OPTIONAL = Policy(OPEN, Direction.OUT, templates=(replace(ESP, optional=True),))
MOVE = Migration(HERE, THERE, HERE, MOVED, Protocol.ESP, Mode.TUNNEL)
SENDS = (Open(1, FLOW), SendOn(1))

HOLES: dict[str, tuple[Profile, tuple[Step, ...]]] = {
    "XFRM-CACHE-002": (
        replace(CLEAN, bundle_checks_first_policy_only=True),
        (
            *map(AddPolicy, (SUB, MAIN)),
            *map(AddState, (STATE, OPEN_TUNNEL)),
            *SENDS,
            Migrate(identity_of(MAIN), (MOVE,)),
            SendOn(1),
        ),
    ),
    "XFRM-DB-008": (
        replace(CLEAN, delete_bumps_route_generation=False),
        (*map(AddPolicy, (EXCEPTION, BLOCK)), *SENDS, DeletePolicy(identity_of(EXCEPTION)), SendOn(1)),
    ),
    "XFRM-CACHE-006": (
        replace(CLEAN, cache_misses_state_changes=True),
        (AddPolicy(OPTIONAL), *SENDS, AddState(STATE), SendOn(1)),
    ),
}
"""For each hole: the clean rules with it alone, and a history that ends in a stale decision."""


@pytest.mark.clause("XFRM-CACHE-002", "XFRM-CACHE-006", "XFRM-DB-008", "XFRM-CACHE-005")
@pytest.mark.parametrize("name", sorted(HOLES))
def test_each_hole_alone_lets_a_stale_decision_be_used(name: str) -> None:
    profile, steps = HOLES[name]
    remembered, decided = reuses(profile, Scenario(steps))[-1]
    assert remembered != decided
    assert all(one == other for one, other in reuses(CLEAN, Scenario(steps)))


@dataclass(frozen=True)
class Recollection:
    """What the caches of 2004 say of a packet, what a search says, and whether states changed since."""

    policy: PolicyStamp | None
    fresh_policy: PolicyStamp | None
    bundle: Bundle | None
    decided: Decided
    changed: bool


def recollections(scenario: Scenario, profile: Profile) -> list[Recollection]:
    """Ask the caches of 2004 before every packet of a socket, and let them remember what was decided."""
    cache, made, found = FlowCache(), -1, []
    for host, step in hosts(profile, scenario):
        if not isinstance(step, SendOn):
            continue
        now, packet = present(host), Send(FLOW)
        _, decision, _ = sent(packet, host.run)
        chosen = [host.run.tables.policies.find(identity_of(p)) for p in decision.selection.policies]
        stamp = next((PolicyStamp(e.age, e.generation) for e in chosen if e is not None), None)
        decided = fresh(host, packet)
        recalled = recall(cache, FLOW, now)
        if recalled.known:
            changed = made != host.state_changes
            found.append(Recollection(recalled.policy, stamp, recalled.bundle, decided, changed))
        if recalled.bundle is None:
            cache = remember(cache, FLOW, stamp, bundle_of(host, packet), now)
            made = host.state_changes
    return found


def bundle_of(host: LivingRun, packet: Send) -> Bundle | None:
    _, decision, _ = sent(packet, host.run)
    entries = [entry for state in decision.applied if (entry := host.states.entry_of(state)) is not None]
    if decision.decision is not Decision.TRANSFORM:
        return None
    stamped = [Stamped(e.association, StateStamp(e.age, e.generation)) for e in entries]
    made = make_bundle(stamped, (), Route(HERE, THERE), lambda route: Errno.OK)
    assert isinstance(made, Bundle)
    return made


@pytest.mark.clause("XFRM-CACHE-004", "XFRM-CACHE-005")
@given(scenario=histories)
@LOOSE
def test_the_caches_of_2004_err_about_states_only_and_only_after_states_have_changed(
    scenario: Scenario,
) -> None:
    for told in recollections(scenario, USAGI_2004):
        assert told.policy == told.fresh_policy
        if told.bundle is not None and not told.changed:
            ages = tuple(element.stamp.age for element in told.bundle.elements)
            assert Decided(Decision.TRANSFORM, ages) == told.decided


@pytest.mark.clause("XFRM-CACHE-005", "XFRM-CACHE-006")
@given(scenario=histories)
@LOOSE
def test_the_caches_of_2004_never_err_when_they_notice_changes_of_states(scenario: Scenario) -> None:
    for told in recollections(scenario, replace(USAGI_2004, cache_misses_state_changes=False)):
        if told.bundle is not None:
            ages = tuple(element.stamp.age for element in told.bundle.elements)
            assert Decided(Decision.TRANSFORM, ages) == told.decided


@pytest.mark.clause("XFRM-CACHE-004")
def test_the_caches_of_2004_miss_a_better_state() -> None:
    anyone = replace(STATE, source=IPv6Address(0), spi=0x1003)
    policy = AddPolicy(replace(SUB, type=PolicyType.MAIN))
    steps = (policy, AddState(anyone), *SENDS, SendOn(1), AddState(STATE), SendOn(1))
    before, after = recollections(Scenario(steps, node=LABORATORY), USAGI_2004)
    assert before.bundle is not None
    assert after.bundle is not None
    assert [element.stamp.age for element in before.bundle.elements] == list(before.decided.ages)
    assert [element.stamp.age for element in after.bundle.elements] != list(after.decided.ages)
