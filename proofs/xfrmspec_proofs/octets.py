"""Running AH, home address options and type 2 routing headers through the octets of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from ipaddress import IPv6Address

from xfrmspec.wire.ah import AhKeys, Verified, protect, verify
from xfrmspec.wire.algorithms import integrity
from xfrmspec.wire.chain import chain_of, header_sizes
from xfrmspec.wire.coverage import Arrangement
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.route_optimisation import (
    RouteRefusal,
    add_home_address,
    add_type2_routing,
    exchange_home_address,
    exchange_type2_routing,
)
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.packet import Header
from xfrmspec_terms.selector import Protocol

_CARE_OF = {
    Protocol.DESTINATION_OPTIONS: IPv6Address("2001:db8::c"),
    Protocol.ROUTING: IPv6Address("2001:db8::d"),
}
_ADD = {Protocol.DESTINATION_OPTIONS: add_home_address, Protocol.ROUTING: add_type2_routing}
_IPV6_OCTETS = 40
_UDP = bytes.fromhex("60000000000c114020010db8000000000000000000000001") + bytes.fromhex(
    "20010db800000000000000000000000210e1138c000cfb3d01020304"
)


@cache
def _keys() -> AhKeys:
    return AhKeys(integrity("hmac(sha256)", Secret(bytes(range(32))), 128))


def _packet(octets: bytes) -> Packet:
    packet = decode(octets)
    if not isinstance(packet, Packet):
        raise ValueError(f"not a packet: {packet}")
    return packet


def _place_of_ah(octets: bytes) -> int:
    """Return the octet at which AH goes, or stands: behind the headers of route optimisation."""
    packet = _packet(octets)
    optimising = sum(element in (Header.RT2, Header.HAO) for element in chain_of(packet))
    return sum(header_sizes(packet.headers)[: 1 + optimising])


def _applied(octets: bytes, protocol: Protocol) -> bytes:
    if protocol is Protocol.AH:
        return protect(_keys(), octets, _place_of_ah(octets), 1, 1)
    return encode(_ADD[protocol](_packet(octets), _CARE_OF[protocol]))


def _processed(octets: bytes) -> bytes:
    packet = _packet(octets)
    for exchange in (exchange_type2_routing, exchange_home_address):
        exchanged = exchange(packet)
        if isinstance(exchanged, RouteRefusal):
            raise ValueError(f"refused: {exchanged.value}")
        packet = exchanged
    return encode(packet)


def authentic(protocols: Sequence[Protocol]) -> list[bool]:
    """Apply states to a datagram and tell of each AH, outermost first, whether its receiver verifies it.

    The states are in application order, transport and ro. ESP and IPComp are left out: outside AH they are
    gone when it is verified, inside it they are payload. After the first AH that fails nothing is verified.
    """
    octets = _UDP
    for protocol in protocols:
        if protocol not in (Protocol.ESP, Protocol.IPCOMP):
            octets = _applied(octets, protocol)
    octets = _processed(octets)
    told: list[bool] = []
    for _ in range(sum(protocol is Protocol.AH for protocol in protocols)):
        answer = verify(_keys(), octets, _place_of_ah(octets), arrangement=Arrangement.PROCESSED)
        told.append(isinstance(answer, Verified))
        if not isinstance(answer, Verified):
            break
        octets = answer.packet
    return told
