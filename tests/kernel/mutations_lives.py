"""Wrong rules about limits, caches and migration."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import (
    bundle_cache,
    migrate,
    state_limits,
)

LIMITS: tuple[Mutation, ...] = (
    wrong(
        "a state carries one packet more than its limit",
        "LIFE-005",
        state_limits._reached,
        "entry.packets >= packets",
        "entry.packets > packets",
    ),
    wrong(
        "a state at its limit of octets carries one packet more",
        "LIFE-005",
        state_limits._reached,
        "entry.octets >= octets",
        "entry.octets > octets",
    ),
    wrong(
        "octets are not limited",
        "LIFE-005",
        state_limits._reached,
        "(octets is not None and entry.octets >= octets) or",
        "",
    ),
    wrong(
        "a reached soft limit is told again",
        "LIFE-004",
        state_limits.check_limits,
        "if state.dying or not",
        "if not",
    ),
    wrong(
        "a soft limit ends a state",
        "LIFE-004",
        state_limits.check_limits,
        "state.limits.hard_bytes, state.limits.hard_packets",
        "state.limits.soft_bytes, state.limits.soft_packets",
    ),
    wrong(
        "the packet that meets a hard limit still passes",
        "LIFE-005",
        state_limits.check_limits,
        "LimitCheck(ended, StateRefusal.LIMIT_REACHED)",
        "LimitCheck(ended)",
    ),
    wrong(
        "octets are counted with the IP header",
        "LIFE-005",
        state_limits.count_packet,
        "current.octets + octets",
        "current.octets + octets + 40",
    ),
    wrong(
        "the end of a state is told as a soft limit",
        "LIFE-002",
        state_limits.fire_state_timer,
        "(_expiry(current, hard=True),)",
        "(_expiry(current, hard=False),)",
    ),
    wrong(
        "packets do not begin the use of a state",
        "LIFE-004",
        state_limits.check_limits,
        "else replace(entry, used=now)",
        "else entry",
    ),
)


REMEMBERED: tuple[Mutation, ...] = (
    wrong(
        "changed policies do not reach a socket that stays",
        "CACHE-001",
        bundle_cache.staleness,
        "if remembered.route_generation != present.route_generation:",
        "if False:",
    ),
    wrong(
        "a bundle outlives its policy",
        "CACHE-001",
        bundle_cache._lost_a_policy,
        "present.policies.get(stamp.age) != stamp.generation",
        "False",
    ),
    switched(
        "a bundle watches every policy it was made by",
        "CACHE-002",
        bundle_checks_first_policy_only=False,
    ),
    wrong(
        "a bundle outlives its state",
        "CACHE-003",
        bundle_cache.state_staleness,
        "if standing is None or standing.lifecycle is not Lifecycle.VALID:\n"
        "            return Staleness.STATE_GONE",
        "if standing is None:\n            continue",
    ),
    wrong(
        "a superseded state stays in its bundle",
        "CACHE-003",
        bundle_cache.state_staleness,
        "if standing.generation != element.stamp.generation:",
        "if False:",
    ),
    switched("every change of states is noticed at once", "CACHE-006", cache_misses_state_changes=False),
)


MIGRATION: tuple[Mutation, ...] = (
    wrong(
        "a migration that names no policy is ENODATA",
        "MIGR-001",
        migrate.migrate,
        "StateRefusal.NO_POLICY",
        "StateRefusal.NOTHING_MIGRATES",
    ),
    wrong(
        "a failed migration leaves its copies",
        "MIGR-001",
        migrate.migrate,
        "kept = _without(copied.states, copied.copies)",
        "kept = copied.states",
    ),
    wrong(
        "an entry may stand twice in a migration",
        "MIGR-002",
        migrate._is_malformed,
        "len(keys) < len(migration.entries) or",
        "",
    ),
    wrong(
        "seven entries can migrate",
        "MIGR-002",
        migrate._is_malformed,
        "1 <= len(migration.entries) <= MAX_DEPTH",
        "1 <= len(migration.entries)",
    ),
    wrong(
        "a state can move to an open address",
        "MIGR-002",
        migrate._is_malformed,
        "if any(not int(e.new_source) or not int(e.new_destination) for e in migration.entries):",
        "if False:",
    ),
    wrong(
        "protocol 255 names policies of that protocol",
        "MIGR-003",
        migrate._names_selector,
        "if wanted.protocol != _ANY_UPPER_LAYER:",
        "if True:",
    ),
    wrong(
        "a migration finds policies of either type",
        "MIGR-003",
        migrate.policy_to_migrate,
        "and entry.policy.type is migration.type",
        "",
    ),
    wrong(
        "reqid zero is no wildcard for the states of a migration",
        "MIGR-004",
        migrate.state_to_migrate,
        "entry.reqid in (0, found.association.reqid)",
        "entry.reqid == found.association.reqid",
    ),
    wrong(
        "a state migrates whatever its source",
        "MIGR-004",
        migrate.state_to_migrate,
        "and found.association.source == entry.old_source",
        "",
    ),
    wrong(
        "a migrated state counts from zero",
        "MIGR-004",
        migrate._stored_copy,
        "association=moved, generation=0,",
        "association=moved, octets=0, packets=0, generation=0,",
    ),
    wrong(
        "the old state stays beside its copy",
        "MIGR-004",
        migrate.migrate,
        "_without(copied.states, copied.originals),",
        "copied.states,",
    ),
    wrong(
        "a larval state migrates",
        "MIGR-004",
        migrate._is_empty,
        "state.protocol in IPSEC_PROTOCOLS or not",
        "not",
    ),
    wrong(
        "a transport template does not match an entry",
        "MIGR-005",
        migrate._matches_template,
        "return template.mode is Mode.TRANSPORT",
        "return False",
    ),
    wrong(
        "a route optimisation template matches an entry",
        "MIGR-005",
        migrate._matches_template,
        "return template.mode is Mode.TRANSPORT",
        "return True",
    ),
    wrong(
        "the ends of a template stay",
        "MIGR-005",
        migrate.migrated_templates,
        "if template.mode in ENDPOINT_MODES:",
        "if False:",
    ),
    wrong(
        "an entry matches tunnels between any ends",
        "MIGR-005",
        migrate._matches_template,
        "return (template.source, template.destination) == (entry.old_source, entry.old_destination)",
        "return True",
    ),
    wrong(
        "a migrated policy keeps its bundles",
        "MIGR-006",
        migrate.migrate,
        "generation=policy.generation + replaced",
        "generation=policy.generation",
    ),
)
