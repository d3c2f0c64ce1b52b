"""Route optimisation headers on arrival: refused unseen, refused behind the search, and what is answered."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from nodes import CARE_OF, GATEWAY, HERE, NOW, PEER, hao, node, rt2

from xfrmspec.host.node import Node
from xfrmspec.host.receiving import Arrived, Fate, receive
from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import home_address_header
from xfrmspec.xfrm.check import InputDecision
from xfrmspec.xfrm.pairing import Selection
from xfrmspec.xfrm.reports import Reported, ReportLimiter, is_reported
from xfrmspec_terms.answers import HopLimitExceeded, ParameterProblem
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    IPv6Header,
    Packet,
    RoutingHeader,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.options import HomeAddressOption, PadN
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import NO_LIMITS, Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol

OPTION = HomeAddressOption(PEER)
TWICE = DestinationOptionsHeader((PadN(bytes(2)), OPTION, PadN(bytes(4)), OPTION))
BOUND = node(((hao(), None),))
ROUTED = node(((rt2(), None),), home=(HERE,))
UDP = UdpHeader(1, 2)


def seen(receiver: Node, *headers: WireHeader, hop_limit: int = 64) -> Arrived:
    destination = GATEWAY if receiver is not BOUND and any(map(is_routing, headers)) else HERE
    source = PEER if any(map(is_routing, headers)) else CARE_OF
    outer = IPv6Header(source, destination, hop_limit=hop_limit)
    return receive(receiver, encode(Packet((outer, *headers, UDP))), NOW)


def is_routing(header: WireHeader) -> bool:
    return isinstance(header, Type2RoutingHeader | RoutingHeader)


def counted(arrived: Arrived) -> int:
    entry = arrived.node.states.entry(1)
    return 0 if entry is None else entry.packets


def lifecycle(arrived: Arrived) -> Lifecycle | None:
    entry = arrived.node.states.entry(1)
    return None if entry is None else entry.association.lifecycle


@pytest.mark.clause("XFRM-HAO-001")
@pytest.mark.parametrize("headers", [(TWICE,), (home_address_header(PEER), home_address_header(PEER))])
def test_a_second_home_address_is_seen_behind_the_search_for_the_first(headers: tuple[WireHeader]) -> None:
    found = seen(BOUND, *headers)
    assert (found.fate, found.counter, found.answer, counted(found)) == (Fate.DROPPED, None, None, 1)
    assert seen(node(), *headers).counter is Counter.IN_NO_STATES


@pytest.mark.clause("XFRM-HAO-001")
@pytest.mark.parametrize("address", ["::", "ff02::1", "::ffff:192.0.2.1"])
def test_an_address_that_is_not_unicast_is_refused_unseen(address: str) -> None:
    found = seen(node(), home_address_header(IPv6Address(address)))
    assert (found.fate, found.counter, found.answer) == (Fate.DROPPED, None, None)


@pytest.mark.clause("XFRM-HAO-007", "XFRM-HAO-002")
def test_addresses_of_the_link_are_refused_unseen_and_looked_up_by_linux() -> None:
    for address in ("fe80::1", "::1"):
        option = home_address_header(IPv6Address(address))
        assert seen(node(), option).counter is None
        assert seen(node(profile=LINUX_6_1), option).counter is Counter.IN_NO_STATES
    assert seen(node(), home_address_header(IPv6Address("fec0::1"))).counter is Counter.IN_NO_STATES


@pytest.mark.clause("XFRM-HAO-003")
def test_a_spent_binding_ends_and_the_wildcard_takes_the_packet() -> None:
    spent = replace(hao(), limits=replace(NO_LIMITS, hard_packets=0))
    anybody = SecurityAssociation(
        IPv6Address(0),
        IPv6Address(0),
        Protocol.DESTINATION_OPTIONS,
        Mode.RO,
        flags=StateFlag.WILDRECV,
        care_of=IPv6Address(0),
    )
    found = seen(node(((spent, None), (anybody, None))), home_address_header(PEER))
    assert found.fate is Fate.LOCAL
    assert lifecycle(found) is Lifecycle.EXPIRED
    assert found.path == (anybody,)
    alone = seen(node(((spent, None),)), home_address_header(PEER))
    assert alone.counter is Counter.IN_NO_STATES
    assert lifecycle(alone) is Lifecycle.EXPIRED


@pytest.mark.clause("XFRM-ROUTE-001")
def test_a_routing_header_is_refused_in_the_order_of_the_tests() -> None:
    """Unseen, then the search, then the home address, then the hop limit."""
    whole, elsewhere = Type2RoutingHeader(HERE), node(((rt2(), None),))
    for unseen in (RoutingHeader(2, 1, bytes(36)), replace(whole, segments_left=2)):
        found = seen(node(home=(HERE,)), unseen)
        assert (found.fate, found.counter, found.answer) == (Fate.DROPPED, None, None)
    assert seen(node(home=(HERE,)), whole, hop_limit=1).counter is Counter.IN_NO_STATES
    found = seen(elsewhere, whole, hop_limit=1)
    assert (found.counter, found.answer, counted(found)) == (None, None, 1)
    found = seen(ROUTED, whole, hop_limit=1)
    assert (found.counter, found.answer, counted(found)) == (None, HopLimitExceeded(), 1)
    assert seen(ROUTED, whole, hop_limit=2).fate is Fate.LOCAL


@pytest.mark.clause("XFRM-ROUTE-002")
def test_a_node_without_source_routes_complains_about_the_type() -> None:
    closed = replace(ROUTED, accepts_source_routes=False)
    for header in (Type2RoutingHeader(HERE), RoutingHeader(2, 1, bytes(36))):
        found = seen(closed, header)
        assert (found.fate, found.counter, found.answer) == (Fate.DROPPED, None, ParameterProblem(0, 42))
    assert seen(closed, Type2RoutingHeader(HERE, segments_left=0)).answer is None
    assert seen(ROUTED, Type2RoutingHeader(HERE)).fate is Fate.LOCAL


def rejected(at: int | None) -> InputDecision:
    return InputDecision(False, Selection(), Counter.IN_TEMPLATE_MISMATCH, reported=at)


@pytest.mark.clause("XFRM-HAO-004")
@pytest.mark.parametrize(
    ("at", "flow", "expected"),
    [
        (0, Flow(PEER, HERE, Protocol.UDP), True),
        (1, Flow(PEER, HERE, Protocol.UDP), False),
        (None, Flow(PEER, HERE, Protocol.UDP), False),
        (0, Flow(PEER, HERE, Protocol.MOBILITY, 7), False),
        (0, Flow(PEER, HERE, Protocol.MOBILITY, 8), True),
    ],
)
def test_which_rejections_are_reported(at: int | None, flow: Flow, expected: bool) -> None:
    path = (hao(), rt2())
    assert is_reported(rejected(at), path, flow, CLEAN) is expected
    louder = replace(CLEAN, report_suppressed_for_known_mh=False)
    known = flow.protocol == Protocol.MOBILITY
    assert is_reported(rejected(at), path, flow, louder) is (expected or known)


@pytest.mark.clause("XFRM-HAO-005")
def test_only_a_report_like_the_one_before_is_left_out() -> None:
    first = Reported(7, 3, HERE, CARE_OF)
    limiter, sent = ReportLimiter().allows(first)
    assert sent
    for other in (
        replace(first, stamp=8),
        replace(first, interface=4),
        replace(first, destination=PEER),
        replace(first, option=PEER),
    ):
        assert limiter.allows(first) == (limiter, False)
        behind, sent = limiter.allows(other)
        assert sent
        assert behind.allows(first)[1]
