"""The bindings and registrations that stations hold, for judgements and invariants."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address

from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.world.world import World


def bindings_at(world: World, station: str) -> tuple[Binding, ...]:
    """Return the bindings that a correspondent node holds."""
    daemon = world.stations[station].daemon
    entries = () if daemon is None or daemon.correspondent is None else daemon.correspondent.entries
    return tuple(entry for entry in entries if isinstance(entry, Binding))


def registrations_at(world: World, station: str) -> tuple[Binding, ...]:
    """Return the registrations that a home agent holds."""
    daemon = world.stations[station].daemon
    entries = () if daemon is None or daemon.agent is None else daemon.agent.entries
    return tuple(entry for entry in entries if isinstance(entry, Binding))


def all_bindings(world: World) -> Iterator[tuple[str, Binding]]:
    """Yield every binding and registration of the world with the name of its station."""
    for name in sorted(world.stations):
        yield from ((name, one) for one in (*registrations_at(world, name), *bindings_at(world, name)))


def bound_to(world: World, station: str, home: IPv6Address) -> IPv6Address | None:
    """Return where a correspondent node sends packets for a home address, None for home."""
    return next((one.care_of for one in bindings_at(world, station) if one.home_address == home), None)
