"""When two policies can meet on a flow, and when one takes every flow of another."""

from __future__ import annotations

from xfrmspec_terms.policy import Policy
from xfrmspec_terms.selector import Prefix, Selector


def overlap(first: Policy, second: Policy) -> bool:
    """Tell whether some flow matches both policies, whatever their directions and types.

    Exact but for port slots that a protocol fixes (XFRM-SEL-002), which may make an overlap empty.
    """
    one, other = first.selector, second.selector
    return (
        first.if_id == second.if_id
        and _bits_agree(*_mark_bits(first), *_mark_bits(second))
        and _numbers_meet(one.protocol, other.protocol)
        and _numbers_meet(one.ifindex, other.ifindex)
        and one.source.overlaps(other.source)
        and one.destination.overlaps(other.destination)
        and all(_bits_agree(*a, *b) for a, b in zip(_ports(one), _ports(other), strict=True))
    )


def covers(wide: Policy, narrow: Policy) -> bool:
    """Tell whether every flow that matches `narrow` matches `wide` too."""
    outer, inner = wide.selector, narrow.selector
    return (
        wide.if_id == narrow.if_id
        and _bits_cover(*_mark_bits(wide), *_mark_bits(narrow))
        and outer.protocol in (0, inner.protocol)
        and outer.ifindex in (0, inner.ifindex)
        and _prefix_covers(outer.source, inner.source)
        and _prefix_covers(outer.destination, inner.destination)
        and all(_bits_cover(*a, *b) for a, b in zip(_ports(outer), _ports(inner), strict=True))
    )


def _mark_bits(policy: Policy) -> tuple[int, int]:
    mark = policy.mark.masked()
    return mark.value, mark.mask


def _ports(selector: Selector) -> tuple[tuple[int, int], tuple[int, int]]:
    source, destination = selector.source_port, selector.destination_port
    return (source.value, source.mask), (destination.value, destination.mask)


def _numbers_meet(first: int, second: int) -> bool:
    return first == second or 0 in (first, second)


def _bits_agree(value: int, mask: int, other_value: int, other_mask: int) -> bool:
    return (value ^ other_value) & mask & other_mask == 0


def _bits_cover(value: int, mask: int, inner_value: int, inner_mask: int) -> bool:
    return mask & ~inner_mask == 0 and (value ^ inner_value) & mask == 0


def _prefix_covers(outer: Prefix, inner: Prefix) -> bool:
    return outer.length <= inner.length and outer.overlaps(inner)
