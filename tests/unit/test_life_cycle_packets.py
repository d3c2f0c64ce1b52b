"""Every packet of the recorded life cycle, at the node that received it, with the tables of that moment."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv6Address

import dpkt
import pytest
from life_cycle_sample import (
    AGENT,
    HOME,
    NODES,
    ON_A,
    ON_B,
    PEER,
    SAMPLE,
    Acquire,
    Reply,
    Request,
    logged,
    need_sample,
)

from xfrmspec.host.delivery import check_arrived
from xfrmspec.host.node import AddressKind, Node
from xfrmspec.host.receiving import Arrived, Fate, receive
from xfrmspec.mipv6.acceptance import Accepted, accept
from xfrmspec.mipv6.recipes.carrying_out import carry_out
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of, message_of
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.state_acquire import ManagerAnswer, raise_acquire
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    IcmpV6Header,
    IPv6Header,
    MobilityHeader,
    Packet,
    Type2RoutingHeader,
    WireHeader,
)
from xfrmspec_terms.mobility import MobilityRefusal
from xfrmspec_terms.options import HomeAddressOption
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Address, Flow, Protocol

INTERFACES = {"MN": ("eth0",), "HA": ("eth0", "eth1"), "CN": ("eth0",)}
HARDWARE = {
    "MN-eth0": "020000000505",
    "HA-eth0": "020000000101",
    "HA-eth1": "020000000f01",
    "CN-eth0": "020000000c02",
}
OWN: dict[str, dict[Address, AddressKind]] = {
    "MN": {
        HOME: AddressKind.HOME,
        **dict.fromkeys((ON_A, ON_B, IPv6Address("fe80::ff:fe00:505")), AddressKind.PLAIN),
    },
    "HA": dict.fromkeys(
        map(IPv6Address, (AGENT, "2001:db8:f::1", "fe80::ff:fe00:101", "fe80::ff:fe00:f01")),
        AddressKind.PLAIN,
    ),
    "CN": dict.fromkeys(map(IPv6Address, (PEER, "fe80::ff:fe00:c02")), AddressKind.PLAIN),
}
ACKNOWLEDGEMENT = 6
NEIGHBOURS = range(130, 144)
PROFILES = (LINUX_6_1, CLEAN)


@dataclass(frozen=True, slots=True)
class History:
    """The tables of one node after each request, and from when on they stood."""

    moments: tuple[float, ...]
    nodes: tuple[Node, ...]

    def at(self, time: float) -> Node:
        """The node as it was at a time."""
        return self.nodes[bisect_right(self.moments, time)]


@cache
def history(name: str, profile: Profile) -> History:
    """Give the recorded requests to the reference; every answer must be the recorded one."""
    node = Node(XfrmTables(PolicyDatabase(profile)), StateDatabase(profile), {}, OWN[name])
    moments, nodes, answered = list[float](), [node], 0
    for entry in logged(name):
        match entry:
            case Request():
                done = carry_out(node, entry.operation)
                node, answered = done.node, int(done.errno)
            case Reply():
                assert entry.error == answered
                continue
            case Acquire():
                node = _after_acquire(node, entry)
        moments.append(entry.at)
        nodes.append(node)
    return History(tuple(moments), tuple(nodes))


def _after_acquire(node: Node, entry: Acquire) -> Node:
    """Store the larval state; the log has the same acquire once for each of two listeners."""
    larvals = decide_output(node.view(), entry.flow).larvals
    if not larvals:
        assert any(one.association.lifecycle is Lifecycle.ACQ for one in node.states)
        return node
    states = raise_acquire(node.states, larvals[0], (ManagerAnswer(0),)).database
    return replace(node, states=states)


@dataclass(frozen=True, slots=True)
class Taken:
    """A unicast packet as an interface of a node received it."""

    time: float
    packet: Packet
    octets: bytes


def received(name: str) -> Iterator[Taken]:
    """Read what a node received: unicast, and neither neighbour discovery nor group membership."""
    return _captured(name, slice(0, 6))


def sent(name: str) -> Iterator[Taken]:
    """Read what a node sent or passed on, without neighbour discovery and group membership."""
    return _captured(name, slice(6, 12))


def _captured(name: str, hardware: slice) -> Iterator[Taken]:
    need_sample()
    for interface in INTERFACES[name]:
        place = f"{name}-{interface}"
        with (SAMPLE / "pcap" / f"{place}.pcap").open("rb") as stream:
            for time, frame in dpkt.pcap.Reader(stream):
                if frame[hardware].hex() != HARDWARE[place] or frame[12:14] != b"\x86\xdd":
                    continue
                octets = frame[14 : 14 + 40 + int.from_bytes(frame[18:20], "big")]
                packet = decode(octets)
                assert isinstance(packet, Packet)
                if not _is_about_neighbours(packet):
                    yield Taken(float(time), packet, octets)


def _is_about_neighbours(packet: Packet) -> bool:
    last = packet.headers[-1]
    return isinstance(last, IcmpV6Header) and last.type in NEIGHBOURS


def _inner(packet: Packet) -> Packet | None:
    """Return the packet inside a tunnel device's packet."""
    inner = [place for place, header in enumerate(packet.headers) if isinstance(header, IPv6Header)]
    return Packet(packet.headers[inner[1] :], packet.payload) if len(inner) > 1 else None


