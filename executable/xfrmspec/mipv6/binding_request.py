"""A binding update with the addresses that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from xfrmspec.wire.mobility import header_of, option_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, Heard, Path
from xfrmspec_terms.headers import MobilityHeader
from xfrmspec_terms.mobility import LIFETIME_UNIT_SECONDS, AlternateCareOfAddress, BindingUpdate

LIFETIME_UNIT = LIFETIME_UNIT_SECONDS * SECOND
"""Milliseconds in a unit of lifetime."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """What a binding update asks for, and how it came.

    `wire_source` is the source on the wire if there was a home address option, else None; `own` the address
    that it was sent to; `header` the mobility header as it was read, None for the one that the update makes.
    """

    update: BindingUpdate
    home_address: IPv6Address
    care_of: IPv6Address
    own: IPv6Address
    wire_source: IPv6Address | None = None
    path: Path = Path.DIRECT
    header: MobilityHeader | None = None

    @property
    def asked(self) -> int:
        """Return the lifetime asked for, in milliseconds."""
        return self.update.lifetime * LIFETIME_UNIT

    @property
    def is_deletion(self) -> bool:
        """Tell whether the binding is to end (XFRM-CN-013, XFRM-HA-004)."""
        return self.update.lifetime == 0 or self.care_of == self.home_address

    @property
    def covered_address(self) -> IPv6Address:
        """Return the address that authenticators cover: the one to be bound, or home (XFRM-MH-005)."""
        return self.home_address if self.is_deletion else self.care_of

    def received_header(self) -> MobilityHeader:
        """Return the mobility header that the update arrived in."""
        return self.header or header_of(self.update)


@clause("XFRM-CN-012", "XFRM-CN-013", "XFRM-HA-004")
def request_of(heard: Heard, update: BindingUpdate) -> BindingRequest:
    """Return what an update asks for. Source: RFC 6275 9.5.1, 6.2.5."""
    alternate = option_of(update, AlternateCareOfAddress)
    on_the_wire = heard.care_of or heard.source
    return BindingRequest(
        update,
        home_address=heard.source,
        care_of=on_the_wire if alternate is None else alternate.address,
        own=heard.destination,
        wire_source=heard.care_of,
        path=heard.path,
        header=heard.header,
    )
