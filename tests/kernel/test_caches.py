"""Connected sockets on real kernels: what ends a remembered decision; and bundles without a route."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import islice
from random import Random

import pytest

from kernel.agreement import SEED, assert_agreement
from xfrmspec.conform.caches import cache_scenario, policy_cache_scenario, raw_caches
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    AddState,
    Open,
    Scenario,
    Send,
    SendOn,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Flow, Prefix, Protocol, Selector

HERE, THERE, UNREACHABLE = map(IPv6Address, ("2001:db8::1", "2001:db8:b::1", "2001:dbb::1"))
FLOW = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
OPEN = Selector.between("::/0", "::/0")
SEVERAL = 400

Generator = Callable[[Random], Scenario]


def drawn(*generators: Generator, count: int = SEVERAL) -> tuple[Scenario, ...]:
    return tuple(generators[number % len(generators)](Random(f"{SEED}/{number}")) for number in range(count))


@pytest.mark.clause("XFRM-CACHE-001", "XFRM-CACHE-002", "XFRM-CACHE-003", "XFRM-CACHE-006")
@pytest.mark.clause("XFRM-CACHE-007", "XFRM-CACHE-008", "XFRM-BUNDLE-001", "XFRM-DB-008")
def test_connected_sockets_keep_and_drop_their_decisions_alike(uml: KernelSubject) -> None:
    scenarios = drawn(cache_scenario, raw_caches)
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, iter(scenarios))


def telling(profile: Profile, repaired: Profile, generator: Generator) -> tuple[Scenario, ...]:
    """Return the first scenarios whose outcomes tell two profiles apart."""
    one, other = ReferenceSubject(profile), ReferenceSubject(repaired)
    apart = (s for s in drawn(generator) if differences(one.run(s), other.run(s)))
    return tuple(islice(apart, 3))


@pytest.mark.clause("XFRM-CACHE-002", "XFRM-CACHE-006", "XFRM-DB-008")
@pytest.mark.parametrize(
    "repaired",
    [
        replace(LINUX_6_1, bundle_checks_first_policy_only=False),
        replace(LINUX_6_1, cache_misses_state_changes=False),
        replace(LINUX_6_1, delete_bumps_route_generation=True),
    ],
    ids=["second policy", "states", "deletions"],
)
def test_each_hole_of_the_cache_is_seen_on_the_kernel(uml: KernelSubject, repaired: Profile) -> None:
    scenarios = telling(LINUX_6_1, repaired, cache_scenario)
    assert scenarios
    for scenario in scenarios:
        assert not differences(ReferenceSubject(LINUX_6_1).run(scenario), uml.run(scenario))


@pytest.mark.clause("XFRM-CACHE-001", "XFRM-CACHE-007", "XFRM-CACHE-008", "XFRM-DB-008", "XFRM-DEFAULT-001")
def test_decisions_without_states_are_kept_alike_on_the_running_kernel(netns: KernelSubject) -> None:
    if not platform.release().startswith("6.18."):
        pytest.skip(f"the profile is of 6.18, the running kernel {platform.release()}")
    assert_agreement(ReferenceSubject(LINUX_6_18), netns, iter(drawn(policy_cache_scenario)))
    repaired = replace(LINUX_6_18, delete_bumps_route_generation=True)
    (scenario, *_) = telling(LINUX_6_18, repaired, policy_cache_scenario)
    assert not differences(ReferenceSubject(LINUX_6_18).run(scenario), netns.run(scenario))


@pytest.mark.clause("XFRM-CACHE-007", "XFRM-CACHE-008")
def test_a_connection_without_its_state_is_looked_up_twice_and_when_it_is_closed(uml: KernelSubject) -> None:
    template = Template(Protocol.ESP, Mode.TRANSPORT)
    policy = AddPolicy(Policy(OPEN, Direction.OUT, templates=(template,)))
    first, second = Open(1, FLOW), Open(1, replace(FLOW, source_slot=4005))
    outcome = uml.run(Scenario((policy, first, SendOn(1), second), watched=True))
    assert isinstance(outcome, Observation)
    counted = [dict(r.counters) for r in outcome.results if isinstance(r, PacketResult)]
    assert [told["XfrmOutNoStates"] for told in counted] == [2, 1, 3]


def behind(state: SecurityAssociation, outside: Prefix) -> Scenario:
    """One template, its state, and a node that interface 7 leads to `outside` only."""
    ends = (state.source, state.destination) if state.mode is Mode.TUNNEL else ()
    template = Template(state.protocol, state.mode, *ends)
    policy = AddPolicy(Policy(OPEN, Direction.OUT, templates=(template,)))
    steps = (policy, AddState(state), Send(FLOW), Open(1, replace(FLOW, source_slot=4005)), SendOn(1))
    return Scenario(steps, node=replace(LABORATORY, outside=outside), watched=True)


@pytest.mark.clause("XFRM-EMIT-003", "XFRM-BUNDLE-002")
@pytest.mark.parametrize(
    "state",
    [
        SecurityAssociation(HERE, UNREACHABLE, Protocol.ESP, Mode.TUNNEL, 0x1001),
        SecurityAssociation(HERE, THERE, Protocol.ROUTING, Mode.RO, care_of=UNREACHABLE),
    ],
    ids=["tunnel", "routing header"],
)
def test_a_bundle_without_a_route_is_dropped_and_counted(
    uml: KernelSubject, state: SecurityAssociation
) -> None:
    scenario = behind(state, Prefix.parse("2001:db8::/32"))
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, iter((scenario,)))
    outcome = uml.run(scenario)
    assert isinstance(outcome, Observation)
    sent, connected, on = outcome.results[2:]
    for result in (sent, connected):
        assert isinstance(result, PacketResult)
        assert (result.errno, result.counters, result.used) == (
            Errno.ENETUNREACH,
            (("XfrmOutBundleGenError", 1),),
            (),
        )
    assert on.errno == Errno.EDESTADDRREQ
    reachable = uml.run(replace(scenario, node=LABORATORY))
    assert isinstance(reachable, Observation)
    assert [result.errno for result in reachable.results] == [0, 0, 0, 0, 0]
