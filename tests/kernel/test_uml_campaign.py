"""Quick campaigns: the reference and a real Linux 6.1 agree on random scenarios of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv6Address
from itertools import islice

import pytest

from kernel.agreement import SEED, assert_agreement
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.acquires import acquire_scenarios
from xfrmspec.scenario.campaign import run_campaign
from xfrmspec.scenario.histories import lookup_scenarios
from xfrmspec.scenario.observation import Observation
from xfrmspec.scenario.protection import output_scenarios
from xfrmspec.scenario.reception import input_scenarios
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, Scenario, Send
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol, Selector

HERE, THERE, ELSEWHERE = map(IPv6Address, ("2001:db8::1", "2001:db8:b::1", "2001:db8:b::2"))

Generator = Callable[[int], Iterator[Scenario]]


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007")
@pytest.mark.clause("XFRM-LOOKUP-002", "XFRM-LOOKUP-003", "XFRM-LOOKUP-004", "XFRM-LOOKUP-008")
@pytest.mark.clause("XFRM-LOOKUP-009", "XFRM-PAIR-001", "XFRM-DB-001", "XFRM-DB-002", "XFRM-DB-005")
@pytest.mark.clause("XFRM-DB-006", "XFRM-DB-007", "XFRM-DB-009", "XFRM-DB-010", "XFRM-DEFAULT-001")
@pytest.mark.clause("XFRM-SEL-001", "XFRM-SEL-002", "XFRM-SEL-003", "XFRM-SEL-005", "XFRM-SEL-006")
@pytest.mark.clause("XFRM-FLOW-002", "XFRM-FLOW-003", "XFRM-FLOW-005", "XFRM-TIMER-003")
@pytest.mark.clause("XFRM-CHECK-001", "XFRM-CHECK-002", "XFRM-CHECK-005", "XFRM-OUT-003", "XFRM-OUT-004")
def test_histories_of_policies_decide_packets_alike(uml: KernelSubject) -> None:
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, islice(lookup_scenarios(SEED), 1000))


@pytest.mark.clause("XFRM-TMPL-002", "XFRM-TMPL-003", "XFRM-TMPL-004", "XFRM-TMPL-006", "XFRM-TMPL-007")
@pytest.mark.clause("XFRM-TMPL-008", "XFRM-TMPL-009", "XFRM-SORT-001", "XFRM-SORT-002", "XFRM-SORT-004")
@pytest.mark.clause("XFRM-SORT-007", "XFRM-OUT-005", "XFRM-OUT-006", "XFRM-OUT-007", "XFRM-FIND-001")
@pytest.mark.clause("XFRM-FIND-002", "XFRM-FIND-003", "XFRM-FIND-004", "XFRM-FIND-005")
@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-WIRE-004", "XFRM-WIRE-005")
def test_templates_and_states_put_the_same_headers_on_the_wire(uml: KernelSubject) -> None:
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, islice(output_scenarios(SEED), 1000))


@pytest.mark.clause("XFRM-CHECK-003", "XFRM-CHECK-004", "XFRM-CHECK-006", "XFRM-CHECK-007")
@pytest.mark.clause("XFRM-CHECK-008", "XFRM-CHECK-009", "XFRM-CHECK-010", "XFRM-CHECK-011")
@pytest.mark.clause("XFRM-CHECK-013", "XFRM-SORT-003", "XFRM-SORT-005")
def test_received_packets_meet_the_same_verdict_and_counter(uml: KernelSubject) -> None:
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, islice(input_scenarios(SEED), 1000))


@pytest.mark.clause("XFRM-FIND-003", "XFRM-FIND-005", "XFRM-TMPL-008", "XFRM-OUT-007")
def test_packets_without_states_raise_the_same_acquires(uml: KernelSubject) -> None:
    assert_agreement(ReferenceSubject(LINUX_6_1), uml, islice(acquire_scenarios(SEED), 1000))


@pytest.mark.clause("XFRM-FIND-005")
def test_a_template_with_foreign_addresses_raises_an_acquire_for_every_packet(uml: KernelSubject) -> None:
    foreign = Template(Protocol.DESTINATION_OPTIONS, Mode.RO, HERE, ELSEWHERE)
    policy = AddPolicy(Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=(foreign,)))
    send = Send(Flow(HERE, THERE, Protocol.UDP, 4001, 4002))
    for subject in (uml, ReferenceSubject(LINUX_6_1)):
        outcome = subject.run(Scenario((policy, send, send, send)))
        assert isinstance(outcome, Observation)
        assert [getattr(result, "acquires", None) for result in outcome.results[1:]] == [1, 1, 1]


@pytest.mark.parametrize("generator", [lookup_scenarios, input_scenarios])
def test_the_kernel_is_told_apart_from_the_clean_rules(uml: KernelSubject, generator: Generator) -> None:
    disagreements = run_campaign(ReferenceSubject(CLEAN), uml, islice(generator(SEED), 1000))
    assert next(disagreements, None) is not None
