"""Waits, events and sockets that stay on a real Linux 6.1, compared with the reference."""

from __future__ import annotations

from kernel.agreement import SEED
from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.conform.state_drawing import HERE, OPEN, THERE
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.observation import Failure, Observation, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, AddState, DeleteState, Open, Scenario, Send, SendOn
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol

REFERENCE = ReferenceSubject(LINUX_6_1)
TIMED = 24


def test_time_goes_by_alike_in_the_reference_and_in_the_kernel(uml: KernelSubject) -> None:
    made = [scenario_number(CAMPAIGNS[CampaignName.TIME], SEED, number) for number in range(TIMED)]
    for scenario, outcome in zip(made, uml.run_all(made), strict=True):
        if isinstance(outcome, Failure):
            assert "too busy" in outcome.reason
            continue
        wrong = differences(REFERENCE.run(scenario), outcome)
        if wrong:
            wrong = differences(REFERENCE.run(scenario), uml.run(scenario))
        assert not wrong, (wrong[0], to_json(scenario))


def test_a_connected_socket_stays_over_steps(uml: KernelSubject) -> None:
    flow = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
    template = Template(Protocol.ESP, Mode.TRANSPORT, reqid=1)
    state = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
    steps = (
        AddPolicy(Policy(OPEN, Direction.OUT, templates=(template,))),
        AddState(state),
        Open(1, flow),
        SendOn(1),
        DeleteState(state),
        SendOn(1),
        SendOn(2),
    )
    outcome = uml.run(Scenario(steps, watched=True))
    assert isinstance(outcome, Observation)
    assert not differences(REFERENCE.run(Scenario(steps, watched=True)), outcome)


def test_a_plain_scenario_tells_no_events(uml: KernelSubject) -> None:
    flow = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
    outcome = uml.run(Scenario((Open(1, flow), Send(flow), SendOn(1))))
    assert isinstance(outcome, Observation)
    assert all(result.events == () for result in outcome.results)
    assert outcome.states == ()
