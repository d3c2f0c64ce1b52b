"""What a home agent is set to, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.mipv6.addresses import link_local_of
from xfrmspec.mipv6.binding_cache import Binding, Remembered, binding_of, entry_of
from xfrmspec.mipv6.binding_request import LIFETIME_UNIT, BindingRequest
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence

MOST_REGISTRATIONS = 1024
LONGEST_LIFETIME = 0xFFFF * LIFETIME_UNIT


@dataclass(frozen=True, slots=True)
class HomePrefix:
    """A prefix of the home link, and when its lifetimes end (ms), None for never."""

    prefix: IPv6Network
    valid_until: int | None = None
    preferred_until: int | None = None

    def rest(self, now: int) -> int | None:
        """Return how much of the valid lifetime is left (ms), None for all of it."""
        return None if self.valid_until is None else max(0, self.valid_until - now)

    def serves(self, now: int) -> bool:
        """Tell whether a registration under the prefix could last for a unit of lifetime."""
        rest = self.rest(now)
        return rest is None or rest >= LIFETIME_UNIT

    def is_deprecated(self, moment: int) -> bool:
        """Tell whether the preferred lifetime is over at a moment (ms)."""
        return self.preferred_until is not None and self.preferred_until <= moment


@clause("XFRM-HA-006")
def serving_prefix(prefixes: Sequence[HomePrefix], address: IPv6Address, now: int) -> HomePrefix | None:
    """Return the longest serving prefix that holds an address. Source: RFC 6275 10.3.1."""
    serving = [one for one in prefixes if address in one.prefix and one.serves(now)]
    return max(serving, key=lambda one: one.prefix.prefixlen, default=None)


@dataclass(frozen=True, slots=True)
class HomeAgentSettings:
    """How a home agent is set.

    `limit` is the longest lifetime that it grants (ms), `advice` the refresh interval that it advises, in
    units of 4 s; `moves_keys` says whether its key management can move its endpoints.
    """

    prefixes: tuple[HomePrefix, ...] = ()
    prohibited: frozenset[IPv6Address] = frozenset()
    capacity: int = MOST_REGISTRATIONS
    limit: int = LONGEST_LIFETIME
    advice: int | None = None
    moves_keys: bool = False
    defences: frozenset[Defence] = EVERY_DEFENCE

    @clause("XFRM-HA-018", "XFRM-HA-031")
    def granted(self, asked: int, prefix: HomePrefix, now: int) -> int:
        """Return the lifetime of a registration for which `asked` (ms) was asked, a multiple of 4 s."""
        rest = prefix.rest(now)
        least = min(asked, self.limit) if rest is None else min(asked, self.limit, rest)
        return least - least % LIFETIME_UNIT

    def ends_at(self, now: int, granted: int) -> int | None:
        """Return when a registration granted at `now` ends, None for never."""
        return now + granted if Defence.REFRESH in self.defences else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A home address that is probed, and the update that waits for the outcome."""

    request: BindingRequest

    @property
    def home_address(self) -> IPv6Address:
        """Return the address that is probed."""
        return self.request.home_address

    @property
    def sequence(self) -> int:
        """Return the sequence number of the update that waits."""
        return self.request.update.sequence


HomeAgentEntry = Waiting | Binding | Remembered


@dataclass(frozen=True, slots=True)
class HomeAgent:
    """A home agent: its settings, and its entries sorted by home address."""

    settings: HomeAgentSettings
    entries: tuple[HomeAgentEntry, ...] = ()

    def entry(self, request: BindingRequest) -> HomeAgentEntry | None:
        """Return the entry of the request's home address."""
        return entry_of(self.entries, request.home_address)

    def registration(self, home_address: IPv6Address) -> Waiting | Binding | None:
        """Return the entry of a home address that is registered or probed."""
        entry = entry_of(self.entries, home_address)
        return None if isinstance(entry, Remembered) else entry

    def registrations(self) -> int:
        """Return how many home addresses are registered or probed."""
        return sum(not isinstance(entry, Remembered) for entry in self.entries)


@clause("XFRM-HA-027")
def proxied(agent: HomeAgent) -> tuple[IPv6Address, ...]:
    """Return the addresses that the agent answers for on the home link, sorted. Source: RFC 6275 10.4.1."""
    registered = [entry for entry in agent.entries if isinstance(entry, Binding)]
    local = [link_local_of(one.home_address) for one in registered if one.link_local_compatibility]
    return tuple(sorted({*local, *(one.home_address for one in registered)}))


def registration_of(agent: HomeAgent, home_address: IPv6Address) -> Binding | None:
    """Return the registration that stands for a home address."""
    return binding_of(agent.entries, home_address)
