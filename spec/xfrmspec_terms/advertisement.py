"""Router advertisements as a mobile node hears them, and the other things that movement detection is told."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Network


@dataclass(frozen=True, slots=True)
class AdvertisedPrefix:
    """A prefix information option: its valid lifetime in seconds (32 bits) and the autonomous flag.

    Source: RFC 4861 4.6.2.
    """

    network: IPv6Network
    valid_lifetime: int
    autonomous: bool = True


@dataclass(frozen=True, slots=True)
class Advertised:
    """A router advertisement: router lifetime in seconds (16 bits), prefixes, and the advertisement interval.

    The interval is in milliseconds (32 bits), None without the option. Source: RFC 4861 4.2; RFC 6275 7.3.
    """

    router_lifetime: int
    prefixes: tuple[AdvertisedPrefix, ...]
    interval: int | None = None


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The link layer reports that the interface was plugged into something, perhaps another link."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The earliest deadline of movement detection has come."""


MovementEvent = Advertised | LinkChanged | Waited
"""Everything that movement detection is told."""
