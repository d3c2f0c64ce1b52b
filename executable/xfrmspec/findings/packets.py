"""Findings about received packets: how they are decoded, and how their sec_path is checked."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.findings.pieces import (
    ANYWHERE,
    CARE_OF_THERE,
    HERE,
    HOME,
    HOME_ADDRESS_OF_PEER,
    HOME_ADDRESS_OPTION,
    RECEIVED,
    THERE,
    TYPE_2_ROUTING,
    block_received,
    esp,
    policy,
    received_state,
)
from xfrmspec.findings.tables import BOTH, LINUX_6_1
from xfrmspec.findings.terms import Exhibit, Finding, Sight
from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Direction, Mode, PolicyType, Template
from xfrmspec_terms.selector import Flow, Protocol, Selector

DELIVERED = Sight(delivered=True)
BLOCKED_INBOUND = Sight(counters=("XfrmInPolBlock",))
_HOME_TEST_INIT, _BINDING_UPDATE, _PORT = 1, 5, 5000
_TUNNEL_SPI, _AH_SPI, _ESP_SPI = 0x3001, 0x2001, 0x2002


def _blocked_type(type_: int, *headers: Header) -> Scenario:
    flow = Flow(THERE, HERE, Protocol.MOBILITY, type_)
    return Scenario((block_received(Protocol.MOBILITY, source_slot=type_), Receive(flow, headers)))


def _blocked_port() -> Scenario:
    flow = replace(RECEIVED, destination_slot=_PORT)
    blocked = block_received(Protocol.UDP, destination_slot=_PORT)
    return Scenario((blocked, Receive(flow, (Header.DESTINATION_OPTIONS,))))


def _checked_pair() -> Scenario:
    ah = received_state(Protocol.AH, _AH_SPI, 1)
    inner = received_state(Protocol.ESP, _ESP_SPI, 2)
    layers = (HOME_ADDRESS_OF_PEER, ah, inner)
    sub = policy(ANYWHERE, ANYWHERE, Direction.IN, type_=PolicyType.SUB, templates=(HOME_ADDRESS_OPTION,))
    wanted = (Template(Protocol.AH, Mode.TRANSPORT, reqid=1), esp(2))
    main = policy(ANYWHERE, ANYWHERE, Direction.IN, templates=wanted)
    return Scenario((AddPolicy(sub), AddPolicy(main), *map(AddState, layers), Receive(RECEIVED, layers)))


def _selector_of_the_other_family() -> Scenario:
    everything4 = Selector.between("0.0.0.0/0", "0.0.0.0/0")
    tunnel = replace(received_state(Protocol.ESP, _TUNNEL_SPI, 1, Mode.TUNNEL), selector=everything4)
    wanted = policy(ANYWHERE, ANYWHERE, Direction.IN, templates=(esp(1, mode=Mode.TUNNEL),))
    return Scenario((AddPolicy(wanted), AddState(tunnel), Receive(RECEIVED, (tunnel,))))


def _five_and_a_home_address() -> Scenario:
    path = [replace(received_state(Protocol.ESP, 0x6000 + n, 0), source=CARE_OF_THERE) for n in range(5)]
    layers = (*path, HOME_ADDRESS_OF_PEER)
    wanted = policy(ANYWHERE, ANYWHERE, Direction.IN, templates=(HOME_ADDRESS_OPTION,))
    return Scenario((AddPolicy(wanted), *map(AddState, layers), Receive(RECEIVED, layers)))


def _both_ends_mobile() -> Scenario:
    routing = SecurityAssociation(THERE, HOME, Protocol.ROUTING, Mode.RO, care_of=HERE)
    option = replace(HOME_ADDRESS_OF_PEER, destination=HOME)
    wanted = policy(ANYWHERE, ANYWHERE, Direction.IN, templates=(HOME_ADDRESS_OPTION, TYPE_2_ROUTING))
    flow = replace(RECEIVED, destination=HOME)
    steps = (AddPolicy(wanted), AddState(routing), AddState(option), Receive(flow, (routing, option)))
    return Scenario(steps)


F_005 = Finding(
    "F-005",
    "The type of a received mobility header is read as 0, or is right only behind one extension header.",
    "mh_type_inbound",
    BOTH,
    (
        Exhibit(_blocked_type(_HOME_TEST_INIT), 1, BLOCKED_INBOUND, DELIVERED),
        Exhibit(
            _blocked_type(_BINDING_UPDATE, Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS),
            1,
            BLOCKED_INBOUND,
            DELIVERED,
        ),
    ),
)
F_006 = Finding(
    "F-006",
    "Ports behind an extension header are read from the octets of that header.",
    "ports_behind_extension_header",
    (LINUX_6_1,),
    (Exhibit(_blocked_port(), 1, BLOCKED_INBOUND, DELIVERED),),
)
F_009 = Finding(
    "F-009",
    "Output sorts AH outside ESP and route optimisation, input expects AH and ESP in stored order.",
    "ah_transport_sort_asymmetry",
    BOTH,
    (Exhibit(_checked_pair(), 5, DELIVERED, Sight(counters=("XfrmInTmplMismatch",))),),
)
F_011 = Finding(
    "F-011",
    "The selector of a state is compared with packets of the other family as if it were of theirs.",
    "selector_family_checked",
    (LINUX_6_1,),
    (Exhibit(_selector_of_the_other_family(), 2, Sight(counters=("XfrmInStateMismatch",)), DELIVERED),),
)
F_016 = Finding(
    "F-016",
    "A route optimisation header is refused when the sec_path holds five entries, and not when it is full.",
    "sec_path_depth_for_ro",
    (LINUX_6_1,),
    (
        Exhibit(
            _five_and_a_home_address(),
            7,
            DELIVERED,
            Sight(counters=("XfrmInBufferError",)),
            modelled=False,
        ),
    ),
)
F_019 = Finding(
    "F-019",
    "A type 2 routing header in front of a home address option is looked up with the care-of address.",
    "rt2_looked_up_with_care_of_source",
    BOTH,
    (Exhibit(_both_ends_mobile(), 3, DELIVERED, Sight(counters=("XfrmInNoStates",)), modelled=False),),
)
