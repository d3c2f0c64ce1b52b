"""What a mobility daemon is told, what it does, and the stages of its work in the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address

from xfrmspec_terms.headers import MobilityHeader
from xfrmspec_terms.mobility import MobilityMessage

SECOND = 1000
"""Milliseconds in a second: every time of a daemon is a whole number of milliseconds."""


class Role(Enum):
    """The parts that a node can play; one node may play several (XFRM-DAEMON-001)."""

    MOBILE_NODE = "mobile node"
    HOME_AGENT = "home agent"
    CORRESPONDENT_NODE = "correspondent node"


class Path(Enum):
    """How a message leaves or came: by itself, or inside the tunnel between mobile node and home agent."""

    DIRECT = "direct"
    TUNNEL = "tunnel"


@dataclass(frozen=True, slots=True)
class Heard:
    """A mobility message that the daemon's raw socket read.

    Source and destination are those that the upper layer sees, after XFRM has exchanged addresses. `care_of`
    is the address that stood in the source field on the wire if the packet carried a home address option,
    else None. `association` is the home address for which the IPsec association that protected the packet
    stands, None without protection. `path` says whether the packet came out of the tunnel. `header` is the
    mobility header as it was read, since an authenticator covers reserved bits and padding too; None stands
    for the header that the message makes.
    """

    message: MobilityMessage
    source: IPv6Address
    destination: IPv6Address
    care_of: IPv6Address | None = None
    association: IPv6Address | None = None
    path: Path = Path.DIRECT
    header: MobilityHeader | None = None


@dataclass(frozen=True, slots=True)
class Woke:
    """The earliest deadline that the machine named has come."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Movement detection settled on a care-of address on a foreign link."""

    care_of: IPv6Address


@dataclass(frozen=True, slots=True)
class CameHome:
    """Movement detection saw the home link."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kernel met traffic for a peer that has no optimised route (an acquire of a trigger template)."""

    peer: IPv6Address


@dataclass(frozen=True, slots=True)
class Used:
    """The kernel used the states of the binding with a peer since it was last asked.

    `peer` is the other end as in `Stage`: the mobile node's home address at home agent and correspondent
    node.
    """

    peer: IPv6Address


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A peer answered a message with an ICMPv6 parameter problem: it does not speak Mobile IPv6."""

    peer: IPv6Address


@dataclass(frozen=True, slots=True)
class Unbound:
    """The kernel reported a packet with a home address option that no binding stands for.

    Source is the address on the wire, `home_address` what the option held, `destination` the node's own
    address.
    """

    source: IPv6Address
    home_address: IPv6Address
    destination: IPv6Address


class Uniqueness(Enum):
    """What duplicate address detection for a home address found."""

    UNIQUE = "unique"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Probed:
    """Duplicate address detection for a home address has ended."""

    home_address: IPv6Address
    found: Uniqueness


DaemonEvent = Heard | Woke | Moved | CameHome | Wanted | Used | Unsupported | Unbound | Probed
"""Everything that a daemon can be told."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send a mobility message.

    Source and destination are what the daemon gives to its socket; XFRM adds what its policies want. With
    `care_of` the message must reach the wire from that address with `source` in a home address option. With
    `routed_by` the daemon itself adds a type 2 routing header: that address stands in the destination field
    on the wire and `destination` in the header.
    """

    message: MobilityMessage
    source: IPv6Address
    destination: IPv6Address
    care_of: IPv6Address | None = None
    routed_by: IPv6Address | None = None
    path: Path = Path.DIRECT


class StageKind(Enum):
    """The moments at which a daemon changes policies, states, tunnels or proxies of its kernel."""

    STARTED = "started"
    REGISTERING = "registering"
    REGISTERED = "registered"
    REFUSED = "refused"
    TESTING = "testing"
    OPTIMISED = "optimised"
    FELL_BACK = "fell back to the tunnel"
    RETURNING = "returning home"
    RETURNED = "returned home"
    PROBING = "probing the home address"
    BOUND = "bound"
    REBOUND = "bound to another care-of address"
    RELEASED = "released"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Stage:
    """A change of the kernel's configuration that the daemon asks its recipe for.

    `home_address` is the mobile node's. `peer` is the other end: the home agent for stages of a home
    registration, a correspondent node for those of route optimisation, the mobile node's home address at the
    two others. `own` is the node's own end where it is not `home_address`: the address that the update was
    sent to at home agent and correspondent node. `previous` is the care-of address that `care_of` replaces.
    """

    kind: StageKind
    role: Role
    home_address: IPv6Address | None = None
    peer: IPv6Address | None = None
    care_of: IPv6Address | None = None
    previous: IPv6Address | None = None
    own: IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """Begin duplicate address detection on the home link, for a home address and its link-local one."""

    home_address: IPv6Address
    link_local: IPv6Address | None = None


DaemonEffect = Say | Stage | Probe
"""Everything that a daemon can do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transition that a daemon took: machine, states before and after, clause, values of the guard.

    An event that a machine passes over leaves a step whose states are equal.
    """

    machine: str
    source: str
    event: str
    target: str
    clause: str
    because: str = ""
