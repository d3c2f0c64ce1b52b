"""One home address option or type 2 routing header of a received packet: the binding that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.host.ipsec_input import At, Passed, Stopped
from xfrmspec.host.node import AddressKind, Node, RoutingHeaders
from xfrmspec.host.one_state import InputStep
from xfrmspec.wire.chain import element_of, header_sizes
from xfrmspec.wire.encode import protocol_of
from xfrmspec.wire.options import home_address_options, is_home_address
from xfrmspec.wire.placing import open_at
from xfrmspec.wire.route_optimisation import (
    RouteRefusal,
    exchange_option_at,
    exchange_type2_routing,
    home_address_refusal,
    options_of,
)
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet
from xfrmspec_terms.answers import HopLimitExceeded, ParameterProblem
from xfrmspec_terms.association import Lifecycle, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    IPv6Header,
    Packet,
    RoutingHeader,
    Type2RoutingHeader,
    WireHeader,
)
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import MAX_DEPTH
from xfrmspec_terms.profile import Profile, SecPathDepthRule
from xfrmspec_terms.selector import Address, Family, Protocol, unspecified
from xfrmspec_terms.state import InstalledState, StateEvent

_ANY = unspecified(Family.INET6)
_ROUTING_TYPE_AT = 2


@clause("XFRM-RECV-003")
def is_full(depth: int, profile: Profile) -> bool:
    """Tell whether a sec_path of this many states has no room for a route optimisation header.

    Source: XFRM-RECV-003; kernel xfrm6_input_addr.
    """
    if profile.sec_path_depth_for_ro is SecPathDepthRule.AT_EXACTLY_FIVE:
        return depth == MAX_DEPTH - 1
    return depth >= MAX_DEPTH


@clause("XFRM-OPT-001", "XFRM-OPT-002", "XFRM-HAO-001", "XFRM-ROUTE-001")
def exchange_one(node: Node, at: At, now: int) -> Passed | Stopped:
    """Work through the home address option or type 2 routing header that the loop stands at.

    A packet whose header is malformed, or leads to an address that is no home address of the node, is
    dropped without a counter. Source: K-MIP-3, K-MIP-7, K-MIP-8; kernel xfrm6_input_addr.
    """
    stopped = _refused_unseen(node, at)
    if stopped is not None:
        return stopped
    if is_full(at.depth, node.profile):
        return Stopped(node, Counter.IN_BUFFER_ERROR, InputStep.ROOM)
    search = _find(node, at, _binding(at, node.profile), now)
    if search.entry is None:
        return Stopped(search.node, Counter.IN_NO_STATES, InputStep.LOOKUP, search.events)
    octets = len(open_at(at.packet, at.index).octets)
    counted = replace(search.node, states=count_packet(search.node.states, search.entry, octets))
    exchanged = _exchanged(counted, at)
    if not isinstance(exchanged, Packet):
        return Stopped(counted, None, events=search.events, answer=exchanged)
    return Passed(counted, exchanged, search.entry.age, search.events)


def _refused_unseen(node: Node, at: At) -> Stopped | None:
    """What is wrong with a header itself is seen before any state is looked up."""
    header = at.packet.headers[at.index]
    if element_of(header) is Header.HAO:
        refused = home_address_refusal(at.packet, at.index) or _unroutable(node, at)
        return Stopped(node, None) if refused else None
    if not node.accepts_source_routes and _has_segments_left(header):
        return Stopped(node, None, answer=_unknown_routing(at))
    refusal = exchange_type2_routing(at.packet)
    early = (RouteRefusal.ROUTING_LENGTH, RouteRefusal.SEGMENTS_LEFT)
    return Stopped(node, None) if refusal in early else None


@clause("XFRM-HAO-007")
def _unroutable(node: Node, at: At) -> bool:
    """Tell whether a home address is one that no packet can be routed to; Linux takes any unicast one."""
    home = _home_address((at.packet.headers[at.index],))
    if home is None or node.profile.home_address_any_unicast:
        return False
    return home.is_link_local or home.is_loopback


def _has_segments_left(header: WireHeader) -> bool:
    return isinstance(header, Type2RoutingHeader | RoutingHeader) and header.segments_left > 0


@clause("XFRM-ROUTE-002")
def _unknown_routing(at: At) -> ParameterProblem:
    """A node that takes no source routes complains about the type; kernel ipv6_rthdr_rcv."""
    start = sum(header_sizes(at.packet.headers, at.packet.payload)[: at.index])
    return ParameterProblem(0, start + _ROUTING_TYPE_AT)


@clause("XFRM-HAO-001", "XFRM-ROUTE-001")
def _exchanged(node: Node, at: At) -> Packet | HopLimitExceeded | None:
    """Exchange addresses once the state is found; None or an answer for a packet that still is refused."""
    header = at.packet.headers[at.index]
    if element_of(header) is Header.HAO:
        several = sum(map(is_home_address, options_of(header))) > 1
        return None if several else exchange_option_at(at.packet, at.index)
    if not isinstance(header, Type2RoutingHeader) or not _is_home(node, header.address):
        return None
    exchanged = exchange_type2_routing(at.packet)
    if isinstance(exchanged, Packet):
        return exchanged
    return HopLimitExceeded() if exchanged is RouteRefusal.HOP_LIMIT else None


def _is_home(node: Node, address: Address) -> bool:
    return node.addresses.get(address) is AddressKind.HOME


@clause("XFRM-WORLD-011")
def sent_on(node: Node, packet: Packet, index: int) -> Packet | None:
    """Return the packet as a node without the defence ROUTING_HEADER sends it on, None with the defence.

    No state is asked for, since the kernel has one for own home addresses only; who forwards takes the hop.
    """
    header = packet.headers[index]
    if node.routing_headers is RoutingHeaders.OWN_HOME_ADDRESS or not isinstance(header, Type2RoutingHeader):
        return None
    exchanged = None if _is_home(node, header.address) else exchange_type2_routing(packet)
    if not isinstance(exchanged, Packet):
        return None
    outer, before = exchanged.headers[0], packet.headers[0]
    assert isinstance(outer, IPv6Header) and isinstance(before, IPv6Header)
    return replace(exchanged, headers=(replace(outer, hop_limit=before.hop_limit), *exchanged.headers[1:]))


@dataclass(frozen=True, slots=True)
class _Binding:
    """What a header claims: the key by which its state is looked up, and the care-of address beside it."""

    protocol: Protocol
    source: Address
    destination: Address
    care_of: Address


@clause("XFRM-HAO-006")
def _binding(at: At, profile: Profile) -> _Binding:
    outer = at.packet.headers[0]
    assert isinstance(outer, IPv6Header)
    header = at.packet.headers[at.index]
    if isinstance(header, Type2RoutingHeader):
        source = _routing_source(at, outer, profile)
        return _Binding(Protocol.ROUTING, source, header.address, outer.destination)
    home = _home_address((at.packet.headers[at.index],))
    assert home is not None
    return _Binding(Protocol.DESTINATION_OPTIONS, home, outer.destination, outer.source)


@clause("XFRM-ROUTE-003")
def _routing_source(at: At, outer: IPv6Header, profile: Profile) -> IPv6Address:
    """The peer is who its home address option says, even if that comes later in the packet."""
    if profile.rt2_looked_up_with_care_of_source:
        return outer.source
    return _home_address(at.packet.headers[at.index + 1 :]) or outer.source


def _home_address(headers: Sequence[WireHeader]) -> IPv6Address | None:
    """Return the address of the first home address option that is still to be worked through."""
    options = home_address_options(headers)
    return next((option.address for option in options if not option.exchanged), None)


@dataclass(frozen=True, slots=True)
class _Search:
    """The node after a search, which may have ended states on its way, and the state that was found."""

    node: Node
    entry: InstalledState | None
    events: tuple[StateEvent, ...] = ()


@clause("XFRM-HAO-002", "XFRM-HAO-003")
def _find(node: Node, at: At, binding: _Binding, now: int) -> _Search:
    """Try the exact pair, then an open source, then both open; only the newest state of each try counts."""
    events: tuple[StateEvent, ...] = ()
    tries = (
        (binding.source, binding.destination, StateFlag.NONE),
        (_ANY, binding.destination, StateFlag.WILDRECV),
        (_ANY, _ANY, StateFlag.WILDRECV),
    )
    for source, destination, flag in tries:
        entry = node.states.by_addresses(source, destination, binding.protocol, at.mark)
        if entry is None or entry.association.flags & flag != flag:
            continue
        if entry.association.lifecycle is not Lifecycle.VALID:
            continue
        use = ask_to_use(node.states, entry, now)
        node, events = replace(node, states=use.database), events + use.events
        if use.refusal is None and _fits(entry, at, binding):
            return _Search(node, entry, events)
    return _Search(node, None, events)


@clause("XFRM-HAO-002")
def _fits(entry: InstalledState, at: At, binding: _Binding) -> bool:
    """The care-of address must be the state's, and something must follow that is not hop-by-hop."""
    following = protocol_of(at.packet.headers[at.index + 1])
    return entry.association.care_of in (binding.care_of, _ANY) and following != Protocol.HOP_BY_HOP
