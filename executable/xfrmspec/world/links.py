"""Links, what is plugged into them, and who takes a packet next on one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, IPv6Network

ALL_NODES = IPv6Address("ff02::1")


@dataclass(frozen=True, slots=True)
class Link:
    """A link with one on-link prefix; `router` is the address of its default router."""

    name: str
    prefix: IPv6Network
    router: IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Plug:
    """The interface `interface` of a station, plugged into a link."""

    station: str
    interface: str


@dataclass(frozen=True, slots=True)
class Topology:
    """Links by name, and for every plug the name of its link; an unplugged interface is in no entry."""

    links: Mapping[str, Link]
    plugged: Mapping[Plug, str] = field(default_factory=dict)

    def link_of(self, plug: Plug) -> Link | None:
        """Return the link that an interface is plugged into."""
        name = self.plugged.get(plug)
        return None if name is None else self.links[name]

    def on(self, link: str) -> tuple[Plug, ...]:
        """Return everything plugged into a link, sorted."""
        return tuple(sorted(plug for plug, name in self.plugged.items() if name == link))

    def moved(self, plug: Plug, link: str | None) -> Topology:
        """Return the topology with an interface in another link, or in none."""
        others = {known: name for known, name in self.plugged.items() if known != plug}
        return replace(self, plugged=others if link is None else {**others, plug: link})


def topology(links: Iterable[Link], plugged: Mapping[Plug, str]) -> Topology:
    """Return a topology; ValueError for a plug in a link that does not exist."""
    by_name = {link.name: link for link in sorted(links, key=lambda one: one.name)}
    unknown = sorted(set(plugged.values()) - set(by_name))
    if unknown:
        raise ValueError(f"no such link: {', '.join(unknown)}; there are {', '.join(by_name)}")
    return Topology(by_name, dict(plugged))
