"""Policies remembered for received flows: the second half of the flow cache that the paper asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.pairing import Selection, select_policies
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, DefaultActions, XfrmTables
from xfrmspec.xfrm.template_check import SecPath
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Direction
from xfrmspec_terms.selector import Flow


@dataclass(frozen=True, slots=True)
class InputCache:
    """The policies found for received flows, as long as `policies` and `defaults` are the node's own."""

    policies: PolicyDatabase
    defaults: DefaultActions
    selections: Mapping[tuple[Direction, Flow], Selection] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CachedDecision:
    """The fate of a received packet, and the cache for the next one; `recalled`: no search was made."""

    decision: InputDecision
    cache: InputCache
    recalled: bool


@clause("XFRM-CHECK-014")
def decide_input_with_cache(
    cache: InputCache, tables: XfrmTables, flow: Flow, path: SecPath, direction: Direction = Direction.IN
) -> CachedDecision:
    """Decide a received packet, searching policies only for a flow that is new since the last change.

    The sec_path is checked for every packet. Source: XFRM-CHECK-014.
    """
    if (cache.policies, cache.defaults) != (tables.policies, tables.defaults):
        cache = InputCache(tables.policies, tables.defaults)
    selection = cache.selections.get((direction, flow))
    recalled = selection is not None
    if selection is None:
        selection = select_policies(tables, flow, direction, NO_SOCKET_POLICIES)
        cache = replace(cache, selections={**cache.selections, (direction, flow): selection})
    decision = decide_input(tables, flow, path, direction, selection=selection)
    return CachedDecision(decision, cache, recalled)
