"""How many templates a policy may have, and which of them count, on kernels and in the reference."""

from __future__ import annotations

import pytest

from kernel.exhibits import observed
from xfrmspec.findings.pieces import (
    ANYWHERE,
    HERE,
    RECEIVED,
    SENT,
    THERE,
    allow,
    esp,
    optional_esp,
    policy,
)
from xfrmspec.findings.terms import Sight, sight_of
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario, Send, Step
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, Direction, Mode, PolicyType
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol

CLEARTEXT = Sight(wire=(("UDP",),))


def pair_of(
    sub: int, main: int, direction: Direction, action: Action = Action.ALLOW
) -> tuple[AddPolicy, ...]:
    first = policy(ANYWHERE, ANYWHERE, direction, type_=PolicyType.SUB, templates=optional_esp(sub))
    second = policy(ANYWHERE, ANYWHERE, direction, action, templates=optional_esp(main))
    return AddPolicy(first), AddPolicy(second)


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-OUT-005")
@pytest.mark.parametrize("kernel", ["uml", "netns"])
@pytest.mark.parametrize(("sub", "main", "leaves"), [(3, 5, True), (5, 5, True), (3, 6, False)])
def test_templates_that_found_no_state_do_not_count_on_output(
    kernel: str, sub: int, main: int, leaves: bool, request: pytest.FixtureRequest
) -> None:
    scenario = Scenario((*pair_of(sub, main, Direction.OUT), Send(SENT)), listeners=False)
    outcome = observed(request.getfixturevalue(kernel), scenario)
    assert (sight_of(outcome.results[-1]) == CLEARTEXT) is leaves
    assert not differences(outcome, ReferenceSubject(LINUX_6_1).run(scenario))


@pytest.mark.clause("XFRM-TMPL-004")
def test_templates_that_found_no_state_leave_room_for_five_that_did(uml: KernelSubject) -> None:
    unresolved = tuple(esp(reqid, optional=True) for reqid in range(21, 24))
    sub = policy(ANYWHERE, ANYWHERE, type_=PolicyType.SUB, templates=unresolved)
    five = tuple(esp(reqid) for reqid in range(1, 6))
    states = [
        AddState(SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1000 + n, n))
        for n in range(1, 6)
    ]
    steps: tuple[Step, ...] = (
        AddPolicy(sub),
        AddPolicy(allow(ANYWHERE, ANYWHERE, *five)),
        *states,
        Send(SENT),
    )
    outcome = observed(uml, Scenario(steps, listeners=False))
    assert sight_of(outcome.results[-1]) == Sight(wire=(("ESP",) * 5 + ("UDP",),))


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-CHECK-005")
@pytest.mark.parametrize("kernel", ["uml", "netns"])
@pytest.mark.parametrize(
    ("direction", "counter"), [(Direction.IN, "XfrmInBufferError"), (Direction.OUT, "XfrmOutPolBlock")]
)
def test_a_block_of_main_is_seen_before_six_templates_of_sub_on_output_only(
    kernel: str, direction: Direction, counter: str, request: pytest.FixtureRequest
) -> None:
    packet = Receive(RECEIVED) if direction is Direction.IN else Send(SENT)
    scenario = Scenario((*pair_of(6, 0, direction, Action.BLOCK), packet))
    outcome = observed(request.getfixturevalue(kernel), scenario)
    assert sight_of(outcome.results[-1]).counters == (counter,)
    assert not differences(outcome, ReferenceSubject(LINUX_6_1).run(scenario))
