"""How large a packet may be before a chain of transforms makes it too large for the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family

SMALLEST_MTU = 1
_TRAILER = 2
_IP_HEADER = {Family.INET: 20, Family.INET6: 40}


@dataclass(frozen=True, slots=True)
class PlainRoom:
    """What a transform other than ESP adds in front, in octets, a tunnel's IP header included."""

    header: int


@dataclass(frozen=True, slots=True)
class EspRoom:
    """What ESP adds, in octets: in front (SPI, sequence number, IV, a tunnel's IP header) and behind.

    `block` is the cipher's block size before it is rounded up to four octets, `icv` the authentication tag.
    """

    header: int
    block: int
    icv: int
    mode: Mode
    family: Family = Family.INET6


Room = PlainRoom | EspRoom


@clause("XFRM-MTU-001")
def inner_mtu(room: Room, mtu: int) -> int:
    """Return the largest packet, in octets, that one transform keeps within an MTU, at least 1.

    Outside tunnels the IP header is not encrypted, so it does not count for the blocks.
    Source: K-OUT-23; kernel xfrm_state_mtu.
    """
    if isinstance(room, PlainRoom):
        return max(mtu - room.header, SMALLEST_MTU)
    block = -(-room.block // 4) * 4
    clear = _IP_HEADER[room.family] if room.mode in (Mode.TRANSPORT, Mode.BEET) else 0
    encrypted = (mtu - room.header - room.icv - clear) // block * block
    if encrypted <= _TRAILER:
        return SMALLEST_MTU
    return encrypted + clear - _TRAILER


@clause("XFRM-MTU-001")
def bundle_mtu(rooms: Sequence[Room], path_mtu: int, route_mtus: Sequence[int] = ()) -> int:
    """Return the MTU inside a chain of transforms given innermost first.

    `route_mtus` are those of the routes towards each transform's destination, in the same order, and bound
    the result of each; none means that they bound nothing. ValueError when there are more or fewer.
    Source: K-OUT-23; kernel xfrm_init_pmtu.
    """
    if route_mtus and len(route_mtus) != len(rooms):
        raise ValueError(f"{len(route_mtus)} routes for {len(rooms)} transforms")
    bounds = route_mtus or (path_mtu,) * len(rooms)
    mtu = path_mtu
    for room, bound in zip(reversed(rooms), reversed(bounds), strict=True):
        mtu = min(inner_mtu(room, mtu), bound)
    return mtu
