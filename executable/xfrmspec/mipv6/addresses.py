"""Which addresses can be answered and bound."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec_terms.clauses import clause

_INTERFACE_BITS = (1 << 64) - 1
_LINK_LOCAL = 0xFE80 << 112


@clause("XFRM-CN-010", "XFRM-HA-002")
def is_routable_unicast(address: IPv6Address) -> bool:
    """Tell whether an address is neither unspecified, loopback, multicast nor link-local."""
    return not (
        address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    )


def link_local_of(address: IPv6Address) -> IPv6Address:
    """Return the link-local address with the same lower 64 bits."""
    return IPv6Address(_LINK_LOCAL | (int(address) & _INTERFACE_BITS))
