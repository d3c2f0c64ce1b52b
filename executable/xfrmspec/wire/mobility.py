"""Messages of the mobility header as octets, and the octets that authorise a binding."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Any, TypeVar

from xfrmspec.wire.mobility_options import aligned, mobility_option_octets, read_mobility_options
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import MobilityHeader
from xfrmspec_terms.mobility import (
    AUTHENTICATOR_OCTETS,
    COOKIE_OCTETS,
    KEYGEN_TOKEN_OCTETS,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingErrorStatus,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityFault,
    MobilityMessage,
    MobilityMessageType,
    MobilityOption,
    MobilityOptions,
    MobilityRefusal,
    OptionedMessage,
    UnknownMessage,
)
from xfrmspec_terms.options import Pad1, PadN

_BEFORE_DATA = 6
_LENGTH_OFFSET = 1
_ACKNOWLEDGE, _HOME, _LINK_LOCAL, _KEY_MANAGEMENT = 0x8000, 0x4000, 0x2000, 0x1000
_ACKNOWLEDGED_KEY_MANAGEMENT = 0x80
_RESERVED = struct.Struct(">H")
_UPDATE = struct.Struct(">HHH")
_ACKNOWLEDGEMENT = struct.Struct(">BBHH")
_INIT = struct.Struct(">2x8s")
_TEST = struct.Struct(">H8s8s")
_ERROR = struct.Struct(">Bx16s")


@dataclass(frozen=True, slots=True)
class _Layout:
    """A message: how many octets of data come before its options, and both ways between them and it."""

    kind: MobilityMessageType
    octets: int
    write: Callable[[Any], bytes]
    read: Callable[[bytes, MobilityOptions], OptionedMessage]


def _of_length(octets: bytes, length: int, name: str) -> bytes:
    """Never show the octets: they may be a token."""
    if len(octets) != length:
        raise ValueError(f"a {name} has {length} octets, not {len(octets)}")
    return octets


def _init_octets(message: HomeTestInit | CareOfTestInit) -> bytes:
    return _INIT.pack(_of_length(message.cookie, COOKIE_OCTETS, "cookie"))


def _test_octets(message: HomeTest | CareOfTest) -> bytes:
    token = _of_length(message.keygen_token, KEYGEN_TOKEN_OCTETS, "keygen token")
    return _TEST.pack(message.nonce_index, _of_length(message.cookie, COOKIE_OCTETS, "cookie"), token)


def _tested(octets: bytes) -> tuple[int, bytes, bytes]:
    index, cookie, token = _TEST.unpack(octets)
    return index, cookie, token


def _update_octets(message: BindingUpdate) -> bytes:
    flags = (
        _ACKNOWLEDGE * message.acknowledge
        | _HOME * message.home_registration
        | _LINK_LOCAL * message.link_local_compatibility
        | _KEY_MANAGEMENT * message.key_management_mobility
    )
    return _UPDATE.pack(message.sequence, flags, message.lifetime)


def _update(octets: bytes, options: MobilityOptions) -> BindingUpdate:
    sequence, flags, lifetime = _UPDATE.unpack(octets)
    return BindingUpdate(
        sequence,
        bool(flags & _ACKNOWLEDGE),
        bool(flags & _HOME),
        bool(flags & _LINK_LOCAL),
        bool(flags & _KEY_MANAGEMENT),
        lifetime,
        options,
    )


def _acknowledgement_octets(message: BindingAcknowledgement) -> bytes:
    flags = _ACKNOWLEDGED_KEY_MANAGEMENT * message.key_management_mobility
    return _ACKNOWLEDGEMENT.pack(message.status, flags, message.sequence, message.lifetime)


def _acknowledgement(octets: bytes, options: MobilityOptions) -> BindingAcknowledgement:
    status, flags, sequence, lifetime = _ACKNOWLEDGEMENT.unpack(octets)
    named = BindingStatus(status) if status in BindingStatus._value2member_map_ else status
    return BindingAcknowledgement(
        named, bool(flags & _ACKNOWLEDGED_KEY_MANAGEMENT), sequence, lifetime, options
    )


def _error(octets: bytes, options: MobilityOptions) -> BindingError:
    status, home = _ERROR.unpack(octets)
    named = BindingErrorStatus(status) if status in BindingErrorStatus._value2member_map_ else status
    return BindingError(named, IPv6Address(home), options)


_LAYOUTS: Mapping[type, _Layout] = {
    BindingRefreshRequest: _Layout(
        MobilityMessageType.BINDING_REFRESH_REQUEST,
        _RESERVED.size,
        lambda message: bytes(_RESERVED.size),
        lambda octets, options: BindingRefreshRequest(options),
    ),
    HomeTestInit: _Layout(
        MobilityMessageType.HOME_TEST_INIT,
        _INIT.size,
        _init_octets,
        lambda octets, options: HomeTestInit(_INIT.unpack(octets)[0], options),
    ),
    CareOfTestInit: _Layout(
        MobilityMessageType.CARE_OF_TEST_INIT,
        _INIT.size,
        _init_octets,
        lambda octets, options: CareOfTestInit(_INIT.unpack(octets)[0], options),
    ),
    HomeTest: _Layout(
        MobilityMessageType.HOME_TEST,
        _TEST.size,
        _test_octets,
        lambda octets, options: HomeTest(*_tested(octets), options),
    ),
    CareOfTest: _Layout(
        MobilityMessageType.CARE_OF_TEST,
        _TEST.size,
        _test_octets,
        lambda octets, options: CareOfTest(*_tested(octets), options),
    ),
    BindingUpdate: _Layout(MobilityMessageType.BINDING_UPDATE, _UPDATE.size, _update_octets, _update),
    BindingAcknowledgement: _Layout(
        MobilityMessageType.BINDING_ACKNOWLEDGEMENT,
        _ACKNOWLEDGEMENT.size,
        _acknowledgement_octets,
        _acknowledgement,
    ),
    BindingError: _Layout(
        MobilityMessageType.BINDING_ERROR,
        _ERROR.size,
        lambda message: _ERROR.pack(message.status, message.home_address.packed),
        _error,
    ),
}

_BY_NUMBER: Mapping[int, _Layout] = {layout.kind: layout for layout in _LAYOUTS.values()}

_Optioned = TypeVar("_Optioned", bound=OptionedMessage)


def type_of(message: MobilityMessage) -> int:
    """Return the number of the message's type."""
    return message.type if isinstance(message, UnknownMessage) else _LAYOUTS[type(message)].kind


