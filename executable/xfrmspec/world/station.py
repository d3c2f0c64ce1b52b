"""One node of a world: its kernel, its daemon, and what the kernel routes by besides XFRM."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.host.node import AddressKind, Node
from xfrmspec.mipv6.daemon import Daemon
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.movement import Detector
from xfrmspec.xfrm.reports import ReportLimiter
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.outcome import Counter


class TunnelEnd(Enum):
    """Which end of a plain tunnel a node is, and so which packets it puts in."""

    MOBILE_NODE = "packets from the home address go in"
    HOME_AGENT = "packets to the home address go in"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel of IPv6 in IPv6 for one home address, without IPsec."""

    local: IPv6Address
    remote: IPv6Address
    end: TunnelEnd


@dataclass(frozen=True, slots=True)
class Route:
    """Packets to a prefix leave through an interface, to a gateway or, without one, to their destination."""

    prefix: IPv6Network
    interface: str
    gateway: IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet on a link, given to the neighbour with the address `to`."""

    link: str
    to: IPv6Address
    octets: bytes


class Forwarding(Enum):
    """Whether a node takes packets for others any further."""

    HOST = "drops them"
    ROUTER = "forwards them"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an upper layer of a station read: the addresses it saw, and the packet behind XFRM."""

    station: str
    source: IPv6Address
    destination: IPv6Address
    packet: Packet
    protected: bool


@dataclass(frozen=True, slots=True)
class Station:
    """A node with a name; `daemon` is None without Mobile IPv6, `detector` for a node that does not move.

    `tunnels` are keyed by home address; `proxies` are addresses whose packets it takes on its links.
    `counted` holds what `/proc/net/xfrm_stat` would show. `complained_at` is when the node itself last sent a
    binding error (ms), `limiter` that of its reports. Source: XFRM-ARCH-001, XFRM-WORLD-001.
    """

    name: str
    node: Node
    daemon: Daemon | None = None
    detector: Detector | None = None
    routes: tuple[Route, ...] = ()
    forwarding: Forwarding = Forwarding.HOST
    tunnels: Mapping[IPv6Address, Tunnel] = field(default_factory=dict)
    proxies: frozenset[IPv6Address] = frozenset()
    entropy: Entropy = field(default_factory=lambda: Entropy(b"station"))
    counted: Mapping[Counter, int] = field(default_factory=dict)
    complained_at: int | None = None
    limiter: ReportLimiter = field(default_factory=ReportLimiter)

    def owns(self, address: IPv6Address) -> bool:
        """Tell whether packets to an address are for this node or taken by it as a proxy."""
        return address in self.node.addresses or address in self.proxies

    def counting(self, *counters: Counter | None) -> Station:
        """Return the station with counters raised; None counts nothing."""
        raised = [counter for counter in counters if counter is not None]
        return replace(self, counted=Tally(self.counted) + Tally(raised)) if raised else self

    def with_address(self, address: IPv6Address, kind: AddressKind) -> Station:
        """Return the station with one more address."""
        return replace(self, node=replace(self.node, addresses={**self.node.addresses, address: kind}))
