"""Wrong rules about policies: selectors, ties, thresholds, operations, pairs, sockets and defaults."""

from __future__ import annotations

from dataclasses import replace

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import database, lookup, match, pairing, placement, policies, tables
from xfrmspec_terms.policy import Mark, identity_of
from xfrmspec_terms.profile import LINUX_6_18, MobilityTypeDecoding
from xfrmspec_terms.selector import PortMatch, Prefix

_ONLY_IPV6 = "not generated: no state has a selector of the other family"
_OWN_GENERATOR = (
    "not observable: the kernel's index generator counts across scenarios, so none names its numbers"
)


SELECTORS: tuple[Mutation, ...] = (
    wrong(
        "the source prefix is not compared",
        "SEL-001",
        match.selector_mismatch,
        "if not _covers(selector.source, flow.source):",
        "if False:",
    ),
    wrong(
        "the destination prefix is not compared",
        "SEL-001",
        match.selector_mismatch,
        "if not _covers(selector.destination, flow.destination):",
        "if False:",
    ),
    wrong(
        "source and destination prefix are exchanged",
        "SEL-001",
        match.selector_mismatch,
        "_covers(selector.source, flow.source)",
        "_covers(selector.source, flow.destination)",
    ),
    wrong(
        "a prefix is one bit shorter than it says",
        "SEL-001",
        Prefix.contains,
        "& self.mask == 0",
        ">> self.family.width - max(self.length - 1, 0) == 0",
    ),
    wrong(
        "a prefix is one bit longer than it says",
        "SEL-001",
        Prefix.contains,
        "& self.mask == 0",
        ">> max(self.family.width - self.length - 1, 0) == 0",
    ),
    wrong(
        "a prefix of length zero means its address alone",
        "SEL-001",
        Prefix.contains,
        "& self.mask == 0",
        "& (self.mask or -1) == 0",
    ),
    wrong(
        "the protocol is not compared",
        "SEL-001",
        match.selector_mismatch,
        "if selector.protocol not in (ANY_PROTOCOL, flow.protocol):",
        "if False:",
    ),
    wrong(
        "protocol zero is no wildcard",
        "SEL-001",
        match.selector_mismatch,
        "selector.protocol not in (ANY_PROTOCOL, flow.protocol)",
        "selector.protocol != flow.protocol",
    ),
    wrong(
        "the source port is not compared",
        "SEL-002",
        match.selector_mismatch,
        "if not selector.source_port.matches(flow.source_slot):",
        "if False:",
    ),
    wrong(
        "the destination port is not compared",
        "SEL-002",
        match.selector_mismatch,
        "if not selector.destination_port.matches(flow.destination_slot):",
        "if False:",
    ),
    wrong(
        "the source port is compared with the destination's",
        "SEL-002",
        match.selector_mismatch,
        "selector.source_port.matches(flow.source_slot)",
        "selector.source_port.matches(flow.destination_slot)",
    ),
    wrong(
        "ports need not be compared when no protocol is named",
        "SEL-002",
        match.selector_mismatch,
        "if not selector.source_port.matches(flow.source_slot):",
        "if selector.protocol and not selector.source_port.matches(flow.source_slot):",
    ),
    wrong(
        "a port mask is all or nothing",
        "SEL-002",
        PortMatch.matches,
        "(slot ^ self.value) & self.mask == 0",
        "slot == self.value or self.mask == 0",
    ),
    wrong(
        "the interface is not compared",
        "SEL-003",
        match.selector_mismatch,
        "if selector.ifindex not in (0, flow.oif):",
        "if False:",
    ),
    wrong(
        "interface zero is no wildcard",
        "SEL-003",
        match.selector_mismatch,
        "selector.ifindex not in (0, flow.oif)",
        "selector.ifindex != flow.oif",
    ),
    wrong(
        "a flow without an interface meets every interface",
        "SEL-003",
        match.selector_mismatch,
        "selector.ifindex not in (0, flow.oif)",
        "flow.oif and selector.ifindex not in (0, flow.oif)",
    ),
    switched(
        "a state selector of the other family never matches",
        "SEL-004",
        unseen=_ONLY_IPV6,
        selector_family_checked=True,
    ),
    wrong(
        "the policy's family is not compared",
        "SEL-004",
        match.policy_mismatch,
        "if policy.family is not flow.family:",
        "if False:",
    ),
    wrong(
        "the mark is not compared",
        "SEL-005",
        match.policy_mismatch,
        "if not policy.mark.masked().matches(flow.mark):",
        "if False:",
    ),
    wrong(
        "the mark's mask is all or nothing",
        "SEL-005",
        Mark.matches,
        "mark & self.mask == self.value",
        "mark == self.value or self.mask == 0",
    ),
    wrong(
        "a mark matches when any masked bit does",
        "SEL-005",
        Mark.matches,
        "mark & self.mask == self.value",
        "mark & self.mask & self.value or self.value == 0",
    ),
    wrong(
        "the interface id is not compared",
        "SEL-006",
        match.policy_mismatch,
        "if policy.if_id != flow.if_id:",
        "if False:",
    ),
)

