"""The policies of the recipe clean as patterns: selectors over the addresses of a node, and priorities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType

from xfrmspec_model.folding import Number, Truth, all_of, same
from xfrmspec_model.selectors import FlowTerm, SelectorTerm, selector_matches
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role
from xfrmspec_terms.policy import Direction, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import PORT_MASK_FULL, Family, Protocol

ADDRESS_MASK = (1 << 128) - 1
UPDATE, ANSWER = 5, 6
SOLICITATION, ADVERTISEMENT = 135, 136


class Protection(IntEnum):
    """What the settings of clean protect by IPsec, each more than the one before."""

    NONE = 0
    SIGNALLING = 1
    TESTS = 2
    PAYLOAD = 3


class Meaning(Enum):
    """What a priority of clean is for, the strongest first; SUB and MAIN share the meanings."""

    DISCOVERY = "neighbour discovery"
    HOME_SIGNALLING = "signalling with the home agent"
    BLOCK = "the block"
    PEER_SIGNALLING = "signalling with a correspondent node"
    MESSAGES = "other mobility messages, in MAIN tests in the tunnel"
    DATA = "data, in MAIN payload in the tunnel"
    TRIGGER = "the trigger"
    ROUTED = "type 2 routing headers from anywhere"


PRIORITIES: Mapping[Meaning, int] = MappingProxyType(
    {meaning: 10 * (place + 1) for place, meaning in enumerate(Meaning)}
)
"""The priorities of XFRM-DAEMON-019, in steps of ten from the strongest."""


class Place(Enum):
    """An end of a selector: anywhere, the node's own address, its home agent, or one peer."""

    ANY = "any"
    OWN = "own"
    AGENT = "agent"
    PEER = "peer"


@dataclass(frozen=True, slots=True)
class Ends:
    """The addresses of a node: 128-bit numbers.

    Of a mobile node own is the home address, of the two others the address that updates are sent to; peer
    is a correspondent node or, where a binding is kept, the home address of a mobile node.
    """

    own: Number
    agent: Number
    peer: Number

    def at(self, place: Place) -> tuple[Number, Number]:
        """Return address and mask of a place."""
        if place is Place.ANY:
            return 0, 0
        return getattr(self, place.value), ADDRESS_MASK


class Slot(Enum):
    """Every object that a recipe may make stand at a node, for one peer."""

    SOLICITATION = "ICMPv6 135 without templates"
    ADVERTISEMENT = "ICMPv6 136 without templates"
    MESSAGES = "any mobility message without templates"
    ANY_UPDATE = "updates with a home address option"
    ROUTED = "type 2 routing headers from anywhere"
    SIGNALLING_OUT = "protected signalling, out"
    SIGNALLING_IN = "protected signalling, in"
    SOLICITATION_OUT = "ICMPv6 135 beside the tunnel, out"
    SOLICITATION_IN = "ICMPv6 135 beside the tunnel, in"
    ADVERTISEMENT_OUT = "ICMPv6 136 beside the tunnel, out"
    ADVERTISEMENT_IN = "ICMPv6 136 beside the tunnel, in"
    GATE = "the block or the trigger"
    HOME_UPDATE = "updates to the home agent"
    HOME_DATA = "data with the home agent"
    PEER_UPDATE = "updates to a correspondent node"
    PEER_DATA = "data to a correspondent node"
    TUNNEL_OUT = "payload in the tunnel, out"
    TUNNEL_IN = "payload in the tunnel, in"
    TUNNEL_FORWARD = "payload in the tunnel, forwarded"
    TESTS_OUT = "tests in the tunnel, out"
    TESTS_IN = "tests in the tunnel, in"
    TESTS_FORWARD = "tests in the tunnel, forwarded"
    ROUTE_UPDATE = "updates to correspondent nodes beside the tunnel"
    ROUTE_ANSWER = "acknowledgements of correspondent nodes beside the tunnel"
    BOUND_IN = "data of a binding, in"
    BOUND_OUT = "data of a binding, out"


Where = tuple[Place, Place]
"""Source and destination of a selector."""

What = tuple[int, int | None]
"""Protocol of a selector, 0 for all, and mobility header or ICMPv6 type, None for all."""

