"""What an operation on the state database asks of one state: found, superseded, flushed, in the way."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec_model.associations import (
    AssociationTerm,
    StateKey,
    has_lifecycle,
    is_ipsec,
    is_route_optimisation,
    named,
    stands_in_place,
)
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    both,
    choose,
    choose_truth,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import SELECTOR_WIDTHS, SelectorTerm, mark_matches
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile, SpiScope

EVERY_PROTOCOL = 0
EVERY_IPSEC_PROTOCOL = 255


@clause("XFRM-SAD-002", "XFRM-SAD-003", "XFRM-SAD-009")
def answers(state: AssociationTerm, key: StateKey) -> Truth:
    """Tell whether a lookup with a packet mark meets a state. Source: XFRM-SAD-002, XFRM-SAD-003."""
    return both(named(state, key), mark_matches(state.mark_value, state.mark_mask, key.mark))


def _agree(state: AssociationTerm, new: AssociationTerm, *parts: str) -> Truth:
    return all_of(same(getattr(state, part), getattr(new, part)) for part in parts)


def _awaits(state: AssociationTerm, new: AssociationTerm) -> Truth:
    marked = mark_matches(state.mark_value, state.mark_mask, new.mark_value)
    return all_of((has_lifecycle(state, Lifecycle.ACQ), is_ipsec(new.protocol), marked))


@clause("XFRM-SAD-012")
def superseded_by_number(state: AssociationTerm, new: AssociationTerm) -> Truth:
    """Tell whether a larval state is the one of a new state's sequence number. Source: XFRM-SAD-012."""
    numbered = negate(same(new.sequence, 0))
    agree = _agree(state, new, "sequence", "protocol", "destination")
    return all_of((_awaits(state, new), numbered, agree))


@clause("XFRM-SAD-012", "XFRM-SAD-003")
def superseded_by_key(state: AssociationTerm, new: AssociationTerm) -> Truth:
    """Tell whether a larval state without SPI is one that a new state answers.

    Source: XFRM-SAD-003, XFRM-SAD-012.
    """
    agree = _agree(state, new, "family", "mode", "reqid", "protocol", "source", "destination")
    return all_of((_awaits(state, new), same(state.spi, 0), agree, stands_in_place(state)))


@clause("XFRM-SAD-012", "XFRM-CACHE-003")
def outdates(new: AssociationTerm, state: AssociationTerm) -> Truth:
    """Tell whether storing a new state raises the generation of a stored one.

    Source: XFRM-SAD-012, XFRM-CACHE-003.
    """
    agree = _agree(state, new, "family", "reqid", "if_id", "destination", "source")
    return both(agree, mark_matches(state.mark_value, state.mark_mask, new.mark_value))


@clause("XFRM-SAD-010")
def flushed(state: AssociationTerm, protocol: Number) -> Truth:
    """Tell whether a flush of a protocol removes a state. Source: XFRM-SAD-010."""
    asked = any_of(
        (
            same(protocol, EVERY_PROTOCOL),
            both(same(protocol, EVERY_IPSEC_PROTOCOL), is_ipsec(state.protocol)),
            same(protocol, state.protocol),
        )
    )
    return both(negate(state.internal), asked)


@clause("XFRM-SAD-007", "XFRM-SAD-008")
def merged(state: AssociationTerm, wanted: AssociationTerm) -> AssociationTerm:
    """Return a VALID state after an update with another of its key, limits aside.

    A care-of address is taken by a state that has one, a selector by a route optimisation state, an if_id
    when one is given; the state stops dying. Source: XFRM-SAD-007, XFRM-SAD-008.
    """
    optimised = is_route_optimisation(state.protocol)
    parts = {
        part: choose(optimised, getattr(wanted.selector, part), getattr(state.selector, part), width)
        for part, width in SELECTOR_WIDTHS.items()
    }
    return replace(
        state,
        care_of=choose(optimised, wanted.care_of, state.care_of, 128),
        selector=SelectorTerm(**parts),
        has_selector=choose_truth(optimised, wanted.has_selector, state.has_selector),
        if_id=choose(same(wanted.if_id, 0), state.if_id, wanted.if_id),
        dying=False,
    )


@clause("XFRM-SPI-002")
def holds_spi(state: AssociationTerm, larval: AssociationTerm, spi: Number, profile: Profile) -> Truth:
    """Tell whether a state keeps an SPI from being allocated to a larval one. Source: XFRM-SPI-002."""
    taken = both(same(state.spi, spi), same(state.protocol, larval.protocol))
    if profile.spi_unique_per is SpiScope.PROTOCOL:
        return taken
    there = _agree(state, larval, "family", "destination")
    return all_of((taken, there, mark_matches(state.mark_value, state.mark_mask, larval.mark_value)))


@clause("XFRM-SPI-002")
def in_range(spi: Number, low: Number, high: Number) -> Truth:
    """Tell whether a number of a range may be allocated at all: not zero. Source: XFRM-SPI-002."""
    inside = both(negate(less(spi, low)), negate(less(high, spi)))
    return both(negate(same(spi, 0)), inside)


@clause("XFRM-SPI-001", "XFRM-SAD-003")
def awaits_spi(state: AssociationTerm, wanted: AssociationTerm) -> Truth:
    """Tell whether a stored larval state is one that an allocation completes by its key.

    Source: XFRM-SAD-003, XFRM-SPI-001.
    """
    agree = _agree(state, wanted, "family", "mode", "reqid", "protocol", "source", "destination")
    marked = mark_matches(state.mark_value, state.mark_mask, wanted.mark_value)
    larval = both(has_lifecycle(state, Lifecycle.ACQ), same(state.spi, 0))
    return all_of((larval, agree, marked, stands_in_place(state)))
