"""Options of IPv6 hop-by-hop and destination options headers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv6Address


class OptionType(IntEnum):
    """The option types that the specification names."""

    PAD1 = 0
    PADN = 1
    ROUTER_ALERT = 5
    HOME_ADDRESS = 0xC9


@dataclass(frozen=True, slots=True)
class Pad1:
    """One octet of padding. Source: RFC 8200 4.2."""


@dataclass(frozen=True, slots=True)
class PadN:
    """Two octets or more of padding, of which `octets` are those behind type and length.

    Source: RFC 8200 4.2.
    """

    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class HomeAddressOption:
    """The home address option, 18 octets.

    On the wire it holds the home address and the IPv6 header the care-of address; a receiver exchanges the
    two, and `exchanged` says that it has. Source: XFRM-OPT-001, RFC 6275 6.3.
    """

    address: IPv6Address
    exchanged: bool = False


@dataclass(frozen=True, slots=True)
class RouterAlert:
    """The router alert option with its 16-bit value. Source: RFC 2711 2.1."""

    value: int = 0


@dataclass(frozen=True, slots=True)
class RawOption:
    """Any other option: its 8-bit type, and the octets behind type and length (at most 255)."""

    type: int
    octets: bytes = b""


Option = Pad1 | PadN | HomeAddressOption | RouterAlert | RawOption
