"""One state applied to one packet: what every step of the output loop does to the octets."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.wire.ah import AhKeys, protect
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys, seal
from xfrmspec.wire.ipcomp import Unchanged, compress
from xfrmspec.wire.placing import Opening, open_at, open_for
from xfrmspec.wire.route_optimisation import add_home_address, add_type2_routing
from xfrmspec.wire.tunnel import TunnelEnds, outer_header, with_addresses
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import AuthenticationHeader, EspHeader, IPCompHeader, IPv4Header, Packet
from xfrmspec_terms.packet import TRANSFORM_HEADERS, Header, UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

StateKeys = EspKeys | AhKeys | None
"""What the ends of a state share; None for IPComp, HAO and RT2."""

_ESP_FIXED = 8
_COMP_FIXED = 4
_AH_FIXED = 12
_HALF = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Provision:
    """What one application takes from outside the state.

    `number` is the sequence number in 64 bits, `iv` has the length that the algorithm wants. `hop_limit` and
    `identification` (16 bits) are those of a tunnel's outer header. `padding` fills the padding of AH, zeros
    when it is empty.
    """

    keys: StateKeys = None
    number: int = 0
    iv: bytes = b""
    hop_limit: int = 64
    identification: int = 0
    padding: bytes = b""


@dataclass(frozen=True, slots=True)
class Applied:
    """The packet with the header of one more state; `octets` is what the state's use is charged."""

    packet: Packet
    octets: int


@clause("XFRM-BUILD-001", "XFRM-ARCH-003")
def apply_state(packet: Packet, state: SecurityAssociation, provision: Provision) -> Applied:
    """Apply a state to a packet.

    OverrunError for headers in front of AH that do not keep to their length; ValueError for keys or addresses
    that do not fit the state. Source: XFRM-WIRE-001..005, XFRM-OPT-001, -002, XFRM-TUN-001; kernel
    xfrm_output_one.
    """
    if state.mode is Mode.RO and state.protocol is not Protocol.ESP:
        return _route_optimised(packet, state)
    opening = opening_for(packet, state, provision)
    protected = _protected(opening, state, provision)
    if protected is None:
        headers = packet.headers if state.mode is not Mode.TUNNEL else (*opening.before, *packet.headers)
        protected = Packet(headers, packet.payload)
    return Applied(protected, len(opening.octets))


def _route_optimised(packet: Packet, state: SecurityAssociation) -> Applied:
    if not isinstance(state.care_of, IPv6Address):
        raise ValueError("a route optimisation state has an IPv6 care-of address")
    header = TRANSFORM_HEADERS[state.protocol]
    octets = len(open_for(packet, header).octets)
    add = add_home_address if header is Header.HAO else add_type2_routing
    return Applied(add(packet, state.care_of), octets)


@clause("XFRM-WIRE-005")
def opening_for(packet: Packet, state: SecurityAssociation, provision: Provision) -> Opening:
    """Return the packet cut open where the header of an IPsec state goes, outer header of its mode included.

    Source: kernel xfrm_outer_mode_output.
    """
    if state.mode is Mode.TUNNEL:
        inner = encode(packet)
        ends = tunnel_ends(state, provision)
        protocol = Protocol.IPIP if isinstance(packet.headers[0], IPv4Header) else Protocol.IPV6
        return Opening((outer_header(packet, len(inner), ends),), protocol, inner)
    if state.mode is Mode.BEET:
        source, destination = state.source, state.destination
        if not (isinstance(source, IPv6Address) and isinstance(destination, IPv6Address)):
            raise ValueError("beet mode is described for IPv6 in IPv6 only")
        behind = open_at(packet, 1)
        moved = with_addresses(Packet((packet.headers[0], UpperLayer(0))), source, destination)
        return Opening(moved.headers[:1], behind.protocol, behind.octets)
    return open_for(packet, TRANSFORM_HEADERS[state.protocol])


def tunnel_ends(state: SecurityAssociation, provision: Provision) -> TunnelEnds:
    """Return what the outer header of a tunnel takes from its state and from the route."""
    return TunnelEnds(
        state.source,
        state.destination,
        provision.hop_limit,
        state.flags,
        identification=provision.identification,
    )


def _protected(opening: Opening, state: SecurityAssociation, provision: Provision) -> Packet | None:
    """Return the packet with the header of an IPsec state, None when IPComp leaves it out."""
    keys = provision.keys
    if state.protocol is Protocol.IPCOMP:
        return _compressed(opening, state.spi)
    if state.protocol is Protocol.ESP and isinstance(keys, EspKeys):
        sealed = seal(keys, state.spi, provision.number, opening.protocol, opening.octets, provision.iv)
        return opening.closed(EspHeader(state.spi, provision.number & _HALF), sealed[_ESP_FIXED:])
    if state.protocol is Protocol.AH and isinstance(keys, AhKeys):
        return _authenticated(opening, state.spi, keys, provision)
    raise ValueError(f"the keys are not those of {state.protocol.name}")


@clause("XFRM-COMP-002")
def _compressed(opening: Opening, spi: int) -> Packet | None:
    """What is not worth compressing leaves without an IPComp header."""
    done = compress(spi, opening.protocol, opening.octets)
    if isinstance(done, Unchanged):
        return None
    return opening.closed(IPCompHeader(opening.protocol, spi), done.octets[_COMP_FIXED:])


def _authenticated(opening: Opening, spi: int, keys: AhKeys, provision: Provision) -> Packet:
    """What is behind AH stays octets: no later header goes there."""
    behind = UpperLayer(opening.protocol)
    whole = encode(Packet((*opening.before, behind), opening.octets))
    at = len(whole) - len(opening.octets)
    protected = protect(keys, whole, at, spi, provision.number, provision.padding)
    icv = protected[at + _AH_FIXED : len(protected) - len(opening.octets)]
    header = AuthenticationHeader(spi, provision.number & _HALF, icv)
    return Packet((*opening.before, header, behind), opening.octets)
