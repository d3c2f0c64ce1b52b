"""Bindings of one node as edges from home address to care-of address, for any number of addresses.

A binding is born when the update that made it what it is was taken. Births are all different, because the
world changes by one event after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    both,
    choose_integer,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_terms.clauses import clause


@dataclass(frozen=True, slots=True)
class BindingsTerm:
    """The bindings of a node: which home addresses are bound, to which care-of address, and since when."""

    bound: Callable[[Number], Truth]
    care_of: Callable[[Number], Number]
    born: Callable[[Number], Number]


@clause("XFRM-CN-020", "XFRM-HA-010")
def edge_is_taken(
    bindings: BindingsTerm, home: Number, care_of: Number, rules: MobilityRules = MOBILITY_RULES
) -> Truth:
    """Tell whether an update that is no deletion may bind a home address to a care-of address.

    Source: XFRM-CN-020, XFRM-HA-010.
    """
    elsewhere = negate(same(home, care_of))
    return both(elsewhere, rules.may_lead_to(bindings.bound(care_of), rules.defences))


@clause("XFRM-CN-013", "XFRM-CN-020", "XFRM-CN-023", "XFRM-CN-030", "XFRM-HA-010", "XFRM-HA-020")
def bindings_after(
    bindings: BindingsTerm,
    home: Number,
    care_of: Number,
    now: Number,
    ends: Truth,
    rules: MobilityRules = MOBILITY_RULES,
) -> BindingsTerm:
    """Return the bindings after one ended, or after an update that asks for one.

    Source: XFRM-CN-013, XFRM-CN-020, XFRM-CN-023, XFRM-CN-030, XFRM-HA-010, XFRM-HA-020.
    """
    taken = both(negate(ends), edge_is_taken(bindings, home, care_of, rules))

    def bound(address: Number) -> Truth:
        mine = same(address, home)
        stays = both(bindings.bound(address), negate(both(mine, ends)))
        return either(stays, both(mine, taken))

    def pick(then: Number, otherwise: Callable[[Number], Number]) -> Callable[[Number], Number]:
        return lambda address: choose_integer(both(same(address, home), taken), then, otherwise(address))

    return BindingsTerm(bound, pick(care_of, bindings.care_of), pick(now, bindings.born))


def leads_on(bindings: BindingsTerm, first: Number, second: Number) -> Truth:
    """Tell whether a binding leads from one home address to another."""
    return all_of((bindings.bound(first), bindings.bound(second), same(bindings.care_of(first), second)))


def is_younger(bindings: BindingsTerm, first: Number, second: Number) -> Truth:
    """Tell whether a home address that another leads on to was bound later."""
    return implies(leads_on(bindings, first, second), less(bindings.born(first), bindings.born(second)))
