"""The rules that a theorem may depend on, as one value; a mutant is that value with one rule changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xfrmspec_model import decoding, entries, events, headers, matching, pairs, seniority, templates
from xfrmspec_model.association_rules import AssociationRules
from xfrmspec_model.building import WireRules
from xfrmspec_model.caches import CacheRules
from xfrmspec_model.entries import Entry
from xfrmspec_model.flow_caches import FlowCacheRules
from xfrmspec_model.folding import Number, Truth
from xfrmspec_model.loops import LoopRules
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.recipe_rules import RecipeRules
from xfrmspec_model.replay import ReplayRules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.templates import StateTerm, TemplateTerm
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import StateEventKind


@dataclass(frozen=True, slots=True)
class Rules:
    """One small function for each rule; `Rules()` is what the clauses say.

    Lookup: `policy_matches(entry, flow, direction, type, profile)`, `searched_before(first, second)` within
    a list, `preferred(first, second)` between the first matches of two lists. Pairs:
    `main_is_consulted(direction, primary_allows)`, `completing_direction(direction, profile)`,
    `sub_is_searched(profile)`. Places: `rebuild_key(entry, profile)`. Templates:
    `state_class(protocol, mode)`, `template_class(protocol, mode, profile)`, `stands_before(key, key)` with
    keys (class, place in the merged list), `usable_count(collected, declared, profile)`. Check:
    `satisfies(template, state, if_id)`, `consumes_nothing(template)`,
    `may_be_passed(state, index, verified)`, `is_final_barrier(state, index, k)`,
    `state_selector_fits(state, flow, profile)`, `input_without_policy(default_action, other_than_transport)`.
    Headers: `ipsec_passes`, `home_address_passes`, `routing_passes`, each of (kind, routing header passed).
    Flows: `image_read(chain, profile)` and `mobility_type(chain, profile)` of `decoding`.
    Events: `tells(kind, departure, succeeded, removed)`.
    `associations` are the rules of the state database, `caches` those of remembered decisions, `flow_caches`
    those of the caches of 2004, `replay` those of windows and counters, `wire` those of building a packet at
    once, `loops` those of the two loops, `mobility` those of Mobile IPv6 with the defences that are on, and
    `recipes` those of what a daemon asks of the kernel.
    """

    policy_matches: Callable[[Entry, FlowTerm, Number, Number, Profile], Truth] = entries.policy_matches
    searched_before: Callable[[Entry, Entry], Truth] = entries.searched_before
    preferred: Callable[[Entry, Entry], Truth] = entries.preferred
    main_is_consulted: Callable[[Number, Truth], Truth] = pairs.main_is_consulted
    completing_direction: Callable[[Number, Profile], Number] = pairs.completing_direction
    sub_is_searched: Callable[[Profile], Truth] = pairs.sub_is_searched
    rebuild_key: Callable[[Entry, Profile], Number] = seniority.rebuild_key
    state_class: Callable[[Number, Number], Number] = templates.state_class
    template_class: Callable[[Number, Number, Profile], Number] = templates.template_class
    stands_before: templates.Before = templates.stands_before
    usable_count: Callable[[Number, Number, Profile], Truth] = templates.usable_count
    satisfies: Callable[[TemplateTerm, StateTerm, Number], Truth] = matching.satisfies
    consumes_nothing: Callable[[TemplateTerm], Truth] = matching.consumes_nothing
    may_be_passed: Callable[[StateTerm, int, Number], Truth] = matching.may_be_passed
    is_final_barrier: Callable[[StateTerm, int, Number], Truth] = matching.is_final_barrier
    state_selector_fits: Callable[[StateTerm, FlowTerm, Profile], Truth] = matching.state_selector_fits
    input_without_policy: Callable[[Number, Truth], Number] = pairs.input_without_policy
    ipsec_passes: headers.Passes = headers.ipsec_passes
    home_address_passes: headers.Passes = headers.home_address_passes
    routing_passes: headers.Passes = headers.routing_passes
    image_read: Callable[[decoding.ReceivedChain, Profile], int] = decoding.image_read
    mobility_type: Callable[[decoding.ReceivedChain, Profile], Number] = decoding.mobility_type
    tells: Callable[[StateEventKind, Number, Truth, Truth], Truth] = events.tells
    associations: AssociationRules = field(default_factory=AssociationRules)
    caches: CacheRules = field(default_factory=CacheRules)
    flow_caches: FlowCacheRules = field(default_factory=FlowCacheRules)
    replay: ReplayRules = field(default_factory=ReplayRules)
    wire: WireRules = field(default_factory=WireRules)
    loops: LoopRules = field(default_factory=LoopRules)
    mobility: MobilityRules = field(default_factory=MobilityRules)
    recipes: RecipeRules = field(default_factory=RecipeRules)


RULES = Rules()
"""What the clauses say."""
