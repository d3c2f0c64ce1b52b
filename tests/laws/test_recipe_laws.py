"""What holds of the recipe `clean` in every history of stages: XFRM-DAEMON-019, -020 and -038 to -043."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_histories import (
    AGENT,
    HOME,
    KEEPER,
    MOBILE,
    OTHER_HOME,
    PEERS,
    PLACES,
    Moment,
    expected_error,
    keeper_histories,
    kernel,
    mobile_histories,
    moments,
    round_trips,
    starts,
    with_protection,
)

from xfrmspec.host.node import Node
from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory, Protection, Settings
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mode, Policy
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Address, Flow, PortMatch, Protocol, Selector

PROFILES = st.sampled_from((CLEAN, LINUX_6_1))
PROTECTIONS = st.sampled_from(Protection)
ELSEWHERE = IPv6Address("2001:db8:f::9")
BU, BA = 5, 6
TESTS = (1, 2, 3, 4)
SIGNALLING, TUNNEL = 20, 60


def mobility(source: IPv6Address, destination: IPv6Address, kind: int) -> Flow:
    return Flow(source, destination, Protocol.MOBILITY, kind)


def udp(source: IPv6Address, destination: IPv6Address) -> Flow:
    return Flow(source, destination, Protocol.UDP, 4000, 5000)


def sent(node: Node, flow: Flow) -> OutputDecision:
    return decide_output(node.view(), flow)


def policies_of(node: Node) -> frozenset[Policy]:
    return frozenset(replace(entry.policy, index=0) for entry in node.tables.policies)


def states_of(node: Node) -> frozenset[SecurityAssociation]:
    return frozenset(entry.association for entry in node.states)


def last(stages: tuple[Stage, ...], node_settings: Settings, profile: Profile = CLEAN) -> Moment:
    return list(moments(node_settings, stages, profile))[-1]


@pytest.mark.clause("XFRM-DAEMON-004", "XFRM-DAEMON-020")
@given(st.one_of(mobile_histories(), keeper_histories()), PROTECTIONS, PROFILES)
@settings(deadline=None, max_examples=30)
def test_every_request_succeeds_and_the_memory_is_what_the_kernel_has(
    stages: tuple[Stage, ...], protection: Protection, profile: Profile
) -> None:
    base = KEEPER if any(stage.role is Role.HOME_AGENT for stage in stages) else MOBILE
    chosen = with_protection(base, protection)
    for moment in moments(chosen, stages, profile):
        assert moment.errno is Errno.OK or expected_error(moment), moment.operation
        assert policies_of(moment.node) == frozenset(moment.memory.policies)
        own = {state for state in states_of(moment.node) if state.mode is Mode.RO}
        assert own == frozenset(moment.memory.states)


def _pending(moment: Moment) -> bool:
    """Tell whether a registration is pending: a block must hold (XFRM-DAEMON-038)."""
    kind, at_agent = moment.stage.kind, moment.stage.peer == AGENT
    if kind in (StageKind.REGISTERING, StageKind.RETURNING, StageKind.REFUSED):
        return True
    return kind in (StageKind.REGISTERED, StageKind.RETURNED) and at_agent and moment.rest > 0


def _may_leave(flow: Flow) -> bool:
    is_update = flow.protocol == Protocol.MOBILITY and flow.destination == AGENT and flow.source_slot == BU
    return is_update or (flow.protocol == Protocol.ICMPV6 and flow.source_slot in (135, 136))


FLOWS_FROM_HOME = tuple(
    flow
    for there in (AGENT, ELSEWHERE, *PEERS)
    for flow in (
        udp(HOME, there),
        *(mobility(HOME, there, kind) for kind in range(8)),
        *(Flow(HOME, there, Protocol.ICMPV6, kind) for kind in (1, 128, 135, 136)),
    )
)


@pytest.mark.clause("XFRM-DAEMON-038", "XFRM-DAEMON-024", "XFRM-DAEMON-029", "XFRM-DAEMON-033")
@given(mobile_histories(), PROTECTIONS, PROFILES)
@settings(deadline=None, max_examples=15)
def test_nothing_leaves_while_a_registration_is_pending(
    stages: tuple[Stage, ...], protection: Protection, profile: Profile
) -> None:
    pending = False
    for moment in moments(with_protection(MOBILE, protection), stages, profile):
        if moment.stage.peer == AGENT:
            pending = _pending(moment)
        if not pending:
            continue
        for flow in FLOWS_FROM_HOME:
            decision = sent(moment.node, flow)
            assert decision.errno is Errno.EPERM or _may_leave(flow), (moment.stage.kind, flow)
            if moment.rest == 0 and _may_leave(flow):
                assert decision.errno is Errno.OK


@pytest.mark.clause("XFRM-DAEMON-039", "XFRM-DAEMON-033", "XFRM-DAEMON-027")
@given(round_trips(), PROTECTIONS, PROFILES)
@settings(deadline=None, max_examples=30)
def test_nothing_is_left_at_home(stages: tuple[Stage, ...], protection: Protection, profile: Profile) -> None:
    chosen = with_protection(MOBILE, protection)
    begun, ended = last(starts(MOBILE), chosen, profile), last(stages, chosen, profile)
    assert policies_of(ended.node) == policies_of(begun.node)
    assert states_of(ended.node) == states_of(begun.node)
    assert ended.memory.tunnels == ()


@pytest.mark.clause("XFRM-DAEMON-039", "XFRM-DAEMON-036", "XFRM-DAEMON-027")
@given(keeper_histories(), PROTECTIONS, PROFILES)
@settings(deadline=None, max_examples=30)
def test_a_released_binding_leaves_what_others_need(
    stages: tuple[Stage, ...], protection: Protection, profile: Profile
) -> None:
    chosen = with_protection(KEEPER, protection)
    release = Stage(StageKind.RELEASED, Role.HOME_AGENT, OTHER_HOME, OTHER_HOME, own=AGENT)
    without = tuple(stage for stage in stages if stage.home_address != OTHER_HOME)
    ended = last((*stages, release), chosen, profile)
    other = last(without, chosen, profile)
    assert policies_of(ended.node) == policies_of(other.node)
    assert states_of(ended.node) == states_of(other.node)
    assert ended.memory.tunnels == other.memory.tunnels
    assert ended.memory.stands_in_for == other.memory.stands_in_for


def _care_of_addresses(memory: Memory, home: IPv6Address) -> set[Address | None]:
    """Return the care-of addresses in what belongs to a home address."""
    states = {
        state.care_of
        for state in memory.states
        if home in (state.source, state.destination) and state.care_of != IPv6Address(0)
    }
    ends = {
        end
        for policy in memory.policies
        if home in (policy.selector.source.address, policy.selector.destination.address)
        for template in policy.templates
        if template.mode is Mode.TUNNEL
        for end in (template.source, template.destination)
    }
    tunnels = {end for one in memory.tunnels if one.home_address == home for end in (one.local, one.remote)}
    return (states | ends | tunnels) & set(PLACES)


@pytest.mark.clause("XFRM-DAEMON-041", "XFRM-DAEMON-036")
@given(keeper_histories(), PROTECTIONS)
@settings(deadline=None, max_examples=30)
def test_a_home_agent_knows_no_old_care_of_address(stages: tuple[Stage, ...], protection: Protection) -> None:
    known: dict[IPv6Address | None, IPv6Address | None] = {}
    for moment in moments(with_protection(KEEPER, protection), stages):
        if moment.rest or moment.stage.kind is StageKind.STARTED:
            continue
        known[moment.stage.home_address] = moment.stage.care_of
        for home in (HOME, OTHER_HOME):
            assert _care_of_addresses(moment.memory, home) == {known.get(home)} - {None}
            ends = {
                end
                for state in states_of(moment.node)
                if state.mode is Mode.TUNNEL and state.spi & 0xF00 == int(home) & 0xF00
                for end in (state.source, state.destination)
            }
            moves = protection in (Protection.TESTS, Protection.PAYLOAD)
            assert ends & set(PLACES) == ({known.get(home)} - {None} if moves else set())


@pytest.mark.clause("XFRM-DAEMON-041", "XFRM-DAEMON-027")
@given(mobile_histories(), PROTECTIONS)
@settings(deadline=None, max_examples=30)
def test_a_mobile_node_knows_no_old_care_of_address_once_registered(
    stages: tuple[Stage, ...], protection: Protection
) -> None:
    for moment in moments(with_protection(MOBILE, protection), stages):
        stage = moment.stage
        if moment.rest or stage.kind is not StageKind.REGISTERED:
            continue
        routes = {
            state
            for state in moment.memory.states
            if state.source == HOME and state.protocol != Protocol.ROUTING
        }
        assert {state.care_of for state in routes} <= {stage.care_of}
        ends = {
            end
            for state in states_of(moment.node)
            if state.mode is Mode.TUNNEL
            for end in (state.source, state.destination)
        }
        tunnel_ends = {end for one in moment.memory.tunnels for end in (one.local, one.remote)}
        assert (ends | tunnel_ends) & set(PLACES) == (
            set() if not ends and not tunnel_ends else {stage.care_of}
        )


@pytest.mark.clause("XFRM-DAEMON-042", "XFRM-DAEMON-020")
@given(st.one_of(mobile_histories(), keeper_histories()), PROTECTIONS)
@settings(deadline=None, max_examples=30)
def test_a_stage_that_follows_itself_asks_for_nothing(
    stages: tuple[Stage, ...], protection: Protection
) -> None:
    base = KEEPER if any(stage.role is Role.HOME_AGENT for stage in stages) else MOBILE
    chosen = with_protection(base, protection)
    memory = NOTHING
    for stage in stages:
        memory = after(memory, operations(Recipe.CLEAN, chosen, stage, memory))
        assert operations(Recipe.CLEAN, chosen, stage, memory) == ()


def _overlap(one: Selector, other: Selector) -> bool:
    same = one.protocol == other.protocol or 0 in (one.protocol, other.protocol)
    ends = one.source.overlaps(other.source) and one.destination.overlaps(other.destination)
    return same and ends and _ports_overlap(one.source_port, other.source_port)


def _ports_overlap(one: PortMatch, other: PortMatch) -> bool:
    return not (one.value ^ other.value) & one.mask & other.mask


@pytest.mark.clause("XFRM-DAEMON-019", "XFRM-DAEMON-040")
@given(st.one_of(mobile_histories(), keeper_histories()), PROTECTIONS)
@settings(deadline=None, max_examples=30)
def test_policies_that_overlap_have_different_priorities(
    stages: tuple[Stage, ...], protection: Protection
) -> None:
    base = KEEPER if any(stage.role is Role.HOME_AGENT for stage in stages) else MOBILE
    for moment in moments(with_protection(base, protection), stages):
        for one, other in combinations(moment.memory.policies, 2):
            if (one.direction, one.type) == (other.direction, other.type):
                assert one.priority != other.priority or not _overlap(one.selector, other.selector)


@pytest.mark.clause("XFRM-DAEMON-043", "XFRM-DAEMON-023")
@given(st.one_of(mobile_histories(), keeper_histories()), PROTECTIONS)
@settings(deadline=None, max_examples=30)
def test_inbound_policies_name_a_type_in_three_places_only(
    stages: tuple[Stage, ...], protection: Protection
) -> None:
    base = KEEPER if any(stage.role is Role.HOME_AGENT for stage in stages) else MOBILE
    for moment in moments(with_protection(base, protection), stages):
        for policy in moment.memory.policies:
            if policy.direction is Direction.OUT or not policy.selector.source_port.mask:
                continue
            named = policy.selector.protocol, policy.selector.source_port.value
            has_option = any(
                template.protocol is Protocol.DESTINATION_OPTIONS for template in policy.templates
            )
            assert named in {(Protocol.MOBILITY, BA), (Protocol.ICMPV6, 135), (Protocol.ICMPV6, 136)} or (
                named == (Protocol.MOBILITY, BU) and has_option
            )
            assert policy.selector.destination_port.mask == 0


def _owners(decision: OutputDecision) -> tuple[int, ...]:
    return tuple(policy.priority for policy in decision.selection.policies)


@pytest.mark.clause("XFRM-DAEMON-040", "XFRM-DAEMON-031", "XFRM-DAEMON-030", "XFRM-DAEMON-021")
@given(mobile_histories(), PROTECTIONS, PROFILES)
@settings(deadline=None, max_examples=15)
def test_signalling_of_a_mobile_node_never_meets_a_policy_for_data(
    stages: tuple[Stage, ...], protection: Protection, profile: Profile
) -> None:
    chosen = with_protection(MOBILE, protection)
    away = False
    tested: set[IPv6Address | None] = set()
    for moment in moments(chosen, stages, profile):
        kind, peer = moment.stage.kind, moment.stage.peer
        if moment.rest or kind is StageKind.STARTED:
            continue
        if peer == AGENT:
            away = kind in (StageKind.REGISTERING, StageKind.REGISTERED, StageKind.REFUSED)
        if kind in (StageKind.TESTING, StageKind.OPTIMISED):
            tested.add(peer)
        if kind is StageKind.FELL_BACK:
            tested.discard(peer)
        update = sent(moment.node, mobility(HOME, AGENT, BU))
        assert not away or _owners(update)[0] == SIGNALLING
        applied = [state.protocol for state in update.applied]
        assert (Protocol.DESTINATION_OPTIONS in applied) == away
        is_protected = protection is not Protection.NONE
        assert [state.mode for state in update.applied if state.protocol is Protocol.ESP] == (
            [Mode.TRANSPORT] if is_protected else []
        )
        _check_peers(moment, set() if protection is Protection.PAYLOAD else tested)


def _check_peers(moment: Moment, tested: set[IPv6Address | None]) -> None:
    for peer in PEERS:
        update = sent(moment.node, mobility(HOME, peer, BU))
        if peer in tested and update.errno is Errno.OK:
            assert [state.protocol for state in update.applied] == [Protocol.DESTINATION_OPTIONS]
        for kind in TESTS:
            plain = sent(moment.node, mobility(HOME, peer, kind))
            assert not {state.mode for state in plain.applied} & {Mode.RO}


@pytest.mark.clause("XFRM-DAEMON-040", "XFRM-DAEMON-034", "XFRM-DAEMON-035")
@given(keeper_histories(), PROTECTIONS, PROFILES)
@settings(deadline=None, max_examples=15)
def test_signalling_of_a_home_agent_never_meets_a_policy_for_data(
    stages: tuple[Stage, ...], protection: Protection, profile: Profile
) -> None:
    for moment in moments(with_protection(KEEPER, protection), stages, profile):
        if moment.stage.kind is StageKind.STARTED:
            continue
        for home in (HOME, OTHER_HOME):
            answer = sent(moment.node, mobility(AGENT, home, BA))
            expected = [Mode.TRANSPORT] if protection is not Protection.NONE else []
            assert [state.mode for state in answer.applied] == expected


@pytest.mark.clause("XFRM-DAEMON-036")
@given(st.one_of(mobile_histories(), keeper_histories()), PROTECTIONS)
@settings(deadline=None, max_examples=30)
def test_a_node_that_stops_leaves_what_it_found(stages: tuple[Stage, ...], protection: Protection) -> None:
    base = KEEPER if any(stage.role is Role.HOME_AGENT for stage in stages) else MOBILE
    chosen = with_protection(base, protection)
    stop = Stage(StageKind.STOPPED, sorted(chosen.roles, key=lambda role: role.value)[0])
    ended = last((*stages, stop), chosen)
    assert policies_of(ended.node) == frozenset()
    assert states_of(ended.node) == states_of(kernel(chosen))
    assert ended.memory == NOTHING
