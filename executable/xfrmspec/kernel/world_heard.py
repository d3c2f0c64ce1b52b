"""What sockets and netlink of a station in the guest give to its daemon."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from xfrmspec.host.node import AddressKind
from xfrmspec.kernel.netlink import MessageKind, decode
from xfrmspec.kernel.netlink_attributes import AttributeKind, value_of
from xfrmspec.kernel.netlink_bodies import AcquireBody, StateBody
from xfrmspec.kernel.netlink_requests import stored_state
from xfrmspec.kernel.netlink_small import ReportBody
from xfrmspec.kernel.world_deeds import FIRST_TUNNEL, PING
from xfrmspec.wire.decode import decode as decode_packet
from xfrmspec.wire.encode import encode as encode_packet
from xfrmspec.wire.mobility import message_of
from xfrmspec.world.station import Station
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.daemon import DaemonEvent, Heard, Path, Unbound, Used, Wanted
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import MobilityRefusal
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Protocol

_PACKET_INFORMATION = 50
_DESTINATION_OPTIONS = 59
_INDEX = struct.Struct("=I")
_ADDRESS = 16
_HOME_ADDRESS_OPTION = 0xC9

StateNumbers = Mapping[SecurityAssociation, int]
"""How many packets each state has counted; states stand for themselves without what a clock decides."""


@dataclass(frozen=True, slots=True)
class Read:
    """A message that a raw socket read: the addresses it saw, interface index, care-of address, octets."""

    protocol: int
    source: IPv6Address
    destination: IPv6Address
    index: int
    care_of: IPv6Address | None
    payload: bytes

    @property
    def packet(self) -> Packet | None:
        """The message behind a plain IPv6 header, None for one that cannot be read."""
        bare = Packet((IPv6Header(self.source, self.destination), UpperLayer(self.protocol)), self.payload)
        found = decode_packet(encode_packet(bare))
        return found if isinstance(found, Packet) else None


def read_message(found: Sequence[Any]) -> Read:
    """Return what the agent tells of one message."""
    protocol, source, payload, ancillary = found
    values = {kind: bytes.fromhex(value) for kind, value in ancillary}
    information = values[_PACKET_INFORMATION]
    return Read(
        Protocol.ICMPV6 if protocol == PING else protocol,
        IPv6Address(source.partition("%")[0]),
        IPv6Address(information[:_ADDRESS]),
        _INDEX.unpack_from(information, _ADDRESS)[0],
        _care_of(values.get(_DESTINATION_OPTIONS, b"")),
        bytes.fromhex(payload),
    )


def _care_of(options: bytes) -> IPv6Address | None:
    """Return what stands in the home address option: the kernel has put the care-of address there."""
    place = 2
    while place + 1 < len(options):
        if options[place] == 0:
            place += 1
            continue
        if options[place] == _HOME_ADDRESS_OPTION:
            return IPv6Address(options[place + 2 : place + 2 + _ADDRESS])
        place += 2 + options[place + 1]
    return None


def state_numbers(payloads: Sequence[str]) -> StateNumbers:
    """Return how many packets the states of a dump have counted."""
    found: dict[SecurityAssociation, int] = {}
    for payload in payloads:
        message = decode(MessageKind.NEWSA, bytes.fromhex(payload))
        assert isinstance(message.body, StateBody)
        state = stored_state(message)
        key = SecurityAssociation(state.source, state.destination, state.protocol, state.mode, state.spi)
        found[key] = message.body.usage.packets
    return found


def grown(before: StateNumbers, now: StateNumbers) -> Iterator[tuple[SecurityAssociation, int]]:
    """Yield the states that have counted packets in between, and how many; a new state begins at none."""
    for state, packets in now.items():
        earlier = before.get(state, 0)
        more = packets - earlier if packets >= earlier else packets
        if more:
            yield state, more


def used_events(counted: Iterable[tuple[SecurityAssociation, int]]) -> Iterator[Used]:
    """Yield the bindings that packets used: by a routing header that was put on, or an option let in."""
    for state, packets in counted:
        home = state.destination if state.protocol is Protocol.ROUTING else state.source
        own = state.protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
        if own and isinstance(home, IPv6Address) and not home.is_unspecified:
            yield from (Used(home) for _ in range(packets))


def heard_from(
    station: Station, read: Read, worked: Sequence[SecurityAssociation]
) -> Heard | MobilityRefusal | None:
    """Return what the daemon hears; `worked` are the IPsec states that the packet went through.

    The way is the tunnel if the socket saw a tunnel's interface or a tunnel state counted the packet.
    """
    packet = read.packet
    header = None if packet is None else packet.headers[-1]
    if not isinstance(header, MobilityHeader):
        return None
    message = message_of(header)
    if isinstance(message, MobilityRefusal):
        return message
    tunnelled = read.index >= FIRST_TUNNEL or any(state.mode is Mode.TUNNEL for state in worked)
    path = Path.TUNNEL if tunnelled else Path.DIRECT
    return Heard(
        message,
        read.source,
        read.destination,
        read.care_of,
        _association(station, read, worked),
        path,
        header,
    )


def _association(station: Station, read: Read, worked: Sequence[SecurityAssociation]) -> IPv6Address | None:
    ends = (read.source, read.destination)
    if not any(
        state.mode is Mode.TRANSPORT and (state.source, state.destination) == ends for state in worked
    ):
        return None
    own = station.node.addresses.get(read.destination)
    return read.destination if own is AddressKind.HOME else read.source


def told_events(told: Sequence[Sequence[Any]]) -> Iterator[DaemonEvent]:
    """Yield what acquires and reports of the kernel mean to a mobility daemon."""
    for kind, payload in told:
        message = decode(kind, bytes.fromhex(payload))
        body = message.body
        if isinstance(body, AcquireBody) and body.identity.protocol in (
            Protocol.DESTINATION_OPTIONS,
            Protocol.ROUTING,
        ):
            yield Wanted(IPv6Address(str(body.identity.destination)))
        if isinstance(body, ReportBody):
            care_of = value_of(message.attributes, AttributeKind.COADDR)
            ends = body.selector
            if care_of is not None and body.protocol == Protocol.DESTINATION_OPTIONS:
                yield Unbound(
                    IPv6Address(care_of),
                    IPv6Address(str(ends.source.address)),
                    IPv6Address(str(ends.destination.address)),
                )
