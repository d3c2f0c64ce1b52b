"""Security associations: what the state database stores and what a sec_path lists."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from xfrmspec_terms.policy import ANY_MARK, NO_LIMITS, Limits, Mark, Mode
from xfrmspec_terms.selector import Address, Family, Protocol, Selector


class Lifecycle(IntEnum):
    """The states of a state object (km.state) by their kernel numbers."""

    VOID = 0
    ACQ = 1
    VALID = 2
    ERROR = 3
    EXPIRED = 4
    DEAD = 5


class StateFlag(IntFlag):
    """State flags that have a meaning for selection or transformation."""

    NONE = 0
    NOECN = 1
    DECAP_DSCP = 2
    NOPMTUDISC = 4
    WILDRECV = 8
    ICMP = 16
    AF_UNSPEC = 32
    ALIGN4 = 64
    ESN = 128


class Encapsulation(IntEnum):
    """How ESP is wrapped for address translators, by kernel numbers."""

    NONE = 0
    UDP_WITHOUT_IKE = 1
    UDP = 2
    TCP = 7


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    """One state: an IPsec SA, or a Mobile IPv6 route optimisation entry (HAO, RT2).

    `destination`, `spi`, `protocol` and `source` name it; `spi`, `reqid` and `if_id` are 32-bit numbers.
    `care_of` is set for protocols 43 and 60 only. `selector` None means that the owner left it open.
    `added` is in seconds of the host's clock. Keys are no part of the value. `filed_under` is the (source,
    destination) by which a larval state stands in the hash table when they are not its own. `output_mark`
    is given to packets the state has transformed.
    Source: kernel-facing clauses XFRM-FIND-001..005, XFRM-CHECK-003, -008.
    """

    source: Address
    destination: Address
    protocol: Protocol
    mode: Mode
    spi: int = 0
    reqid: int = 0
    family: Family = Family.INET6
    selector: Selector | None = None
    mark: Mark = ANY_MARK
    if_id: int = 0
    flags: StateFlag = StateFlag.NONE
    care_of: Address | None = None
    lifecycle: Lifecycle = Lifecycle.VALID
    dying: bool = False
    added: int = 0
    limits: Limits = NO_LIMITS
    replay_window: int = 0
    authentication_bit: int = 0
    internal: bool = False
    filed_under: tuple[Address, Address] | None = None
    encapsulation: Encapsulation = Encapsulation.NONE
    output_mark: Mark = ANY_MARK
