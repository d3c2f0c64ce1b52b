"""Scenarios: a node, operations on its tables, and packets that it sends or receives."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.interfaces.netlink_terms import (
    AddPolicy,
    DeletePolicy,
    FlushPolicies,
    FlushStates,
    UpdatePolicy,
)
from xfrmspec.scenario.suites import Suite
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Policy, PolicyIdentity
from xfrmspec_terms.selector import Flow, Prefix

__all__ = [
    "EVERYWHERE",
    "INNER_INDEX",
    "LABORATORY",
    "LARVAL_SECONDS",
    "LOOPBACK_INDEX",
    "OUTER_INDEX",
    "PAYLOAD_OCTETS",
    "AddPolicy",
    "AddState",
    "AllocateSpi",
    "Arrive",
    "DeletePolicy",
    "DeleteState",
    "ExtendedReplay",
    "FlushPolicies",
    "FlushStates",
    "LegacyCounters",
    "LocalAddress",
    "Migrate",
    "Node",
    "Open",
    "Operation",
    "Receive",
    "Scenario",
    "Send",
    "SendOn",
    "SetDefaults",
    "SetThresholds",
    "Step",
    "Stimulus",
    "UpdatePolicy",
    "UpdateState",
    "Wait",
    "is_special",
    "is_timed",
    "laboratory",
    "seconds_of",
]

LOOPBACK_INDEX = 1
OUTER_INDEX = 7
INNER_INDEX = 8
PAYLOAD_OCTETS = 320
"""Upper-layer octets of every packet: enough for IPComp to shrink it, too few to need fragments."""


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of the node; `home` flags it as a Mobile IPv6 home address."""

    address: IPv6Address
    home: bool = False


EVERYWHERE = Prefix.parse("::/0")


@dataclass(frozen=True, slots=True)
class Node:
    """The host under test: its addresses, and the prefix behind its second interface.

    Interface 7 leads to `outside` and is where packets are received; packets to `inner` that come from
    outside are forwarded to interface 8. Interface 1 is the loopback device.
    """

    addresses: tuple[LocalAddress, ...]
    inner: Prefix
    outside: Prefix = EVERYWHERE


def laboratory() -> Node:
    """Return the standard node: two ordinary addresses, one of another /48, and a home address."""
    here = (
        LocalAddress(IPv6Address("2001:db8::1")),
        LocalAddress(IPv6Address("2001:db8::2")),
        LocalAddress(IPv6Address("2001:db8:1:1::1")),
        LocalAddress(IPv6Address("2001:db8:a::1"), home=True),
    )
    return Node(here, Prefix.parse("2001:db8:f::/48"))


LABORATORY = laboratory()


@dataclass(frozen=True, slots=True)
class LegacyCounters:
    """The REPLAY_VAL attribute: 32-bit counters of both directions and the bitmap of the last 32 numbers."""

    sequence: int = 0
    out_sequence: int = 0
    bitmap: int = 0


@dataclass(frozen=True, slots=True)
class ExtendedReplay:
    """The REPLAY_ESN_VAL attribute: `window` in packets, `bitmap` in 32-bit words, and all counters.

    With the flag ESN the state has 64-bit sequence numbers, without it a bitmap of any size.
    """

    window: int
    bitmap: tuple[int, ...]
    sequence: int = 0
    out_sequence: int = 0
    sequence_high: int = 0
    out_sequence_high: int = 0


@dataclass(frozen=True, slots=True)
class AddState:
    """NEWSA: insert a state; `replay` sets its counters, `suite` its algorithms (default: none that hide)."""

    state: SecurityAssociation
    replay: LegacyCounters | ExtendedReplay | None = None
    suite: Suite = Suite.READABLE


@dataclass(frozen=True, slots=True)
class UpdateState:
    """UPDSA: replace a larval state, or change what may change of a valid one."""

    state: SecurityAssociation


@dataclass(frozen=True, slots=True)
class AllocateSpi:
    """ALLOCSPI: give a larval state an SPI of `minimum` to `maximum`, and make the state if there is none.

    Which free SPI the kernel takes is its own choice: observations show the smallest of the range for every
    one of it.
    """

    state: SecurityAssociation
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Migrate:
    """MIGRATE: move the states and templates of one policy to other addresses."""

    identity: PolicyIdentity
    entries: tuple[Migration, ...]


@dataclass(frozen=True, slots=True)
class DeleteState:
    """DELSA: remove the state with this key."""

    state: SecurityAssociation


