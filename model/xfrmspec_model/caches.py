"""Remembered decisions as terms: what raises which generation, and when a decision is used again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.folding import Number, Truth, all_of, both, choose, implies, same
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class Stamp:
    """A policy or state of a bundle: whether it still counts, its generation then and now."""

    counts: Truth
    remembered: Number
    present: Number


@dataclass(frozen=True, slots=True)
class Remembered:
    """A remembered decision beside the databases as they are now; numbers are natural.

    `policies` and `elements` are those of its bundle, SUB before MAIN and the first applied first; both are
    empty for a decision to let packets through untransformed. A stamp of a policy counts while the decision
    belongs to that policy at all, a stamp of a state while the state is VALID.
    Source: XFRM-BUNDLE-001, XFRM-CACHE-001, XFRM-CACHE-006.
    """

    routes: Stamp
    state_changes: Stamp
    policies: tuple[Stamp, ...] = ()
    elements: tuple[Stamp, ...] = ()


@clause("XFRM-DB-008")
def routes_after_insertion(routes: Number) -> Number:
    """Return the route generation after a policy was inserted or replaced. Source: XFRM-DB-008."""
    return routes + 1


@clause("XFRM-DB-008")
def routes_after_deletion(routes: Number, profile: Profile) -> Number:
    """Return the route generation after a policy was deleted or has expired. Source: XFRM-DB-008."""
    return routes + 1 if profile.delete_bumps_route_generation else routes


@clause("XFRM-CACHE-002")
def policy_is_compared(place: int, profile: Profile) -> bool:
    """Tell whether the generation of a bundle's first (0) or second policy is compared.

    Source: XFRM-CACHE-002.
    """
    return place == 0 or not profile.bundle_checks_first_policy_only


@clause("XFRM-CACHE-006")
def changes_are_compared(profile: Profile) -> bool:
    """Tell whether a change of any state ends the use of a decision. Source: XFRM-CACHE-006."""
    return not profile.cache_misses_state_changes


@clause("XFRM-CACHE-001", "XFRM-CACHE-003")
def element_is_current(stamp: Stamp) -> Truth:
    """Tell whether a state of a bundle is VALID and has its old generation.

    Source: XFRM-CACHE-001, XFRM-CACHE-003.
    """
    return both(stamp.counts, is_unchanged(stamp))


def is_unchanged(stamp: Stamp) -> Truth:
    """Tell whether a generation is the remembered one."""
    return same(stamp.remembered, stamp.present)


@dataclass(frozen=True, slots=True)
class CacheRules:
    """One small function for each rule of remembered decisions; `CacheRules()` is what the clauses say."""

    routes_after_insertion: Callable[[Number], Number] = routes_after_insertion
    routes_after_deletion: Callable[[Number, Profile], Number] = routes_after_deletion
    policy_is_compared: Callable[[int, Profile], bool] = policy_is_compared
    changes_are_compared: Callable[[Profile], bool] = changes_are_compared
    element_is_current: Callable[[Stamp], Truth] = element_is_current


CACHE_RULES = CacheRules()
"""What the clauses say."""


@clause("XFRM-CACHE-001", "XFRM-CACHE-002", "XFRM-CACHE-003", "XFRM-CACHE-006")
def is_used_again(decision: Remembered, profile: Profile, rules: CacheRules = CACHE_RULES) -> Truth:
    """Tell whether a remembered decision is used for the next packet.

    Source: XFRM-CACHE-001, XFRM-CACHE-002, XFRM-CACHE-003, XFRM-CACHE-006.
    """
    compared = [
        implies(stamp.counts, is_unchanged(stamp))
        for place, stamp in enumerate(decision.policies)
        if rules.policy_is_compared(place, profile)
    ]
    elements = [rules.element_is_current(stamp) for stamp in decision.elements]
    changes = is_unchanged(decision.state_changes) if rules.changes_are_compared(profile) else True
    return all_of((is_unchanged(decision.routes), changes, *compared, *elements))


@clause("XFRM-DB-008")
def generation_after_deletion(generation: Number, is_the_deleted: Truth) -> Number:
    """Return a policy's generation after some policy was deleted. Source: XFRM-DB-008."""
    return choose(is_the_deleted, generation + 1, generation)
