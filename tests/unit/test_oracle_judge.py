"""The judge: what the reference sees is accepted, anything else is refused at its step, by its clause."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from ipaddress import IPv6Address
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.oracle import Judgement, ObservedError, judge, observation_object, read_observation
from xfrmspec.scenario.acquires import acquire_scenario
from xfrmspec.scenario.histories import lookup_scenario
from xfrmspec.scenario.observation import Observation
from xfrmspec.scenario.protection import output_scenario
from xfrmspec.scenario.reception import input_scenario
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1, PROFILES
from xfrmspec_terms.selector import Flow, Protocol, Selector

GENERATORS = (lookup_scenario, output_scenario, input_scenario, acquire_scenario)
HERE = IPv6Address("2001:db8::1")
THERE = IPv6Address("2001:db8:b::1")
LEAVING = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
EVERYTHING = Selector.between("::/0", "::/0")

Generate = Callable[[Random], Scenario]

ALTERATIONS: dict[str, Callable[[Any], Any]] = {
    "errno": lambda errno: errno + 1,
    "counters": lambda counters: counters | {"XfrmInHdrError": 1},
    "wire": lambda chains: [*chains, ["ESP", "UDP"]],
    "delivered": lambda source: "2001:db8:dead::1" if source is None else None,
    "acquires": lambda count: count + 1,
    "reports": lambda count: count + 1,
}


def observed(scenario: Scenario, profile: str = "linux-6.1") -> dict[str, Any]:
    outcome = ReferenceSubject(PROFILES[profile]).run(scenario)
    assert isinstance(outcome, Observation)
    seen: dict[str, Any] = json.loads(json.dumps(observation_object(outcome)))
    return seen


def judged(scenario: Scenario, value: Any, profile: str = "linux-6.1", limit: int = 64) -> Judgement:
    return judge(scenario, read_observation(value, scenario), PROFILES[profile], limit)


@given(st.sampled_from(GENERATORS), st.sampled_from(sorted(PROFILES)), st.randoms(use_true_random=False))
def test_what_the_reference_sees_is_accepted(generate: Generate, profile: str, random: Random) -> None:
    scenario = generate(random)
    seen = observed(scenario, profile)
    judgement = judged(scenario, seen, profile)
    assert judgement.accepted
    assert judgement.compared == sum(len(result) for result in seen["results"]) + 1


@given(st.sampled_from(GENERATORS), st.randoms(use_true_random=False), st.data())
def test_an_altered_observation_is_refused_at_the_altered_step(
    generate: Generate, random: Random, data: st.DataObject
) -> None:
    scenario = generate(random)
    seen = observed(scenario)
    step = data.draw(st.integers(0, len(scenario.steps) - 1))
    member = data.draw(st.sampled_from(sorted(set(ALTERATIONS) & set(seen["results"][step]))))
    expected = seen["results"][step][member]
    seen["results"][step][member] = ALTERATIONS[member](copy.deepcopy(expected))
    judgement = judged(scenario, seen)
    (refusal,) = judgement.refusals
    assert not judgement.accepted
    assert (refusal.step, refusal.member) == (step, member)
    assert (refusal.expected, refusal.observed) == (expected, seen["results"][step][member])


def blocked() -> Scenario:
    block = Policy(EVERYTHING, Direction.OUT, action=Action.BLOCK)
    return Scenario((AddPolicy(block), Send(LEAVING)))


@pytest.mark.clause("XFRM-OUT-004")
def test_a_block_that_was_evaded_is_refused_by_the_clause_that_blocks() -> None:
    seen = observed(blocked())
    seen["results"][1] |= {"errno": 0, "wire": [["UDP"]], "counters": {}}
    judgement = judged(blocked(), seen)
    assert [refusal.member for refusal in judgement.refusals] == ["errno", "counters", "wire"]
    assert {refusal.nearest for refusal in judgement.refusals} == {"XFRM-OUT-004"}
    assert {refusal.do for refusal in judgement.refusals} == {"send"}


def test_another_final_dump_is_refused_by_the_operations_that_made_it() -> None:
    seen = observed(blocked())
    seen["policies"] = []
    (refusal,) = judged(blocked(), seen).refusals
    assert (refusal.step, refusal.member, refusal.nearest) == (None, "policies", "XFRM-DB-008")
    assert "XFRM-DB-007" in refusal.fired


def test_members_that_were_not_looked_at_are_neither_judged_nor_counted() -> None:
    judgement = judged(blocked(), {"results": [{}, {"errno": 1}]})
    assert judgement.accepted
    assert judgement.compared == 1


def test_the_order_of_used_policies_does_not_matter_and_default_members_may_be_written_out() -> None:
    policies = [
        Policy(EVERYTHING, Direction.OUT, priority=1),
        Policy(Selector.between("2001:db8::/32", "::/0"), Direction.OUT, priority=0),
    ]
    scenario = Scenario((*map(AddPolicy, policies[:1]), Send(LEAVING), AddPolicy(policies[1]), Send(LEAVING)))
    seen = observed(scenario)
    assert len(seen["results"][3]["used"]) == 2
    seen["results"][3]["used"].reverse()
    seen["results"][3]["used"][0]["selector"] |= {"ifindex": 0, "family": "inet6"}
    assert judged(scenario, seen).accepted
    seen["results"][3]["used"].pop()
    assert [refusal.step for refusal in judged(scenario, seen).refusals] == [3]


def two_equals() -> Scenario:
    esp = Template(Protocol.ESP, Mode.TRANSPORT, reqid=1)
    states = [
        AddState(SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, spi, 1)) for spi in (1, 2)
    ]
    return Scenario((AddPolicy(Policy(EVERYTHING, Direction.OUT, templates=(esp,))), *states, Send(LEAVING)))


@pytest.mark.clause("XFRM-FIND-004")
@pytest.mark.parametrize("spi", [1, 2])
def test_any_of_the_equal_states_may_have_been_used(spi: int) -> None:
    assert judged(two_equals(), {"results": [{}, {}, {}, {"spis": [spi]}]}).accepted


@pytest.mark.clause("XFRM-FIND-004")
def test_no_other_state_may_have_been_used() -> None:
    (refusal,) = judged(two_equals(), {"results": [{}, {}, {}, {"spis": [3]}]}).refusals
    assert (refusal.step, refusal.expected, refusal.observed) == (3, [[1], [2]], [3])
    assert not refusal.overflow


def test_what_cannot_be_told_is_an_overflow_and_never_accepted() -> None:
    judgement = judged(two_equals(), {"results": [{}, {}, {}, {"spis": [1]}]}, limit=1)
    assert judgement.overflow
    assert not judgement.accepted
    unseen = judged(two_equals(), {"results": [{}, {}, {}, {"errno": 0, "wire": [["ESP", "UDP"]]}]}, limit=1)
    assert unseen.accepted


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ([], (), "an object"),
        ({"results": [{}]}, ("results",), "one result for each step; there are 1 results for 2 steps"),
        ({"results": {}}, ("results",), "a list"),
        ({"results": [], "policy": []}, (), "no member 'policy'"),
        ({"results": [{"wire": []}, {}]}, ("results", 0), "no member 'wire'"),
        ({"results": [{}, {"errno": True}]}, ("results", 1, "errno"), "a whole number"),
        ({"results": [{}, {"wire": [["UDP", 3]]}]}, ("results", 1, "wire", 0, 1), "a text"),
        ({"results": [{}, {"delivered": "here"}]}, ("results", 1, "delivered"), "an address or null"),
        ({"results": [{}, {"counters": []}]}, ("results", 1, "counters"), "an object of counter names"),
        (
            {"results": [{}, {"used": [{"direction": "up"}]}]},
            ("results", 1, "used", 0),
            "member 'type'",
        ),
        ({"results": [{}, {}], "policies": [{}]}, ("policies", 0), "member 'identity'"),
    ],
)
def test_what_is_no_observation_of_the_scenario_is_said_with_its_place(
    value: Any, path: tuple[str | int, ...], expected: str
) -> None:
    with pytest.raises(ObservedError) as refusal:
        read_observation(value, blocked())
    assert refusal.value.path == path
    assert expected in str(refusal.value)


def test_a_profile_of_another_kernel_judges_otherwise() -> None:
    templates = (Template(Protocol.ESP, Mode.TRANSPORT, optional=True),) * 6
    scenario = Scenario((AddPolicy(Policy(EVERYTHING, Direction.OUT, templates=templates)), Send(LEAVING)))
    seen = observed(scenario, "clean")
    assert judged(scenario, seen, "clean").accepted
    assert judged(scenario, seen, LINUX_6_1.name).refusals[0].nearest == "XFRM-OUT-005"