@dataclass(frozen=True, slots=True)
class SetDefaults:
    """SETDEFAULT: what happens to flows that no policy matches."""

    actions: DefaultActions


@dataclass(frozen=True, slots=True)
class SetThresholds:
    """NEWSPDINFO: from which prefix lengths policies are hashed; the rebuild is waited for."""

    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Send:
    """A fresh socket sends one packet of a flow.

    UDP and UDP-Lite use a datagram socket; any other protocol a raw one, whose port slots are zero but for
    ICMPv6 (type and code) and the mobility header (type). `oif` 0 leaves the socket unbound. `inbound` and
    `outbound` are the socket's own policies; the socket option has no room for a mark or an if_id.
    `headers` are extension headers that the sender asks for: HBH, DSTOPT before the upper layer. `size` is
    the length of the upper layer in octets, an even number.
    """

    flow: Flow
    inbound: Policy | None = None
    outbound: Policy | None = None
    headers: tuple[Header, ...] = ()
    size: int = PAYLOAD_OCTETS


@dataclass(frozen=True, slots=True)
class Open:
    """A UDP socket is bound, given its policies, connected to the end of a flow, and kept under a number.

    A number that is in use already loses its old socket.
    """

    socket: int
    flow: Flow
    inbound: Policy | None = None
    outbound: Policy | None = None


@dataclass(frozen=True, slots=True)
class SendOn:
    """A socket that `Open` made sends one packet; ENOTCONN when there is none of this number."""

    socket: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Whole seconds go by: every timer that is due within them has fired before the next step.

    All steps before the first wait happen within one second, and so do all steps between two waits.
    """

    seconds: int


@clause("XFRM-FLOW-001")
@dataclass(frozen=True, slots=True)
class Receive:
    """A packet arrives on interface 7; `flow` is what its innermost packet really is.

    `layers` are what stands before the upper layer, outermost first: an extension header of no interest
    (HBH, DSTOPT), or the state of the receiver that this layer was made for. Addresses inside a layer follow
    from the state: HAO and RT2 put its care-of address into the IP header, tunnels their own ends.
    `sequences` are the 32-bit sequence numbers of the ESP and AH layers, outermost first; 1 for what is
    missing.
    """

    flow: Flow
    layers: tuple[Header | SecurityAssociation, ...] = ()
    sequences: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrive:
    """Octets arrive on interface 7, and a socket of `protocol` (bound to `port` if that is UDP) listens.

    `depth` is how many states the packet may go through: so often it may be parked in a queue.
    """

    octets: bytes
    protocol: int
    port: int = 0
    depth: int = 0


Operation = (
    AddPolicy
    | UpdatePolicy
    | DeletePolicy
    | FlushPolicies
    | AddState
    | UpdateState
    | DeleteState
    | FlushStates
    | AllocateSpi
    | Migrate
    | SetDefaults
    | SetThresholds
)
Stimulus = Send | Receive | Arrive | Open | SendOn
Step = Operation | Stimulus | Wait
LARVAL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens on one node, in order, from empty tables.

    `listeners` says whether a key manager is there to hear an acquire, `watched` whether a manager also
    listens to everything else: then the events of every step are told, and the states at the end.
    `acquire_seconds` is how long a larval state waits for an answer (the sysctl xfrm_acq_expires). `octets`
    says that every octet of the packets counts, not the header chains: then there may be keys, and there are
    no steps other than AddPolicy, AddState, Send and Arrive.
    """

    steps: tuple[Step, ...]
    listeners: bool = True
    node: Node = LABORATORY
    watched: bool = False
    acquire_seconds: int = LARVAL_SECONDS
    octets: bool = False


_SPECIAL = (UpdateState, AllocateSpi, Migrate, Open, SendOn, Wait)


def is_special(scenario: Scenario) -> bool:
    """Tell whether a scenario is run step by step: it is watched, or has steps of the longer kind."""
    larvals = scenario.acquire_seconds != LARVAL_SECONDS
    return scenario.watched or larvals or any(isinstance(step, _SPECIAL) for step in scenario.steps)


def is_timed(scenario: Scenario) -> bool:
    """Tell whether real time must go by while a scenario runs."""
    return any(isinstance(step, Wait) for step in scenario.steps)


def seconds_of(scenario: Scenario) -> int:
    """Return how many seconds a scenario waits in all."""
    return sum(step.seconds for step in scenario.steps if isinstance(step, Wait))
