"""PF_KEY messages between octets and values (RFC 2367 with the KAME extension, Linux layout)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import singledispatch
from ipaddress import IPv4Address, IPv6Address

from xfrmspec.interfaces.key_message import (
    ADDRESS_TYPES,
    KEY_TYPES,
    LIFETIME_TYPES,
    PF_KEY_VERSION,
    SUPPORTED_TYPES,
    AddressExtension,
    Extension,
    ExtensionType,
    IpsecRequest,
    KeyExtension,
    KeyMessage,
    LifetimeExtension,
    MessageType,
    OpaqueExtension,
    PolicyExtension,
    Sa2Extension,
    SaExtension,
    SpiRangeExtension,
    SupportedAlgorithm,
    SupportedExtension,
)
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.selector import Address, Family, family_of

UNIT = 8
"""Lengths in headers count units of eight octets."""
_HEADER = struct.Struct("=BBBBHHII")
_HEAD = struct.Struct("=HH")
_SA = struct.Struct("=4sBBBBI")
_LIFETIME = struct.Struct("=IQQQ")
_ADDRESS = struct.Struct("=BBH")
_KEY = struct.Struct("=HH")
_RANGE = struct.Struct("=III")
_POLICY = struct.Struct("=HBBII")
_REQUEST = struct.Struct("=HHBBHII")
_SA2 = struct.Struct("=BBHII")
_SUPPORTED = struct.Struct("=BBHHH")
SOCKADDR_SIZES: Mapping[int, int] = {Family.INET: 16, Family.INET6: 28}
"""Octets of a socket address by its family."""


class MalformedKeyMessageError(ValueError):
    """Octets are no PF_KEY message; `errno` is how the kernel refuses them, the text says what is wrong."""

    def __init__(self, text: str, errno: Errno = Errno.EINVAL) -> None:
        super().__init__(text)
        self.errno = errno


@clause("XFRM-KEY-001")
def encode(message: KeyMessage) -> bytes:
    """Return the octets of a message; all numbers but SPIs, ports and addresses are in host order."""
    body = b"".join(encode_extension(extension) for extension in message.extensions)
    length = (_HEADER.size + len(body)) // UNIT
    head = _HEADER.pack(
        PF_KEY_VERSION,
        message.type,
        message.errno,
        message.satype,
        length,
        message.reserved,
        message.sequence,
        message.pid,
    )
    return head + body


@clause("XFRM-KEY-001")
def decode(octets: bytes) -> KeyMessage:
    """Read one message; MalformedKeyMessageError for wrong lengths, an extension twice, or a foreign family.

    Source: RFC 2367 section 2; kernel pfkey_get_base_msg, parse_exthdrs.
    """
    if len(octets) < _HEADER.size:
        raise MalformedKeyMessageError(f"{len(octets)} octets, a message has 16", Errno.EMSGSIZE)
    version, type_, errno, satype, length, reserved, sequence, pid = _HEADER.unpack_from(octets)
    if version != PF_KEY_VERSION or type_ not in tuple(MessageType):
        raise MalformedKeyMessageError(f"version {version} type {type_}")
    if length != len(octets) // UNIT:
        raise MalformedKeyMessageError(f"length {length} for {len(octets)} octets", Errno.EMSGSIZE)
    extensions = tuple(_extensions(octets[_HEADER.size :]))
    kinds = [type_of(extension) for extension in extensions]
    twice = {kind for kind in kinds if kind in tuple(ExtensionType) and kinds.count(kind) > 1}
    if twice:
        raise MalformedKeyMessageError(f"extension {min(twice)} twice")
    return KeyMessage(MessageType(type_), satype, extensions, errno, sequence, pid, reserved)


def type_of(extension: Extension) -> int:
    """Return the number of an extension's type."""
    fixed = _FIXED_TYPES.get(type(extension))
    return extension.type if fixed is None else fixed  # type: ignore[union-attr]


_FIXED_TYPES: Mapping[type[Extension], ExtensionType] = {
    SaExtension: ExtensionType.SA,
    SpiRangeExtension: ExtensionType.SPIRANGE,
    PolicyExtension: ExtensionType.X_POLICY,
    Sa2Extension: ExtensionType.X_SA2,
}


