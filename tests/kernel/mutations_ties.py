"""Wrong rules about which of several policies that match decides."""

from __future__ import annotations

from dataclasses import replace

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import database, lookup, placement, policies
from xfrmspec_terms.profile import LINUX_6_18, MobilityTypeDecoding

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
        "database.in_search_order(direction)",
        "sorted(database.orders[direction], key=lambda e: -e.list)",
    ),
    wrong(
        "the list of any to any is never searched",
        "LOOKUP-003",
        lookup.best_match,
        "database.in_search_order(direction)",
        "[e for e in database.in_search_order(direction) if e.list < 4]",
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
        "policy.type is type_ and",
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
