"""The flow of a fragment, and of what fragments become, on a real Linux 6.1."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

import pytest

from kernel.agreement import agreed, last
from xfrmspec.kernel.key_laboratory import request_step, run_steps
from xfrmspec.kernel.netlink_requests import policy_message
from xfrmspec.kernel.program import result_of, stimulus
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import PacketResult
from xfrmspec.scenario.packets import upper_octets
from xfrmspec.scenario.terms import AddPolicy, Arrive
from xfrmspec.wire.encode import encode
from xfrmspec.wire.fragments import fragments
from xfrmspec_terms.headers import IPv6Header, Packet
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Action, Direction, Policy
from xfrmspec_terms.selector import ANY_PORT, Flow, PortMatch, Protocol, Selector

THERE, HERE, BEHIND = map(IPv6Address, ("2001:db8:b::1", "2001:db8::1", "2001:db8:f::1"))
PORT = 5001


def pieces(destination: IPv6Address) -> tuple[Arrive, ...]:
    """A datagram in three fragments, the first of which has the UDP header."""
    flow = Flow(THERE, destination, Protocol.UDP, PORT, PORT)
    packet = Packet((IPv6Header(THERE, destination), UpperLayer(Protocol.UDP)), upper_octets(flow))
    cut = fragments(packet, 200, 0x01020304)
    assert len(cut) == 3
    return tuple(Arrive(encode(piece), Protocol.UDP, PORT) for piece in cut)


def blocking(direction: Direction, protocol: int, port: PortMatch = ANY_PORT) -> Policy:
    selector = Selector.between("::/0", "::/0", protocol, destination_port=port)
    return Policy(selector, direction, action=Action.BLOCK)


@pytest.mark.clause("XFRM-FLOW-004")
@pytest.mark.parametrize(
    ("protocol", "port", "stopped"),
    [
        (Protocol.UDP, ANY_PORT, True),
        (Protocol.UDP, PortMatch(0, 0xFFFF), True),
        (Protocol.UDP, PortMatch(PORT, 0xFFFF), False),
        (Protocol.FRAGMENT, ANY_PORT, False),
    ],
)
def test_a_forwarded_fragment_has_its_protocol_and_no_ports(
    uml: KernelSubject, protocol: Protocol, port: PortMatch, stopped: bool
) -> None:
    """The first fragment, which has the ports, is treated like the others."""
    policy = AddPolicy(blocking(Direction.FWD, protocol, port))
    for piece in pieces(BEHIND):
        result = last(agreed(uml, policy, piece, octets=True))
        assert bool(result.octets) is not stopped
        assert result.counters == ((("XfrmInPolBlock", 1),) if stopped else ())


@pytest.mark.clause("XFRM-FLOW-004", "XFRM-FRAG-002")
@pytest.mark.parametrize(
    ("port", "stopped"), [(PortMatch(PORT, 0xFFFF), True), (PortMatch(0, 0xFFFF), False)]
)
def test_what_was_reassembled_has_its_ports(uml: KernelSubject, port: PortMatch, stopped: bool) -> None:
    """The verdict comes with the last fragment, in whatever order they arrive."""
    policy = policy_message(blocking(Direction.IN, Protocol.UDP, port))
    first, second, third = pieces(HERE)
    for order in ((first, second, third), (third, first, second)):
        arriving: list[list[Any]] = [stimulus(piece) for piece in order]
        _, *answers = run_steps(uml, [request_step(policy), *arriving])
        results = [result_of(answer) for answer in answers]
        assert [isinstance(r, PacketResult) and r.delivered is not None for r in results] == [
            *(False, False),
            not stopped,
        ]
        assert [getattr(r, "counters", None) for r in results[:2]] == [(), ()]
        assert getattr(results[2], "counters", None) == ((("XfrmInPolBlock", 1),) if stopped else ())
