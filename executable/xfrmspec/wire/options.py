"""Options of IPv6 extension headers as octets, and the headers that Mobile IPv6 makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv6Address
from typing import Any

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import DestinationOptionsHeader, WireHeader
from xfrmspec_terms.options import (
    HomeAddressOption,
    Option,
    OptionType,
    Pad1,
    PadN,
    RawOption,
    RouterAlert,
)

_ADDRESS_OCTETS = 16
_ALERT_OCTETS = 2
_UNIT = 8
_LONGEST = 255


def option_octets(option: Option) -> bytes:
    """Return the octets of one option, type and length first; ValueError when it does not fit."""
    if isinstance(option, Pad1):
        return b"\0"
    kind, data = _DATA[type(option)](option)
    if len(data) > _LONGEST:
        raise ValueError(f"option {kind} has {len(data)} octets of data, and 255 is the most")
    return bytes((kind, len(data))) + data


_DATA: Mapping[type, Callable[[Any], tuple[int, bytes]]] = {
    PadN: lambda option: (OptionType.PADN, option.octets),
    HomeAddressOption: lambda option: (OptionType.HOME_ADDRESS, option.address.packed),
    RouterAlert: lambda option: (OptionType.ROUTER_ALERT, option.value.to_bytes(2, "big")),
    RawOption: lambda option: (option.type, option.octets),
}


def read_options(octets: bytes, place: int, end: int) -> tuple[Option, ...] | int:
    """Return the options in octets[place:end], or the offset of the first that runs past the end."""
    options: list[Option] = []
    while place < end:
        kind = octets[place]
        if kind == OptionType.PAD1:
            options.append(Pad1())
            place += 1
            continue
        behind = place + 2 + octets[place + 1] if place + 1 < end else end + 1
        if behind > end:
            return place
        options.append(_named(kind, octets[place + 2 : behind]))
        place = behind
    return tuple(options)


def _named(kind: int, data: bytes) -> Option:
    if kind == OptionType.PADN:
        return PadN(data)
    if kind == OptionType.HOME_ADDRESS and len(data) == _ADDRESS_OCTETS:
        return HomeAddressOption(IPv6Address(data))
    if kind == OptionType.ROUTER_ALERT and len(data) == _ALERT_OCTETS:
        return RouterAlert(int.from_bytes(data, "big"))
    return RawOption(kind, data)


@clause("XFRM-PKT-002")
def padded(options: Iterable[Option]) -> tuple[Option, ...]:
    """Return the options with padding behind them that fills the header up to a multiple of 8 octets."""
    given = tuple(options)
    missing = -(2 + sum(len(option_octets(option)) for option in given)) % _UNIT
    if missing == 0:
        return given
    return (*given, Pad1() if missing == 1 else PadN(bytes(missing - 2)))


def is_home_address(option: Option) -> bool:
    """Tell whether an option is a home address option, well formed or not."""
    if isinstance(option, RawOption):
        return option.type == OptionType.HOME_ADDRESS
    return isinstance(option, HomeAddressOption)


def home_address_options(headers: Iterable[WireHeader]) -> Iterator[HomeAddressOption]:
    """Yield the home address options of a packet's headers, outermost first, exchanged or not."""
    for header in headers:
        if isinstance(header, DestinationOptionsHeader):
            yield from (option for option in header.options if isinstance(option, HomeAddressOption))


@clause("XFRM-OPT-001")
def home_address_header(home: IPv6Address) -> DestinationOptionsHeader:
    """Return the destination options header of 24 octets that holds a home address.

    Four octets of padding bring the option to its alignment of 8n + 6. Source: RFC 6275 6.3, K-OUT-46.
    """
    return DestinationOptionsHeader((PadN(bytes(2)), HomeAddressOption(home)))
