"""PF_KEY messages as values: a header and extensions, with the KAME policy extension."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from xfrmspec.wire.secret import Secret
from xfrmspec_terms.selector import Address

PF_KEY_VERSION = 2
ANY_UPPER_PROTOCOL = 255
"""IPSEC_PROTO_ANY: any upper-layer protocol in a selector, any IPsec protocol in a type of state."""
MANUAL_REQID_MAX = 0x3FFF
"""IPSEC_MANUAL_REQID_MAX: the largest reqid that a request can name; larger ones are the kernel's."""

WINDOW_MAX = 32
"""The largest replay window, in packets, of a state that PF_KEY makes (XFRM-KEY-007)."""


class MessageType(IntEnum):
    """Message types (SADB_*)."""

    GETSPI = 1
    UPDATE = 2
    ADD = 3
    DELETE = 4
    GET = 5
    ACQUIRE = 6
    REGISTER = 7
    EXPIRE = 8
    FLUSH = 9
    DUMP = 10
    X_PROMISC = 11
    X_PCHANGE = 12
    X_SPDUPDATE = 13
    X_SPDADD = 14
    X_SPDDELETE = 15
    X_SPDGET = 16
    X_SPDACQUIRE = 17
    X_SPDDUMP = 18
    X_SPDFLUSH = 19
    X_SPDSETIDX = 20
    X_SPDEXPIRE = 21
    X_SPDDELETE2 = 22
    X_NAT_T_NEW_MAPPING = 23
    X_MIGRATE = 24


class SaType(IntEnum):
    """Types of security associations (SADB_SATYPE_*); RFC 2367 names more than Linux has."""

    UNSPEC = 0
    AH = 2
    ESP = 3
    RSVP = 5
    OSPFV2 = 6
    RIPV2 = 7
    MIP = 8
    X_IPCOMP = 9


class ExtensionType(IntEnum):
    """Extension types (SADB_EXT_*)."""

    SA = 1
    LIFETIME_CURRENT = 2
    LIFETIME_HARD = 3
    LIFETIME_SOFT = 4
    ADDRESS_SRC = 5
    ADDRESS_DST = 6
    ADDRESS_PROXY = 7
    KEY_AUTH = 8
    KEY_ENCRYPT = 9
    IDENTITY_SRC = 10
    IDENTITY_DST = 11
    SENSITIVITY = 12
    PROPOSAL = 13
    SUPPORTED_AUTH = 14
    SUPPORTED_ENCRYPT = 15
    SPIRANGE = 16
    X_KMPRIVATE = 17
    X_POLICY = 18
    X_SA2 = 19
    X_NAT_T_TYPE = 20
    X_NAT_T_SPORT = 21
    X_NAT_T_DPORT = 22
    X_NAT_T_OA = 23
    X_SEC_CTX = 24
    X_KMADDRESS = 25
    X_FILTER = 26


LIFETIME_TYPES = frozenset(
    {ExtensionType.LIFETIME_CURRENT, ExtensionType.LIFETIME_HARD, ExtensionType.LIFETIME_SOFT}
)
ADDRESS_TYPES = frozenset(
    {
        ExtensionType.ADDRESS_SRC,
        ExtensionType.ADDRESS_DST,
        ExtensionType.ADDRESS_PROXY,
        ExtensionType.X_NAT_T_OA,
    }
)
KEY_TYPES = frozenset({ExtensionType.KEY_AUTH, ExtensionType.KEY_ENCRYPT})
SUPPORTED_TYPES = frozenset({ExtensionType.SUPPORTED_AUTH, ExtensionType.SUPPORTED_ENCRYPT})


class PolicyKind(IntEnum):
    """What a policy extension asks for (IPSEC_POLICY_*); the last two are for sockets only."""

    DISCARD = 0
    NONE = 1
    IPSEC = 2
    ENTRUST = 3
    BYPASS = 4


class KeyMode(IntEnum):
    """Modes (IPSEC_MODE_*); there is none for route optimisation or an inbound trigger."""

    ANY = 0
    TRANSPORT = 1
    TUNNEL = 2
    BEET = 3


class KeyLevel(IntEnum):
    """Levels of an IPsec request (IPSEC_LEVEL_*)."""

    DEFAULT = 0
    USE = 1
    REQUIRE = 2
    UNIQUE = 3


class StateLife(IntEnum):
    """Life of a state as PF_KEY shows it (SADB_SASTATE_*)."""

    LARVAL = 0
    MATURE = 1
    DYING = 2
    DEAD = 3


class SaFlag(IntFlag):
    """Flags of a state that PF_KEY knows (SADB_SAFLAGS_*)."""

    NONE = 0
    NOPMTUDISC = 0x20000000
    DECAP_DSCP = 0x40000000
    NOECN = 0x80000000


class AuthenticationAlgorithm(IntEnum):
    """Authentication algorithms by their numbers (SADB_AALG_*)."""

    NONE = 0
    MD5_HMAC = 2
    SHA1_HMAC = 3
    SHA2_256_HMAC = 5
    SHA2_384_HMAC = 6
    SHA2_512_HMAC = 7
    RIPEMD160_HMAC = 8
    AES_XCBC_MAC = 9
    NULL = 251


