"""Two nodes and one packet: what leaves, what arrives, and what happens when it arrives again."""

from __future__ import annotations

import sys
from ipaddress import IPv6Address

from xfrmspec.host.delivery import check_arrived
from xfrmspec.host.node import AddressKind, Node, Secured
from xfrmspec.host.receiving import receive
from xfrmspec.host.sending import emit
from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.policies import add as add_policy
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add as add_state
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.headers import IPv6Header, Packet, UdpHeader
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import Flow, Protocol, Selector
from xfrmspec_terms.state import StateRequest

HOME, CARE_OF = IPv6Address("2001:db8:a::1"), IPv6Address("2001:db8:c::1")
PEER = IPv6Address("2001:db8:b::1")
BINDING = SecurityAssociation(HOME, PEER, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=CARE_OF)
ESP = SecurityAssociation(HOME, PEER, Protocol.ESP, Mode.TRANSPORT, spi=0x1001)


def main() -> int:
    """Send one datagram of a mobile node to its peer; return 1 if it does not end as it should."""
    sender, receiver = _node(Direction.OUT, HOME, CARE_OF), _node(Direction.IN, PEER)
    flow = Flow(HOME, PEER, Protocol.UDP, 4000, 5000)
    decision = decide_output(sender.view(), flow)
    print(f"the sender decides: {decision.decision.value}")
    ages = [_age(sender, state) for state in decision.applied]
    packet = Packet((IPv6Header(HOME, PEER), UdpHeader(4000, 5000)), b"hello")
    sent = emit(sender, packet, ages, now=100, octets=lambda wanted: bytes(wanted))
    assert sent.packet is not None
    octets = encode(sent.packet)
    print(f"{len(octets)} octets leave, from {octets[8:24].hex()} (the care-of address)")

    arrived = receive(receiver, octets, now=100)
    checked = check_arrived(arrived)
    print(f"the receiver used: {', '.join(state.protocol.name for state in arrived.path)}")
    for reason in checked.decision.reasons:
        print(f"  {reason.clause}: {reason.subject}: {reason.found}")
    again = receive(arrived.node, octets, now=101)
    counted = again.counter.value if again.counter else "counted nowhere"
    print(f"the same octets again: {again.fate.value}, {counted}")
    return 0 if checked.decision.accepted and again.counter is not None else 1


def _node(direction: Direction, *addresses: IPv6Address) -> Node:
    """Return a node with both states, and policies that ask for HAO in SUB and ESP in MAIN."""
    selector = Selector.between(f"{HOME}/128", f"{PEER}/128")
    database = PolicyDatabase()
    for type_, template in (
        (PolicyType.SUB, Template(Protocol.DESTINATION_OPTIONS, Mode.RO)),
        (PolicyType.MAIN, Template(Protocol.ESP, Mode.TRANSPORT)),
    ):
        database = add_policy(database, Policy(selector, direction, type_, templates=(template,))).database
    states = StateDatabase()
    for state in (BINDING, ESP):
        states = add_state(states, StateRequest(state)).database
    node = Node(XfrmTables(database), states, {}, dict.fromkeys(addresses, AddressKind.PLAIN))
    keys = EspKeys(encryption("cbc(aes)", Secret(bytes(16))), integrity("hmac(sha256)", Secret(bytes(32))))
    return node.with_secured(_age(node, ESP), Secured(keys, ReplayState(window=32)))


def _age(node: Node, state: SecurityAssociation) -> int:
    entry = node.states.entry_of(state)
    assert entry is not None
    return entry.age


if __name__ == "__main__":
    sys.exit(main())