_EVERYTHING: What = (0, None)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One policy of a role: where it stands, what it matches, and what its priority means.

    Protections are those with which it can stand. The block is a policy of its own here, though it shares
    its identity with the trigger.
    """

    slot: Slot
    direction: Direction
    type: PolicyType
    where: Where
    meaning: Meaning
    what: What = _EVERYTHING
    protections: frozenset[Protection] = frozenset(Protection)

    @property
    def identity(self) -> tuple[Direction, PolicyType, Where, What]:
        """Return what makes it the same policy as another for the same addresses."""
        return self.direction, self.type, self.where, self.what

    def selector(self, ends: Ends) -> SelectorTerm:
        """Return the selector for the addresses of a node."""
        return selector_of(self.where, self.what, ends)

    def matches(self, flow: FlowTerm, ends: Ends, profile: Profile) -> Truth:
        """Tell whether the policy is for an IPv6 flow without mark and if_id."""
        return is_for(self.selector(ends), flow, profile)


def selector_of(where: Where, what: What, ends: Ends) -> SelectorTerm:
    """Return a selector for the addresses of a node."""
    (source, source_mask), (destination, destination_mask) = (ends.at(place) for place in where)
    protocol, wanted = what
    kind, kind_mask = (0, 0) if wanted is None else (wanted, PORT_MASK_FULL)
    return SelectorTerm(
        source=source,
        source_mask=source_mask,
        destination=destination,
        destination_mask=destination_mask,
        protocol=protocol,
        source_port=kind,
        source_port_mask=kind_mask,
        destination_port=0,
        destination_port_mask=0,
        ifindex=0,
        family=int(Family.INET6),
    )


def is_for(selector: SelectorTerm, flow: FlowTerm, profile: Profile) -> Truth:
    """Tell whether a policy without mark and if_id is for an IPv6 flow."""
    framed = (same(flow.family, Family.INET6), same(flow.if_id, 0))
    return all_of((*framed, selector_matches(selector, flow, profile)))


_ANYWHERE: Where = (Place.ANY, Place.ANY)
_PROTECTED = frozenset({Protection.SIGNALLING, Protection.TESTS, Protection.PAYLOAD})
_TESTS, _PAYLOAD = frozenset({Protection.TESTS}), frozenset({Protection.PAYLOAD})
_ROUTED_DATA = frozenset({Protection.NONE, Protection.SIGNALLING, Protection.TESTS})
_ANY_PROTECTION = frozenset(Protection)
_IN, _OUT, _FWD = Direction.IN, Direction.OUT, Direction.FWD
_MAIN, _SUB = PolicyType.MAIN, PolicyType.SUB
_SOLICIT: What = (Protocol.ICMPV6, SOLICITATION)
_ADVERTISE: What = (Protocol.ICMPV6, ADVERTISEMENT)
_MESSAGES: What = (Protocol.MOBILITY, None)
_UPDATES: What = (Protocol.MOBILITY, UPDATE)
_ANSWERS: What = (Protocol.MOBILITY, ANSWER)


@clause("XFRM-DAEMON-021")
def common_patterns() -> tuple[Pattern, ...]:
    """Return what every role has from the start. Source: XFRM-DAEMON-021."""
    return (
        Pattern(Slot.SOLICITATION, _OUT, _SUB, _ANYWHERE, Meaning.DISCOVERY, _SOLICIT),
        Pattern(Slot.ADVERTISEMENT, _OUT, _SUB, _ANYWHERE, Meaning.DISCOVERY, _ADVERTISE),
        Pattern(Slot.MESSAGES, _OUT, _SUB, _ANYWHERE, Meaning.MESSAGES, _MESSAGES),
    )


@clause("XFRM-DAEMON-021")
def update_pattern() -> Pattern:
    """Return what every node that keeps bindings has from the start. Source: XFRM-DAEMON-021."""
    return Pattern(Slot.ANY_UPDATE, _IN, _SUB, _ANYWHERE, Meaning.HOME_SIGNALLING, _UPDATES)


@clause("XFRM-DAEMON-023")
def signalling_patterns(other: Place) -> tuple[Pattern, ...]:
    """Return the protected signalling with the other end. Source: XFRM-DAEMON-023."""
    meaning, out, back = Meaning.HOME_SIGNALLING, (Place.OWN, other), (other, Place.OWN)
    return (
        Pattern(Slot.SIGNALLING_OUT, _OUT, _MAIN, out, meaning, _MESSAGES, _PROTECTED),
        Pattern(Slot.SIGNALLING_IN, _IN, _MAIN, back, meaning, _MESSAGES, _PROTECTED),
    )


@clause("XFRM-DAEMON-028")
def discovery_patterns() -> tuple[Pattern, ...]:
    """Return neighbour discovery beside the tunnel. Source: XFRM-DAEMON-028."""
    cases = (
        (Slot.SOLICITATION_OUT, _OUT, _SOLICIT),
        (Slot.SOLICITATION_IN, _IN, _SOLICIT),
        (Slot.ADVERTISEMENT_OUT, _OUT, _ADVERTISE),
        (Slot.ADVERTISEMENT_IN, _IN, _ADVERTISE),
    )
    return tuple(
        Pattern(slot, direction, _MAIN, _ANYWHERE, Meaning.DISCOVERY, what, _PAYLOAD)
        for slot, direction, what in cases
    )


@clause("XFRM-DAEMON-026")
def tunnel_patterns(home: Place, *, forwards: bool) -> tuple[Pattern, ...]:
    """Return the tunnel's policies at the mobile node, or at the home agent, which forwards.

    Source: XFRM-DAEMON-026.
    """
    away, back = (home, Place.ANY), (Place.ANY, home)
    out, into = (back, away) if forwards else (away, back)
    ways = [
        (_OUT, out, Slot.TUNNEL_OUT, Slot.TESTS_OUT),
        (_IN, into, Slot.TUNNEL_IN, Slot.TESTS_IN),
    ]
    if forwards:
        ways.append((_FWD, into, Slot.TUNNEL_FORWARD, Slot.TESTS_FORWARD))
    return tuple(
        pattern
        for direction, where, payload, tests in ways
        for pattern in (
            Pattern(payload, direction, _MAIN, where, Meaning.DATA, _EVERYTHING, _PAYLOAD),
            Pattern(tests, direction, _MAIN, where, Meaning.MESSAGES, _MESSAGES, _TESTS),
        )
    )


@clause("XFRM-DAEMON-034", "XFRM-DAEMON-035")
def binding_patterns(protections: frozenset[Protection]) -> tuple[Pattern, ...]:
    """Return the data policies of a binding. Source: XFRM-DAEMON-034, XFRM-DAEMON-035."""
    into, out = (Place.PEER, Place.OWN), (Place.OWN, Place.PEER)
    return (
        Pattern(Slot.BOUND_IN, _IN, _SUB, into, Meaning.DATA, _EVERYTHING, protections),
        Pattern(Slot.BOUND_OUT, _OUT, _SUB, out, Meaning.DATA, _EVERYTHING, protections),
    )


@clause("XFRM-DAEMON-024", "XFRM-DAEMON-025")
def gate_patterns() -> tuple[Pattern, ...]:
    """Return the two looks of OUT HoA -> any. Source: XFRM-DAEMON-024, XFRM-DAEMON-025."""
    where = (Place.OWN, Place.ANY)
    return (
        Pattern(Slot.GATE, _OUT, _SUB, where, Meaning.BLOCK),
        Pattern(Slot.GATE, _OUT, _SUB, where, Meaning.TRIGGER, _EVERYTHING, _ROUTED_DATA),
    )


@clause("XFRM-DAEMON-024", "XFRM-DAEMON-025", "XFRM-DAEMON-030", "XFRM-DAEMON-031")
def away_patterns() -> tuple[Pattern, ...]:
    """Return what a mobile node sends with the option. Source: XFRM-DAEMON-024, -025, -030, -031."""
    home, peer = (Place.OWN, Place.AGENT), (Place.OWN, Place.PEER)
    data = (Meaning.DATA, _EVERYTHING, _ROUTED_DATA)
    return (
        Pattern(Slot.HOME_UPDATE, _OUT, _SUB, home, Meaning.HOME_SIGNALLING, _UPDATES),
        Pattern(Slot.HOME_DATA, _OUT, _SUB, home, *data),
        Pattern(Slot.PEER_UPDATE, _OUT, _SUB, peer, Meaning.PEER_SIGNALLING, _UPDATES, _ROUTED_DATA),
        Pattern(Slot.PEER_DATA, _OUT, _SUB, peer, *data),
    )


@clause("XFRM-DAEMON-022", "XFRM-DAEMON-026")
def mobile_node_patterns() -> tuple[Pattern, ...]:
    """Return every policy of a mobile node, which is a correspondent node too, with one peer.

    Source: XFRM-DAEMON-021..026, XFRM-DAEMON-028, XFRM-DAEMON-030, XFRM-DAEMON-031, XFRM-DAEMON-035.
    """
    away, back, beside = (Place.OWN, Place.ANY), (Place.ANY, Place.OWN), Meaning.PEER_SIGNALLING
    return (
        *common_patterns(),
        update_pattern(),
        Pattern(Slot.ROUTED, _IN, _SUB, back, Meaning.ROUTED),
        *signalling_patterns(Place.AGENT),
        *discovery_patterns(),
        *gate_patterns(),
        *away_patterns(),
        *tunnel_patterns(Place.OWN, forwards=False),
        Pattern(Slot.ROUTE_UPDATE, _OUT, _MAIN, away, beside, _UPDATES, _TESTS),
        Pattern(Slot.ROUTE_ANSWER, _IN, _MAIN, back, beside, _ANSWERS, _TESTS),
        *binding_patterns(_ANY_PROTECTION),
    )


@clause("XFRM-DAEMON-034")
def home_agent_patterns() -> tuple[Pattern, ...]:
    """Return every policy of a home agent with one mobile node. Source: XFRM-DAEMON-034."""
    return (
        *common_patterns(),
        update_pattern(),
        *signalling_patterns(Place.PEER),
        *discovery_patterns(),
        *tunnel_patterns(Place.PEER, forwards=True),
        *binding_patterns(_ROUTED_DATA),
    )


@clause("XFRM-DAEMON-035")
def correspondent_patterns() -> tuple[Pattern, ...]:
    """Return every policy of a correspondent node with one mobile node. Source: XFRM-DAEMON-021, -035."""
    return (*common_patterns(), update_pattern(), *binding_patterns(_ANY_PROTECTION))


@clause("XFRM-DAEMON-001")
def patterns_of(role: Role) -> tuple[Pattern, ...]:
    """Return every policy of a role, with those of the roles that its node plays besides."""
    if role is Role.MOBILE_NODE:
        return mobile_node_patterns()
    return home_agent_patterns() if role is Role.HOME_AGENT else correspondent_patterns()
