"""Packets that leave a node: fragments and transforms in the kernel's order, open where chance decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from xfrmspec.host.cutting import Cutting, Origin
from xfrmspec.host.node import Node
from xfrmspec.host.sending import Emitted, emit
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.applying import StateKeys
from xfrmspec.wire.build import build
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys, Opened, Refused, open_sealed
from xfrmspec.wire.fragments import FragmentKey, fragment_key, reassemble
from xfrmspec.wire.ipcomp import expand
from xfrmspec.wire.placing import open_at, outer_section
from xfrmspec_terms.headers import (
    AuthenticationHeader,
    EspHeader,
    FragmentHeader,
    IPCompHeader,
    IPv6Header,
    Malformed,
    Packet,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.profile import Profile

_ESP_FIXED = 8
_HIGH_BITS = 32


def _emitted(node: Node, packet: Packet, ages: Sequence[int], chance: Sequence[bytes], now: int) -> Emitted:
    """Emit one packet with these octets for those by chance; what is missing is zero."""
    drawn = iter(chance)

    def octets(size: int) -> bytes:
        given = next(drawn, bytes(size))
        return given if len(given) == size else bytes(size)

    return emit(node, packet, ages, now, octets)


@dataclass(frozen=True, slots=True)
class Departures:
    """Everything that leaves for one packet of a sender, in order, open where chance decides."""

    node: Node
    packet: Packet
    ages: tuple[int, ...]
    path_mtu: int
    now: int
    origin: Origin = Origin.SOCKET

    def nearest(self, octets: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the packets on the wire if chance was what these packets show of it."""
        keyed = [self.node.of(age).keys for age in self.ages]
        arrived = _joined(octets)
        node, wire = self.node, list[bytes]()
        first = peel(arrived[0][0], keyed, _highs(node, self.ages), node.profile) if arrived else None
        identification = _identification(first.inside if first else None)
        for number, piece in enumerate(self._pieces(identification)):
            whole, outer_id = arrived[number] if number < len(arrived) else (b"", 0)
            drawn = peel(whole, keyed, _highs(node, self.ages), node.profile).drawn if whole else ()
            sent = _emitted(node, piece, self.ages, drawn, self.now)
            node = sent.node
            if sent.packet is None:
                break
            wire += [encode(p) for p in self._cutting.behind(sent.packet, outer_id)]
            wire += _built_otherwise(piece, sent)
        return tuple(wire)

    def with_chance(self, chance: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the packets on the wire with these octets for those by chance, the same for every piece."""
        node, wire = self.node, list[bytes]()
        for piece in self._pieces(0):
            sent = _emitted(node, piece, self.ages, chance, self.now)
            node = sent.node
            if sent.packet is not None:
                wire += [encode(p) for p in self._cutting.behind(sent.packet, 0)]
        return tuple(wire)

    def outcome(self) -> tuple[Node, tuple[Emitted, ...]]:
        """Return the node afterwards and what became of each piece; chance makes no difference to either."""
        node, done = self.node, list[Emitted]()
        for piece in self._pieces(0):
            sent = _emitted(node, piece, self.ages, (), self.now)
            node = sent.node
            done.append(sent)
            if sent.failed is not None:
                break
        return node, tuple(done)

    def _pieces(self, identification: int) -> tuple[Packet, ...]:
        return self._cutting.before(identification)

    @property
    def _cutting(self) -> Cutting:
        return Cutting(self.node, self.packet, self.ages, self.path_mtu, self.origin)


def _built_otherwise(plain: Packet, sent: Emitted) -> list[bytes]:
    """Return what the one-pass builder makes of the same states, nothing when it is the same packet."""
    assert sent.packet is not None
    built = build(plain, sent.applied)
    return [] if built == encode(sent.packet) else [built]


def _highs(node: Node, ages: Sequence[int]) -> tuple[int, ...]:
    """The half of each next number that is not sent; a bundle may use one state more than once."""
    found: list[int] = []
    for place, age in enumerate(ages):
        numbers = node.of(age).numbers
        following = (numbers.sent_hi << _HIGH_BITS | numbers.sent) + ages[: place + 1].count(age)
        found.append(following >> _HIGH_BITS)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Peeled:
    """What a packet shows of chance, innermost first, and what is inside as far as the keys open it."""

    drawn: tuple[bytes, ...]
    inside: Packet | None


def peel(octets: bytes, keys: Sequence[StateKeys], highs: Sequence[int], profile: Profile) -> Peeled:
    """Take a packet apart; `keys` and `highs` belong to its states in application order."""
    ways = [(k, h) for k, h in zip(keys, highs, strict=True) if k is not None]
    drawn: list[bytes] = []
    packet = decode(octets)
    while isinstance(packet, Packet):
        _read_paddings(packet, ways, drawn, profile)
        inside = _opened(packet, ways, drawn)
        if inside is None:
            return Peeled(tuple(reversed(drawn)), packet)
        packet = inside
    return Peeled(tuple(reversed(drawn)), None)


_Ways = list[tuple[EspKeys | AhKeys, int]]


def _read_paddings(packet: Packet, ways: _Ways, drawn: list[bytes], profile: Profile) -> None:
    """Pass every AH header that stands in the clear."""
    for header in packet.headers:
        if not (isinstance(header, AuthenticationHeader) and ways and isinstance(ways[-1][0], AhKeys)):
            continue
        keys, _ = ways.pop()
        if profile.ah_padding_is_stale:
            drawn.append(header.icv[keys.integrity.icv_octets :])


def _opened(packet: Packet, ways: _Ways, drawn: list[bytes]) -> Packet | Malformed | None:
    """Open the ESP or IPComp header that the packet ends with; None without one, or with the wrong key."""
    last = len(packet.headers) - 1
    header = packet.headers[last]
    inside: Opened | Refused
    if isinstance(header, IPCompHeader):
        inside = expand(open_at(packet, last).octets)
    elif isinstance(header, EspHeader) and ways and isinstance(keys := ways[-1][0], EspKeys):
        octets, (_, high) = open_at(packet, last).octets, ways.pop()
        drawn.append(octets[_ESP_FIXED : _ESP_FIXED + keys.encryption.iv_octets])
        inside = open_sealed(keys, octets, high)
    else:
        return None
    if isinstance(inside, Refused):
        return None
    bare = Packet((packet.headers[0], UpperLayer(inside.next_header)), inside.payload)
    return decode(encode(bare))


def _joined(octets: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """Join what was cut after the transforms; each packet with the identification of its fragments or 0."""
    whole: list[tuple[bytes, int]] = []
    waiting: dict[object, list[Packet]] = {}
    for piece in octets:
        packet = decode(piece)
        key = _outer_key(packet) if isinstance(packet, Packet) else None
        if key is None or isinstance(packet, Malformed):
            whole.append((piece, 0))
            continue
        waiting.setdefault(key, []).append(packet)
        joined = reassemble(waiting[key])
        if isinstance(joined, Packet):
            whole.append((encode(joined), key[2]))
            del waiting[key]
    return whole


def _outer_key(packet: Packet) -> FragmentKey | None:
    """Return the key of a fragment, None for a packet that is whole, whatever a tunnel holds."""
    return fragment_key(packet) if outer_section(packet) == len(packet.headers) else None


def _identification(packet: Packet | None) -> int:
    headers: Iterable[object] = () if packet is None else packet.headers
    return next((h.identification for h in headers if isinstance(h, FragmentHeader)), 0)


@dataclass(frozen=True, slots=True)
class NothingLeaves:
    """No packet may leave."""

    def nearest(self, octets: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return no packet at all."""
        return ()


def with_hop_taken(packet: Packet) -> Packet:
    """Return a packet as a router sends it on: one hop fewer."""
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    return replace(packet, headers=(replace(outer, hop_limit=outer.hop_limit - 1), *packet.headers[1:]))
