"""A transformation that fails on the way out: what it counts and uses up, on a real Linux 6.1."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.host.receiving import Fate, receive
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult
from xfrmspec.scenario.octets import new_run, perform_octets
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, AddState, Arrive, Scenario
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import Direction, Limits, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol, Selector

OUTSIDE, INSIDE, ELSEWHERE = map(IPv6Address, ("2001:db8:b::1", "2001:db8:f::1", "2001:db8:f::2"))
UDP = bytes.fromhex("0fa10fa2 0008 0000")
AH = SecurityAssociation(OUTSIDE, INSIDE, Protocol.AH, Mode.TRANSPORT, 0x1001)
POLICY = AddPolicy(
    Policy(
        Selector.between("::/0", "::/0"), Direction.OUT, templates=(Template(Protocol.AH, Mode.TRANSPORT),)
    )
)


def forwarded(segments_left: int) -> Arrive:
    """A datagram to be forwarded, behind a routing header of type 0 with one address."""
    routing = bytes((socket.IPPROTO_UDP, 2, 0, segments_left, 0, 0, 0, 0)) + ELSEWHERE.packed
    behind = routing + UDP
    head = bytes.fromhex("60000000") + len(behind).to_bytes(2, "big") + bytes((socket.IPPROTO_ROUTING, 64))
    return Arrive(head + OUTSIDE.packed + INSIDE.packed + behind, socket.IPPROTO_UDP)


def counters(outcome: Observation) -> list[tuple[tuple[str, int], ...]]:
    return [result.counters for result in outcome.results if isinstance(result, PacketResult)]


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-AH-004")
def test_a_routing_header_without_its_addresses_fails_ah_and_uses_the_state_up(
    uml: KernelSubject,
) -> None:
    """A second packet finds the limit of one packet reached, by the one that never left."""
    limited = replace(AH, limits=Limits(hard_packets=1))
    failing = Scenario((POLICY, AddState(limited), forwarded(2), forwarded(1)), octets=True)
    expected = [((Counter.OUT_STATE_PROTOCOL_ERROR.value, 1),), ((Counter.OUT_STATE_EXPIRED.value, 1),)]
    for subject in (uml, ReferenceSubject(LINUX_6_1)):
        outcome = subject.run(failing)
        assert isinstance(outcome, Observation), outcome
        assert counters(outcome) == expected


def broken(octet: int, value: int) -> Arrive:
    """A datagram to be forwarded behind eight octets of destination options, one octet of which is wrong."""
    options = bytearray((socket.IPPROTO_UDP, 0, 0x1E, 4, 0, 0, 0, 0))
    options[octet] = value
    behind = bytes(options) + UDP
    head = bytes.fromhex("60000000") + len(behind).to_bytes(2, "big") + bytes((socket.IPPROTO_DSTOPTS, 64))
    return Arrive(head + OUTSIDE.packed + INSIDE.packed + behind, socket.IPPROTO_UDP)


@pytest.mark.clause("XFRM-EMIT-001")
def test_a_router_sends_on_what_the_reference_drops_as_malformed(uml: KernelSubject) -> None:
    """A chain that leads out of the packet fails the outer header work, an option that does so fails AH."""
    damaged = broken(1, 9), broken(3, 9)
    names = (Counter.OUT_STATE_MODE_ERROR, Counter.OUT_STATE_PROTOCOL_ERROR)
    outcome = uml.run(Scenario((POLICY, AddState(AH), *damaged), octets=True))
    assert isinstance(outcome, Observation), outcome
    assert counters(outcome) == [((name.value, 1),) for name in names]
    node = new_run(Scenario((), octets=True), LINUX_6_1).node
    for packet in damaged:
        arrived = receive(node, packet.octets, 0)
        assert (arrived.fate, arrived.counter) == (Fate.MALFORMED, None)


@pytest.mark.clause("XFRM-EMIT-001")
def test_the_number_of_a_packet_whose_transformation_failed_is_used_up() -> None:
    scenario = Scenario((POLICY, AddState(AH), forwarded(2), forwarded(1)), octets=True)
    run = new_run(scenario, LINUX_6_1)
    for step in scenario.steps:
        run, _ = perform_octets(step, run)
    (entry,) = run.node.states
    assert run.node.of(entry.age).numbers.sent == 2
    assert entry.packets == 2
