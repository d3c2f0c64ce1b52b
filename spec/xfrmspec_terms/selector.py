"""Traffic in terms of XFRM: addresses, prefixes, port slots, selectors and flows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

PORT_MASK_FULL = 0xFFFF
UINT32_MAX = 0xFFFFFFFF


class Family(IntEnum):
    """Address families by their Linux numbers."""

    UNSPEC = 0
    INET = 2
    INET6 = 10

    @property
    def width(self) -> int:
        """Address width in bits; 128 for the unspecified family."""
        return 32 if self is Family.INET else 128


class Protocol(IntEnum):
    """IP protocol numbers (and IPv6 extension headers) that the specification names."""

    HOP_BY_HOP = 0
    ICMP = 1
    IPIP = 4
    TCP = 6
    UDP = 17
    IPV6 = 41
    ROUTING = 43
    FRAGMENT = 44
    GRE = 47
    ESP = 50
    AH = 51
    ICMPV6 = 58
    NO_NEXT_HEADER = 59
    DESTINATION_OPTIONS = 60
    IPCOMP = 108
    SCTP = 132
    MOBILITY = 135
    UDPLITE = 136


ANY_PROTOCOL = 0


def family_of(address: Address) -> Family:
    """Return the family of a concrete address."""
    return Family.INET if isinstance(address, IPv4Address) else Family.INET6


@cache
def unspecified(family: Family) -> Address:
    """Return the all-zero address of a family (IPv6 for the unspecified family)."""
    return IPv4Address(0) if family is Family.INET else IPv6Address(0)


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """An address and a prefix length in bits; host bits are kept, because identity compares them.

    Source: XFRM-SEL-001, XFRM-DB-006.
    """

    address: Address
    length: int

    def __post_init__(self) -> None:
        if not 0 <= self.length <= self.address.max_prefixlen:
            raise ValueError(f"prefix length {self.length} is outside 0..{self.address.max_prefixlen}")

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Prefix:
        """Read `ADDRESS/LENGTH`, or `ADDRESS` for a host prefix; ValueError for anything else."""
        address_text, slash, length_text = text.partition("/")
        address = ip_address(address_text)
        if not slash:
            return cls(address, family_of(address).width)
        if not (length_text.isascii() and length_text.isdigit()):
            raise ValueError(f"prefix length {length_text!r} is not a number")
        return cls(address, int(length_text))

    @property
    def family(self) -> Family:
        """The family of the address."""
        return family_of(self.address)

    @property
    def mask(self) -> int:
        """The network mask as an integer of the family's width."""
        width = self.address.max_prefixlen
        return ((1 << self.length) - 1) << (width - self.length)

    def contains(self, address: Address) -> bool:
        """Tell whether an address of the same family shares the first `length` bits."""
        if type(address) is not type(self.address):
            return False
        return (int(address) ^ int(self.address)) & self.mask == 0

    def overlaps(self, other: Prefix) -> bool:
        """Tell whether some address lies in both prefixes."""
        if self.family is not other.family:
            return False
        shared = min(self.length, other.length)
        return (int(self.address) ^ int(other.address)) >> (self.family.width - shared) == 0

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


@dataclass(frozen=True, slots=True, order=True)
class PortMatch:
    """A 16-bit value and mask for one port slot; mask 0 matches every slot value."""

    value: int = 0
    mask: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.value <= PORT_MASK_FULL and 0 <= self.mask <= PORT_MASK_FULL):
            raise ValueError(f"port match {self.value}/{self.mask} is outside 0..65535")

    @classmethod
    def exactly(cls, value: int) -> PortMatch:
        """Match one value only (full mask)."""
        return cls(value, PORT_MASK_FULL)

    def matches(self, slot: int) -> bool:
        """Tell whether a flow's slot agrees on every masked bit."""
        return (slot ^ self.value) & self.mask == 0


ANY_PORT = PortMatch()


