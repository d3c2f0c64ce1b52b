"""Messages of the mobility header and their options, as values.

Padding is an option like any other: a message that was read has it, one that is to be sent need not.
Reserved bits have no field; a sender clears them and a receiver passes over them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from ipaddress import IPv6Address

from xfrmspec_terms.options import Pad1, PadN

COOKIE_OCTETS = 8
KEYGEN_TOKEN_OCTETS = 8
AUTHENTICATOR_OCTETS = 12
LIFETIME_UNIT_SECONDS = 4
LEAST_REFUSED_STATUS = 128
UNSPECIFIED = IPv6Address(0)


class MobilityMessageType(IntEnum):
    """The message types of RFC 6275 6.1; every other number is an unknown message."""

    BINDING_REFRESH_REQUEST = 0
    HOME_TEST_INIT = 1
    CARE_OF_TEST_INIT = 2
    HOME_TEST = 3
    CARE_OF_TEST = 4
    BINDING_UPDATE = 5
    BINDING_ACKNOWLEDGEMENT = 6
    BINDING_ERROR = 7


class MobilityOptionType(IntEnum):
    """The option types of RFC 6275 6.2; every other number is an unknown option."""

    PAD1 = 0
    PADN = 1
    BINDING_REFRESH_ADVICE = 2
    ALTERNATE_CARE_OF_ADDRESS = 3
    NONCE_INDICES = 4
    BINDING_AUTHORIZATION_DATA = 5


class BindingStatus(IntEnum):
    """What became of a binding update; below 128 it was accepted. Source: RFC 6275 6.1.8."""

    ACCEPTED = 0
    ACCEPTED_PREFIX_DISCOVERY_NECESSARY = 1
    REASON_UNSPECIFIED = 128
    ADMINISTRATIVELY_PROHIBITED = 129
    INSUFFICIENT_RESOURCES = 130
    HOME_REGISTRATION_NOT_SUPPORTED = 131
    NOT_HOME_SUBNET = 132
    NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE = 133
    DUPLICATE_ADDRESS_DETECTION_FAILED = 134
    SEQUENCE_NUMBER_OUT_OF_WINDOW = 135
    EXPIRED_HOME_NONCE_INDEX = 136
    EXPIRED_CARE_OF_NONCE_INDEX = 137
    EXPIRED_NONCES = 138
    REGISTRATION_TYPE_CHANGE_DISALLOWED = 139
    INVALID_CARE_OF_ADDRESS = 174


class BindingErrorStatus(IntEnum):
    """Why a binding error is sent. Source: RFC 6275 6.1.9."""

    UNKNOWN_BINDING = 1
    UNRECOGNIZED_MESSAGE_TYPE = 2


@dataclass(frozen=True, slots=True)
class BindingRefreshAdvice:
    """When to register again, in units of 4 seconds (16 bits). Source: RFC 6275 6.2.4."""

    interval: int


@dataclass(frozen=True, slots=True)
class AlternateCareOfAddress:
    """The care-of address to bind instead of the source of the packet. Source: RFC 6275 6.2.5."""

    address: IPv6Address


@dataclass(frozen=True, slots=True)
class NonceIndices:
    """Which nonces of the correspondent made the two tokens (16 bits each). Source: RFC 6275 6.2.6."""

    home: int
    care_of: int


@dataclass(frozen=True, slots=True)
class BindingAuthorizationData:
    """12 octets that only the holder of the binding management key can compute. Source: RFC 6275 6.2.7."""

    authenticator: bytes


@dataclass(frozen=True, slots=True)
class UnknownOption:
    """Any other option: its 8-bit type, and the octets behind type and length (at most 255)."""

    type: int
    octets: bytes = b""


MobilityOption = (
    Pad1
    | PadN
    | BindingRefreshAdvice
    | AlternateCareOfAddress
    | NonceIndices
    | BindingAuthorizationData
    | UnknownOption
)
MobilityOptions = tuple[MobilityOption, ...]


@dataclass(frozen=True, slots=True)
class BindingRefreshRequest:
    """A correspondent asks for a new binding update. Source: RFC 6275 6.1.2."""

    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class HomeTestInit:
    """Asks for a home keygen token; `cookie` has 8 octets and comes back. Source: RFC 6275 6.1.3."""

    cookie: bytes = field(repr=False)
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class CareOfTestInit:
    """Asks for a care-of keygen token; `cookie` has 8 octets and comes back. Source: RFC 6275 6.1.4."""

    cookie: bytes = field(repr=False)
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class HomeTest:
    """Brings a home keygen token (8 octets, never printed) and the index of its nonce (16 bits).

    Source: RFC 6275 6.1.5.
    """

    nonce_index: int
    cookie: bytes = field(repr=False)
    keygen_token: bytes = field(repr=False)
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class CareOfTest:
    """Brings a care-of keygen token (8 octets, never printed) and the index of its nonce (16 bits).

    Source: RFC 6275 6.1.6.
    """

    nonce_index: int
    cookie: bytes = field(repr=False)
    keygen_token: bytes = field(repr=False)
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class BindingUpdate:
    """Asks for a binding: `sequence` has 16 bits, `lifetime` counts units of 4 seconds (16 bits).

    The four flags are A, H, L and K on the wire. A lifetime of 0 asks for the end of the binding.
    Source: RFC 6275 6.1.7.
    """

    sequence: int
    acknowledge: bool = False
    home_registration: bool = False
    link_local_compatibility: bool = False
    key_management_mobility: bool = False
    lifetime: int = 0
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class BindingAcknowledgement:
    """Answers the update with this sequence number; `lifetime` counts units of 4 seconds (16 bits).

    `status` is a BindingStatus where RFC 6275 names the number, and the bare number (8 bits) otherwise.
    Source: RFC 6275 6.1.8.
    """

    status: BindingStatus | int
    key_management_mobility: bool = False
    sequence: int = 0
    lifetime: int = 0
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class BindingError:
    """Complains about a packet; the home address is that of its option, or unspecified without one.

    `status` is a BindingErrorStatus where RFC 6275 names the number. Source: RFC 6275 6.1.9.
    """

    status: BindingErrorStatus | int
    home_address: IPv6Address = UNSPECIFIED
    options: MobilityOptions = ()


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """Any other message: its 8-bit type, and the octets behind the checksum, 2 modulo 8 of them."""

    type: int
    data: bytes = bytes(2)


OptionedMessage = (
    BindingRefreshRequest
    | HomeTestInit
    | CareOfTestInit
    | HomeTest
    | CareOfTest
    | BindingUpdate
    | BindingAcknowledgement
    | BindingError
)
MobilityMessage = OptionedMessage | UnknownMessage


class MobilityFault(Enum):
    """Why a mobility header is refused; the value is printed."""

    TRUNCATED = "the header is longer than the packet"
    PAYLOAD_PROTOCOL = "the payload protocol is not 59"
    TOO_SHORT = "the header is shorter than its message"
    CHECKSUM = "the checksum is wrong"
    UNKNOWN_TYPE = "the message type is unknown"
    OPTION_PAST_END = "an option runs past the end of the header"
    OPTION_LENGTH = "an option has a length that its type does not allow"
    AUTHORIZATION_NOT_LAST = "something stands behind the authorization data"


@dataclass(frozen=True, slots=True)
class MobilityRefusal:
    """A mobility header that is refused: why, and at which octet of the header."""

    fault: MobilityFault
    offset: int

    def __str__(self) -> str:
        return f"octet {self.offset} of the mobility header: {self.fault.value}"
