"""The input loop: every step, its counter, and what goes on behind it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from nodes import (
    AH_KEYS,
    CARE_OF,
    ESP_KEYS,
    GATEWAY,
    HERE,
    NOW,
    PEER,
    damaged,
    datagram,
    esp,
    hao,
    node,
    rt2,
    wire,
    with_state,
)

from xfrmspec.host.one_state import INPUT_COUNTERS, InputStep
from xfrmspec.host.receiving import Arrived, Fate, receive
from xfrmspec.host.route_input import is_full
from xfrmspec.wire.encode import encode
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec_terms.association import Encapsulation, Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.headers import DestinationOptionsHeader, IPv6Header, Type2RoutingHeader
from xfrmspec_terms.options import OptionType, RawOption
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import NO_LIMITS, Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import Family, Protocol, unspecified
from xfrmspec_terms.state import StateEventKind

ESP = ((esp(), ESP_KEYS),)


def dropped(arrived: Arrived, counter: Counter | None) -> bool:
    return arrived.fate is Fate.DROPPED and arrived.counter is counter


@pytest.mark.clause("XFRM-RECV-001", "XFRM-RECV-004")
def test_a_protected_packet_arrives_with_its_state_on_the_sec_path() -> None:
    arrived = receive(node(ESP), wire(ESP), NOW)
    assert arrived.fate is Fate.LOCAL
    assert [state.spi for state in arrived.path] == [0x100]
    assert arrived.packet is not None
    assert arrived.packet.payload == b"payload"
    entry = arrived.node.states.entry(1)
    assert entry is not None
    assert (entry.packets, entry.octets, entry.used) == (1, 8 + len(b"payload"), NOW)
    assert arrived.node.of(1).numbers.top == 1


@pytest.mark.clause("XFRM-RECV-001")
def test_each_step_that_fails_has_its_counter() -> None:
    whole, octets = node(ESP), wire(ESP)
    assert dropped(receive(node(), octets, NOW), Counter.IN_NO_STATES)
    larval = with_state(whole, 1, lifecycle=Lifecycle.ACQ)
    assert dropped(receive(larval, octets, NOW), Counter.IN_ACQUIRE_ERROR)
    expired = with_state(whole, 1, lifecycle=Lifecycle.EXPIRED)
    assert dropped(receive(expired, octets, NOW), Counter.IN_STATE_INVALID)
    wrapped = with_state(whole, 1, encapsulation=Encapsulation.UDP)
    assert dropped(receive(wrapped, octets, NOW), Counter.IN_STATE_MISMATCH)
    old = node(ESP, numbers=ReplayState(window=4, top=9))
    assert dropped(receive(old, octets, NOW), Counter.IN_STATE_SEQUENCE_ERROR)
    spent = with_state(whole, 1, limits=replace(NO_LIMITS, hard_packets=0))
    assert dropped(receive(spent, octets, NOW), Counter.IN_STATE_EXPIRED)
    assert dropped(receive(whole, damaged(octets), NOW), Counter.IN_STATE_PROTOCOL_ERROR)
    tunnel = with_state(whole, 1, mode=Mode.TUNNEL)
    assert dropped(receive(tunnel, octets, NOW), Counter.IN_STATE_MODE_ERROR)
    assert set(INPUT_COUNTERS) == set(InputStep)


@pytest.mark.clause("XFRM-RECV-001")
def test_the_steps_are_asked_in_their_order() -> None:
    """Everything is wrong at first; what is mended shows the next step."""
    everything = with_state(
        node(ESP, numbers=ReplayState(window=4, top=9)),
        1,
        lifecycle=Lifecycle.EXPIRED,
        encapsulation=Encapsulation.UDP,
        limits=replace(NO_LIMITS, hard_packets=0),
        mode=Mode.TUNNEL,
    )
    octets = damaged(wire(ESP))
    told = [receive(everything, octets, NOW).counter]
    for mended in (
        {"lifecycle": Lifecycle.VALID},
        {"encapsulation": Encapsulation.NONE},
    ):
        everything = with_state(everything, 1, **mended)
        told.append(receive(everything, octets, NOW).counter)
    everything = replace(everything, secured=node(ESP).secured)
    told.append(receive(everything, octets, NOW).counter)
    everything = with_state(everything, 1, limits=NO_LIMITS)
    told.append(receive(everything, octets, NOW).counter)
    told.append(receive(everything, wire(ESP), NOW).counter)
    assert told == [
        Counter.IN_STATE_INVALID,
        Counter.IN_STATE_MISMATCH,
        Counter.IN_STATE_SEQUENCE_ERROR,
        Counter.IN_STATE_EXPIRED,
        Counter.IN_STATE_PROTOCOL_ERROR,
        Counter.IN_STATE_MODE_ERROR,
    ]


@pytest.mark.clause("XFRM-RECV-001", "XFRM-LIFE-005")
def test_a_refused_packet_moves_no_window_and_counts_no_octets() -> None:
    arrived = receive(node(ESP), damaged(wire(ESP)), NOW)
    assert arrived.node.of(1).numbers.top == 0
    entry = arrived.node.states.entry(1)
    assert entry is not None
    assert entry.packets == 0
    soft = with_state(node(ESP), 1, limits=replace(NO_LIMITS, soft_packets=0))
    first = receive(soft, wire(ESP), NOW)
    assert [event.kind for event in first.events] == [StateEventKind.EXPIRE_SOFT]
    assert receive(first.node, wire(ESP, number=2), NOW).events == ()


@pytest.mark.clause("XFRM-RECV-002")
def test_transport_headers_are_undone_in_one_go_and_a_tunnel_starts_anew() -> None:
    layers = ((esp(1), ESP_KEYS), (esp(2), ESP_KEYS), (esp(3, Mode.TUNNEL), ESP_KEYS))
    arrived = receive(node(layers), wire(layers), NOW)
    assert [state.spi for state in arrived.path] == [3, 2, 1]
    assert arrived.packet is not None
    assert arrived.packet.headers[0] == IPv6Header(PEER, HERE)


@pytest.mark.clause("XFRM-RECV-002")
def test_behind_a_transport_state_its_own_destination_is_looked_up() -> None:
    """A wrong destination of the outer state leads the search for the inner one astray."""
    layers = ((esp(1), ESP_KEYS), (esp(2), ESP_KEYS))
    astray = with_state(node(layers), 2, destination=GATEWAY)
    assert dropped(receive(astray, wire(layers), NOW), Counter.IN_NO_STATES)


@pytest.mark.clause("XFRM-RECV-003")
def test_six_headers_pass_and_the_seventh_does_not() -> None:
    layers = tuple((esp(0x100 + n), ESP_KEYS) for n in range(7))
    six, seven = layers[:6], layers
    assert receive(node(six), wire(six), NOW).fate is Fate.LOCAL
    assert dropped(receive(node(seven), wire(seven), NOW), Counter.IN_BUFFER_ERROR)


@pytest.mark.clause("XFRM-RECV-003")
def test_when_a_sec_path_is_full_for_route_optimisation() -> None:
    assert [is_full(depth, CLEAN) for depth in range(8)] == [False] * 6 + [True] * 2
    assert [is_full(depth, LINUX_6_1) for depth in range(8)] == [False] * 5 + [True, False, False]


@pytest.mark.clause("XFRM-RECV-003", "XFRM-OPT-001")
def test_five_states_and_a_home_address_fit_but_for_the_quirk() -> None:
    outer = tuple((esp(0x100 + n, Mode.TUNNEL), ESP_KEYS) for n in range(5))
    layers = ((hao(), None), *outer)
    addresses = (HERE, GATEWAY)
    for profile, counter in ((CLEAN, None), (LINUX_6_1, Counter.IN_BUFFER_ERROR)):
        arrived = receive(node(layers, profile=profile, addresses=addresses), wire(layers), NOW)
        assert arrived.counter is counter
        assert (arrived.fate is Fate.LOCAL) is (counter is None)


@pytest.mark.clause("XFRM-RECV-004", "XFRM-OPT-001", "XFRM-OPT-002")
def test_the_sec_path_follows_the_wire() -> None:
    layers = ((esp(1), ESP_KEYS), (hao(), None), (rt2(), None))
    receiver = node(layers, home=(HERE,), profile=CLEAN)
    arrived = receive(receiver, wire(layers), NOW)
    assert arrived.fate is Fate.LOCAL
    assert [state.protocol for state in arrived.path] == [
        Protocol.ROUTING,
        Protocol.DESTINATION_OPTIONS,
        Protocol.ESP,
    ]
    assert arrived.packet is not None
    outer = arrived.packet.headers[0]
    assert isinstance(outer, IPv6Header)
    assert (outer.source, outer.destination) == (PEER, HERE)


@pytest.mark.clause("XFRM-OPT-002", "XFRM-ROUTE-003")
def test_a_routing_header_in_front_of_a_home_address_is_looked_up_by_the_care_of_address_on_6_1() -> None:
    layers = ((hao(), None), (rt2(), None))
    octets = wire(layers)
    assert receive(node(layers, home=(HERE,)), octets, NOW).fate is Fate.LOCAL
    quirky = node(layers, home=(HERE,), profile=LINUX_6_1)
    assert dropped(receive(quirky, octets, NOW), Counter.IN_NO_STATES)
    by_care_of = with_state(quirky, 2, source=CARE_OF)
    assert receive(by_care_of, octets, NOW).fate is Fate.LOCAL


@pytest.mark.clause("XFRM-OPT-001")
def test_a_home_address_option_of_another_length_is_dropped_without_a_counter() -> None:
    spoilt = DestinationOptionsHeader((RawOption(OptionType.HOME_ADDRESS, bytes(12)),))
    octets = encode(datagram(spoilt))
    assert dropped(receive(node(((hao(), None),)), octets, NOW), None)


@pytest.mark.clause("XFRM-OPT-001", "XFRM-HAO-002", "XFRM-HAO-006")
def test_a_home_address_needs_a_binding_with_this_care_of_address() -> None:
    octets = wire(((hao(), None),))
    assert receive(node(((hao(), None),)), octets, NOW).fate is Fate.LOCAL
    assert dropped(receive(node(), octets, NOW), Counter.IN_NO_STATES)
    moved = replace(hao(), care_of=GATEWAY)
    assert dropped(receive(node(((moved, None),)), octets, NOW), Counter.IN_NO_STATES)
    anywhere = replace(hao(), care_of=unspecified(Family.INET6))
    assert receive(node(((anywhere, None),)), octets, NOW).fate is Fate.LOCAL


@pytest.mark.clause("XFRM-OPT-001", "XFRM-HAO-002")
@pytest.mark.parametrize(
    ("source", "destination", "flags", "found"),
    [
        (IPv6Address(0), HERE, StateFlag.WILDRECV, True),
        (IPv6Address(0), HERE, StateFlag.NONE, False),
        (IPv6Address(0), IPv6Address(0), StateFlag.WILDRECV, True),
        (PEER, IPv6Address(0), StateFlag.WILDRECV, False),
    ],
)
def test_which_wildcard_bindings_are_tried(
    source: IPv6Address, destination: IPv6Address, flags: StateFlag, found: bool
) -> None:
    wild = SecurityAssociation(
        source, destination, Protocol.DESTINATION_OPTIONS, Mode.RO, flags=flags, care_of=IPv6Address(0)
    )
    elsewhere = replace(hao(), care_of=GATEWAY)
    arrived = receive(node(((elsewhere, None), (wild, None))), wire(((hao(), None),)), NOW)
    assert (arrived.fate is Fate.LOCAL) is found


@pytest.mark.clause("XFRM-OPT-002", "XFRM-ROUTE-001", "XFRM-HAO-006")
def test_a_routing_header_leads_to_a_home_address_of_the_node_only() -> None:
    layers = ((rt2(), None),)
    octets = wire(layers)
    assert receive(node(layers, home=(HERE,)), octets, NOW).fate is Fate.LOCAL
    assert dropped(receive(node(layers), octets, NOW), None)
    spent = datagram(Type2RoutingHeader(HERE, segments_left=0))
    assert dropped(receive(node(layers, home=(HERE,)), encode(spent), NOW), None)


@pytest.mark.clause("XFRM-RECV-007")
def test_a_packet_for_another_node_is_not_undone() -> None:
    arrived = receive(node(ESP, addresses=(GATEWAY,)), wire(ESP), NOW)
    assert arrived.fate is Fate.FORWARD
    assert arrived.path == ()
    tunnel = ((esp(7, Mode.TUNNEL), ESP_KEYS),)
    forwarded = receive(node(tunnel, addresses=(GATEWAY,)), wire(tunnel), NOW)
    assert forwarded.fate is Fate.FORWARD
    assert [state.spi for state in forwarded.path] == [7]


@pytest.mark.clause("XFRM-SORT-006", "XFRM-RECV-001")
def test_ah_inside_route_optimisation_fails_and_outside_verifies() -> None:
    ah = SecurityAssociation(PEER, HERE, Protocol.AH, Mode.TRANSPORT, 0x300)
    inside = ((ah, AH_KEYS), (hao(), None))
    outside = ((hao(), None), (ah, AH_KEYS))
    assert dropped(receive(node(inside), wire(inside), NOW), Counter.IN_STATE_PROTOCOL_ERROR)
    assert receive(node(outside), wire(outside), NOW).fate is Fate.LOCAL


@pytest.mark.clause("XFRM-RECV-001")
@pytest.mark.parametrize("cut", [0, 20, 40, 44])
def test_octets_that_are_no_packet_are_told_apart(cut: int) -> None:
    assert receive(node(ESP), wire(ESP)[:cut], NOW).fate is Fate.MALFORMED


@pytest.mark.clause("XFRM-REPLAY-009", "XFRM-RECV-001")
def test_an_ipcomp_state_with_a_window_drops_everything() -> None:
    comp = SecurityAssociation(PEER, HERE, Protocol.IPCOMP, Mode.TRANSPORT, 0x20)
    layers = ((comp, None),)
    octets = wire(layers, datagram(payload=bytes(300)))
    assert receive(node(layers, numbers=ReplayState()), octets, NOW).fate is Fate.LOCAL
    assert dropped(receive(node(layers), octets, NOW), Counter.IN_STATE_SEQUENCE_ERROR)