@dataclass(frozen=True, slots=True)
class Selector:
    """Which flows a policy or a state is for.

    `protocol` 0 and `ifindex` 0 are wildcards; `user` is stored and compared for identity, never matched.
    `family` is INET or INET6, or UNSPEC for a state selector that the owner left open.
    Source: XFRM-SEL-001, XFRM-SEL-004, XFRM-POL-001.
    """

    source: Prefix
    destination: Prefix
    protocol: int = ANY_PROTOCOL
    source_port: PortMatch = ANY_PORT
    destination_port: PortMatch = ANY_PORT
    ifindex: int = 0
    user: int = 0
    family: Family = Family.INET6

    def __post_init__(self) -> None:
        if type(self.source.address) is not type(self.destination.address):
            raise ValueError("selector addresses are of two families")
        if not 0 <= self.protocol <= 255:
            raise ValueError(f"protocol {self.protocol} is outside 0..255")

    @classmethod
    def between(
        cls,
        source: str,
        destination: str,
        protocol: int = ANY_PROTOCOL,
        *,
        source_port: PortMatch = ANY_PORT,
        destination_port: PortMatch = ANY_PORT,
        ifindex: int = 0,
    ) -> Selector:
        """Build a selector from prefix texts; the family follows the source prefix."""
        first, second = Prefix.parse(source), Prefix.parse(destination)
        return cls(first, second, protocol, source_port, destination_port, ifindex, 0, first.family)


@dataclass(frozen=True, slots=True)
class Flow:
    """The decoded session key of one packet, the thing selectors are matched against.

    `source_slot` and `destination_slot` are 16-bit port slots as XFRM-SEL-002 defines them; `oif` is an
    interface index (0: none), `mark` and `if_id` are 32-bit numbers. Source: XFRM-SEL-001..006.
    """

    source: Address
    destination: Address
    protocol: int
    source_slot: int = 0
    destination_slot: int = 0
    oif: int = 0
    mark: int = 0
    if_id: int = 0

    def __post_init__(self) -> None:
        if type(self.source) is not type(self.destination):
            raise ValueError("flow addresses are of two families")
        for name, value, top in (
            ("protocol", self.protocol, 0xFF),
            ("source slot", self.source_slot, PORT_MASK_FULL),
            ("destination slot", self.destination_slot, PORT_MASK_FULL),
            ("oif", self.oif, UINT32_MAX),
            ("mark", self.mark, UINT32_MAX),
            ("if_id", self.if_id, UINT32_MAX),
        ):
            if not 0 <= value <= top:
                raise ValueError(f"{name} {value} is outside 0..{top}")

    @property
    def family(self) -> Family:
        """The family of both addresses."""
        return family_of(self.source)


class SlotMeaning(Enum):
    """What the two port slots of a protocol hold (XFRM-SEL-002)."""

    PORTS = "ports"
    TYPE_AND_CODE = "type and code"
    MOBILITY_TYPE = "mobility header type"
    GRE_KEY = "key halves"
    NOTHING = "nothing"


_SLOT_MEANINGS = {
    Protocol.TCP: SlotMeaning.PORTS,
    Protocol.UDP: SlotMeaning.PORTS,
    Protocol.UDPLITE: SlotMeaning.PORTS,
    Protocol.SCTP: SlotMeaning.PORTS,
    Protocol.ICMP: SlotMeaning.TYPE_AND_CODE,
    Protocol.ICMPV6: SlotMeaning.TYPE_AND_CODE,
    Protocol.MOBILITY: SlotMeaning.MOBILITY_TYPE,
    Protocol.GRE: SlotMeaning.GRE_KEY,
}


def slot_meaning(protocol: int) -> SlotMeaning:
    """Return what the port slots hold for an upper-layer protocol number."""
    if protocol in Protocol._value2member_map_:
        return _SLOT_MEANINGS.get(Protocol(protocol), SlotMeaning.NOTHING)
    return SlotMeaning.NOTHING
