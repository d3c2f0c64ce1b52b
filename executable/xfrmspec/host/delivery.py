"""Behind the input loop: the check of the packet, delivery, and forwarding."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.host.receiving import Arrived, Fate
from xfrmspec.wire.decode import decode_quoted
from xfrmspec.wire.encode import encode_behind, protocol_of
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.session import ReceivedHeaders, decode_session
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IcmpV6Header, IPv4Header, IPv6Header, Packet
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import Direction
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow

_IPV6_OCTETS = 40
_ONE_BEHIND_IP = 2


@clause("XFRM-FLOW-001", "XFRM-RECV-005")
def flow_of(packet: Packet, processed: int, profile: Profile, oif: int = 0, mark: int = 0) -> Flow:
    """Return the flow by which a received packet is checked; `processed` headers were worked through."""
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header | IPv4Header)
    behind = packet.headers[1:]
    octets = encode_behind(packet.headers[:1], behind, packet.payload)
    key = decode_session(ReceivedHeaders(protocol_of(behind[0]), octets, processed), profile)
    return Flow(
        outer.source, outer.destination, key.protocol, key.source_slot, key.destination_slot, oif, mark
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on a packet, and every counter that was raised on the way to it, in order."""

    decision: InputDecision
    counters: tuple[Counter, ...] = ()


@clause("XFRM-RECV-005", "XFRM-RECV-007", "XFRM-RECV-009")
def check_arrived(
    arrived: Arrived, sockets: SocketPolicies = NO_SOCKET_POLICIES, oif: int = 0, mark: int = 0
) -> Checked:
    """Check a packet that the input loop let through, in direction IN or FWD.

    ValueError for a packet that it did not let through. Source: XFRM-RECV-005, -007, -008; kernel
    xfrm6_policy_check, icmpv6_rcv.
    """
    if arrived.packet is None or arrived.fate not in (Fate.LOCAL, Fate.FORWARD):
        raise ValueError(f"nothing to check: {arrived.fate.value}")
    direction = Direction.IN if arrived.fate is Fate.LOCAL else Direction.FWD
    tables = arrived.node.view()
    flow = flow_of(arrived.packet, arrived.processed, tables.profile, oif, mark)
    decision = decide_input(tables, flow, arrived.path, direction, sockets)
    counters = () if decision.counter is None else (decision.counter,)
    quoted = None if decision.accepted else _reversed_quotation(arrived, flow)
    if quoted is None:
        return Checked(decision, counters)
    again = decide_input(tables, quoted, arrived.path, direction, sockets)
    return Checked(again, counters if again.counter is None else (*counters, again.counter))


@clause("XFRM-RECV-008")
def _reversed_quotation(arrived: Arrived, flow: Flow) -> Flow | None:
    """Return the flow of the packet that an ICMPv6 message quotes, seen from its receiver, or None.

    Only a message that came through a state with the flag for ICMP has this exception.
    """
    packet = arrived.packet
    if packet is None or arrived.fate is not Fate.LOCAL or not isinstance(packet.headers[-1], IcmpV6Header):
        return None
    if not arrived.path or not arrived.path[-1].flags & StateFlag.ICMP:
        return None
    headers = decode_quoted(packet.payload)
    if len(headers) < _ONE_BEHIND_IP or not isinstance(headers[0], IPv6Header):
        return None
    octets = packet.payload[_IPV6_OCTETS:]
    key = decode_session(ReceivedHeaders(protocol_of(headers[1]), octets, 0), arrived.node.profile)
    return replace(
        flow,
        source=headers[0].destination,
        destination=headers[0].source,
        protocol=key.protocol,
        source_slot=key.destination_slot,
        destination_slot=key.source_slot,
    )
