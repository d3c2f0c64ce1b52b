"""What a connected socket remembers of a decision, and when it has to decide anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from xfrmspec.xfrm.bundle import Bundle
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class Standing:
    """What has become of a state: its lifecycle value and its generation."""

    lifecycle: Lifecycle
    generation: int


@dataclass(frozen=True, slots=True)
class Present:
    """The databases as a cache sees them.

    `policies` maps the age of every policy to its generation, `states` the age of every state to its
    standing; what is gone is missing. `route_generation` is that of the flow's family; `state_changes` counts
    how often a state was stored, updated, deleted, or changed its lifecycle value or its dying flag.
    """

    profile: Profile
    route_generation: int
    policies: Mapping[int, int]
    states: Mapping[int, Standing]
    state_changes: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision that lets packets through: untransformed (bundle None), or through a bundle.

    The other fields are what the databases were at the time. Blocked and dropped packets leave nothing.
    """

    bundle: Bundle | None
    route_generation: int
    state_changes: int


class Staleness(Enum):
    """Why a remembered decision must not be used again."""

    ROUTES = "the routes of the family were invalidated"
    POLICY = "a policy is gone or was migrated"
    STATE_GONE = "a state is no longer valid"
    STATE_SUPERSEDED = "a state has another generation"
    STATES_CHANGED = "another search might find another state"


@clause("XFRM-CACHE-001", "XFRM-CACHE-003", "XFRM-CACHE-005")
def staleness(remembered: Remembered, present: Present) -> Staleness | None:
    """Return the first reason to decide anew, or None when the decision is used again.

    Source: XFRM-CACHE-001..003, -006; kernel xfrm_dst_check, xfrm_bundle_ok.
    """
    if remembered.route_generation != present.route_generation:
        return Staleness.ROUTES
    if states_changed(remembered, present):
        return Staleness.STATES_CHANGED
    if remembered.bundle is None:
        return None
    lost_state = state_staleness(remembered.bundle, present)
    if lost_state is not None:
        return lost_state
    return Staleness.POLICY if _lost_a_policy(remembered.bundle, present) else None


@clause("XFRM-CACHE-001", "XFRM-CACHE-003")
def state_staleness(bundle: Bundle, present: Present) -> Staleness | None:
    """Return what has become of the first state that a bundle can no longer use, or None."""
    for element in bundle.elements:
        standing = present.states.get(element.stamp.age)
        if standing is None or standing.lifecycle is not Lifecycle.VALID:
            return Staleness.STATE_GONE
        if standing.generation != element.stamp.generation:
            return Staleness.STATE_SUPERSEDED
    return None


@clause("XFRM-CACHE-001", "XFRM-CACHE-002")
def _lost_a_policy(bundle: Bundle, present: Present) -> bool:
    compared = bundle.policies[:1] if present.profile.bundle_checks_first_policy_only else bundle.policies
    return any(present.policies.get(stamp.age) != stamp.generation for stamp in compared)


@clause("XFRM-CACHE-006")
def states_changed(remembered: Remembered, present: Present) -> bool:
    """Tell whether a change of states since a decision ends its use. Source: XFRM-CACHE-006."""
    if present.profile.cache_misses_state_changes:
        return False
    return remembered.state_changes != present.state_changes
