"""The policies, templates and states that recipes are made of."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.terms import Reqid
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import ANY_PORT, ANY_PROTOCOL, PortMatch, Prefix, Protocol, Selector

NOWHERE = IPv6Address(0)
ANYWHERE = Prefix(NOWHERE, 0)
HOST_BITS = 128
BINDING_UPDATE = 5
BINDING_ACKNOWLEDGEMENT = 6
BINDING_ERROR = 7
NEIGHBOUR_SOLICITATION = 135
NEIGHBOUR_ADVERTISEMENT = 136


@dataclass(frozen=True, slots=True)
class Traffic:
    """From where to where and what: None for an end stands for everywhere, for `kind` for every type."""

    source: IPv6Address | None
    destination: IPv6Address | None
    protocol: int = ANY_PROTOCOL
    kind: int | None = None

    @property
    def reverse(self) -> Traffic:
        """The same traffic the other way."""
        return Traffic(self.destination, self.source, self.protocol, self.kind)

    @property
    def selector(self) -> Selector:
        """The selector of this traffic: type of ICMPv6 or MH stand in the source slot (XFRM-SEL-002)."""
        port = ANY_PORT if self.kind is None else PortMatch.exactly(self.kind)
        return Selector(_prefix(self.source), _prefix(self.destination), self.protocol, port)


def _prefix(address: IPv6Address | None) -> Prefix:
    return ANYWHERE if address is None else Prefix(address, HOST_BITS)


def mobility(source: IPv6Address | None, destination: IPv6Address | None, kind: int | None = None) -> Traffic:
    """Return mobility messages of one type or of every type."""
    return Traffic(source, destination, Protocol.MOBILITY, kind)


def discovery(kind: int) -> Traffic:
    """Return neighbour solicitations (135) or advertisements (136) between any two nodes."""
    return Traffic(None, None, Protocol.ICMPV6, kind)


def outbound(
    traffic: Traffic, priority: int, *templates: Template, type_: PolicyType = PolicyType.SUB
) -> Policy:
    """Return an OUT policy that allows."""
    return Policy(traffic.selector, Direction.OUT, type_, Action.ALLOW, priority, templates)


def inbound(
    traffic: Traffic, priority: int, *templates: Template, type_: PolicyType = PolicyType.SUB
) -> Policy:
    """Return an IN policy that allows."""
    return Policy(traffic.selector, Direction.IN, type_, Action.ALLOW, priority, templates)


def block(traffic: Traffic, priority: int) -> Policy:
    """Return an OUT policy that blocks."""
    return Policy(traffic.selector, Direction.OUT, PolicyType.SUB, Action.BLOCK, priority)


def home_option(
    source: IPv6Address = NOWHERE,
    destination: IPv6Address = NOWHERE,
    *,
    optional: bool,
    mode: Mode = Mode.RO,
) -> Template:
    """Return a HAO template; unspecified ends are satisfied by every HAO state on input."""
    return Template(Protocol.DESTINATION_OPTIONS, mode, source, destination, optional=optional)


def routing(source: IPv6Address = NOWHERE, destination: IPv6Address = NOWHERE, *, optional: bool) -> Template:
    """Return an RT2 template; unspecified ends are satisfied by every RT2 state on input."""
    return Template(Protocol.ROUTING, Mode.RO, source, destination, optional=optional)


def transport() -> Template:
    """Return the required ESP transport template of signalling."""
    return Template(Protocol.ESP, Mode.TRANSPORT, reqid=Reqid.SIGNALLING)


def tunnel(source: IPv6Address, destination: IPv6Address, reqid: int = Reqid.TUNNEL) -> Template:
    """Return the required ESP tunnel template with these ends."""
    return Template(Protocol.ESP, Mode.TUNNEL, source, destination, reqid=reqid)


def home_state(home: IPv6Address, peer: IPv6Address, care_of: IPv6Address) -> SecurityAssociation:
    """Return the HAO state for packets of a home address to a peer."""
    return _route(Protocol.DESTINATION_OPTIONS, home, peer, care_of)


def routing_state(peer: IPv6Address, home: IPv6Address, care_of: IPv6Address) -> SecurityAssociation:
    """Return the RT2 state for packets of a peer to a home address."""
    return _route(Protocol.ROUTING, peer, home, care_of)


def _route(
    protocol: Protocol, source: IPv6Address, destination: IPv6Address, care_of: IPv6Address
) -> SecurityAssociation:
    selector = Traffic(source, destination).selector
    return SecurityAssociation(source, destination, protocol, Mode.RO, selector=selector, care_of=care_of)


def receiver(protocol: Protocol, destination: IPv6Address = NOWHERE) -> SecurityAssociation:
    """Return the receive-only state that takes HAO or RT2 of every care-of address (XFRM-DAEMON-021)."""
    selector = Traffic(None, None if destination == NOWHERE else destination).selector
    return SecurityAssociation(
        NOWHERE,
        destination,
        protocol,
        Mode.RO,
        selector=selector,
        flags=StateFlag.WILDRECV,
        care_of=NOWHERE,
    )
