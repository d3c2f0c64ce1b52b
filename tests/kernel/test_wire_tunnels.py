"""Packets made by hand in a real Linux 6.1: what a tunnel copies between its headers, and what joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import product

import pytest

from xfrmspec.kernel import program
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult
from xfrmspec.scenario.packets import received_packet
from xfrmspec.scenario.terms import AddPolicy, AddState, Operation, Receive, Scenario
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.fragments import ReassemblyFault, fragments, reassemble
from xfrmspec.wire.placing import open_at
from xfrmspec.wire.tunnel import TunnelEnds, decapsulate, encapsulate
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.headers import EspHeader, FragmentHeader, IPv6Header, Packet, UdpHeader
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.selector import Flow, Protocol, Selector

PEER, HERE, THERE = map(IPv6Address, ("2001:db8:b::1", "2001:db8::1", "2001:db8:b::9"))
INSIDE = IPv6Address("2001:db8:f::5")
ANY = Selector.between("::/0", "::/0")
TUNNEL = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TUNNEL, 0x500)
ROUTE_HOPS = 64


def run(
    uml: KernelSubject, patch: pytest.MonkeyPatch, steps: Sequence[Operation], flow: Flow, *packets: bytes
) -> list[PacketResult]:
    """Send these octets into the guest, one step for each; `flow` says what arrives in the end."""
    waiting = [*packets]

    def given(receive: Receive) -> bytes:
        return waiting.pop(0) if receive.flow == flow else received_packet(receive)

    patch.setattr(program, "received_packet", given)
    esp = SecurityAssociation(flow.source, flow.destination, Protocol.ESP, Mode.TUNNEL, 1)
    stimulus = Receive(flow, (esp,) if any(isinstance(step, AddState) for step in steps) else ())
    outcome = uml.run(Scenario((*steps, *(stimulus for _ in packets))))
    assert isinstance(outcome, Observation), outcome
    assert not waiting
    return [result for result in outcome.results if isinstance(result, PacketResult)]


def with_ip(packet: Packet, **fields: int) -> Packet:
    """The packet with other fields in its IPv6 header."""
    header = packet.headers[0]
    assert isinstance(header, IPv6Header)
    return replace(packet, headers=(replace(header, **fields), *packet.headers[1:]))  # type: ignore[arg-type]


def on_wire(results: Sequence[PacketResult]) -> Packet:
    (octets,) = results[-1].octets
    packet = decode(octets)
    assert isinstance(packet, Packet), packet
    return packet


def sealed(packet: Packet) -> Packet:
    """A packet whose outer header is followed by ESP without encryption and ICV around all the rest."""
    opening = open_at(packet, 1)
    padding = -(len(opening.octets) + 2) % 4
    trailer = bytes(range(1, padding + 1)) + bytes((padding, opening.protocol))
    return opening.closed(EspHeader(TUNNEL.spi, 1), opening.octets + trailer)


def opened(packet: Packet) -> Packet:
    padding, protocol = packet.payload[-2:]
    inner = packet.payload[: len(packet.payload) - 2 - padding]
    result = decode(encode(Packet((packet.headers[0], UpperLayer(protocol)), inner)))
    assert isinstance(result, Packet), result
    return result


@pytest.mark.clause("XFRM-TUN-001", "XFRM-TUN-002")
@pytest.mark.parametrize(("ecn", "flags"), [*product(range(4), (StateFlag.NONE, StateFlag.NOECN))])
def test_the_outer_header_of_a_tunnel(
    uml: KernelSubject, monkeypatch: pytest.MonkeyPatch, ecn: int, flags: StateFlag
) -> None:
    inner = Packet((IPv6Header(PEER, INSIDE, 0xB8 | ecn, 0xABCDE, 9), UdpHeader(7, 8)), bytes(40))
    template = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE)
    steps = (
        AddPolicy(Policy(ANY, Direction.OUT, templates=(template,))),
        AddState(replace(TUNNEL, flags=flags)),
    )
    flow = Flow(PEER, INSIDE, Protocol.UDP, 7, 8)
    seen = opened(on_wire(run(uml, monkeypatch, steps, flow, encode(inner))))
    forwarded = with_ip(inner, hop_limit=8)
    ends = TunnelEnds(HERE, THERE, ROUTE_HOPS, flags)
    assert seen == encapsulate(forwarded, len(encode(forwarded)), ends)


@pytest.mark.clause("XFRM-TUN-002")
@pytest.mark.parametrize(("outer", "inner"), [*product(range(4), range(4))])
@pytest.mark.parametrize("flags", [StateFlag.NONE, StateFlag.NOECN | StateFlag.DECAP_DSCP])
def test_what_comes_in_from_the_outer_header(
    uml: KernelSubject, monkeypatch: pytest.MonkeyPatch, outer: int, inner: int, flags: StateFlag
) -> None:
    packet = Packet((IPv6Header(PEER, INSIDE, 0xB8 | inner, 0, 9), UdpHeader(7, 8)), bytes(40))
    head = IPv6Header(THERE, HERE, 0x50 | outer)
    state = replace(TUNNEL, source=THERE, destination=HERE, flags=flags)
    arriving = encode(sealed(Packet((head, *packet.headers), packet.payload)))
    flow = Flow(PEER, INSIDE, Protocol.UDP, 7, 8)
    template = Template(Protocol.ESP, Mode.TUNNEL, THERE, HERE)
    steps = (AddPolicy(Policy(ANY, Direction.FWD, templates=(template,))), AddState(state))
    seen = on_wire(run(uml, monkeypatch, steps, flow, arriving))
    assert seen == with_ip(decapsulate(head, packet, flags), hop_limit=8)


@pytest.mark.clause("XFRM-FRAG-002")
@pytest.mark.parametrize("case", ["in order", "reversed", "repeated", "overlapping", "mixed ECN", "missing"])
def test_the_kernel_joins_the_same_fragments(
    uml: KernelSubject, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    flow = Flow(PEER, HERE, Protocol.UDP, 4001, 4002)
    packet = Packet((IPv6Header(PEER, HERE, 2), UdpHeader(4001, 4002)), bytes(80))
    number = 1000 + len(case)
    first, second, third = fragments(packet, 88, number)
    _, header, upper = second.headers
    assert isinstance(header, FragmentHeader)
    chain = (second.headers[0], replace(header, offset=header.offset - 1), upper)
    widened = Packet(chain, first.payload[-8:] + second.payload)
    plain = with_ip(second, traffic_class=0)
    cut = {
        "in order": (first, second, third),
        "reversed": (third, second, first),
        "repeated": (first, first, second, third),
        "overlapping": (first, widened, second, third),
        "mixed ECN": (first, plain, third),
        "missing": (first, third),
    }[case]
    results = run(uml, monkeypatch, (), flow, *map(encode, cut))
    joined = not isinstance(reassemble(cut), ReassemblyFault)
    assert [result.delivered for result in results[:-1]] == [None] * (len(cut) - 1)
    assert (results[-1].delivered == PEER) is joined