def encode_extension(extension: Extension) -> bytes:
    """Return the octets of one extension, filled up to a multiple of eight."""
    body = _body(extension)
    size = _HEAD.size + len(body)
    padded = body + bytes(-size % UNIT)
    return _HEAD.pack((_HEAD.size + len(padded)) // UNIT, type_of(extension)) + padded


def _extensions(octets: bytes) -> Iterator[Extension]:
    offset = 0
    while offset < len(octets):
        if len(octets) - offset < _HEAD.size:
            raise MalformedKeyMessageError(f"{len(octets) - offset} octets after the last extension")
        units, type_ = _HEAD.unpack_from(octets, offset)
        if not units or offset + units * UNIT > len(octets) or not type_:
            raise MalformedKeyMessageError(f"extension {type_} of {units} units at octet {offset}")
        yield decode_extension(type_, octets[offset + _HEAD.size : offset + units * UNIT])
        offset += units * UNIT


def decode_extension(type_: int, body: bytes) -> Extension:
    """Read what follows the head of one extension; MalformedKeyMessageError when it is too short."""
    reader = _READERS.get(type_)
    if reader is None:
        return OpaqueExtension(type_, Secret(body))
    try:
        return reader(type_, body)
    except struct.error as error:
        raise MalformedKeyMessageError(f"extension {type_}: {error}") from error


@singledispatch
def _body(extension: Extension) -> bytes:
    raise TypeError(f"{type(extension).__name__} is no extension")


@_body.register
def _(extension: OpaqueExtension) -> bytes:
    return extension.body.reveal()


@_body.register
def _(extension: SaExtension) -> bytes:
    spi = extension.spi.to_bytes(4, "big")
    algorithms = extension.authentication, extension.encryption
    return _SA.pack(spi, extension.replay, extension.life, *algorithms, extension.flags)


def _read_sa(_: int, body: bytes) -> Extension:
    spi, replay, life, authentication, encryption, flags = _SA.unpack_from(body)
    return SaExtension(int.from_bytes(spi, "big"), replay, life, authentication, encryption, flags)


@_body.register
def _(extension: LifetimeExtension) -> bytes:
    times = extension.add_seconds, extension.use_seconds
    return _LIFETIME.pack(extension.packets, extension.octets, *times)


def _read_lifetime(type_: int, body: bytes) -> Extension:
    return LifetimeExtension(ExtensionType(type_), *_LIFETIME.unpack_from(body))


@_body.register
def _(extension: AddressExtension) -> bytes:
    head = _ADDRESS.pack(extension.protocol, extension.prefix_length, 0)
    return head + pack_sockaddr(extension.address, extension.port)


def _read_address(type_: int, body: bytes) -> Extension:
    protocol, prefix_length, _ = _ADDRESS.unpack_from(body)
    address, port = unpack_sockaddr(body[_ADDRESS.size :])
    size = SOCKADDR_SIZES[family_of(address)]
    if len(body) != _ADDRESS.size + size + -size % UNIT or prefix_length > family_of(address).width:
        raise MalformedKeyMessageError(f"address of {len(body)} octets with prefix length {prefix_length}")
    return AddressExtension(ExtensionType(type_), address, prefix_length, protocol, port)


@_body.register
def _(extension: KeyExtension) -> bytes:
    return _KEY.pack(extension.bits, 0) + extension.octets.reveal()


def _read_key(type_: int, body: bytes) -> Extension:
    bits, _ = _KEY.unpack_from(body)
    size = -(-bits // 8)
    if len(body) < _KEY.size + size:
        raise MalformedKeyMessageError(f"a key of {bits} bits in {len(body) - _KEY.size} octets")
    return KeyExtension(ExtensionType(type_), bits, Secret(body[_KEY.size : _KEY.size + size]))


@_body.register
def _(extension: SpiRangeExtension) -> bytes:
    return _RANGE.pack(extension.minimum, extension.maximum, 0)


def _read_range(_: int, body: bytes) -> Extension:
    minimum, maximum, _ = _RANGE.unpack_from(body)
    return SpiRangeExtension(minimum, maximum)


@_body.register
def _(extension: Sa2Extension) -> bytes:
    return _SA2.pack(extension.mode, 0, 0, extension.sequence, extension.reqid)


def _read_sa2(_: int, body: bytes) -> Extension:
    mode, _, _, sequence, reqid = _SA2.unpack_from(body)
    return Sa2Extension(mode, sequence, reqid)


@_body.register
def _(extension: SupportedExtension) -> bytes:
    rows = (
        _SUPPORTED.pack(entry.number, entry.iv_octets, entry.minimum_bits, entry.maximum_bits, 0)
        for entry in extension.algorithms
    )
    return bytes(_HEAD.size) + b"".join(rows)


def _read_supported(type_: int, body: bytes) -> Extension:
    rows = _SUPPORTED.iter_unpack(body[_HEAD.size :])
    return SupportedExtension(ExtensionType(type_), tuple(SupportedAlgorithm(*row[:4]) for row in rows))


@_body.register
def _(extension: PolicyExtension) -> bytes:
    head = _POLICY.pack(extension.kind, extension.direction, 0, extension.id, extension.priority)
    return head + b"".join(_request_octets(request) for request in extension.requests)


def _request_octets(request: IpsecRequest) -> bytes:
    ends = b"".join(pack_sockaddr(end) for end in request.endpoints or ())
    size = _REQUEST.size + len(ends)
    return _REQUEST.pack(size, request.protocol, request.mode, request.level, 0, request.reqid, 0) + ends


def _read_policy(_: int, body: bytes) -> Extension:
    kind, direction, _, id_, priority = _POLICY.unpack_from(body)
    requests: list[IpsecRequest] = []
    offset = _POLICY.size
    while len(body) - offset >= _REQUEST.size:
        size, protocol, mode, level, _, reqid, _ = _REQUEST.unpack_from(body, offset)
        if size < _REQUEST.size or offset + size > len(body):
            raise MalformedKeyMessageError(f"a request of {size} octets at octet {offset}")
        endpoints = _read_endpoints(body[offset + _REQUEST.size : offset + size])
        requests.append(IpsecRequest(protocol, mode, level, reqid, endpoints))
        offset += size
    return PolicyExtension(kind, direction, id_, priority, tuple(requests))


def _read_endpoints(octets: bytes) -> tuple[Address, Address] | None:
    if not octets:
        return None
    source, _ = unpack_sockaddr(octets)
    destination, _ = unpack_sockaddr(octets[SOCKADDR_SIZES[family_of(source)] :])
    if source.version != destination.version:
        raise MalformedKeyMessageError("the endpoints of a request are of two families")
    return source, destination


def pack_sockaddr(address: Address, port: int = 0) -> bytes:
    """Return a socket address: 16 octets for IPv4, 28 for IPv6; the port is in network order."""
    head = struct.pack("=H", family_of(address)) + port.to_bytes(2, "big")
    if isinstance(address, IPv4Address):
        return head + address.packed + bytes(8)
    return head + bytes(4) + address.packed + bytes(4)


def unpack_sockaddr(octets: bytes) -> tuple[Address, int]:
    """Read a socket address and its port; MalformedKeyMessageError for another family or too few octets."""
    if len(octets) < 4:
        raise MalformedKeyMessageError(f"a socket address of {len(octets)} octets")
    (family,) = struct.unpack_from("=H", octets)
    size = SOCKADDR_SIZES.get(family)
    if size is None or len(octets) < size:
        raise MalformedKeyMessageError(f"a socket address of family {family} in {len(octets)} octets")
    port = int.from_bytes(octets[2:4], "big")
    if family == Family.INET:
        return IPv4Address(octets[4:8]), port
    return IPv6Address(octets[8:24]), port


_Reader = Callable[[int, bytes], Extension]
_READERS: Mapping[int, _Reader] = {
    ExtensionType.SA: _read_sa,
    ExtensionType.SPIRANGE: _read_range,
    ExtensionType.X_POLICY: _read_policy,
    ExtensionType.X_SA2: _read_sa2,
    **dict.fromkeys(LIFETIME_TYPES, _read_lifetime),
    **dict.fromkeys(ADDRESS_TYPES, _read_address),
    **dict.fromkeys(KEY_TYPES, _read_key),
    **dict.fromkeys(SUPPORTED_TYPES, _read_supported),
}
