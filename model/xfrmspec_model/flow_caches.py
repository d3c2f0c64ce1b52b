"""The two caches of 2004 as terms: what empties the flow cache, and when a kept bundle is taken again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.caches import Stamp, changes_are_compared, is_unchanged
from xfrmspec_model.folding import Number, Truth, all_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class Kept:
    """What the caches of 2004 keep for a flow beside the databases as they are now; numbers are natural.

    `policy_changes` counts insertions and removals of policies, `state_changes` the changes of states, each
    then and now. `elements` are the states of the bundle that the policy keeps for the flow; the stamp of one
    counts while it is VALID. Source: XFRM-CACHE-004, XFRM-CACHE-006.
    """

    policy_changes: Stamp
    state_changes: Stamp
    elements: tuple[Stamp, ...] = ()


@clause("XFRM-CACHE-004")
def changes_after_insertion(changes: Number) -> Number:
    """Return the count of policy changes after an insertion. Source: XFRM-CACHE-004."""
    return changes + 1


@clause("XFRM-CACHE-004")
def changes_after_removal(changes: Number) -> Number:
    """Return the count of policy changes after a removal. Source: XFRM-CACHE-004."""
    return changes + 1


@clause("XFRM-CACHE-004")
def element_holds(stamp: Stamp) -> Truth:
    """Tell whether a state of a kept bundle is still valid; generations are not of 2004.

    Source: XFRM-CACHE-004.
    """
    return stamp.counts


@dataclass(frozen=True, slots=True)
class FlowCacheRules:
    """One small function for each rule of the caches of 2004; `FlowCacheRules()` is what the clauses say."""

    changes_after_insertion: Callable[[Number], Number] = changes_after_insertion
    changes_after_removal: Callable[[Number], Number] = changes_after_removal
    element_holds: Callable[[Stamp], Truth] = element_holds
    changes_are_compared: Callable[[Profile], bool] = changes_are_compared


FLOW_CACHE_RULES = FlowCacheRules()
"""What the clauses say."""


@clause("XFRM-CACHE-004")
def policy_is_recalled(kept: Kept) -> Truth:
    """Tell whether a later packet skips the search for policies. Source: XFRM-CACHE-004."""
    return is_unchanged(kept.policy_changes)


@clause("XFRM-CACHE-004", "XFRM-CACHE-006")
def bundle_is_recalled(kept: Kept, profile: Profile, rules: FlowCacheRules = FLOW_CACHE_RULES) -> Truth:
    """Tell whether a later packet skips the searches for policies and for states.

    Source: XFRM-CACHE-004, XFRM-CACHE-006.
    """
    unchanged = is_unchanged(kept.state_changes) if rules.changes_are_compared(profile) else True
    return all_of(
        (policy_is_recalled(kept), unchanged, *(rules.element_holds(stamp) for stamp in kept.elements))
    )
