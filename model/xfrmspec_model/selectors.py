"""Flows, selectors and how they meet, for plain and for unknown values alike.

Addresses are 128-bit numbers aligned to the left: an IPv4 address fills the 32 most significant bits and
the rest is 0, as the kernel stores it. A prefix is an address and a mask of the same width.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    bit_and,
    bit_at,
    bit_xor,
    bits,
    both,
    choose,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.smt import Context
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import CandidateList, Mark
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import (
    Address,
    Family,
    Flow,
    Prefix,
    Protocol,
    Selector,
    SlotMeaning,
    slot_meaning,
)

ADDRESS_BITS = 128
_ALL_BITS = (1 << ADDRESS_BITS) - 1
_FIRST_32_BITS = 0xFFFFFFFF << 96
_EVERY_PROTOCOL = range(256)


@dataclass(frozen=True, slots=True)
class FlowTerm:
    """A flow whose parts may be unknown: addresses 128 bits, protocol and family 8, slots 16, the rest 32."""

    source: Number
    destination: Number
    protocol: Number
    source_slot: Number
    destination_slot: Number
    oif: Number
    mark: Number
    if_id: Number
    family: Number


@dataclass(frozen=True, slots=True)
class SelectorTerm:
    """A selector whose parts may be unknown; `SELECTOR_WIDTHS` has the width of each part in bits."""

    source: Number
    source_mask: Number
    destination: Number
    destination_mask: Number
    protocol: Number
    source_port: Number
    source_port_mask: Number
    destination_port: Number
    destination_port_mask: Number
    ifindex: Number
    family: Number


def address_number(address: Address) -> int:
    """Return an address as a 128-bit number aligned to the left."""
    return int(address) << (ADDRESS_BITS - address.max_prefixlen)


def address_of(number: int, family: Family) -> Address:
    """Return the address that a 128-bit number aligned to the left stands for."""
    if family is Family.INET:
        return IPv4Address(number >> (ADDRESS_BITS - family.width))
    return IPv6Address(number)


def _mask_number(prefix: Prefix) -> int:
    return prefix.mask << (ADDRESS_BITS - prefix.family.width)


def plain_flow(flow: Flow) -> FlowTerm:
    """Return a known flow as a term."""
    return FlowTerm(
        address_number(flow.source),
        address_number(flow.destination),
        flow.protocol,
        flow.source_slot,
        flow.destination_slot,
        flow.oif,
        flow.mark,
        flow.if_id,
        int(flow.family),
    )


def plain_selector(selector: Selector) -> SelectorTerm:
    """Return a known selector as a term."""
    return SelectorTerm(
        address_number(selector.source.address),
        _mask_number(selector.source),
        address_number(selector.destination.address),
        _mask_number(selector.destination),
        selector.protocol,
        selector.source_port.value,
        selector.source_port.mask,
        selector.destination_port.value,
        selector.destination_port.mask,
        selector.ifindex,
        int(selector.family),
    )


_FLOW_WIDTHS = {
    "source": 128,
    "destination": 128,
    "protocol": 8,
    "source_slot": 16,
    "destination_slot": 16,
    "oif": 32,
    "mark": 32,
    "if_id": 32,
    "family": 8,
}

SELECTOR_WIDTHS = {
    "source": 128,
    "source_mask": 128,
    "destination": 128,
    "destination_mask": 128,
    "protocol": 8,
    "source_port": 16,
    "source_port_mask": 16,
    "destination_port": 16,
    "destination_port_mask": 16,
    "ifindex": 32,
    "family": 8,
}
"""The width of each part of a selector, in bits."""


def unknown_flow(context: Context, name: str = "flow") -> FlowTerm:
    """Declare a flow of which nothing is known; `well_formed_flow` says which ones exist."""
    return FlowTerm(**{part: bits(context, f"{name}.{part}", width) for part, width in _FLOW_WIDTHS.items()})


def unknown_selector(context: Context, name: str = "selector") -> SelectorTerm:
    """Declare a selector of which nothing is known; `well_formed_selector` says which ones exist."""
    return SelectorTerm(
        **{part: bits(context, f"{name}.{part}", width) for part, width in SELECTOR_WIDTHS.items()}
    )


def _in_prefix(address: Number, value: Number, mask: Number, width_mask: Number) -> Truth:
    return same(bit_and(bit_and(bit_xor(address, value), mask), width_mask), 0)


def _slot_agrees(slot: Number, value: Number, mask: Number) -> Truth:
    return same(bit_and(bit_xor(slot, value), mask), 0)


def _wildcard_or_equal(wanted: Number, found: Number) -> Truth:
    return either(same(wanted, 0), same(wanted, found))


@clause("XFRM-SEL-001", "XFRM-SEL-003", "XFRM-SEL-004")
def selector_matches(selector: SelectorTerm, flow: FlowTerm, profile: Profile) -> Truth:
    """Tell whether a selector matches a flow.

    Where the profile does not check families, the leading octets of the selector's addresses are read as
    addresses of the flow's family. Source: XFRM-SEL-001, XFRM-SEL-003, XFRM-SEL-004.
    """
    width_mask = choose(same(flow.family, Family.INET), _FIRST_32_BITS, _ALL_BITS, ADDRESS_BITS)
    parts = (
        family_admits(selector, flow, profile),
        _in_prefix(flow.destination, selector.destination, selector.destination_mask, width_mask),
        _in_prefix(flow.source, selector.source, selector.source_mask, width_mask),
        _slot_agrees(flow.destination_slot, selector.destination_port, selector.destination_port_mask),
        _slot_agrees(flow.source_slot, selector.source_port, selector.source_port_mask),
        _wildcard_or_equal(selector.protocol, flow.protocol),
        _wildcard_or_equal(selector.ifindex, flow.oif),
    )
    return all_of(parts)


@clause("XFRM-SEL-004")
def family_admits(selector: SelectorTerm, flow: FlowTerm, profile: Profile) -> Truth:
    """Tell whether the selector's family lets it be compared with the flow. Source: XFRM-SEL-004."""
    if not profile.selector_family_checked:
        return True
    return either(same(selector.family, Family.UNSPEC), same(selector.family, flow.family))