TIES: tuple[Mutation, ...] = (
    wrong(
        "a larger priority number takes over",
        "LOOKUP-001",
        lookup.takes_over,
        "candidate.policy.priority < best.policy.priority",
        "candidate.policy.priority > best.policy.priority",
    ),
    wrong(
        "priorities are compared as signed numbers",
        "LOOKUP-001",
        lookup.takes_over,
        "candidate.policy.priority < best.policy.priority",
        "(candidate.policy.priority ^ 1 << 31) < (best.policy.priority ^ 1 << 31)",
    ),
    wrong(
        "the weakest priority is never used",
        "LOOKUP-001",
        lookup.best_match,
        "if found is not None and",
        "if found is not None and found.policy.priority < 0xFFFFFFFF and",
    ),
    wrong(
        "the first list with a match wins",
        "LOOKUP-002",
        lookup.best_match,
        "best is None or takes_over(found, best)",
        "best is None",
    ),
    wrong(
        "the last list with a match wins",
        "LOOKUP-002",
        lookup.best_match,
        "best is None or takes_over(found, best)",
        "True",
    ),
    wrong(
        "the hash is searched last",
        "LOOKUP-002",
        lookup.best_match,
        "in CandidateList:",
        "in reversed(CandidateList):",
    ),
    wrong(
        "the list of any to any is never searched",
        "LOOKUP-003",
        lookup.best_match,
        "in CandidateList:",
        "in tuple(CandidateList)[:4]:",
    ),
    wrong(
        "the younger of two inexact equals wins",
        "LOOKUP-005",
        lookup.takes_over,
        "not best.position < candidate.position",
        "best.position <= candidate.position",
    ),
    wrong(
        "of equals the one in the later list wins",
        "LOOKUP-005",
        lookup.takes_over,
        "return not best.position < candidate.position",
        "return True",
    ),
    wrong(
        "of equals the one in the earlier list wins",
        "LOOKUP-005",
        lookup.takes_over,
        "return not best.position < candidate.position",
        "return False",
    ),
    wrong(
        "an equal position keeps the earlier list's match",
        "LOOKUP-007",
        lookup.takes_over,
        "not best.position < candidate.position",
        "best.position > candidate.position",
    ),
    switched("exact policies have positions too", "LOOKUP-007", exact_pos_zero=False),
    wrong(
        "the younger of two equals in one list wins",
        "LOOKUP-006",
        placement.insertion_point,
        "entry.policy.priority <= policy.priority",
        "entry.policy.priority < policy.priority",
    ),
    wrong(
        "a list is not sorted by priority",
        "LOOKUP-001",
        placement.insertion_point,
        "and entry.policy.priority <= policy.priority",
        "",
    ),
    wrong(
        "the type of a policy does not matter",
        "PAIR-001",
        lookup._matches,
        "entry.policy.type is type_ and",
        "",
    ),
    wrong(
        "positions count from one",
        "LOOKUP-004",
        placement.count_positions,
        "enumerate(counted)",
        "enumerate(counted, 1)",
    ),
    wrong(
        "positions count each type for itself",
        "LOOKUP-004",
        placement.count_positions,
        "entry.list is not CandidateList.EXACT]",
        "entry.list is not CandidateList.EXACT and entry.policy.type is new.policy.type]",
    ),
    wrong(
        "a replaced policy is not counted",
        "LOOKUP-004",
        placement.count_positions,
        "counted = (*inexact[:place], new, *inexact[place:])",
        "counted = [e for e in (*inexact[:place], new, *inexact[place:]) if e is not replaced]",
    ),
    wrong(
        "a policy is counted where it stands among all",
        "LOOKUP-004",
        placement.count_positions,
        "counted = (*inexact[:place], new, *inexact[place:])",
        "counted = [e for e in linked if e.list is not CandidateList.EXACT]",
    ),
    wrong(
        "inserting an exact policy counts positions",
        "LOOKUP-004",
        database.install,
        "if profile.exact_pos_zero and entry.list is not CandidateList.EXACT:",
        "if profile.exact_pos_zero and entry.list is CandidateList.EXACT:\n"
        "        linked = renumber(linked)\n"
        "    elif profile.exact_pos_zero:",
    ),
    wrong(
        "deleting counts positions",
        "LOOKUP-004",
        policies.without,
        "remaining = database.with_order(direction, order)",
        "order = tuple(replace(e, position=sum(bool(o.list) for o in order[:i])) if e.list else e"
        " for i, e in enumerate(order))\n    remaining = database.with_order(direction, order)",
    ),
    switched(
        "an update loses its seniority in its list", "LOOKUP-008", update_keeps_seniority_same_list=False
    ),
    wrong(
        "an update of equal priority goes to the end",
        "LOOKUP-008",
        placement.insertion_point,
        "policy.priority > replaced.policy.priority",
        "policy.priority >= replaced.policy.priority",
    ),
    wrong(
        "an update of larger priority keeps its place",
        "LOOKUP-008",
        placement.insertion_point,
        "weakened = policy.priority > replaced.policy.priority",
        "weakened = False",
    ),
    wrong(
        "an update of smaller priority keeps its place",
        "LOOKUP-008",
        placement.insertion_point,
        "end = end if weakened else order.index(replaced)",
        "end = order.index(replaced)\n        if not weakened: return end",
    ),
    switched("a rebuild remembers inherited seniority", "LOOKUP-009", rebuild_uses_object_age=False),
    wrong(
        "a rebuild sorts by age alone", "LOOKUP-009", database.rebuild, "(e.policy.priority, e.age)", "e.age"
    ),
    wrong(
        "a rebuild puts the youngest first",
        "LOOKUP-009",
        database.rebuild,
        "(e.policy.priority, e.age)",
        "(e.policy.priority, -e.age)",
    ),
    wrong(
        "a rebuild does not count positions",
        "LOOKUP-009",
        database.rebuild,
        "order = renumber(order)",
        "pass",
    ),
    wrong(
        "a rebuild gives exact policies positions",
        "LOOKUP-007",
        placement.renumber,
        "if entry.list is CandidateList.EXACT:",
        "if False:",
    ),
)

