"""Policies and templates: what the security policy database stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag

from xfrmspec_terms.selector import UINT32_MAX, Address, Family, Protocol, Selector, unspecified

MAX_DEPTH = 6
"""XFRM_MAX_DEPTH: templates storable in a policy and entries of a sec_path."""

PRIORITY_WEAKEST = UINT32_MAX

DIRECTION_BITS = 7
"""The low bits of a policy's index, which hold its direction (XFRM-DB-003)."""


class Direction(IntEnum):
    """Policy directions by their kernel numbers."""

    IN = 0
    OUT = 1
    FWD = 2


class PolicyType(IntEnum):
    """The two databases of the design: MAIN (IPsec) and SUB (Mobile IPv6)."""

    MAIN = 0
    SUB = 1


class Action(IntEnum):
    """What a policy says of the flows it owns."""

    ALLOW = 0
    BLOCK = 1


class DefaultAction(IntEnum):
    """What happens to a flow that no policy matches (XFRM_USERPOLICY_*)."""

    BLOCK = 1
    ACCEPT = 2


class PolicyFlag(IntFlag):
    """Policy flags; only ICMP has a reader (XFRM-POL-002)."""

    NONE = 0
    LOCALOK = 1
    ICMP = 2


class Mode(IntEnum):
    """Transformation modes by their kernel numbers."""

    TRANSPORT = 0
    TUNNEL = 1
    RO = 2
    IN_TRIGGER = 3
    BEET = 4


ENDPOINT_MODES = frozenset({Mode.TUNNEL, Mode.BEET})
"""Modes whose template names its own endpoints on output (XFRM-TMPL-003)."""


class Share(IntEnum):
    """Share levels; accepted, then forgotten by the kernel."""

    ANY = 0
    SESSION = 1
    USER = 2
    UNIQUE = 3


TEMPLATE_PROTOCOLS = frozenset(
    {
        Protocol.AH,
        Protocol.ESP,
        Protocol.IPCOMP,
        Protocol.ROUTING,
        Protocol.DESTINATION_OPTIONS,
    }
)
"""Protocols a template or a state may have; 43 is RT2 and 60 is HAO."""

IPSEC_PROTOCOLS = frozenset({Protocol.AH, Protocol.ESP, Protocol.IPCOMP})


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A 32-bit mark value and mask; (0, 0) is the wildcard. Source: XFRM-SEL-005."""

    value: int = 0
    mask: int = 0

    def matches(self, mark: int) -> bool:
        """Tell whether the masked packet mark equals the value."""
        return mark & self.mask == self.value

    def masked(self) -> Mark:
        """Return the mark as the kernel stores it: value cut down to the mask."""
        kept = self.value & self.mask
        return self if kept == self.value else Mark(kept, self.mask)


ANY_MARK = Mark()


@dataclass(frozen=True, slots=True)
class Template:
    """One required or optional transformation of a policy.

    `spi` and `reqid` are 32-bit numbers. `family` is the family of the template's own addresses.
    The algorithm masks are 32-bit sets; all ones in their intersection means "any algorithm".
    Source: XFRM-TMPL-001..003.
    """

    protocol: Protocol
    mode: Mode
    source: Address = field(default_factory=lambda: unspecified(Family.INET6))
    destination: Address = field(default_factory=lambda: unspecified(Family.INET6))
    spi: int = 0
    reqid: int = 0
    optional: bool = False
    family: Family = Family.INET6
    share: Share = Share.ANY
    encryption_mask: int = UINT32_MAX
    authentication_mask: int = UINT32_MAX
    compression_mask: int = UINT32_MAX

    @property
    def any_algorithm(self) -> bool:
        """True when the three masks together admit every algorithm."""
        return self.encryption_mask & self.authentication_mask & self.compression_mask == UINT32_MAX


@dataclass(frozen=True, slots=True)
class Limits:
    """Soft and hard limits; octets and packets (None: infinite), seconds since add or first use (0: none)."""

    soft_bytes: int | None = None
    hard_bytes: int | None = None
    soft_packets: int | None = None
    hard_packets: int | None = None
    soft_add_seconds: int = 0
    hard_add_seconds: int = 0
    soft_use_seconds: int = 0
    hard_use_seconds: int = 0


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Policy:
    """One entry of the policy database, or the policy of one socket.

    `priority` is a 32-bit number, the smaller the stronger; `index` is 0 until the database assigns one.
    Source: XFRM-POL-001.
    """

    selector: Selector
    direction: Direction
    type: PolicyType = PolicyType.MAIN
    action: Action = Action.ALLOW
    priority: int = 0
    templates: tuple[Template, ...] = ()
    mark: Mark = ANY_MARK
    if_id: int = 0
    index: int = 0
    flags: PolicyFlag = PolicyFlag.NONE
    limits: Limits = NO_LIMITS
    share: Share = Share.ANY
    security_context: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= PRIORITY_WEAKEST:
            raise ValueError(f"priority {self.priority} is outside 0..{PRIORITY_WEAKEST}")

    @property
    def family(self) -> Family:
        """The family that lookups filter by; copied from the selector."""
        return self.selector.family


@dataclass(frozen=True, slots=True)
class PolicyIdentity:
    """What makes two policies of one direction the same entry (XFRM-DB-006)."""

    direction: Direction
    type: PolicyType
    selector: Selector
    mark: Mark
    if_id: int
    security_context: str


def identity_of(policy: Policy) -> PolicyIdentity:
    """Return the identity of a policy; priority, action, templates and flags are no part of it."""
    return PolicyIdentity(
        policy.direction,
        policy.type,
        policy.selector,
        policy.mark.masked(),
        policy.if_id,
        policy.security_context,
    )


class CandidateList(IntEnum):
    """Where a lookup finds a policy, in the order the lists are searched (XFRM-LOOKUP-002, -003)."""

    EXACT = 0
    BOTH = 1
    SOURCE = 2
    DESTINATION = 3
    ANY = 4


@dataclass(frozen=True, slots=True)
class InstalledPolicy:
    """A policy with its place in the database.

    `age` grows with every object the database creates (socket policies included), so a larger age is a
    younger object. `rank` orders the entries of one candidate list; smaller is searched first. `position`
    is the number that lookups compare across lists when priorities tie (XFRM-LOOKUP-004). `generation` grows
    when a migration changes the templates (XFRM-MIGR-006). `added` and
    `used` are in seconds of the host's clock; `used` is None until the policy decides a packet.
    """

    policy: Policy
    list: CandidateList
    age: int
    rank: int
    position: int
    added: int = 0
    used: int | None = None
    generation: int = 0


class PolicyErrorReason(Enum):
    """Why a policy operation was refused; each names the clause's own words."""

    EXISTS = "a policy with the same identity exists"
    NOT_FOUND = "no policy has this identity"
    BAD_TYPE = "this kernel has no sub policies"
    BAD_INDEX = "the index does not belong to the direction"
    BAD_FAMILY = "the selector has no family"
    BAD_PREFIX = "a prefix length is too long for the family"
    TOO_MANY_TEMPLATES = "more than six templates"
    OPTIONAL_ENDPOINT_MODE = "an optional tunnel or BEET template in an outbound policy"
    FAMILY_CHANGE = "a template without endpoints changes the family"
    BAD_TEMPLATE_FAMILY = "a template has no family"
    BAD_TEMPLATE_PROTOCOL = "a template has a protocol that no state can have"