@clause("XFRM-MH-002")
def least_length(kind: int) -> int:
    """Return the smallest length field of a message type, in units of 8 octets; 0 for an unknown type."""
    layout = _BY_NUMBER.get(kind)
    return 0 if layout is None else -(-(_BEFORE_DATA + layout.octets) // 8) - 1


@clause("XFRM-MH-004")
def with_padding(message: _Optioned) -> _Optioned:
    """Return the message as it stands on the wire: every option aligned, the whole a multiple of 8 octets."""
    start = _BEFORE_DATA + _LAYOUTS[type(message)].octets
    return replace(message, options=aligned(message.options, start))


def without_padding(message: _Optioned) -> _Optioned:
    """Return the message with the options that mean something."""
    options = tuple(option for option in message.options if not isinstance(option, Pad1 | PadN))
    return replace(message, options=options)


@clause("XFRM-MH-001", "XFRM-MH-004")
def header_of(message: MobilityMessage) -> MobilityHeader:
    """Return the mobility header of a message, padded as it must be; encode adds length and checksum.

    ValueError for a value of the wrong size. Source: RFC 6275 6.1, 6.2.
    """
    if isinstance(message, UnknownMessage):
        return MobilityHeader(message.type, message.data)
    layout = _LAYOUTS[type(message)]
    try:
        data = layout.write(message)
        options = b"".join(map(mobility_option_octets, with_padding(message).options))
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{type(message).__name__} has a value that does not fit: {error}") from error
    return MobilityHeader(layout.kind, data + options)


@clause("XFRM-MH-001", "XFRM-MH-002", "XFRM-MH-003")
def message_of(header: MobilityHeader) -> MobilityMessage | MobilityRefusal:
    """Return the message of a mobility header, or the first fault in it.

    Payload protocol, checksum and the knowledge of a type are not judged here. Source: RFC 6275 6.1, 6.2.
    """
    layout = _BY_NUMBER.get(header.type)
    if layout is None:
        return UnknownMessage(header.type, header.data)
    if len(header.data) < layout.octets:
        return MobilityRefusal(MobilityFault.TOO_SHORT, _LENGTH_OFFSET)
    options = read_mobility_options(header.data[layout.octets :], _BEFORE_DATA + layout.octets)
    if isinstance(options, MobilityRefusal):
        return options
    return layout.read(header.data[: layout.octets], options)


_Option = TypeVar("_Option", bound=MobilityOption)


def option_of(message: MobilityMessage, kind: type[_Option]) -> _Option | None:
    """Return the first option of a kind, or None."""
    if isinstance(message, UnknownMessage):
        return None
    return next((option for option in message.options if isinstance(option, kind)), None)


_Authorised = TypeVar("_Authorised", bound=BindingUpdate | BindingAcknowledgement)


def with_authenticator(message: _Authorised, authenticator: bytes) -> _Authorised:
    """Return the message with these authorization data, and no other, as its last option."""
    given: MobilityOptions = message.options
    others = [option for option in given if not isinstance(option, BindingAuthorizationData)]
    return replace(message, options=(*others, BindingAuthorizationData(authenticator)))


@clause("XFRM-MH-005")
def octets_to_authenticate(
    care_of: IPv6Address, peer: IPv6Address, message: BindingUpdate | BindingAcknowledgement
) -> bytes:
    """Return the octets that the authenticator of a message to be sent covers.

    They are the care-of address, the address of the correspondent, and the mobility header with checksum
    zero up to the authenticator, so type and length of its option are covered. Whether the message has its
    authenticator already makes no difference. Source: RFC 6275 6.2.7.
    """
    placed = with_authenticator(message, bytes(AUTHENTICATOR_OCTETS))
    return received_octets_to_authenticate(care_of, peer, header_of(placed))


@clause("XFRM-MH-005")
def received_octets_to_authenticate(care_of: IPv6Address, peer: IPv6Address, header: MobilityHeader) -> bytes:
    """Return the same octets for a header as it was received, reserved bits and padding included.

    The last 12 octets of the header must be its authenticator. Source: RFC 6275 6.2.7.
    """
    units = (_BEFORE_DATA + len(header.data)) // 8
    length = units - 1 if header.length is None else header.length
    head = bytes((header.payload_protocol, length, header.type, header.reserved, 0, 0))
    return care_of.packed + peer.packed + head + header.data[:-AUTHENTICATOR_OCTETS]
