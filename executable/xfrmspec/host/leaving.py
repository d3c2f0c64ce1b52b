"""A packet that a node sends: the decision, what the acquires leave behind, and the output loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.host.node import Node
from xfrmspec.host.sending import Emitted, Octets, emit
from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.encode import protocol_of
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.state_acquire import ManagerAnswer, raise_acquire
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    IcmpV6Header,
    IPv6Header,
    MobilityHeader,
    Packet,
    TcpHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.outcome import Counter, Decision, Errno
from xfrmspec_terms.selector import Flow
from xfrmspec_terms.state import StateEvent

_LISTENING = (ManagerAnswer(0),)


@dataclass(frozen=True, slots=True)
class Left:
    """What became of a packet that wanted to leave: the packet for the route, or None and why.

    `acquired` are the questions to key managers, oldest first. A packet that is dropped without an error
    number vanished (XFRM-OUT-002).
    """

    node: Node
    decision: OutputDecision
    packet: Packet | None
    emitted: Emitted | None = None
    acquired: tuple[StateEvent, ...] = ()

    @property
    def counter(self) -> Counter | None:
        """What a drop counted."""
        emitted = None if self.emitted is None else self.emitted.counter
        return self.decision.counter or emitted

    @property
    def errno(self) -> Errno:
        """What the sender sees."""
        return self.decision.errno if self.emitted is None else self.emitted.errno


@clause("XFRM-OUT-001", "XFRM-EMIT-001")
def leave(
    node: Node,
    packet: Packet,
    flow: Flow,
    now: int,
    octets: Octets,
    sockets: SocketPolicies = NO_SOCKET_POLICIES,
) -> Left:
    """Decide a packet by its flow and, if states apply, take it through the output loop at `now` (seconds).

    Source: kernel xfrm_lookup, xfrm_output.
    """
    decision = decide_output(node.view(), flow, sockets, chain=chain_of(packet))
    acquired: tuple[StateEvent, ...] = ()
    for larval in decision.larvals:
        raised = raise_acquire(node.states, larval, _LISTENING, now)
        node, acquired = replace(node, states=raised.database), acquired + raised.events
    if decision.decision is Decision.PASS:
        return Left(node, decision, packet, acquired=acquired)
    if decision.decision is not Decision.TRANSFORM:
        return Left(node, decision, None, acquired=acquired)
    entries = (node.states.entry_of(state) for state in decision.applied)
    ages = tuple(entry.age for entry in entries if entry is not None)
    emitted = emit(node, packet, ages, now, octets)
    return Left(emitted.node, decision, emitted.packet, emitted, acquired)


@clause("XFRM-FLOW-005")
def sent_flow(packet: Packet, oif: int = 0, mark: int = 0) -> Flow:
    """Return the flow by which a socket's packet is looked up.

    Its ends are those that the sender means: with a type 2 routing header of its own the destination is the
    address in there. Source: kernel rawv6_sendmsg, udpv6_sendmsg, icmpv6_send.
    """
    outer, upper = packet.headers[0], packet.headers[-1]
    assert isinstance(outer, IPv6Header)
    routed = (header.address for header in packet.headers if isinstance(header, Type2RoutingHeader))
    destination = next(routed, outer.destination)
    source_slot, destination_slot = _slots(upper)
    protocol = protocol_of(upper)
    return Flow(outer.source, destination, protocol, source_slot, destination_slot, oif, mark)


def _slots(upper: WireHeader) -> tuple[int, int]:
    match upper:
        case UdpHeader(source, destination) | TcpHeader(source, destination):
            return source, destination
        case IcmpV6Header(kind, code):
            return kind, code
        case MobilityHeader(kind):
            return kind, 0
        case _:
            return 0, 0
