"""Wrong rules about policies: all of them, and here operations, pairs, sockets and defaults."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from kernel.mutations_selectors import SELECTORS, THRESHOLDS
from kernel.mutations_ties import LATER_KERNELS, TIES
from xfrmspec.xfrm import database, pairing, policies, tables
from xfrmspec_terms.policy import identity_of

_OWN_GENERATOR = (
    "not observable: the kernel's index generator counts across scenarios, so none names its numbers"
)


OPERATIONS: tuple[Mutation, ...] = (
    wrong(
        "a wanted index is never given",
        "DB-003",
        database.next_free_index,
        "if policy.index and policy.index not in taken:",
        "if False:",
    ),
    wrong(
        "a wanted index is given although it is taken",
        "DB-004",
        database.next_free_index,
        "if policy.index and policy.index not in taken:",
        "if policy.index:",
    ),
    wrong(
        "generated indexes are one apart",
        "DB-003",
        database.next_free_index,
        "generator += INDEX_STEP",
        "generator += 1",
        unseen=_OWN_GENERATOR,
    ),
    wrong(
        "an update gets the index it asks for",
        "DB-004",
        database.install,
        "index, generator = replaced.policy.index, database.next_index",
        "index, generator = next_free_index(policy, set(), database.next_index)",
    ),
    wrong(
        "an index of another direction is stored",
        "DB-003",
        policies.refusal_of,
        "if policy.index and policy.index & DIRECTION_BITS != policy.direction:",
        "if False:",
    ),
    wrong(
        "adding tells policies apart by priority too",
        "DB-007",
        policies.link_new,
        "if existing is not None:",
        "if existing is not None and existing.policy.priority == policy.priority:",
    ),
    wrong(
        "adding replaces",
        "DB-007",
        policies.link_new,
        "    if existing is not None:\n        return PolicyOutcome(database, Errno.EEXIST,"
        " PolicyErrorReason.EXISTS, found=existing)\n    return _installed(database, policy, None,",
        "    return _installed(database, policy, existing,",
    ),
    wrong("adding what exists is EINVAL", "DB-007", policies.link_new, "Errno.EEXIST", "Errno.EINVAL"),
    wrong(
        "updating what does not exist is ENOENT",
        "DB-007",
        policies.link_or_replace,
        "return _installed(database, policy, existing, PolicyEventKind.UPDATE, now)",
        "return _installed(database, policy, existing, PolicyEventKind.UPDATE, now)"
        " if existing else PolicyOutcome(database, Errno.ENOENT)",
    ),
    wrong(
        "updating adds beside what exists",
        "DB-007",
        policies.link_or_replace,
        "policy, existing, PolicyEventKind",
        "policy, None, PolicyEventKind",
    ),
    wrong(
        "the type is no part of the identity",
        "DB-006",
        database.PolicyDatabase.find,
        "identity_of(e.policy) == identity",
        "replace(identity_of(e.policy), type=identity.type) == identity",
    ),
    wrong(
        "the mark is no part of the identity",
        "DB-006",
        database.PolicyDatabase.find,
        "identity_of(e.policy) == identity",
        "replace(identity_of(e.policy), mark=identity.mark) == identity",
    ),
    wrong(
        "the interface id is no part of the identity",
        "DB-006",
        database.PolicyDatabase.find,
        "identity_of(e.policy) == identity",
        "replace(identity_of(e.policy), if_id=identity.if_id) == identity",
    ),
    wrong(
        "the user is no part of the identity",
        "DB-006",
        database.PolicyDatabase.find,
        "identity_of(e.policy) == identity",
        "replace(identity_of(e.policy), selector=replace(e.policy.selector, user=identity.selector.user))"
        " == identity",
    ),
    wrong(
        "the interface is no part of the identity",
        "DB-006",
        database.PolicyDatabase.find,
        "identity_of(e.policy) == identity",
        "replace(identity_of(e.policy), selector=replace(e.policy.selector,"
        " ifindex=identity.selector.ifindex)) == identity",
    ),
    wrong(
        "host bits of the source are no part of the identity",
        "DB-006",
        database.PolicyDatabase.find,
        "identity_of(e.policy) == identity",
        "replace(identity_of(e.policy), selector=replace(e.policy.selector, source=identity.selector.source))"
        " == identity and e.policy.selector.source.length == identity.selector.source.length"
        " and e.policy.selector.source.contains(identity.selector.source.address)",
    ),
    wrong(
        "an identity keeps mark bits outside the mask",
        "DB-006",
        identity_of,
        "policy.mark.masked()",
        "policy.mark",
    ),
    wrong("deleting what does not exist is ESRCH", "DB-005", policies.get, "Errno.ENOENT", "Errno.ESRCH"),
    wrong(
        "deleting by index takes either type",
        "DB-005",
        database.PolicyDatabase.find_index,
        "(e.policy.index, e.policy.type) == (index, type_)",
        "e.policy.index == index",
    ),
    wrong(
        "deleting by index does not compare the mark",
        "DB-005",
        policies._locate,
        "(entry.policy.mark, entry.policy.if_id) == (identity.mark, identity.if_id)",
        "entry.policy.if_id == identity.if_id",
    ),
    wrong(
        "deleting by index does not compare the interface id",
        "DB-005",
        policies._locate,
        "(entry.policy.mark, entry.policy.if_id) == (identity.mark, identity.if_id)",
        "entry.policy.mark == identity.mark",
    ),
    wrong(
        "deleting by index compares the selector too",
        "DB-005",
        policies._locate,
        "(entry.policy.mark, entry.policy.if_id) == (identity.mark, identity.if_id)",
        "identity_of(entry.policy) == identity",
    ),
    wrong("an index is ignored when deleting", "DB-005", policies._locate, "if not index:", "if True:"),
    wrong("a flush takes both types", "DB-010", policies.flush, "entry.policy.type is type_", "True"),
    wrong(
        "a flush takes the other type",
        "DB-010",
        policies.flush,
        "policy.type is type_",
        "policy.type is not type_",
    ),
    wrong(
        "flushing an empty table is ESRCH",
        "DB-010",
        policies.flush,
        "        return PolicyOutcome(database)\n",
        "        return PolicyOutcome(database, Errno.ESRCH)\n",
    ),
    switched("deleting invalidates cached bundles", "DB-008", delete_bumps_route_generation=True),
    switched("there are no sub policies", "ARCH-004", sub_policies=False),
    wrong(
        "six templates are too many to store",
        "TMPL-004",
        policies._template_refusal,
        "len(templates) > MAX_DEPTH",
        "len(templates) >= MAX_DEPTH",
    ),
    wrong(
        "seven templates can be stored",
        "TMPL-004",
        policies._template_refusal,
        "len(templates) > MAX_DEPTH",
        "len(templates) > MAX_DEPTH + 1",
    ),
    wrong(
        "an outbound tunnel template may be optional",
        "TMPL-005",
        policies._template_refusal,
        "if template.optional and direction is Direction.OUT:",
        "if False:",
    ),
    wrong(
        "no tunnel template may be optional",
        "TMPL-005",
        policies._template_refusal,
        "if template.optional and direction is Direction.OUT:",
        "if template.optional:",
    ),
    wrong(
        "a template may have any protocol",
        "TMPL-005",
        policies._template_refusal,
        "if template.protocol not in TEMPLATE_PROTOCOLS:",
        "if False:",
    ),
)


PAIRS: tuple[Mutation, ...] = (
    wrong("SUB is never asked", "PAIR-001", pairing._from_databases, "if sub.winner is None:", "if True:"),
    wrong(
        "MAIN is not asked beside SUB",
        "PAIR-001",
        pairing._from_databases,
        "(primary, main.winner.policy) if main.winner else (primary,)",
        "(primary,)",
    ),
    wrong(
        "MAIN comes before SUB",
        "PAIR-001",
        pairing._from_databases,
        "(primary, main.winner.policy) if",
        "(main.winner.policy, primary) if",
    ),
    wrong(
        "a SUB policy weaker than MAIN's does not count",
        "PAIR-001",
        pairing._from_databases,
        "policies = (primary, main.winner.policy) if main.winner else (primary,)",
        "policies = ((primary, main.winner.policy) if main.winner.policy.priority >= primary.priority"
        " else (main.winner.policy,)) if main.winner else (primary,)",
    ),
    wrong(
        "an outbound SUB block asks MAIN as well",
        "OUT-003",
        pairing._from_databases,
        "if direction is Direction.OUT and primary.action is not Action.ALLOW:",
        "if False:",
    ),
    wrong(
        "an inbound SUB block does not ask MAIN",
        "CHECK-001",
        pairing._from_databases,
        "if direction is Direction.OUT and primary",
        "if primary",
    ),
    switched("forwarding asks MAIN for its own direction", "CHECK-002", fwd_main_uses_in=False),
    wrong(
        "a sole MAIN policy is asked inbound when forwarding",
        "CHECK-002",
        pairing._from_databases,
        "main = lookup(tables.policies, flow, direction, PolicyType.MAIN)",
        "main = lookup("
        "tables.policies, flow, secondary_direction(direction, tables.profile), PolicyType.MAIN)",
    ),
)


SOCKETS_AND_DEFAULTS: tuple[Mutation, ...] = (
    wrong(
        "a socket's own policy is not asked",
        "SOCK-001",
        pairing.select_policies,
        "if own is None:",
        "if True:",
    ),
    wrong(
        "a socket's policy decides although it does not match",
        "SOCK-001",
        pairing.select_policies,
        "if mismatch is None:",
        "if True:",
    ),
    wrong(
        "a socket's policy is paired with MAIN",
        "SOCK-001",
        pairing.select_policies,
        "Selection((own,), True,",
        "Selection((own, *_from_databases(tables, flow, direction, ()).policies), True,",
    ),
    wrong(
        "a socket's policy has only its protocol compared",
        "SOCK-001",
        pairing.socket_mismatch,
        "if mismatch is not None:",
        "if mismatch is Mismatch.PROTOCOL:",
    ),
    wrong(
        "a socket's inbound policy serves for output",
        "SOCK-001",
        tables.SocketPolicies.of,
        "return self.outbound",
        "return self.outbound or self.inbound",
    ),
    wrong(
        "inbound and outbound defaults are exchanged",
        "DEFAULT-001",
        tables.DefaultActions.of,
        "(self.inbound, self.outbound, self.forward)",
        "(self.outbound, self.inbound, self.forward)",
    ),
    wrong(
        "inbound and forward defaults are exchanged",
        "DEFAULT-001",
        tables.DefaultActions.of,
        "(self.inbound, self.outbound, self.forward)",
        "(self.forward, self.outbound, self.inbound)",
    ),
    wrong(
        "there is one default for every direction",
        "DEFAULT-001",
        tables.DefaultActions.of,
        "return by_number[direction]",
        "return by_number[1]",
    ),
)


DATABASES = (
    *SELECTORS,
    *TIES,
    *LATER_KERNELS,
    *THRESHOLDS,
    *OPERATIONS,
    *PAIRS,
    *SOCKETS_AND_DEFAULTS,
)
