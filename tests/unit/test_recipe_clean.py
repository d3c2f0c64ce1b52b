"""What the recipe `clean` lets in and sends, packet by packet, on a right decoder and on that of 6.1."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.host.delivery import flow_of
from xfrmspec.host.node import Node
from xfrmspec.mipv6.recipes.carrying_out import carry_out_all
from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations
from xfrmspec.mipv6.recipes.terms import (
    NOTHING,
    CloseTunnel,
    Memory,
    MoveTunnel,
    OpenTunnel,
    Optimisation,
    Protection,
    Reqid,
    Settings,
    StandAside,
    StandIn,
)
from xfrmspec.wire.options import home_address_header
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.headers import (
    IPv6Header,
    MobilityHeader,
    Packet,
    Type2RoutingHeader,
    UdpHeader,
    WireHeader,
)
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.policy import Direction, Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Flow, Protocol
from xfrmspec_terms.state import StateRequest

HOME, AGENT, PEER = (IPv6Address(f"2001:db8:{end}") for end in ("1::1234", "1::1", "c::2"))
CARE_OF, NEXT, OTHER = (IPv6Address(f"2001:db8:{end}") for end in ("a::5", "b::5", "1::5678"))
MN, HA, CN = Role.MOBILE_NODE, Role.HOME_AGENT, Role.CORRESPONDENT_NODE
K = StageKind
MOBILE = Settings(HOME, frozenset({MN, CN}), AGENT)
KEEPER = Settings(AGENT, frozenset({HA}), None, (HOME, OTHER))
STATIONARY = Settings(PEER, frozenset({CN}))
PROFILES = (CLEAN, LINUX_6_1)
HAO, RT2 = home_address_header(HOME), Type2RoutingHeader(HOME)
HOTI, COTI, HOT, COT, BU, BA, BE = range(1, 8)

each_decoder = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)


def esp(source: IPv6Address, destination: IPv6Address, mode: Mode, reqid: int) -> SecurityAssociation:
    return SecurityAssociation(source, destination, Protocol.ESP, mode, 0x1000 + reqid, reqid)


TO_AGENT = esp(HOME, AGENT, Mode.TRANSPORT, Reqid.SIGNALLING)
TO_MOBILE = esp(AGENT, HOME, Mode.TRANSPORT, Reqid.SIGNALLING)
OUTWARDS = esp(HOME, AGENT, Mode.TUNNEL, Reqid.TUNNEL)
HOMEWARDS = esp(AGENT, HOME, Mode.TUNNEL, Reqid.TUNNEL)


def stood(settings: Settings, stages: tuple[Stage, ...], profile: Profile = CLEAN) -> tuple[Node, Memory]:
    """A node after stages, with the associations of its settings."""
    states = StateDatabase(profile)
    if settings.protection is not Protection.NONE:
        for state in (TO_AGENT, TO_MOBILE, OUTWARDS, HOMEWARDS):
            states = add(states, StateRequest(state), 0).database
    node, memory = Node(XfrmTables(PolicyDatabase(profile)), states), NOTHING
    for stage in stages:
        asked = operations(Recipe.CLEAN, settings, stage, memory)
        node, memory = carry_out_all(node, asked), after(memory, asked)
    return node, memory


def mobile(kind: StageKind, peer: IPv6Address = AGENT, care_of: IPv6Address | None = CARE_OF) -> Stage:
    return Stage(kind, MN, HOME, peer, care_of)


def kept(kind: StageKind, role: Role, own: IPv6Address, care_of: IPv6Address | None = CARE_OF) -> Stage:
    return Stage(kind, role, HOME, HOME, care_of, own=own)


MOBILE_START = (Stage(K.STARTED, MN), Stage(K.STARTED, CN))
AWAY = (*MOBILE_START, mobile(K.REGISTERING), mobile(K.REGISTERED))
OPTIMISED = (*AWAY, mobile(K.TESTING, PEER), mobile(K.OPTIMISED, PEER))
KEEPER_START = (Stage(K.STARTED, HA),)
KEPT = (*KEEPER_START, kept(K.BOUND, HA, AGENT))
PEER_BOUND = (Stage(K.STARTED, CN), kept(K.BOUND, CN, PEER))


def checked(
    node: Node,
    ends: tuple[IPv6Address, IPv6Address],
    upper: WireHeader,
    extensions: tuple[WireHeader, ...] = (),
    path: tuple[SecurityAssociation, ...] = (),
    direction: Direction = Direction.IN,
) -> InputDecision:
    """Check a packet whose extension headers have been worked through, as its decoder sees it."""
    packet = Packet((IPv6Header(*ends), *extensions, upper), bytes(16))
    flow = flow_of(packet, len(extensions), node.profile)
    return decide_input(node.view(), flow, path, direction)


def message(kind: int) -> MobilityHeader:
    return MobilityHeader(kind, bytes(10))


UDP = UdpHeader(4000, 5000)


def held(
    node: Node, protocol: Protocol, ends: tuple[IPv6Address, IPv6Address] | None = None
) -> SecurityAssociation:
    """The state for a pair of ends, without them the one that only receives."""
    for entry in node.states:
        state = entry.association
        if state.protocol is not protocol:
            continue
        if ends is None and state.flags & StateFlag.WILDRECV:
            return state
        if ends == (state.source, state.destination):
            return state
    raise AssertionError(f"no state {protocol.name} {ends}")


def anybody(node: Node, protocol: Protocol = Protocol.DESTINATION_OPTIONS) -> SecurityAssociation:
    return held(node, protocol)


def protected(settings: Settings, protection: Protection) -> Settings:
    return replace(settings, protection=protection)


def sent(node: Node, flow: Flow) -> OutputDecision:
    return decide_output(node.view(), flow)


def udp(source: IPv6Address, destination: IPv6Address) -> Flow:
    return Flow(source, destination, Protocol.UDP, 4000, 5000)


def modes(decision: OutputDecision) -> list[tuple[Protocol, Mode]]:
    return [(Protocol(state.protocol), state.mode) for state in decision.applied]


SIGNALLED = protected(KEEPER, Protection.SIGNALLING)
TESTED = protected(KEEPER, Protection.TESTS)
FULL = protected(KEEPER, Protection.PAYLOAD)


@pytest.mark.clause("XFRM-DAEMON-021", "XFRM-DAEMON-023", "XFRM-DAEMON-040", "XFRM-DAEMON-043")
@each_decoder
@pytest.mark.parametrize("stages", [KEEPER_START, KEPT], ids=["unbound", "bound"])
@pytest.mark.parametrize("settings", [SIGNALLED, TESTED, FULL], ids=lambda one: one.protection.value)
def test_a_binding_update_comes_in_with_esp_only(
    settings: Settings, stages: tuple[Stage, ...], profile: Profile
) -> None:
    node, _ = stood(settings, stages, profile)
    away, home = ((HOME, AGENT), message(BU), (HAO,)), ((HOME, AGENT), message(BU), ())
    assert checked(node, *away, (anybody(node), TO_AGENT)).accepted
    assert checked(node, *away, (anybody(node),)).counter is Counter.IN_TEMPLATE_MISMATCH
    assert checked(node, *home, (TO_AGENT,)).accepted
    assert checked(node, *home, ()).counter is Counter.IN_TEMPLATE_MISMATCH


@pytest.mark.clause("XFRM-DAEMON-021")
@each_decoder
@pytest.mark.parametrize("kind", [HOTI, COTI, BA, BE])
def test_a_home_address_without_a_binding_comes_in_with_a_binding_update_only(
    kind: int, profile: Profile
) -> None:
    node, _ = stood(STATIONARY, (Stage(K.STARTED, CN),), profile)
    option = (anybody(node),)
    assert checked(node, (HOME, PEER), message(BU), (HAO,), option).accepted
    assert checked(node, (HOME, PEER), message(kind), (HAO,), option).counter is Counter.IN_NO_POLICIES
    assert checked(node, (HOME, PEER), UDP, (HAO,), option).counter is Counter.IN_NO_POLICIES


@pytest.mark.clause("XFRM-DAEMON-035", "XFRM-DAEMON-034")
@each_decoder
def test_a_binding_speaks_for_its_own_care_of_address(profile: Profile) -> None:
    node, _ = stood(STATIONARY, PEER_BOUND, profile)
    own = held(node, Protocol.DESTINATION_OPTIONS, (HOME, PEER))
    assert own.care_of == CARE_OF
    assert checked(node, (HOME, PEER), UDP, (HAO,), (own,)).accepted
    wrong = checked(node, (HOME, PEER), UDP, (HAO,), (anybody(node),))
    assert wrong.counter is Counter.IN_TEMPLATE_MISMATCH
    for upper in (UDP, message(HOTI)):
        assert checked(node, (HOME, PEER), upper).accepted
    assert checked(node, (HOME, PEER), message(BU), (HAO,), (anybody(node),)).accepted
    assert modes(sent(node, udp(PEER, HOME))) == [(Protocol.ROUTING, Mode.RO)]
    assert modes(sent(node, Flow(PEER, HOME, Protocol.MOBILITY, HOT))) == []


@pytest.mark.clause("XFRM-DAEMON-022", "XFRM-DAEMON-023")
@each_decoder
def test_a_mobile_node_takes_routing_headers_from_everybody_but_acknowledgements_with_esp(
    profile: Profile,
) -> None:
    node, _ = stood(protected(MOBILE, Protection.SIGNALLING), AWAY, profile)
    header = anybody(node, Protocol.ROUTING)
    assert checked(node, (AGENT, HOME), message(BA), (RT2,), (header, TO_MOBILE)).accepted
    assert not checked(node, (AGENT, HOME), message(BA), (RT2,), (header,)).accepted
    assert checked(node, (PEER, HOME), message(BA), (RT2,), (header,)).accepted
    assert checked(node, (PEER, HOME), UDP, (RT2,), (header,)).accepted
    assert checked(node, (PEER, HOME), UDP).accepted


@pytest.mark.clause("XFRM-DAEMON-026", "XFRM-DAEMON-027", "XFRM-DAEMON-043")
@each_decoder
def test_tests_go_through_the_tunnel_and_nothing_else_must(profile: Profile) -> None:
    node, memory = stood(TESTED, KEPT, profile)
    inwards = replace(OUTWARDS, source=CARE_OF)
    assert inwards in {replace(entry.association, added=0) for entry in node.states}
    init = ((HOME, PEER), message(HOTI), ())
    assert checked(node, *init, (inwards,), Direction.FWD).accepted
    assert checked(node, *init, (), Direction.FWD).counter is Counter.IN_TEMPLATE_MISMATCH
    assert checked(node, (HOME, PEER), UDP, (), (), Direction.FWD).accepted
    back = sent(node, Flow(PEER, HOME, Protocol.MOBILITY, HOT))
    assert modes(back) == [(Protocol.ESP, Mode.TUNNEL)]
    assert back.applied[0].destination == CARE_OF
    assert memory.tunnels == (OpenTunnel(HOME, AGENT, CARE_OF),)


@pytest.mark.clause("XFRM-DAEMON-026", "XFRM-DAEMON-030")
@each_decoder
def test_a_mobile_node_tests_through_the_tunnel_and_binds_beside_it(profile: Profile) -> None:
    node, _ = stood(protected(MOBILE, Protection.TESTS), OPTIMISED, profile)
    assert modes(sent(node, Flow(HOME, PEER, Protocol.MOBILITY, HOTI))) == [(Protocol.ESP, Mode.TUNNEL)]
    assert modes(sent(node, Flow(HOME, PEER, Protocol.MOBILITY, BU))) == [
        (Protocol.DESTINATION_OPTIONS, Mode.RO)
    ]
    assert modes(sent(node, udp(HOME, PEER))) == [(Protocol.DESTINATION_OPTIONS, Mode.RO)]
    arrived, header = replace(HOMEWARDS, destination=CARE_OF), anybody(node, Protocol.ROUTING)
    assert checked(node, (PEER, HOME), message(HOT), (), (arrived,)).accepted
    assert not checked(node, (PEER, HOME), message(HOT)).accepted
    assert not checked(node, (PEER, HOME), message(HOT), (RT2,), (header,)).accepted
    assert checked(node, (PEER, HOME), message(BA), (RT2,), (header,)).accepted
    assert checked(node, (PEER, HOME), UDP, (RT2,), (header,)).accepted


@pytest.mark.clause("XFRM-DAEMON-025", "XFRM-DAEMON-026", "XFRM-DAEMON-030", "XFRM-DAEMON-028")
@each_decoder
def test_payload_goes_through_the_tunnel_alone(profile: Profile) -> None:
    node, memory = stood(protected(MOBILE, Protection.PAYLOAD), OPTIMISED, profile)
    for there in (AGENT, PEER):
        assert modes(sent(node, udp(HOME, there))) == [(Protocol.ESP, Mode.TUNNEL)]
    assert modes(sent(node, Flow(HOME, AGENT, Protocol.MOBILITY, BU))) == [
        (Protocol.ESP, Mode.TRANSPORT),
        (Protocol.DESTINATION_OPTIONS, Mode.RO),
    ]
    assert modes(sent(node, Flow(HOME, PEER, Protocol.ICMPV6, 135))) == []
    assert memory.tunnels == ()
    assert not checked(node, (PEER, HOME), UDP).accepted
    agent, _ = stood(FULL, KEPT, profile)
    assert not checked(agent, (HOME, PEER), UDP, direction=Direction.FWD).accepted
    assert not checked(agent, (HOME, AGENT), UDP).accepted
    assert modes(sent(agent, udp(AGENT, HOME))) == [(Protocol.ESP, Mode.TUNNEL)]


@pytest.mark.clause("XFRM-DAEMON-025", "XFRM-DAEMON-030", "XFRM-DAEMON-031", "XFRM-DAEMON-032")
def test_a_route_is_asked_for_once_tested_quietly_and_then_taken() -> None:
    node, _ = stood(MOBILE, AWAY)
    wanted = sent(node, udp(HOME, PEER))
    assert (len(wanted.acquires), modes(wanted), wanted.errno) == (1, [], Errno.OK)
    assert modes(sent(node, udp(HOME, AGENT))) == [(Protocol.DESTINATION_OPTIONS, Mode.RO)]
    node, _ = stood(MOBILE, (*AWAY, mobile(K.TESTING, PEER)))
    tested = sent(node, udp(HOME, PEER))
    assert (len(tested.acquires), modes(tested)) == (0, [])
    node, _ = stood(MOBILE, OPTIMISED)
    taken = sent(node, udp(HOME, PEER))
    assert (len(taken.acquires), modes(taken)) == (0, [(Protocol.DESTINATION_OPTIONS, Mode.RO)])
    node, memory = stood(MOBILE, (*OPTIMISED, mobile(K.FELL_BACK, PEER)))
    assert memory == stood(MOBILE, AWAY)[1]
    node, _ = stood(replace(MOBILE, optimisation=Optimisation.UNWANTED), AWAY)
    assert sent(node, udp(HOME, PEER)).acquires == ()
    assert sent(node, udp(HOME, PEER)).errno is Errno.OK


@pytest.mark.clause("XFRM-DAEMON-030")
def test_a_test_begins_whether_or_not_the_trigger_left_a_larval_state() -> None:
    node, memory = stood(MOBILE, AWAY)
    asked = operations(Recipe.CLEAN, MOBILE, mobile(K.TESTING, PEER), memory)
    larval = sent(node, udp(HOME, PEER)).larvals[0]
    waiting = replace(
        node, states=add(node.states, StateRequest(replace(larval, mode=Mode.RO, care_of=NEXT)), 0).database
    )
    for before in (node, waiting):
        state = held(carry_out_all(before, asked), Protocol.DESTINATION_OPTIONS, (HOME, PEER))
        assert (state.mode, state.care_of) == (Mode.RO, CARE_OF)


@pytest.mark.clause("XFRM-DAEMON-032")
@pytest.mark.parametrize("kind", [K.FELL_BACK, K.REFUSED, K.RETURNING, K.RETURNED])
def test_whatever_ends_a_route_leaves_nothing_of_its_peer(kind: StageKind) -> None:
    _, memory = stood(MOBILE, (*OPTIMISED, mobile(kind, PEER, None)))
    assert memory == stood(MOBILE, AWAY)[1]


@pytest.mark.clause("XFRM-DAEMON-025", "XFRM-DAEMON-034", "XFRM-DAEMON-036")
@pytest.mark.parametrize("stages", [(*MOBILE_START, mobile(K.REGISTERING)), OPTIMISED], ids=["new", "full"])
@pytest.mark.parametrize("protection", Protection)
def test_coming_home_without_a_return_leaves_what_the_start_made(
    stages: tuple[Stage, ...], protection: Protection
) -> None:
    """XFRM-DAEMON-039, XFRM-MN-020: a node whose agent can hold no binding has RETURNED alone."""
    settings = replace(MOBILE, protection=protection)
    _, before = stood(settings, MOBILE_START)
    _, after_return = stood(settings, (*stages, mobile(K.RETURNED, care_of=None)))
    assert after_return == before


def test_tunnels_and_answering_follow_the_binding() -> None:
    _, memory = stood(KEEPER, KEPT)
    moved = operations(Recipe.CLEAN, KEEPER, kept(K.REBOUND, HA, AGENT, NEXT), memory)
    assert MoveTunnel(HOME, AGENT, NEXT) in moved
    assert not any(isinstance(one, StandIn) for one in moved)
    ended = operations(Recipe.CLEAN, KEEPER, kept(K.RELEASED, HA, AGENT, None), memory)
    assert ended[-2:] == (CloseTunnel(HOME), StandAside(HOME))
    probing = operations(Recipe.CLEAN, KEEPER, kept(K.PROBING, HA, AGENT, None), memory)
    assert probing == ()


MOBILE_PEER = replace(MOBILE, address=OTHER)


@pytest.mark.clause("XFRM-DAEMON-037")
@each_decoder
def test_two_mobile_nodes_exchange_packets_with_both_headers(profile: Profile) -> None:
    bound = Stage(K.BOUND, CN, OTHER, OTHER, NEXT, own=HOME)
    node, memory = stood(
        MOBILE, (*AWAY, bound, mobile(K.TESTING, OTHER), mobile(K.OPTIMISED, OTHER)), profile
    )
    both = [(Protocol.DESTINATION_OPTIONS, Mode.RO), (Protocol.ROUTING, Mode.RO)]
    assert sorted(modes(sent(node, udp(HOME, OTHER)))) == sorted(both)
    option, header = held(node, Protocol.DESTINATION_OPTIONS, (OTHER, HOME)), anybody(node, Protocol.ROUTING)
    extensions = (RT2, home_address_header(OTHER))
    assert checked(node, (OTHER, HOME), UDP, extensions, (header, option)).accepted
    assert checked(node, (OTHER, HOME), UDP, extensions[1:], (option,)).accepted
    assert checked(node, (OTHER, HOME), UDP, extensions[:1], (header,)).accepted
    for end, left in ((mobile(K.FELL_BACK, OTHER), both[1:]), (replace(bound, kind=K.RELEASED), both[:1])):
        asked = operations(Recipe.CLEAN, MOBILE, end, memory)
        assert modes(sent(carry_out_all(node, asked), udp(HOME, OTHER))) == left


@pytest.mark.clause("XFRM-DAEMON-037", "XFRM-DAEMON-030")
def test_a_binding_that_ends_while_its_peer_is_tested_asks_for_no_second_test() -> None:
    bound = Stage(K.BOUND, CN, OTHER, OTHER, NEXT, own=HOME)
    ended = Stage(K.RELEASED, CN, OTHER, OTHER, own=HOME)
    node, _ = stood(MOBILE, (*AWAY, bound, mobile(K.TESTING, OTHER), ended))
    decision = sent(node, udp(HOME, OTHER))
    assert (decision.acquires, decision.errno, modes(decision)) == ((), Errno.OK, [])


@pytest.mark.clause("XFRM-DAEMON-027")
def test_a_mobile_node_cannot_take_the_association_of_another_along() -> None:
    settings = replace(TESTED, mobile_nodes=(HOME, OTHER))
    intruder = Stage(K.BOUND, HA, OTHER, OTHER, CARE_OF, own=AGENT)
    leaves = replace(intruder, kind=K.REBOUND, care_of=NEXT, previous=CARE_OF)
    node, _ = stood(settings, (*KEPT, intruder, leaves))
    assert sent(node, Flow(PEER, HOME, Protocol.MOBILITY, HOT)).applied[0].destination == CARE_OF
