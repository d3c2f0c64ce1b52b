"""The caches of 2004: policies remembered for flows, and bundles remembered in policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xfrmspec.xfrm.bundle import Bundle, PolicyStamp
from xfrmspec.xfrm.bundle_cache import Present, Remembered, Staleness, state_staleness, states_changed
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.selector import Flow

_Bundles = Mapping[tuple[int, Flow], Remembered]


@clause("XFRM-CACHE-004")
@dataclass(frozen=True, slots=True)
class FlowCache:
    """What the node of 2004 remembers between packets.

    `policies` maps a flow to the policy that the last search found, None for a search without result, as of
    `route_generation`; `bundles` maps the age of a policy and a flow to the bundle made for it.
    """

    route_generation: int = 0
    policies: Mapping[Flow, PolicyStamp | None] = field(default_factory=dict)
    bundles: _Bundles = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the caches say of a flow.

    `known` tells whether the policy search can be skipped; `policy` is its result. `bundle` is set when the
    state search can be skipped as well.
    """

    known: bool
    policy: PolicyStamp | None = None
    bundle: Bundle | None = None


@clause("XFRM-CACHE-004", "XFRM-CACHE-006")
def recall(cache: FlowCache, flow: Flow, present: Present) -> Recalled:
    """Ask both caches; a bundle counts while all its states are valid, whatever generation they have.

    Where other changes of states are noticed as well, they end its use too. Source: XFRM-CACHE-004, -006.
    """
    if cache.route_generation != present.route_generation or flow not in cache.policies:
        return Recalled(False)
    policy = cache.policies[flow]
    if policy is None:
        return Recalled(True)
    if present.policies.get(policy.age) != policy.generation:
        return Recalled(False)
    kept = cache.bundles.get((policy.age, flow))
    if kept is None or states_changed(kept, present):
        return Recalled(True, policy)
    ended = kept.bundle is None or state_staleness(kept.bundle, present) is Staleness.STATE_GONE
    return Recalled(True, policy, None if ended else kept.bundle)


@clause("XFRM-CACHE-004")
def remember(
    cache: FlowCache, flow: Flow, policy: PolicyStamp | None, bundle: Bundle | None, present: Present
) -> FlowCache:
    """Note what a search found; an insertion or removal of a policy since empties the flow cache first.

    Bundles live in their policies, so those of policies that are gone go as well.
    """
    stale = cache.route_generation != present.route_generation
    policies = {} if stale else dict(cache.policies)
    policies[flow] = policy
    bundles = {key: kept for key, kept in cache.bundles.items() if key[0] in present.policies}
    if policy is not None and bundle is not None:
        bundles[policy.age, flow] = Remembered(bundle, present.route_generation, present.state_changes)
    return replace(cache, route_generation=present.route_generation, policies=policies, bundles=bundles)
