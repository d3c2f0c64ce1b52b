"""Sets of flows as bit cubes: intersection is a cube, and "not in it" is one clause."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Policy
from xfrmspec_terms.selector import (
    PORT_MASK_FULL,
    UINT32_MAX,
    Address,
    Family,
    Flow,
    Protocol,
    SlotMeaning,
    slot_meaning,
)

DESTINATION_SLOT_SHIFT = 0
SOURCE_SLOT_SHIFT = 16
PROTOCOL_SHIFT = 32
INTERFACE_SHIFT = 40
MARK_SHIFT = 72
IF_ID_SHIFT = 104
DESTINATION_SHIFT = 136
SOURCE_SHIFT = 264

PROTOCOL_BITS = 0xFF << PROTOCOL_SHIFT
_OCTET = 0xFF

_EXAMPLES = {
    Family.INET: (int(IPv4Address("192.0.2.1")), int(IPv4Address("198.51.100.2"))),
    Family.INET6: (int(IPv6Address("2001:db8::1")), int(IPv6Address("2001:db8:ffff::2"))),
}
_LIKELY = (
    Protocol.UDP,
    Protocol.TCP,
    Protocol.ICMPV6,
    Protocol.ICMP,
    Protocol.MOBILITY,
    Protocol.SCTP,
    Protocol.GRE,
)
_PREFERRED_PROTOCOLS = tuple(int(p) for p in _LIKELY) + tuple(
    number for number in range(1, 256) if number not in _LIKELY
)
_EXAMPLE_SLOTS = {
    SlotMeaning.PORTS: (40000, 5000),
    SlotMeaning.TYPE_AND_CODE: (128, 0),
    SlotMeaning.MOBILITY_TYPE: (5, 0),
    SlotMeaning.GRE_KEY: (0, 1),
    SlotMeaning.NOTHING: (0, 0),
}
_SLOT_WIDTHS = {
    SlotMeaning.PORTS: (PORT_MASK_FULL, PORT_MASK_FULL),
    SlotMeaning.TYPE_AND_CODE: (_OCTET, _OCTET),
    SlotMeaning.MOBILITY_TYPE: (_OCTET, 0),
    SlotMeaning.GRE_KEY: (PORT_MASK_FULL, PORT_MASK_FULL),
    SlotMeaning.NOTHING: (0, 0),
}


@dataclass(frozen=True, slots=True)
class Cube:
    """The flows of one family whose bits agree with `value` wherever `mask` is set.

    Bits outside the mask are zero in `value`. The layout, most significant first: source, destination
    (128 bits each, IPv4 in the low 32), if_id, mark, interface index (32 each), protocol (8), source and
    destination slot (16 each).
    """

    value: int
    mask: int

    def has(self, bits: int) -> bool:
        """Tell whether a flow, given as bits, lies in the cube."""
        return (bits ^ self.value) & self.mask == 0

    def overlaps(self, other: Cube) -> bool:
        """Tell whether some bit pattern lies in both cubes."""
        return (self.value ^ other.value) & self.mask & other.mask == 0

    def covers(self, other: Cube) -> bool:
        """Tell whether every bit pattern of the other cube lies in this one."""
        return self.mask & ~other.mask == 0 and (self.value ^ other.value) & self.mask == 0

    def meet(self, other: Cube) -> Cube:
        """Return the intersection of two overlapping cubes."""
        return Cube(self.value | other.value, self.mask | other.mask)


EVERYTHING = Cube(0, 0)


def flow_bits(flow: Flow) -> int:
    """Return a flow in the layout of `Cube`."""
    return (
        int(flow.source) << SOURCE_SHIFT
        | int(flow.destination) << DESTINATION_SHIFT
        | flow.if_id << IF_ID_SHIFT
        | flow.mark << MARK_SHIFT
        | flow.oif << INTERFACE_SHIFT
        | flow.protocol << PROTOCOL_SHIFT
        | flow.source_slot << SOURCE_SLOT_SHIFT
        | flow.destination_slot << DESTINATION_SLOT_SHIFT
    )


@clause("XFRM-SEL-001", "XFRM-SEL-002", "XFRM-SEL-005", "XFRM-SEL-006")
def policy_cube(policy: Policy) -> Cube:
    """Return the flows that a policy matches, its family aside. Source: XFRM-SEL-001..006."""
    selector, mark = policy.selector, policy.mark.masked()
    fields = (
        (int(selector.source.address), selector.source.mask, SOURCE_SHIFT),
        (int(selector.destination.address), selector.destination.mask, DESTINATION_SHIFT),
        (policy.if_id, UINT32_MAX, IF_ID_SHIFT),
        (mark.value, mark.mask, MARK_SHIFT),
        (selector.ifindex, UINT32_MAX if selector.ifindex else 0, INTERFACE_SHIFT),
        (selector.protocol, _OCTET if selector.protocol else 0, PROTOCOL_SHIFT),
        (selector.source_port.value, selector.source_port.mask, SOURCE_SLOT_SHIFT),
        (selector.destination_port.value, selector.destination_port.mask, DESTINATION_SLOT_SHIFT),
    )
    value = mask = 0
    for field_value, field_mask, shift in fields:
        value |= (field_value & field_mask) << shift
        mask |= field_mask << shift
    return Cube(value, mask)


def example_flow(cube: Cube, family: Family, excluded: frozenset[int] = frozenset()) -> Flow | None:
    """Return a flow of the cube that a packet can really have, or None when there is none.

    Slots agree with the protocol (XFRM-SEL-002); `excluded` protocols are not used where the cube leaves
    the protocol open. Free address bits come from the documentation prefixes.
    """
    protocol = _protocol_in(cube, family, excluded)
    return None if protocol is None else _flow(cube, family, protocol)


def _protocol_in(cube: Cube, family: Family, excluded: frozenset[int]) -> int | None:
    if cube.mask & PROTOCOL_BITS:
        fixed = (cube.value >> PROTOCOL_SHIFT) & _OCTET
        return fixed if _slots_fit(cube, fixed) else None
    stranger = Protocol.ICMP if family is Family.INET6 else Protocol.ICMPV6
    for protocol in _PREFERRED_PROTOCOLS:
        if protocol != stranger and protocol not in excluded and _slots_fit(cube, protocol):
            return protocol
    return None


def _slots_fit(cube: Cube, protocol: int) -> bool:
    source_width, destination_width = _SLOT_WIDTHS[slot_meaning(protocol)]
    source = (cube.value >> SOURCE_SLOT_SHIFT) & PORT_MASK_FULL
    destination = cube.value & PORT_MASK_FULL
    return source & ~source_width == 0 and destination & ~destination_width == 0


def _flow(cube: Cube, family: Family, protocol: int) -> Flow:
    examples = _EXAMPLE_SLOTS[slot_meaning(protocol)]
    source_host, destination_host = _EXAMPLES[family]
    return Flow(
        _address(cube, family, SOURCE_SHIFT, source_host),
        _address(cube, family, DESTINATION_SHIFT, destination_host),
        protocol,
        _field(cube, SOURCE_SLOT_SHIFT, PORT_MASK_FULL, examples[0]),
        _field(cube, DESTINATION_SLOT_SHIFT, PORT_MASK_FULL, examples[1]),
        oif=_field(cube, INTERFACE_SHIFT, UINT32_MAX, 0),
        mark=_field(cube, MARK_SHIFT, UINT32_MAX, 0),
        if_id=_field(cube, IF_ID_SHIFT, UINT32_MAX, 0),
    )


def _field(cube: Cube, shift: int, width: int, example: int) -> int:
    mask = (cube.mask >> shift) & width
    return (example & ~mask) | ((cube.value >> shift) & width)


def _address(cube: Cube, family: Family, shift: int, example: int) -> Address:
    width = (1 << family.width) - 1
    mask = (cube.mask >> shift) & width
    number = _field(cube, shift, width, example if mask == 0 else example & _OCTET)
    return IPv4Address(number) if family is Family.INET else IPv6Address(number)
