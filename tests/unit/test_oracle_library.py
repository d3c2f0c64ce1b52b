"""The oracle as a library: verdicts agree with the reference, and a refusal names guard, value and clause."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xfrmspec
from xfrmspec.oracle import Accepted, EventError, Oracle, Overflow, Refused, Tried, Verdict
from xfrmspec.scenario.acquires import acquire_scenario
from xfrmspec.scenario.histories import lookup_scenario
from xfrmspec.scenario.observation import Observation, OperationResult, PacketResult
from xfrmspec.scenario.protection import output_scenario
from xfrmspec.scenario.reception import input_scenario
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    FlushPolicies,
    FlushStates,
    Receive,
    Scenario,
    Send,
    SetDefaults,
    UpdatePolicy,
)
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.outcome import Decision, Errno
from xfrmspec_terms.policy import (
    Action,
    DefaultAction,
    Direction,
    Mode,
    Policy,
    PolicyType,
    Template,
    identity_of,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, PROFILES, USAGI_2004
from xfrmspec_terms.selector import Flow, Protocol, Selector

GENERATORS = (lookup_scenario, output_scenario, input_scenario, acquire_scenario)
HERE = IPv6Address("2001:db8::1")
THERE = IPv6Address("2001:db8:b::1")
LEAVING = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
ARRIVING = Flow(THERE, HERE, Protocol.UDP, 4001, 4002)
EVERYTHING = Selector.between("::/0", "::/0")
ESP = Template(Protocol.ESP, Mode.TRANSPORT, reqid=1)

Generate = Callable[[Random], Scenario]


def esp_state(spi: int, **members: object) -> SecurityAssociation:
    state = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, spi, 1)
    return replace(state, **members)  # type: ignore[arg-type]


def told(*steps: object, oracle: Oracle | None = None) -> Verdict:
    """Let steps happen and return the verdict on the last."""
    asked = oracle or Oracle(LINUX_6_1)
    return [asked.step(step) for step in steps][-1]  # type: ignore[arg-type]


def refused(verdict: Verdict) -> Refused:
    assert isinstance(verdict, Refused)
    return verdict


@given(st.sampled_from(GENERATORS), st.sampled_from(sorted(PROFILES)), st.randoms(use_true_random=False))
def test_step_by_step_the_oracle_sees_what_the_reference_subject_sees(
    generate: Generate, profile: str, random: Random
) -> None:
    scenario = generate(random)
    oracle = Oracle(PROFILES[profile], node=scenario.node, listeners=scenario.listeners)
    verdicts = [oracle.step(step) for step in scenario.steps]
    results = tuple(verdict.effects.result for verdict in verdicts)
    assert Observation(results, oracle.policies) == ReferenceSubject(PROFILES[profile]).run(scenario)


@given(st.sampled_from(GENERATORS), st.randoms(use_true_random=False))
def test_a_verdict_is_a_refusal_exactly_when_something_failed(generate: Generate, random: Random) -> None:
    scenario = generate(random)
    oracle = Oracle(LINUX_6_1, node=scenario.node, listeners=scenario.listeners)
    for step in scenario.steps:
        verdict = oracle.step(step)
        result = verdict.effects.result
        failed = bool(result.errno)
        if isinstance(result, PacketResult):
            failed = not result.wire and result.delivered is None
            assert failed == (verdict.effects.decision in (Decision.BLOCK, Decision.DROP))
        assert isinstance(verdict, Refused) == failed
        if isinstance(verdict, Refused):
            assert verdict.tried
            assert all(tried.guard and tried.found and tried.expected for tried in verdict.tried)


@given(st.sampled_from(GENERATORS), st.randoms(use_true_random=False))
def test_every_clause_that_a_verdict_names_is_in_the_tables(generate: Generate, random: Random) -> None:
    scenario = generate(random)
    oracle = Oracle(LINUX_6_1, node=scenario.node, listeners=scenario.listeners)
    for step in scenario.steps:
        verdict = oracle.step(step)
        tried = verdict.tried if isinstance(verdict, Refused) else ()
        named = {*verdict.fired, verdict.nearest, *(guard.clause for guard in tried)}
        assert named - {None} <= set(all_clauses())


@pytest.mark.clause("XFRM-DB-007")
def test_a_taken_identity_is_refused_with_the_policy_that_holds_it() -> None:
    policy = Policy(EVERYTHING, Direction.OUT, priority=3)
    verdict = refused(told(AddPolicy(policy), AddPolicy(replace(policy, priority=9))))
    assert verdict.effects.result == OperationResult(Errno.EEXIST)
    (tried,) = verdict.tried
    assert (tried.clause, tried.guard) == ("XFRM-DB-007", "identity")
    assert "priority 3" in tried.found


@pytest.mark.clause("XFRM-DB-005", "XFRM-DB-003", "XFRM-TMPL-004", "XFRM-TMPL-005", "XFRM-TMPL-006")
@pytest.mark.parametrize(
    ("step", "tried"),
    [
        (
            DeletePolicy(identity_of(Policy(EVERYTHING, Direction.OUT)), 17),
            Tried("XFRM-DB-005", "identity or index", "none of index 17", "a policy"),
        ),
        (
            AddPolicy(Policy(EVERYTHING, Direction.OUT, index=8)),
            Tried(
                "XFRM-DB-003",
                "index",
                "index 8 with low bits 0, direction 1",
                "low bits that are the direction's number",
            ),
        ),
        (
            UpdatePolicy(Policy(EVERYTHING, Direction.IN, templates=(ESP,) * 7)),
            Tried("XFRM-TMPL-004", "templates", "7", "at most 6"),
        ),
        (
            AddPolicy(Policy(EVERYTHING, Direction.IN, templates=(replace(ESP, protocol=Protocol.UDP),))),
            Tried(
                "XFRM-TMPL-005",
                "template protocol",
                "UDP transport inet6",
                "a protocol that a state can have",
            ),
        ),
        (
            AddState(esp_state(0x1001, mode=Mode.IN_TRIGGER)),
            Tried("XFRM-TMPL-006", "protocol and mode", "ESP in_trigger", "a pair that a state can have"),
        ),
    ],
)
def test_a_refused_operation_names_clause_guard_value_and_what_would_have_passed(
    step: object, tried: Tried
) -> None:
    verdict = refused(told(step))
    assert verdict.tried == (tried,)
    assert verdict.nearest == tried.clause


@pytest.mark.clause("XFRM-ARCH-004")
def test_without_sub_policies_a_flush_of_them_is_refused() -> None:
    verdict = refused(told(FlushPolicies(PolicyType.SUB), oracle=Oracle(USAGI_2004)))
    assert verdict.tried == (Tried("XFRM-ARCH-004", "type", "sub", "main"),)


def test_states_that_no_clause_speaks_of_yet_are_refused_without_a_clause() -> None:
    state = esp_state(0x1001)
    assert refused(told(AddState(state), AddState(state))).nearest is None
    missing = refused(told(DeleteState(state)))
    assert missing.nearest is None
    assert "none has ESP" in missing.tried[0].found


@pytest.mark.clause("XFRM-OUT-004")
def test_a_blocked_packet_names_the_blocking_policy_and_those_that_did_not_match() -> None:
    other = Policy(Selector.between("::/0", "2001:db8:c::/48"), Direction.OUT, priority=1)
    block = Policy(EVERYTHING, Direction.OUT, action=Action.BLOCK, priority=2)
    verdict = refused(told(AddPolicy(other), AddPolicy(block), Send(LEAVING)))
    assert verdict.effects.decision is Decision.BLOCK
    assert verdict.nearest == "XFRM-OUT-004"
    assert verdict.tried == (
        Tried(
            "XFRM-SEL-001",
            "out main policy of priority 1: destination prefix",
            "2001:db8:b::1",
            "2001:db8:c::/48",
        ),
        Tried("XFRM-OUT-004", "out main policy of priority 2", "action block", "action allow"),
    )


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-005")
def test_policies_that_were_not_preferred_are_told_with_both_values() -> None:
    block = Policy(
        Selector.between("::/0", "::/0", Protocol.UDP), Direction.OUT, action=Action.BLOCK, priority=4
    )
    weaker = replace(block, selector=EVERYTHING, priority=5)
    later = replace(block, selector=Selector.between("::/1", "::/0"))
    verdict = refused(told(AddPolicy(block), AddPolicy(weaker), AddPolicy(later), Send(LEAVING)))
    by_guard = {tried.guard.partition(": ")[2]: tried for tried in verdict.tried}
    assert (by_guard["priority"].found, by_guard["priority"].expected) == ("5", "at most 4")
    assert by_guard["place among equals"].clause == "XFRM-LOOKUP-005"


@pytest.mark.clause("XFRM-CHECK-013")
def test_cleartext_where_esp_is_required_names_the_template() -> None:
    policy = Policy(EVERYTHING, Direction.IN, templates=(ESP,))
    verdict = refused(told(AddPolicy(policy), Receive(ARRIVING)))
    assert verdict.effects.decision is Decision.DROP
    assert verdict.tried == (
        Tried("XFRM-CHECK-013", "required template 1", "cleartext", "ESP transport reqid 1"),
    )


@pytest.mark.clause("XFRM-DEFAULT-001")
def test_a_default_action_that_blocks_is_the_guard_that_failed() -> None:
    defaults = SetDefaults(DefaultActions(outbound=DefaultAction.BLOCK))
    verdict = refused(told(defaults, Send(LEAVING)))
    assert verdict.tried[-1] == Tried("XFRM-DEFAULT-001", "default action out", "BLOCK", "ACCEPT")


def test_a_packet_whose_state_is_missing_is_dropped_and_the_state_is_named() -> None:
    verdict = refused(told(Receive(ARRIVING, (esp_state(0x77, source=THERE, destination=HERE),))))
    assert verdict.effects.decision is Decision.DROP
    assert "spi 0x00000077" in verdict.tried[0].found


def test_a_forwarded_packet_is_refused_by_what_ended_it() -> None:
    through = Flow(THERE, IPv6Address("2001:db8:f::1"), Protocol.UDP, 1, 2)
    block = Policy(EVERYTHING, Direction.OUT, action=Action.BLOCK)
    verdict = refused(told(AddPolicy(block), Receive(through)))
    assert verdict.nearest == "XFRM-OUT-004"
    assert "XFRM-CHECK-004" in verdict.fired


@pytest.mark.clause("XFRM-FIND-004")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1], ids=lambda profile: profile.name)
def test_states_added_in_the_same_second_are_all_allowed(profile: object) -> None:
    policy = AddPolicy(Policy(EVERYTHING, Direction.OUT, templates=(ESP,)))
    states = [AddState(esp_state(spi, added=5)) for spi in (0x1003, 0x1001, 0x1002)]
    older = AddState(esp_state(0x1004, added=4))
    verdict = told(policy, *states, older, Send(LEAVING), oracle=Oracle(profile))  # type: ignore[arg-type]
    assert isinstance(verdict, Accepted)
    assert verdict.effects.spis == ((0x1001,), (0x1002,), (0x1003,))


@pytest.mark.clause("XFRM-FIND-004")
def test_choices_at_two_templates_are_free_of_each_other() -> None:
    tunnel = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE, reqid=2)
    policy = AddPolicy(Policy(EVERYTHING, Direction.OUT, templates=(ESP, tunnel)))
    inner = [AddState(esp_state(spi)) for spi in (1, 2)]
    outer = [AddState(esp_state(spi, mode=Mode.TUNNEL, reqid=2)) for spi in (3, 4)]
    verdict = told(policy, *inner, *outer, Send(LEAVING))
    assert verdict.effects.spis == ((3, 1), (3, 2), (4, 1), (4, 2))


@pytest.mark.clause("XFRM-FIND-004")
def test_one_search_order_cannot_choose_twice_differently() -> None:
    policy = AddPolicy(Policy(EVERYTHING, Direction.OUT, templates=(ESP, ESP)))
    states = [AddState(esp_state(spi)) for spi in (1, 2)]
    assert told(policy, *states, Send(LEAVING)).effects.spis == ((1, 1), (2, 2))


def test_more_outcomes_than_the_limit_are_told_and_none_is_left_out_silently() -> None:
    policy = AddPolicy(Policy(EVERYTHING, Direction.OUT, templates=(ESP,)))
    states = [AddState(esp_state(spi)) for spi in range(1, 5)]
    verdict = told(policy, *states, Send(LEAVING), oracle=Oracle(LINUX_6_1, limit=3))
    assert isinstance(verdict, Overflow)
    assert (verdict.limit, verdict.effects.spis) == (3, ())
    assert isinstance(told(policy, *states, Send(LEAVING), oracle=Oracle(LINUX_6_1, limit=4)), Accepted)


def test_an_event_that_cannot_happen_leaves_the_node_as_it_was() -> None:
    oracle = Oracle(LINUX_6_1)
    oracle.step(AddPolicy(Policy(EVERYTHING, Direction.OUT, action=Action.BLOCK)))
    wrong = Send(LEAVING, inbound=Policy(EVERYTHING, Direction.FWD))
    with pytest.raises(EventError, match="socket policy") as refusal:
        oracle.step(wrong)
    assert refusal.value.step == 1
    assert isinstance(oracle.step(Send(LEAVING)), Refused)
    with pytest.raises(TypeError):
        oracle.step("send")  # type: ignore[arg-type]


def test_a_received_packet_is_ipv6() -> None:
    ipv4 = Flow(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), Protocol.ICMPV6, 129)
    with pytest.raises(EventError, match="IPv6"):
        told(Receive(ipv4))


def test_operations_that_cannot_fail_are_accepted() -> None:
    for step in (FlushStates(), SetDefaults(DefaultActions())):
        assert isinstance(told(step), Accepted)


def test_the_package_exports_the_oracle_and_nothing_else() -> None:
    assert xfrmspec.Oracle is Oracle
    with pytest.raises(AttributeError, match="oracles"):
        _ = xfrmspec.oracles


def test_importing_and_using_the_oracle_never_imports_solver_pictures_or_command_line() -> None:
    program = """
import sys, xfrmspec
before = set(sys.modules)
from xfrmspec.scenario.selftest import self_test
for scenario in self_test(True):
    oracle = xfrmspec.Oracle()
    for step in scenario.steps:
        oracle.step(step)
from xfrmspec.oracle.lines import answers
from xfrmspec_terms.profile import CLEAN
assert [answer.code for answer in answers([b'{"version": 1, "steps": []}'], CLEAN, judging=False)] == [0]
heavy = {"z3", "graphviz", "typer", "rich", "hypothesis", "xfrmspec_model", "xfrmspec_proofs"}
assert "xfrmspec.oracle" not in before, "the oracle is imported when it is asked for"
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
