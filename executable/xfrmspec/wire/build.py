"""A whole packet built in one pass: places planned once, every octet in front of the payload written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.wire.ah import AhKeys, protect
from xfrmspec.wire.applying import Provision, tunnel_ends
from xfrmspec.wire.chain import element_of
from xfrmspec.wire.encode import encode, encode_behind, protocol_of
from xfrmspec.wire.esp import EspKeys, seal
from xfrmspec.wire.ipcomp import Compressed, compress
from xfrmspec.wire.options import home_address_header
from xfrmspec.wire.plan import Places, places_in
from xfrmspec.wire.tunnel import outer_header
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    IpHeader,
    IPv4Header,
    IPv6Header,
    Packet,
    Type2RoutingHeader,
    WireHeader,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol


@dataclass(frozen=True, slots=True)
class Application:
    """One state of a merged list, with what its application takes from outside."""

    state: SecurityAssociation
    provision: Provision


@dataclass(slots=True)
class _Section:
    """What stands between two IP headers while it is built.

    `fixed` are the sender's own headers in three parts, between which the routing headers and then the home
    address options go; both lists are outermost first. `tail` are the octets of protocol `protocol` behind
    all of them, and `late` counts the headers that stay in front of it once a routing header is in.
    """

    outer: IpHeader
    fixed: tuple[tuple[WireHeader, ...], tuple[WireHeader, ...], tuple[WireHeader, ...]]
    late: int
    protocol: int
    tail: bytes
    routing: list[WireHeader] = field(default_factory=list)
    home: list[WireHeader] = field(default_factory=list)

    def head(self) -> tuple[WireHeader, ...]:
        first, second, third = self.fixed
        return (self.outer, *first, *self.routing, *second, *self.home, *third)

    def octets(self) -> bytes:
        return encode(Packet((*self.head(), UpperLayer(self.protocol)), self.tail))

    def ready_for_protection(self) -> None:
        """Move headers that a routing header has made the final destination's into the tail."""
        first, second, third = self.fixed
        if not self.routing or self.late >= len(third):
            return
        taken = (*third[self.late :], UpperLayer(self.protocol))
        self.fixed = (first, second, third[: self.late])
        self.tail = encode_behind(self.head(), taken, self.tail)
        self.protocol = protocol_of(taken[0])


def _closed(outer: IpHeader, protocol: int, tail: bytes) -> _Section:
    """Return a section behind whose IP header every later header goes first."""
    return _Section(outer, ((), (), ()), 0, protocol, tail)


@clause("XFRM-BUILD-002")
def build(packet: Packet, applications: Sequence[Application]) -> bytes:
    """Return the octets of a packet after states were applied in order, innermost first.

    Only AH looks at the headers in front of it before they are complete, because its integrity value is that
    of the packet at its turn (XFRM-SORT-006). ValueError for keys or addresses that do not fit a state.
    Source: XFRM-BUILD-002, XFRM-WIRE-001..005.
    """
    section = _opened(packet)
    for application in applications:
        state = application.state
        if state.mode is Mode.RO and state.protocol is not Protocol.ESP:
            _route_optimised(section, state)
            continue
        if state.mode is Mode.TUNNEL:
            section = _tunnelled(section, application)
        elif state.mode is Mode.BEET:
            section = _moved(section, state)
        _protect(section, application)
    return section.octets()


def _opened(packet: Packet) -> _Section:
    """Find the places in the plain packet; what is behind the last becomes octets for good."""
    outer, *own = packet.headers
    assert isinstance(outer, IPv6Header | IPv4Header)
    places = places_in(tuple(map(element_of, own))) if isinstance(outer, IPv6Header) else Places(0, 0, 0, 0)
    kept, behind = tuple(own[: places.protection]), own[places.protection :]
    fixed = (
        kept[: places.routing],
        kept[places.routing : places.home_address],
        kept[places.home_address :],
    )
    tail = encode_behind((outer, *kept), behind, packet.payload)
    late = places.late_protection - places.home_address
    return _Section(outer, fixed, late, protocol_of(behind[0]), tail)


def _route_optimised(section: _Section, state: SecurityAssociation) -> None:
    outer, care_of = section.outer, state.care_of
    if not (isinstance(outer, IPv6Header) and isinstance(care_of, IPv6Address)):
        raise ValueError("route optimisation is for IPv6 packets and care-of addresses")
    if state.protocol is Protocol.DESTINATION_OPTIONS:
        section.home.insert(0, home_address_header(outer.source))
        section.outer = replace(outer, source=care_of)
    else:
        section.routing.insert(0, Type2RoutingHeader(outer.destination))
        section.outer = replace(outer, destination=care_of)


def _tunnelled(section: _Section, application: Application) -> _Section:
    inner = section.octets()
    ends = tunnel_ends(application.state, application.provision)
    outer = outer_header(Packet((section.outer,)), len(inner), ends)
    protocol = Protocol.IPIP if isinstance(section.outer, IPv4Header) else Protocol.IPV6
    return _closed(outer, protocol, inner)


def _moved(section: _Section, state: SecurityAssociation) -> _Section:
    """Beet exchanges the IP header; what stood behind it is all behind the new header."""
    outer, source, destination = section.outer, state.source, state.destination
    if not (
        isinstance(outer, IPv6Header)
        and isinstance(source, IPv6Address)
        and isinstance(destination, IPv6Address)
    ):
        raise ValueError("beet mode is described for IPv6 in IPv6 only")
    behind = (*section.head()[1:], UpperLayer(section.protocol))
    tail = encode_behind((outer,), behind, section.tail)
    moved = replace(outer, source=source, destination=destination)
    return _closed(moved, protocol_of(behind[0]), tail)


def _protect(section: _Section, application: Application) -> None:
    state, provision = application.state, application.provision
    keys = provision.keys
    section.ready_for_protection()
    if state.protocol is Protocol.IPCOMP:
        done = compress(state.spi, section.protocol, section.tail)
        if isinstance(done, Compressed):
            section.protocol, section.tail = Protocol.IPCOMP, done.octets
    elif state.protocol is Protocol.ESP and isinstance(keys, EspKeys):
        section.tail = seal(keys, state.spi, provision.number, section.protocol, section.tail, provision.iv)
        section.protocol = Protocol.ESP
    elif state.protocol is Protocol.AH and isinstance(keys, AhKeys):
        whole = section.octets()
        at = len(whole) - len(section.tail)
        section.tail = protect(keys, whole, at, state.spi, provision.number, provision.padding)[at:]
        section.protocol = Protocol.AH
    else:
        raise ValueError(f"the keys are not those of {state.protocol.name}")