def _verdict(node: Node, octets: bytes) -> tuple[Arrived, bool]:
    """Return what the loop and the check make of a packet; the reasons must name clauses."""
    arrived = receive(node, octets, 0)
    assert arrived.fate in (Fate.LOCAL, Fate.FORWARD), (arrived.fate, arrived.counter)
    decision = check_arrived(arrived).decision
    assert decision.reasons
    assert {reason.clause for reason in decision.reasons} <= set(all_clauses())
    return arrived, decision.accepted


@pytest.mark.clause("XFRM-RECV-001", "XFRM-RECV-005", "XFRM-DAEMON-012", "XFRM-DAEMON-017")
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", NODES)
def test_every_packet_is_accepted_where_it_was_received(name: str, profile: Profile) -> None:
    fates: Tally[Fate] = Tally()
    tables = history(name, profile)
    for taken in received(name):
        node = tables.at(taken.time)
        arrived, accepted = _verdict(node, taken.octets)
        assert accepted, (taken.time, taken.packet.headers)
        fates[arrived.fate] += 1
        inner = _inner(taken.packet)
        if inner is not None and arrived.fate is Fate.LOCAL:
            arrived, accepted = _verdict(node, encode(inner))
            assert accepted, (taken.time, inner.headers)
            fates[arrived.fate] += 1
    assert fates[Fate.LOCAL] > 5
    assert (fates[Fate.FORWARD] > 10) == (name == "HA")


def _mobility_of(packet: Packet) -> Iterator[MobilityHeader]:
    last: WireHeader = packet.headers[-1]
    if isinstance(last, MobilityHeader):
        yield last


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-002")
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_mobility_message_is_read_and_written_again(profile: Profile) -> None:
    kinds: Tally[int] = Tally()
    for name in NODES:
        for taken in received(name):
            for header in _mobility_of(taken.packet):
                message = message_of(header)
                assert not isinstance(message, MobilityRefusal)
                again = header_of(message)
                assert (again.type, again.data) == (header.type, header.data)
                arrived = receive(history(name, profile).at(taken.time), taken.octets, 0)
                local = arrived.fate is Fate.LOCAL and _inner(taken.packet) is None
                if local and arrived.packet is not None:
                    assert isinstance(accept(arrived.packet, profile), Accepted)
                kinds[header.type] += 1
    assert set(kinds) == {1, 2, 3, 4, 5, 6}
    assert kinds[5] >= 9


def _flow_of_sender(packet: Packet) -> Flow:
    """Return the flow that the sender's socket presented: addresses before HAO and RT2 exchanged them."""
    outer, last = packet.headers[0], packet.headers[-1]
    assert isinstance(outer, IPv6Header)
    source, destination = outer.source, outer.destination
    for header in packet.headers:
        if isinstance(header, DestinationOptionsHeader):
            option = next(one for one in header.options if isinstance(one, HomeAddressOption))
            source = option.address
        if isinstance(header, Type2RoutingHeader):
            destination = header.address
    if isinstance(last, MobilityHeader):
        return Flow(source, destination, Protocol.MOBILITY, last.type)
    assert isinstance(last, IcmpV6Header)
    return Flow(source, destination, Protocol.ICMPV6, last.type, last.code)


@pytest.mark.clause("XFRM-OUT-003", "XFRM-DAEMON-014", "XFRM-DAEMON-015", "XFRM-DAEMON-017")
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", NODES)
def test_every_packet_left_with_the_headers_that_its_sender_s_policies_want(
    name: str, profile: Profile
) -> None:
    tables, seen = history(name, profile), Tally[str]()
    for taken in sent(name):
        whole = taken.packet if _inner(taken.packet) is None else _inner(taken.packet)
        assert whole is not None
        flow = _flow_of_sender(whole)
        if flow.source not in OWN[name]:
            continue
        decision = decide_output(tables.at(taken.time).view(), flow)
        wanted = {Protocol(state.protocol) for state in decision.applied}
        has = {
            protocol
            for protocol, kind in (
                (Protocol.DESTINATION_OPTIONS, DestinationOptionsHeader),
                (Protocol.ROUTING, Type2RoutingHeader),
            )
            if any(isinstance(header, kind) for header in whole.headers)
        }
        by_daemon = (
            {Protocol.ROUTING}
            if flow.source_slot == ACKNOWLEDGEMENT and flow.protocol == Protocol.MOBILITY
            else set()
        )
        assert decision.errno is Errno.OK, (taken.time, flow)
        assert has - by_daemon == wanted, (taken.time, flow)
        seen.update(protocol.name for protocol in wanted)
    assert (seen["DESTINATION_OPTIONS"] > 10) == (name == "MN")
    assert (seen["ROUTING"] > 5) == (name != "MN")
