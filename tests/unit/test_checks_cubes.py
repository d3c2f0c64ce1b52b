"""The sets behind the checks: cubes agree with the selector match, searches are exact."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.formats.dump import InputError, Location
from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.lookup import best_match
from xfrmspec.xfrm.match import policy_mismatch
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_proofs.checks import PlacedPolicy, build_configuration
from xfrmspec_proofs.checks.cube import Cube, example_flow, flow_bits, policy_cube
from xfrmspec_proofs.checks.search import find_uncovered
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Action, Direction, Mark, Mode, Policy, PolicyType, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, PROFILES, USAGI_2004, Profile
from xfrmspec_terms.selector import Family, Flow, PortMatch, Prefix, Protocol, Selector

ADDRESSES = st.sampled_from([IPv6Address(f"2001:db8::{host:x}") for host in (0, 1, 2, 3, 0x8000)])
PREFIXES = st.builds(Prefix, ADDRESSES, st.sampled_from((0, 32, 112, 126, 127, 128)))
PORTS = st.sampled_from((PortMatch(), PortMatch.exactly(0), PortMatch.exactly(5), PortMatch(4, 0xFFFC)))
PROTOCOLS = st.sampled_from((0, Protocol.TCP, Protocol.UDP, Protocol.MOBILITY, Protocol.ESP))
SELECTORS = st.builds(
    Selector, PREFIXES, PREFIXES, PROTOCOLS, PORTS, PORTS, ifindex=st.sampled_from((0, 0, 2))
)
TEMPLATES = st.sampled_from(
    (
        (),
        (Template(Protocol.ESP, Mode.TRANSPORT),),
        (Template(Protocol.DESTINATION_OPTIONS, Mode.RO, optional=True),),
    )
)
POLICIES = st.builds(
    Policy,
    SELECTORS,
    st.sampled_from(Direction),
    st.sampled_from(PolicyType),
    st.sampled_from(Action),
    st.integers(0, 3),
    TEMPLATES,
    mark=st.sampled_from((Mark(), Mark(1, 1), Mark(3, 2))),
    if_id=st.sampled_from((0, 0, 7)),
)
FLOWS = st.builds(
    Flow,
    ADDRESSES,
    ADDRESSES,
    st.sampled_from((Protocol.TCP, Protocol.UDP, Protocol.MOBILITY, Protocol.ESP)),
    st.sampled_from((0, 4, 5)),
    st.sampled_from((0, 5)),
    st.sampled_from((0, 2)),
    st.sampled_from((0, 1, 2)),
    st.sampled_from((0, 7)),
)


def placed(policies: list[Policy]) -> list[PlacedPolicy]:
    return [PlacedPolicy(policy, Location("given", line)) for line, policy in enumerate(policies, 1)]


@given(POLICIES, FLOWS)
def test_cube_holds_exactly_the_flows_that_the_policy_matches(policy: Policy, flow: Flow) -> None:
    matches = policy_mismatch(policy, flow, CLEAN) is None
    assert policy_cube(policy).has(flow_bits(flow)) is matches


@given(POLICIES)
def test_example_flow_is_matched(policy: Policy) -> None:
    flow = example_flow(policy_cube(policy), Family.INET6)
    if flow is not None:
        assert policy_mismatch(policy, flow, CLEAN) is None


def test_example_flow_of_a_family_has_its_addresses() -> None:
    flow = example_flow(Cube(0, 0), Family.INET)
    assert flow is not None
    assert isinstance(flow.source, IPv4Address)


def test_no_flow_of_esp_has_a_port() -> None:
    selector = Selector.between("::/0", "::/0", Protocol.ESP, source_port=PortMatch.exactly(500))
    assert example_flow(policy_cube(Policy(selector, Direction.OUT)), Family.INET6) is None


def _packed(bits: int) -> int:
    """Spread twelve bits over the ends of the layout, so that all 4096 patterns can be tried."""
    return (bits & 0xF) << 136 | (bits >> 4 & 0xF) << 264 | (bits >> 8 & 0xF) << 72


@pytest.mark.parametrize("seed", range(60))
def test_search_agrees_with_trying_every_pattern(seed: int) -> None:
    source = random.Random(seed)
    udp = Cube(17 << 32, 0xFF << 32)
    obstacles = []
    for _ in range(source.randrange(1, 14)):
        mask = _packed(source.getrandbits(12) & source.getrandbits(12))
        obstacles.append(Cube(_packed(source.getrandbits(12)) & mask, mask))
    frame = Cube(udp.value, udp.mask | (((1 << 392) - 1) & ~_packed(0xFFF) & ~0xFFFFFFFF))
    free = [b for b in range(4096) if not any(o.has(_packed(b) | frame.value) for o in obstacles)]
    found = find_uncovered(frame, obstacles, Family.INET6)
    assert found.empty is (not free)
    if found.flow is not None:
        bits = flow_bits(found.flow)
        assert frame.has(bits)
        assert not any(obstacle.has(bits) for obstacle in obstacles)


def test_protocols_are_split_as_numbers() -> None:
    everything = Cube(0, 0)
    one_each = [Cube(number << 32, 0xFF << 32) for number in range(1, 256)]
    assert find_uncovered(everything, one_each, Family.INET6).empty
    found = find_uncovered(everything, [c for c in one_each if c.value >> 32 != 89], Family.INET6)
    assert found.flow is not None
    assert found.flow.protocol == 89


def test_a_search_that_gives_up_proves_nothing() -> None:
    found = find_uncovered(Cube(0, 0), [Cube(0, 1 << 200), Cube(1 << 200, 1 << 200)], Family.INET6, 1)
    assert found.flow is None
    assert not found.empty


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-DB-003")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1, LINUX_6_18])
@given(policies=st.lists(POLICIES, max_size=8))
def test_bulk_installation_equals_adding_one_by_one(profile: Profile, policies: list[Policy]) -> None:
    database = PolicyDatabase(profile)
    for policy in policies:
        outcome = add(database, policy)
        assert outcome.errno in (Errno.OK, Errno.EEXIST)
        database = outcome.database
    assert build_configuration(placed(policies), profile).database == database


@pytest.mark.clause("XFRM-LOOKUP-001")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1, LINUX_6_18])
@given(policies=st.lists(POLICIES, max_size=8), flow=FLOWS)
def test_strength_orders_as_the_lookup_does(profile: Profile, policies: list[Policy], flow: Flow) -> None:
    configuration = build_configuration(placed(policies), profile)
    for direction in Direction:
        for type_ in PolicyType:
            group = configuration.group(direction, type_, Family.INET6)
            first = next((p.installed for p in group if p.cube.has(flow_bits(flow))), None)
            assert first == best_match(configuration.database, flow, direction, type_)


@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1])
@given(policies=st.lists(POLICIES, max_size=8), flow=FLOWS)
def test_tables_for_a_flow_decide_as_all_tables_do(
    profile: Profile, policies: list[Policy], flow: Flow
) -> None:
    configuration = build_configuration(placed(policies), profile)
    whole = XfrmTables(configuration.database)
    sent, sent_by_all = (
        decide_output(configuration.tables_for(flow, Direction.OUT), flow),
        decide_output(whole, flow),
    )
    assert (sent.decision, sent.selection.policies) == (sent_by_all.decision, sent_by_all.selection.policies)
    for direction in (Direction.IN, Direction.FWD):
        part = decide_input(configuration.tables_for(flow, direction), flow, (), direction)
        full = decide_input(whole, flow, (), direction)
        assert (part.accepted, part.counter, part.selection.policies) == (
            full.accepted,
            full.counter,
            full.selection.policies,
        )


@pytest.mark.clause("XFRM-ARCH-004")
def test_a_policy_the_kernel_refuses_is_an_input_error() -> None:
    selector = Selector.between("::/0", "::/0")
    sub = placed([Policy(selector, Direction.OUT, PolicyType.SUB)])
    with pytest.raises(InputError, match=r"given:1: .*no sub policies"):
        build_configuration(sub, USAGI_2004)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_an_index_of_another_system_is_forgotten(name: str) -> None:
    policy = Policy(Selector.between("::/0", "::/0"), Direction.IN, index=1)
    configuration = build_configuration(placed([policy]), PROFILES[name])
    assert [p.policy for p in configuration.policies] == [replace(policy, index=8)]
