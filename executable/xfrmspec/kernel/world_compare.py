"""A turn of the reference and of the kernel side by side: every way in which they may differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from xfrmspec.host.node import Node
from xfrmspec.kernel.netlink import MessageKind, decode, encode
from xfrmspec.kernel.netlink_requests import policy_message, state_message, stored_policy, stored_state
from xfrmspec.wire.decode import decode as decode_packet
from xfrmspec.wire.encode import encode as encode_packet
from xfrmspec.wire.esp import EspKeys, Opened, open_sealed
from xfrmspec.world.station import Station
from xfrmspec.world.world import World
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.headers import EspHeader, Packet
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import NO_LIMITS, Policy
from xfrmspec_terms.selector import Selector

_ESP_OCTETS = 8
_EVERYTHING = Selector.between("::/0", "::/0")

Keys = Mapping[int, EspKeys]
"""What opens ESP, by SPI."""


def keys_of_world(world: World) -> Keys:
    """Return the keys of every association in a world."""
    found: dict[int, EspKeys] = {}
    for station in world.stations.values():
        for entry in station.node.states:
            keys = station.node.of(entry.age).keys
            if isinstance(keys, EspKeys):
                found[entry.association.spi] = keys
    return found


def readable(octets: bytes, keys: Keys) -> tuple[object, ...]:
    """Return a packet without what is drawn by chance: ESP is opened, everything else stays as it is.

    What stands in front of an ESP header, its numbers, its length and what it hides follow one another.
    """
    packet = decode_packet(octets)
    if not isinstance(packet, Packet):
        return (octets,)
    header = packet.headers[-1]
    if not isinstance(header, EspHeader):
        return (octets,)
    if header.spi not in keys:
        return (octets,)
    whole = encode_packet(Packet((packet.headers[0], header), packet.payload))
    inside = open_sealed(keys[header.spi], whole[len(whole) - len(packet.payload) - _ESP_OCTETS :])
    if not isinstance(inside, Opened):
        return (packet.headers, len(octets), inside)
    bare = Packet((packet.headers[0], UpperLayer(inside.next_header)), inside.payload)
    return (packet.headers, len(octets), *readable(encode_packet(bare), keys))


def reference_policies(node: Node) -> tuple[Policy, ...]:
    """Return the policies of a node of the reference in a fixed order."""
    return _in_order(entry.policy for entry in node.tables.policies)


def reference_states(node: Node) -> tuple[SecurityAssociation, ...]:
    """Return the states of a node of the reference in a fixed order."""
    return _states_in_order(entry.association for entry in node.states)


def kernel_policies(payloads: Sequence[str]) -> tuple[Policy, ...]:
    """Return the policies of a dump in a fixed order, those of sockets left out."""
    found = [stored_policy(decode(MessageKind.NEWPOLICY, bytes.fromhex(payload))) for payload in payloads]
    return _in_order(one.policy for one in found if not one.socket)


def kernel_states(payloads: Sequence[str]) -> tuple[SecurityAssociation, ...]:
    """Return the states of a dump in a fixed order."""
    return _states_in_order(
        stored_state(decode(MessageKind.NEWSA, bytes.fromhex(payload))) for payload in payloads
    )


def _in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    return tuple(sorted(policies, key=lambda policy: encode(policy_message(policy))))


def _states_in_order(states: Iterable[SecurityAssociation]) -> tuple[SecurityAssociation, ...]:
    return tuple(sorted(map(plain_state, states), key=lambda state: encode(state_message(state, ()))))


def plain_state(state: SecurityAssociation) -> SecurityAssociation:
    """Return a state without what a dump does not show, a clock decides, or worlds do not have.

    The latter are interfaces, whose number stands in the selector of a larval state.
    """
    selector = None if state.selector is None else replace(state.selector, ifindex=0)
    return replace(
        state,
        added=0,
        limits=NO_LIMITS,
        replay_window=0,
        authentication_bit=0,
        internal=False,
        filed_under=None,
        lifecycle=Lifecycle.VALID,
        dying=False,
        selector=None if selector == _EVERYTHING else selector,
    )


def unlike(what: str, expected: Sequence[object], found: Sequence[object]) -> Iterator[str]:
    """Yield what is missing and what is too much, under a heading."""
    missing = [one for one in expected if one not in found]
    extra = [one for one in found if one not in expected]
    yield from (f"{what}: the kernel lacks {one}" for one in missing)
    yield from (f"{what}: the kernel has {one}" for one in extra)
    if not missing and not extra and list(expected) != list(found):
        yield f"{what}: the order or number differs"


def counted(station: Station) -> dict[str, int]:
    """Return the counters of a station of the reference that are not zero."""
    return {counter.value: number for counter, number in sorted(station.counted.items(), key=str) if number}
