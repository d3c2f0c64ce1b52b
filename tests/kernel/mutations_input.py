"""Wrong rules about input: all of them, and here decoding, verdicts, and the order of templates."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from kernel.mutations_walk import SATISFIES, WALK
from xfrmspec.xfrm import check, session, templates
from xfrmspec_terms.profile import MobilityTypeDecoding

_NO_FRAGMENTS = (
    "not generated: received packets have no fragment headers, and the kernel reassembles before the check"
)


DECODING: tuple[Mutation, ...] = (
    switched("ports behind an extension header are read", "FLOW-003", ports_behind_extension_header=True),
    switched("mobility types are read right", "FLOW-002", mh_type_inbound=MobilityTypeDecoding.CORRECT),
    switched("mobility types are never read", "FLOW-002", mh_type_inbound=MobilityTypeDecoding.ALWAYS_ZERO),
    wrong(
        "mobility types are taken for ports",
        "FLOW-002",
        session.decode_session,
        "if correct.protocol == Protocol.MOBILITY:",
        "if False:",
    ),
    wrong(
        "the mobility type stands in the destination slot",
        "SEL-002",
        session._slots,
        "return octets[2], 0",
        "return 0, octets[2]",
    ),
    wrong(
        "ports are exchanged",
        "SEL-002",
        session._slots,
        'return int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")',
        'return int.from_bytes(octets[2:4], "big"), int.from_bytes(octets[:2], "big")',
    ),
    wrong(
        "ports are little-endian",
        "SEL-002",
        session._slots,
        'int.from_bytes(octets[:2], "big")',
        'int.from_bytes(octets[:2], "little")',
    ),
    wrong(
        "ICMPv6 type and code are exchanged",
        "SEL-002",
        session._slots,
        "return octets[0], octets[1]",
        "return octets[1], octets[0]",
    ),
    wrong(
        "ICMPv6 has no slots", "SEL-002", session._slots, "if protocol == Protocol.ICMPV6 and", "if False and"
    ),
    wrong(
        "the halves of a GRE key are exchanged",
        "SEL-002",
        session._gre_key_halves,
        'return int.from_bytes(key[:2], "big"), int.from_bytes(key[2:], "big")',
        'return int.from_bytes(key[2:], "big"), int.from_bytes(key[:2], "big")',
    ),
    wrong(
        "the protocol is read before any header was worked through",
        "FLOW-003",
        session._protocol_at_cursor,
        "range(headers.processed)",
        "range(0)",
    ),
    wrong(
        "the protocol is read behind one header at most",
        "FLOW-003",
        session._protocol_at_cursor,
        "range(headers.processed)",
        "range(min(1, headers.processed))",
    ),
    wrong(
        "slots behind a fragment header are read",
        "FLOW-004",
        session._session_at,
        "if walk.fragment:",
        "if False:",
        unseen=_NO_FRAGMENTS,
    ),
)


VERDICTS: tuple[Mutation, ...] = (
    wrong(
        "selectors of states are not checked",
        "CHECK-003",
        check.decide_input,
        "if offender is not None:",
        "if False:",
    ),
    wrong(
        "only the innermost state's selector is checked",
        "CHECK-003",
        check.state_selector_offender,
        "range(len(path) - 1, -1, -1)",
        "range(len(path))[-1:]",
    ),
    wrong(
        "a state mismatch counts as a template mismatch",
        "CHECK-003",
        check.decide_input,
        "Counter.IN_STATE_MISMATCH",
        "Counter.IN_TEMPLATE_MISMATCH",
    ),
    wrong(
        "a block counts as a missing policy",
        "CHECK-005",
        check.decide_input,
        "Counter.IN_POLICY_BLOCK",
        "Counter.IN_NO_POLICIES",
    ),
    wrong(
        "MAIN's block does not count beside SUB inbound",
        "CHECK-005",
        check._by_templates,
        "if policy.action is not Action.ALLOW:",
        "if False:",
    ),
    wrong(
        "the inbound default is ignored",
        "DEFAULT-001",
        check._without_policy,
        "if default is DefaultAction.BLOCK:",
        "if False:",
    ),
    wrong(
        "a default block counts as a block",
        "DEFAULT-001",
        check._without_policy,
        "Counter.IN_NO_POLICIES, reason)",
        "Counter.IN_POLICY_BLOCK, reason)",
    ),
    wrong(
        "without a policy any sec_path is accepted",
        "CHECK-004",
        check._without_policy,
        "barrier = first_barrier(path, 0)",
        "barrier = None",
    ),
    wrong(
        "without a policy every sec_path is rejected",
        "CHECK-004",
        check._without_policy,
        "barrier = first_barrier(path, 0)",
        "barrier = 0 if path else None",
    ),
    wrong(
        "a sec_path without a policy counts as a template mismatch",
        "CHECK-004",
        check._without_policy,
        "Counter.IN_NO_POLICIES, reason, reported=barrier",
        "Counter.IN_TEMPLATE_MISMATCH, reason, reported=barrier",
    ),
    wrong(
        "a sec_path without a policy is not reported",
        "CHECK-004",
        check._without_policy,
        "reported=barrier",
        "reported=None",
    ),
    wrong(
        "too many templates count as a template mismatch",
        "TMPL-004",
        check._by_templates,
        "Counter.IN_BUFFER_ERROR",
        "Counter.IN_TEMPLATE_MISMATCH",
    ),
    wrong(
        "the inbound limit counts each policy alone",
        "TMPL-004",
        check._by_templates,
        "already = sum(len(group) for group in groups)",
        "already = 0",
    ),
    wrong(
        "there is no inbound limit",
        "TMPL-004",
        check._by_templates,
        "if exceeds_usable(already, len(policy.templates), tables.profile):",
        "if False:",
    ),
    wrong(
        "a template mismatch counts as a state mismatch",
        "CHECK-006",
        check._judged,
        "Counter.IN_TEMPLATE_MISMATCH",
        "Counter.IN_STATE_MISMATCH",
    ),
    wrong(
        "a template mismatch is not reported",
        "CHECK-006",
        check._judged,
        "reported=checked.culprit",
        "reported=None",
    ),
)


TEMPLATE_ORDER: tuple[Mutation, ...] = (
    switched("AH templates sort like AH states", "SORT-005", ah_transport_sort_asymmetry=False),
    wrong(
        "transport templates sort like route optimisation",
        "SORT-003",
        templates.template_class,
        "else 1\n    return",
        "else 2\n    return",
    ),
    wrong(
        "transport templates sort behind route optimisation",
        "SORT-003",
        templates.template_class,
        "else 1\n    return",
        "else 3\n    return",
    ),
    wrong(
        "route optimisation templates sort like transport",
        "SORT-003",
        templates.template_class,
        "(2 if mode",
        "(1 if mode",
    ),
    wrong(
        "route optimisation templates sort like tunnels",
        "SORT-003",
        templates.template_class,
        "(2 if mode",
        "(3 if mode",
    ),
    wrong(
        "tunnel templates sort like route optimisation",
        "SORT-003",
        templates.template_class,
        "else 3)",
        "else 2)",
    ),
    wrong("tunnel templates sort like transport", "SORT-003", templates.template_class, "else 3)", "else 1)"),
    wrong(
        "the templates of one policy are sorted",
        "SORT-001",
        templates.merge_templates,
        "len(groups) < 2 or",
        "",
    ),
    wrong(
        "the templates of two policies are not sorted",
        "CHECK-006",
        templates.merge_templates,
        "len(groups) < 2 or",
        "True or",
    ),
    wrong(
        "MAIN's templates come before SUB's",
        "SORT-001",
        templates.merge_templates,
        "for group in groups for",
        "for group in reversed(groups) for",
    ),
)


INPUT = (*DECODING, *VERDICTS, *WALK, *SATISFIES, *TEMPLATE_ORDER)