class EncryptionAlgorithm(IntEnum):
    """Encryption algorithms by their numbers (SADB_EALG_*)."""

    NONE = 0
    DES_CBC = 2
    TRIPLE_DES_CBC = 3
    CAST_CBC = 6
    BLOWFISH_CBC = 7
    NULL = 11
    AES_CBC = 12
    AES_CTR = 13
    CAMELLIA_CBC = 22


@dataclass(frozen=True, slots=True)
class SaExtension:
    """A state's SPI, replay window in packets, life, algorithm numbers and flags."""

    spi: int
    replay: int = 0
    life: int = StateLife.MATURE
    authentication: int = 0
    encryption: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class LifetimeExtension:
    """A lifetime: packets, octets, seconds since addition and since first use; 0 means no limit."""

    type: ExtensionType
    packets: int = 0
    octets: int = 0
    add_seconds: int = 0
    use_seconds: int = 0


@dataclass(frozen=True, slots=True)
class AddressExtension:
    """An address with a prefix length in bits, an upper-layer protocol and a port."""

    type: ExtensionType
    address: Address
    prefix_length: int
    protocol: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True)
class KeyExtension:
    """A key of `bits` bits; the octets are for the kernel alone."""

    type: ExtensionType
    bits: int
    octets: Secret


@dataclass(frozen=True, slots=True)
class SpiRangeExtension:
    """The range of SPIs to choose from, both ends included."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class IpsecRequest:
    """One transformation that a policy asks for; `endpoints` are source and destination, or None."""

    protocol: int
    mode: int
    level: int = KeyLevel.REQUIRE
    reqid: int = 0
    endpoints: tuple[Address, Address] | None = None


@dataclass(frozen=True, slots=True)
class PolicyExtension:
    """The KAME extension: kind, direction (1 in, 2 out, 3 forward), index, priority, and requests."""

    kind: int
    direction: int
    id: int = 0
    priority: int = 0
    requests: tuple[IpsecRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Sa2Extension:
    """Mode and reqid of a state, and a sequence number that is always 0 in answers."""

    mode: int = KeyMode.ANY
    sequence: int = 0
    reqid: int = 0


@dataclass(frozen=True, slots=True)
class SupportedAlgorithm:
    """An algorithm that the kernel has: its number, octets of its IV, and the bits that its keys may have."""

    number: int
    iv_octets: int
    minimum_bits: int
    maximum_bits: int


@dataclass(frozen=True, slots=True)
class SupportedExtension:
    """The algorithms for authentication or for encryption that the kernel has."""

    type: ExtensionType
    algorithms: tuple[SupportedAlgorithm, ...] = ()


@dataclass(frozen=True, slots=True)
class OpaqueExtension:
    """An extension that is carried as octets: identities, proposals, contexts, unknown ones.

    The octets follow the four of type and length; nobody knows what is in them, so they are secret.
    """

    type: int
    body: Secret


Extension = (
    SaExtension
    | LifetimeExtension
    | AddressExtension
    | KeyExtension
    | SpiRangeExtension
    | PolicyExtension
    | Sa2Extension
    | SupportedExtension
    | OpaqueExtension
)


@dataclass(frozen=True, slots=True)
class KeyMessage:
    """One PF_KEY message. `errno` is 0 in requests; `sequence` and `pid` are 32-bit numbers."""

    type: MessageType
    satype: int = SaType.UNSPEC
    extensions: tuple[Extension, ...] = ()
    errno: int = 0
    sequence: int = 0
    pid: int = 0
    reserved: int = 0

    @property
    def sa(self) -> SaExtension | None:
        """The SA extension, or None."""
        return next((entry for entry in self.extensions if isinstance(entry, SaExtension)), None)

    @property
    def spi_range(self) -> SpiRangeExtension | None:
        """The SPI range extension, or None."""
        return next((entry for entry in self.extensions if isinstance(entry, SpiRangeExtension)), None)

    @property
    def policy(self) -> PolicyExtension | None:
        """The policy extension, or None."""
        return next((entry for entry in self.extensions if isinstance(entry, PolicyExtension)), None)

    @property
    def sa2(self) -> Sa2Extension | None:
        """The SA2 extension, or None."""
        return next((entry for entry in self.extensions if isinstance(entry, Sa2Extension)), None)

    def address(self, type_: ExtensionType) -> AddressExtension | None:
        """Return the address extension of a type, or None."""
        found = (entry for entry in self.extensions if isinstance(entry, AddressExtension))
        return next((entry for entry in found if entry.type is type_), None)

    def lifetime(self, type_: ExtensionType) -> LifetimeExtension | None:
        """Return the lifetime extension of a type, or None."""
        found = (entry for entry in self.extensions if isinstance(entry, LifetimeExtension))
        return next((entry for entry in found if entry.type is type_), None)

    def key(self, type_: ExtensionType) -> KeyExtension | None:
        """Return the key extension of a type, or None."""
        found = (entry for entry in self.extensions if isinstance(entry, KeyExtension))
        return next((entry for entry in found if entry.type is type_), None)
