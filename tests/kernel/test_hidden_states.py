"""States that a lookup loses, and one that an update leaves beside another, on a real Linux 6.1."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult, StepResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    AddState,
    AllocateSpi,
    LocalAddress,
    Scenario,
    Send,
    Step,
    UpdateState,
)
from xfrmspec.xfrm.state_hash import INITIAL_BUCKETS, bucket
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mark, Mode, Policy, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol, Selector

OPEN, HERE, THERE, ELSEWHERE = map(IPv6Address, ("::", "2001:db8::b", "2001:db8:b::1", "2001:db8:c::1"))
"""In a table of eight buckets, not of sixteen, the second shares the bucket of the first."""

NODE = replace(LABORATORY, addresses=(*LABORATORY.addresses, LocalAddress(HERE)))
ESP = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)
POLICY = AddPolicy(
    Policy(
        Selector.between("::/0", "::/0"),
        Direction.OUT,
        templates=(Template(Protocol.ESP, Mode.TRANSPORT),),
    )
)
SENT = Send(Flow(HERE, THERE, Protocol.UDP, 4001, 4002))
OF_ANY_SOURCE = AddState(replace(ESP, source=OPEN, spi=0x2001))
GROWTH = tuple(AddState(replace(ESP, destination=ELSEWHERE, spi=0x3000 + n)) for n in range(INITIAL_BUCKETS))
THREE, ZERO = Mark(3, 7), Mark(0, 7)


def agreed(uml: KernelSubject, *steps: Step) -> Observation:
    """What the kernel shows of a watched scenario; the reference shows the same."""
    scenario = Scenario(steps, watched=True, node=NODE)
    outcome = uml.run(scenario)
    assert isinstance(outcome, Observation), outcome
    assert not differences(ReferenceSubject(LINUX_6_1).run(scenario), outcome)
    return outcome


def by_the_clean_rules(*steps: Step) -> Observation:
    outcome = ReferenceSubject(CLEAN).run(Scenario(steps, watched=True, node=NODE))
    assert isinstance(outcome, Observation)
    return outcome


def leaves(result: StepResult) -> bool:
    assert isinstance(result, PacketResult)
    return bool(result.wire)


def sent(outcome: Observation) -> list[bool]:
    return [leaves(result) for result in outcome.results if isinstance(result, PacketResult)]


def marks(outcome: Observation) -> list[tuple[int, int]]:
    named = (state.name.mark for state in outcome.states)
    return sorted((mark.value, mark.mask) for mark in named if mark is not None)


@pytest.mark.clause("XFRM-FIND-002")
def test_a_growing_table_hides_a_state_of_any_source_behind_an_acquire(uml: KernelSubject) -> None:
    buckets = [[bucket(THERE, end, 0, size) for end in (OPEN, HERE)] for size in (8, 16)]
    assert buckets[0][0] == buckets[0][1]
    assert buckets[1][0] != buckets[1][1]
    steps: tuple[Step, ...] = (POLICY, SENT, OF_ANY_SOURCE, SENT, *GROWTH, SENT)
    assert sent(agreed(uml, *steps)) == [False, True, False]
    assert sent(by_the_clean_rules(*steps)) == [False, False, False]


@pytest.mark.clause("XFRM-FIND-002")
def test_a_growing_table_hides_no_state_of_any_source_that_stands_alone(uml: KernelSubject) -> None:
    steps: tuple[Step, ...] = (POLICY, OF_ANY_SOURCE, SENT, *GROWTH, SENT)
    assert sent(agreed(uml, *steps)) == sent(by_the_clean_rules(*steps)) == [True, True]


def larval(mark: Mark) -> AllocateSpi:
    return AllocateSpi(replace(ESP, spi=0, mark=mark), ESP.spi, ESP.spi)


@pytest.mark.clause("XFRM-SAD-004", "XFRM-SAD-007")
def test_an_unmarked_update_of_a_marked_larval_state_leaves_two_for_one_mark(uml: KernelSubject) -> None:
    """The mark of the larval state lets mark 0 through; the state for mark 3 stays beside the new one."""
    steps = (larval(ZERO), AddState(replace(ESP, mark=THREE)), UpdateState(ESP))
    assert marks(agreed(uml, *steps)) == [(0, 0), (3, 7)]
    assert marks(by_the_clean_rules(*steps)) == [(0, 7), (3, 7)]


@pytest.mark.clause("XFRM-SAD-004", "XFRM-SAD-007")
def test_an_unmarked_update_does_not_find_a_larval_state_of_another_mark(uml: KernelSubject) -> None:
    steps = (larval(THREE), UpdateState(ESP))
    outcome = agreed(uml, *steps)
    assert outcome.results[-1].errno == Errno.ESRCH
    assert marks(outcome) == [(3, 7)]
    assert marks(by_the_clean_rules(*steps)) == [(0, 0)]
