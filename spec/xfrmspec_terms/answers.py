"""What a node sends back about a packet that it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec_terms.mobility import BindingErrorStatus


@dataclass(frozen=True, slots=True)
class ParameterProblem:
    """ICMPv6 type 4: `code` 0 for a wrong field, 1 for an unknown next header; RFC 4443 3.4.

    `pointer` is the octet of the refused packet, its IPv6 header included.
    """

    code: int
    pointer: int


@dataclass(frozen=True, slots=True)
class HopLimitExceeded:
    """ICMPv6 type 3, code 0; RFC 4443 3.3."""


@dataclass(frozen=True, slots=True)
class SendBindingError:
    """A binding error to the source that was on the wire; RFC 6275 9.3.3.

    `home_address` is that of the packet's home address option, or unspecified without one.
    """

    status: BindingErrorStatus
    home_address: IPv6Address


Answer = ParameterProblem | HopLimitExceeded | SendBindingError
