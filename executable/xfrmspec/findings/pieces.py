"""Addresses, flows and policies that the scenarios of findings share."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.scenario.terms import AddPolicy
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import Flow, PortMatch, Protocol, Selector

HERE, SECOND, HOME, THERE, CARE_OF_THERE, BEHIND = map(
    IPv6Address,
    (
        "2001:db8::1",
        "2001:db8::2",
        "2001:db8:a::1",
        "2001:db8:b::1",
        "2001:db8:b::2",
        "2001:db8:f::1",
    ),
)
ANYWHERE = "::/0"
NEAR_64, NEAR_60, FAR_64 = "2001:db8::/64", "2001:db8::/60", "2001:db8:b::/64"
ELSEWHERE = "2001:db8:77::/64"

SENT = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
RECEIVED = Flow(THERE, HERE, Protocol.UDP, 4001, 4002)
FORWARDED = Flow(THERE, BEHIND, Protocol.UDP, 4001, 4002)


def policy(
    source: str,
    destination: str,
    direction: Direction = Direction.OUT,
    action: Action = Action.ALLOW,
    *,
    type_: PolicyType = PolicyType.MAIN,
    priority: int = 10,
    templates: tuple[Template, ...] = (),
) -> Policy:
    """Return a policy for every protocol."""
    selector = Selector.between(source, destination)
    return Policy(selector, direction, type_, action, priority, templates)


def allow(source: str, destination: str, *templates: Template, priority: int = 10) -> Policy:
    """Return an outbound MAIN policy that allows."""
    return policy(source, destination, templates=templates, priority=priority)


def block(source: str, destination: str, priority: int = 10) -> Policy:
    """Return an outbound MAIN policy that blocks."""
    return policy(source, destination, action=Action.BLOCK, priority=priority)


def block_received(protocol: Protocol, *, source_slot: int = -1, destination_slot: int = -1) -> AddPolicy:
    """Return the step that blocks received packets of a protocol with one slot value; -1 is any."""
    slots = [PortMatch() if slot < 0 else PortMatch.exactly(slot) for slot in (source_slot, destination_slot)]
    selector = Selector.between(ANYWHERE, ANYWHERE, protocol, source_port=slots[0], destination_port=slots[1])
    return AddPolicy(Policy(selector, Direction.IN, action=Action.BLOCK, priority=10))


def esp(reqid: int = 0, *, optional: bool = False, mode: Mode = Mode.TRANSPORT) -> Template:
    """Return an ESP template without addresses."""
    return Template(Protocol.ESP, mode, reqid=reqid, optional=optional)


def optional_esp(count: int) -> tuple[Template, ...]:
    """Return optional ESP transport templates with different reqids."""
    return tuple(esp(reqid, optional=True) for reqid in range(1, count + 1))


def received_state(
    protocol: Protocol, spi: int, reqid: int, mode: Mode = Mode.TRANSPORT
) -> SecurityAssociation:
    """Return the IPsec state of packets from the peer."""
    return SecurityAssociation(THERE, HERE, protocol, mode, spi, reqid)


HOME_ADDRESS_OF_PEER = SecurityAssociation(
    THERE, HERE, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=CARE_OF_THERE
)
HOME_ADDRESS_OPTION = Template(Protocol.DESTINATION_OPTIONS, Mode.RO)
TYPE_2_ROUTING = Template(Protocol.ROUTING, Mode.RO)
