"""Beet mode on a real Linux 6.1: the ends of the state on the wire, those of its selector inside."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from kernel.conftest import output_of_script
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol, Selector

HERE, OUTER_HERE, THERE, OUTER_THERE = map(
    IPv6Address, ("2001:db8::1", "2001:db8::2", "2001:db8:b::1", "2001:db8:b::2")
)
INSIDE = Selector.between("2001:db8::1/128", "2001:db8:b::1/128")
STATE = SecurityAssociation(OUTER_HERE, OUTER_THERE, Protocol.ESP, Mode.BEET, 0x1001, 1, selector=INSIDE)
TEMPLATE = Template(Protocol.ESP, Mode.BEET, OUTER_HERE, OUTER_THERE, reqid=1)
FLOW = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
TRAFFIC_CLASS, FLOW_LABEL, HOP_LIMIT = 0x28, 0x54321, 17
PAYLOAD = b"beet"

RECEIVE = """\
ip link set lo up
ip link add outer type veth peer name far || exit 4
for device in outer far; do ip link set $device addrgenmode none multicast off arp off up; done
for address in 2001:db8::1 2001:db8::2; do ip -6 addr add $address/128 dev outer nodad; done
ip -6 route add default dev outer
ip xfrm state add src 2001:db8:b::2 dst 2001:db8::2 proto esp spi 0x2001 mode beet \\
	enc 'ecb(cipher_null)' '' auth digest_null '' sel src 2001:db8:b::1/128 dst 2001:db8::1/128 || exit 4
ip xfrm policy add src ::/0 dst ::/0 dir in \\
	tmpl src 2001:db8:b::2 dst 2001:db8::2 proto esp mode beet || exit 4
python3 -c '
import socket, struct, sys
receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
receiver.setsockopt(socket.IPPROTO_IPV6, 66, 1)
receiver.setsockopt(socket.IPPROTO_IPV6, 51, 1)
receiver.setsockopt(socket.IPPROTO_IPV6, 11, 1)
receiver.bind(("2001:db8::1", 4002))
receiver.settimeout(2)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("far", 0))
with open("/sys/class/net/outer/address") as device:
    mac = bytes.fromhex(device.read().strip().replace(":", ""))
wire.send(mac + bytes(6) + b"\\x86\\xdd" + bytes.fromhex(sys.argv[1]))
octets, told, _, peer = receiver.recvmsg(2048, 256)
values = {kind: struct.unpack_from("=I", value)[0] for _, kind, value in told}
print(peer[0], octets.decode(), values[67], values[52], hex(socket.ntohl(values[11])))
' ARRIVAL
"""


@pytest.mark.clause("XFRM-TUN-003")
@pytest.mark.parametrize("headers", [(), (Header.DESTINATION_OPTIONS,)])
def test_a_beet_sender_exchanges_the_addresses(uml: KernelSubject, headers: tuple[Header, ...]) -> None:
    """In transport mode the same packet has the same header but for addresses and the place of options."""
    sent = Send(FLOW, headers=headers)
    policy = Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=(TEMPLATE,))
    scenario = Scenario((AddPolicy(policy), AddState(STATE), sent))
    outcome = uml.run(scenario)
    assert isinstance(outcome, Observation)
    assert not differences(ReferenceSubject(LINUX_6_1).run(scenario), outcome)
    result = outcome.results[-1]
    assert isinstance(result, PacketResult)
    (packet,) = result.octets
    assert (packet[8:24], packet[24:40]) == (OUTER_HERE.packed, OUTER_THERE.packed)
    assert packet[6] == Protocol.ESP
    plain = uml.run(Scenario((replace(sent),)))
    assert isinstance(plain, Observation)
    assert isinstance(plain.results[0], PacketResult)
    (clear,) = plain.results[0].octets
    assert packet[48 : 48 + len(clear) - 40] == clear[40:]
    assert (packet[0], packet[7]) == (clear[0], clear[7])


def sealed() -> bytes:
    """A datagram between the addresses inside, in ESP that hides nothing, between the ends of the state."""
    first = struct.pack(">I", 6 << 28 | TRAFFIC_CLASS << 20 | FLOW_LABEL)
    inner = IPv6(src=str(THERE), dst=str(HERE)) / UDP(sport=4001, dport=4002) / PAYLOAD
    datagram = bytes(inner)[40:]
    padding = -(len(datagram) + 2) % 4
    trailer = bytes(range(1, padding + 1)) + bytes((padding, Protocol.UDP))
    body = struct.pack(">II", 0x2001, 1) + datagram + trailer
    lengths = struct.pack(">HBB", len(body), Protocol.ESP, HOP_LIMIT)
    return first + lengths + OUTER_THERE.packed + OUTER_HERE.packed + body


@pytest.mark.clause("XFRM-TUN-003")
def test_a_beet_receiver_puts_the_addresses_of_the_selector_back() -> None:
    """The receiver of the datagram sees the peer inside, and the rest of the header as it arrived."""
    output = output_of_script(RECEIVE.replace("ARRIVAL", sealed().hex()))
    flow = hex(TRAFFIC_CLASS << 20 | FLOW_LABEL)
    assert output.split() == [str(THERE), PAYLOAD.decode(), str(TRAFFIC_CLASS), str(HOP_LIMIT), flow]
