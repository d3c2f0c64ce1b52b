"""Options of mobility messages as octets, and the padding that brings each of them where it may start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.mobility import (
    AUTHENTICATOR_OCTETS,
    AlternateCareOfAddress,
    BindingAuthorizationData,
    BindingRefreshAdvice,
    MobilityFault,
    MobilityOption,
    MobilityOptions,
    MobilityOptionType,
    MobilityRefusal,
    NonceIndices,
    UnknownOption,
)
from xfrmspec_terms.options import Pad1, PadN

UNIT = 8
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class _Layout:
    """An option of fixed length: its octets of data, and where it starts: `rest` modulo `unit`."""

    kind: MobilityOptionType
    octets: int
    unit: int
    rest: int
    write: Callable[[Any], bytes]
    read: Callable[[bytes], MobilityOption]


def _two(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


_LAYOUTS: Mapping[type, _Layout] = {
    BindingRefreshAdvice: _Layout(
        MobilityOptionType.BINDING_REFRESH_ADVICE,
        2,
        2,
        0,
        lambda option: option.interval.to_bytes(2, "big"),
        lambda octets: BindingRefreshAdvice(_two(octets)),
    ),
    AlternateCareOfAddress: _Layout(
        MobilityOptionType.ALTERNATE_CARE_OF_ADDRESS,
        16,
        8,
        6,
        lambda option: option.address.packed,
        lambda octets: AlternateCareOfAddress(IPv6Address(octets)),
    ),
    NonceIndices: _Layout(
        MobilityOptionType.NONCE_INDICES,
        4,
        2,
        0,
        lambda option: option.home.to_bytes(2, "big") + option.care_of.to_bytes(2, "big"),
        lambda octets: NonceIndices(_two(octets[:2]), _two(octets[2:])),
    ),
    BindingAuthorizationData: _Layout(
        MobilityOptionType.BINDING_AUTHORIZATION_DATA,
        AUTHENTICATOR_OCTETS,
        8,
        2,
        lambda option: option.authenticator,
        BindingAuthorizationData,
    ),
}

_BY_NUMBER: Mapping[int, _Layout] = {layout.kind: layout for layout in _LAYOUTS.values()}


@clause("XFRM-MH-003")
def mobility_option_octets(option: MobilityOption) -> bytes:
    """Return the octets of one option, type and length first; ValueError for a value of the wrong size."""
    if isinstance(option, Pad1):
        return b"\0"
    kind, data = _parts(option)
    if len(data) > _LONGEST:
        raise ValueError(f"option {kind} has {len(data)} octets of data, and 255 is the most")
    return bytes((kind, len(data))) + data


def _parts(option: MobilityOption) -> tuple[int, bytes]:
    if isinstance(option, PadN):
        return MobilityOptionType.PADN, option.octets
    if isinstance(option, UnknownOption):
        return option.type, option.octets
    layout = _LAYOUTS[type(option)]
    data = layout.write(option)
    if len(data) != layout.octets:
        raise ValueError(f"{type(option).__name__} has {layout.octets} octets of data, not {len(data)}")
    return layout.kind, data


@clause("XFRM-MH-003", "XFRM-MH-004")
def aligned(options: Iterable[MobilityOption], start: int) -> MobilityOptions:
    """Return the options with the padding that each of them needs, filled up to a whole unit of 8 octets.

    `start` is the octet of the mobility header at which the first one stands. Padding that is there already
    is kept, so that a message that was aligned stays as it is.
    """
    placed: list[MobilityOption] = []
    place = start
    for option in options:
        layout = _LAYOUTS.get(type(option))
        missing = 0 if layout is None else (layout.rest - place) % layout.unit
        placed += [*_padding(missing), option]
        place += missing + len(mobility_option_octets(option))
    return (*placed, *_padding(-place % UNIT))


def _padding(missing: int) -> MobilityOptions:
    if missing == 0:
        return ()
    return (Pad1(),) if missing == 1 else (PadN(bytes(missing - 2)),)


@clause("XFRM-MH-003", "XFRM-MH-004")
def read_mobility_options(octets: bytes, start: int) -> MobilityOptions | MobilityRefusal:
    """Return the options in `octets`, the first of which stands at octet `start` of the mobility header.

    Where they start is not judged, since a receiver needs no alignment. The refusal names the first octet of
    the option at fault.
    """
    options: list[MobilityOption] = []
    place = 0
    while place < len(octets):
        if options and isinstance(options[-1], BindingAuthorizationData):
            return MobilityRefusal(MobilityFault.AUTHORIZATION_NOT_LAST, start + place)
        if octets[place] == MobilityOptionType.PAD1:
            options.append(Pad1())
            place += 1
            continue
        behind = place + 2 + octets[place + 1] if place + 1 < len(octets) else len(octets) + 1
        if behind > len(octets):
            return MobilityRefusal(MobilityFault.OPTION_PAST_END, start + place)
        option = _named(octets[place], octets[place + 2 : behind])
        if option is None:
            return MobilityRefusal(MobilityFault.OPTION_LENGTH, start + place)
        options.append(option)
        place = behind
    return tuple(options)


def _named(kind: int, data: bytes) -> MobilityOption | None:
    """Return the option, or None when its type does not allow the length."""
    if kind == MobilityOptionType.PADN:
        return PadN(data)
    layout = _BY_NUMBER.get(kind)
    if layout is None:
        return UnknownOption(kind, data)
    return layout.read(data) if len(data) == layout.octets else None