LATER_KERNELS: tuple[Mutation, ...] = (
    switched(
        "an update keeps its seniority across lists",
        "LOOKUP-008",
        LINUX_6_18,
        update_keeps_seniority_cross_list=True,
    ),
    switched(
        "an update loses its seniority in its list (6.18)",
        "LOOKUP-008",
        LINUX_6_18,
        update_keeps_seniority_same_list=False,
    ),
    switched("exact policies have no position (6.18)", "LOOKUP-007", LINUX_6_18, exact_pos_zero=True),
    switched(
        "a rebuild remembers inherited seniority (6.18)",
        "LOOKUP-009",
        LINUX_6_18,
        rebuild_uses_object_age=False,
    ),
    replace(
        wrong(
            "the first bit past the coarse limit is coarse",
            "LOOKUP-003",
            placement._is_coarse,
            "prefix.length < COARSE_BELOW[prefix.family]",
            "prefix.length <= COARSE_BELOW[prefix.family]",
        ),
        profile=LINUX_6_18,
    ),
    replace(
        wrong(
            "no prefix is coarse",
            "LOOKUP-003",
            placement._is_coarse,
            "int(prefix.address) == 0 or prefix.length < COARSE_BELOW[prefix.family]",
            "False",
        ),
        profile=LINUX_6_18,
    ),
    replace(
        wrong(
            "coarse at one end is coarse at both",
            "LOOKUP-003",
            placement.candidate_list,
            "coarse_source and coarse_destination",
            "coarse_source or coarse_destination",
        ),
        profile=LINUX_6_18,
    ),
    replace(
        wrong(
            "every position is zero (6.18)",
            "LOOKUP-004",
            placement.link_position,
            "return 1 + max((entry.position for entry in entries), default=-1)",
            "return 0",
        ),
        profile=LINUX_6_18,
    ),
    switched(
        "mobility types behind one extension header are read (6.18)",
        "FLOW-002",
        LINUX_6_18,
        mh_type_inbound=MobilityTypeDecoding.BEHIND_ONE_EXTENSION_HEADER,
    ),
    switched(
        "ports behind an extension header are lost (6.18)",
        "FLOW-003",
        LINUX_6_18,
        ports_behind_extension_header=False,
    ),
)

THRESHOLDS: tuple[Mutation, ...] = (
    wrong(
        "local and remote thresholds are exchanged",
        "DB-002",
        placement.Thresholds.bits,
        "direction is Direction.OUT",
        "direction is not Direction.OUT",
    ),
    wrong(
        "inbound thresholds are read like outbound ones",
        "DB-002",
        placement.Thresholds.bits,
        "(local, remote) if direction is Direction.OUT else (remote, local)",
        "(local, remote)",
    ),
    wrong(
        "one long prefix makes a policy exact",
        "DB-002",
        placement.candidate_list,
        "source_bits and selector",
        "source_bits or selector",
    ),
    wrong(
        "a prefix as long as the threshold is not hashed",
        "DB-002",
        placement.candidate_list,
        "selector.source.length >= source_bits",
        "selector.source.length > source_bits",
    ),
    wrong(
        "thresholds count at the next rebuild only",
        "DB-002",
        database.install,
        "candidate_list(policy, database.thresholds)",
        "candidate_list(policy, type(database.thresholds)())",
    ),
    wrong(
        "a rebuild moves no policy to another list",
        "DB-002",
        database.rebuild,
        "candidate_list(e.policy, database.thresholds)",
        "e.list",
    ),
    wrong(
        "new thresholds do not rebuild",
        "LOOKUP-009",
        policies.set_thresholds,
        "rebuild(replace(database, thresholds=thresholds))",
        "replace(database, thresholds=thresholds)",
    ),
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