@clause("XFRM-SEL-005")
def mark_matches(value: Number, mask: Number, mark: Number) -> Truth:
    """Tell whether a mark, cut down to a mask, equals a value. Source: XFRM-SEL-005."""
    return same(bit_and(mark, mask), value)


def plain_mark(mark: Mark) -> tuple[int, int]:
    """Return value and mask as they are stored, the value cut down to the mask. Source: XFRM-SEL-005."""
    stored = mark.masked()
    return stored.value, stored.mask


_TYPE_AND_CODE = tuple(p for p in _EVERY_PROTOCOL if slot_meaning(p) is SlotMeaning.TYPE_AND_CODE)
_ANY_SLOTS = tuple(p for p in _EVERY_PROTOCOL if slot_meaning(p) in {SlotMeaning.PORTS, SlotMeaning.GRE_KEY})


@clause("XFRM-SEL-002")
def well_formed_slots(flow: FlowTerm) -> Truth:
    """Tell which slots a flow of its protocol can have.

    Ports and key halves are free; types and codes have 8 bits; a mobility type has 8 bits and leaves the
    destination slot 0; every other protocol has 0 in both. Source: XFRM-SEL-002.
    """
    source_octet = at_most_octet(flow.source_slot)
    destination_octet = at_most_octet(flow.destination_slot)
    source_zero, destination_zero = same(flow.source_slot, 0), same(flow.destination_slot, 0)
    return any_of(
        (
            among(flow.protocol, _ANY_SLOTS),
            all_of((among(flow.protocol, _TYPE_AND_CODE), source_octet, destination_octet)),
            all_of((same(flow.protocol, Protocol.MOBILITY), source_octet, destination_zero)),
            both(source_zero, destination_zero),
        )
    )


def at_most_octet(number: Number) -> Truth:
    """Tell whether a number fits in one octet."""
    return less(number, 256)


def well_formed_flow(flow: FlowTerm) -> Truth:
    """Tell which flows exist: a known family, no address bits beyond it, and slots of the protocol."""
    narrow = both(
        same(bit_and(flow.source, _ALL_BITS ^ _FIRST_32_BITS), 0),
        same(bit_and(flow.destination, _ALL_BITS ^ _FIRST_32_BITS), 0),
    )
    return all_of(
        (
            among(flow.family, (Family.INET, Family.INET6)),
            implies(same(flow.family, Family.INET), narrow),
            well_formed_slots(flow),
        )
    )


def is_prefix_mask(mask: Number) -> Truth:
    """Tell whether a mask is a run of ones from the left, which is what a prefix length means."""
    hosts = bit_xor(mask, _ALL_BITS)
    following = (hosts + 1) & _ALL_BITS
    return same(bit_and(hosts, following), 0)


def well_formed_selector(selector: SelectorTerm) -> Truth:
    """Tell which selectors exist: prefix masks, a known family and nothing beyond its width."""
    beyond = _ALL_BITS ^ _FIRST_32_BITS
    wide = (selector.source, selector.source_mask, selector.destination, selector.destination_mask)
    narrow = all_of(same(bit_and(part, beyond), 0) for part in wide)
    return all_of(
        (
            is_prefix_mask(selector.source_mask),
            is_prefix_mask(selector.destination_mask),
            among(selector.family, (Family.INET, Family.INET6)),
            implies(same(selector.family, Family.INET), narrow),
        )
    )


def _shorter_than(mask: Number, length: int) -> Truth:
    return False if length == 0 else negate(bit_at(mask, ADDRESS_BITS - length))


@clause("XFRM-LOOKUP-003")
def is_coarse(address: Number, mask: Number, family: Number) -> Truth:
    """Tell whether a prefix is too short (or its address all zero) for a tree. Source: XFRM-LOOKUP-003."""
    narrow = same(family, Family.INET)
    short = either(both(narrow, _shorter_than(mask, 16)), both(negate(narrow), _shorter_than(mask, 48)))
    return either(same(address, 0), short)


@clause("XFRM-DB-002", "XFRM-LOOKUP-003")
def candidate_list(selector: SelectorTerm, destination_bits: int, source_bits: int) -> Number:
    """Return the list a policy with this selector is in, as the number of a `CandidateList`.

    `destination_bits` and `source_bits` are the thresholds of its family and direction (0..128).
    Source: XFRM-DB-002, XFRM-LOOKUP-003.
    """
    exact = negate(
        either(
            _shorter_than(selector.destination_mask, destination_bits),
            _shorter_than(selector.source_mask, source_bits),
        )
    )
    coarse_destination = is_coarse(selector.destination, selector.destination_mask, selector.family)
    coarse_source = is_coarse(selector.source, selector.source_mask, selector.family)
    inexact = choose(
        coarse_destination,
        choose(coarse_source, CandidateList.ANY, CandidateList.SOURCE, 8),
        choose(coarse_source, CandidateList.DESTINATION, CandidateList.BOTH, 8),
        8,
    )
    return choose(exact, CandidateList.EXACT, inexact, 8)
