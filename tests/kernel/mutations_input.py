"""Wrong rules about packets that arrive: decoding, policies and sec_paths."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import check, session, template_check, templates
from xfrmspec_terms.profile import MobilityTypeDecoding

_NO_FRAGMENTS = (
    "not generated: scenarios have no fragment headers, and the kernel reassembles before the check"
)
_CHECKED_ONCE = "not observable: every packet of a scenario is checked once, so nothing is verified before"
_ANY_ALGORITHM = "not generated: every template admits all algorithms, as netlink tools always send"
_NO_INTERNAL = "not generated: no step makes IPComp's helper states by way of a tunnel"

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

WALK: tuple[Mutation, ...] = (
    wrong(
        "templates are walked from the front",
        "CHECK-006",
        template_check.check_path,
        "range(len(templates) - 1, -1, -1)",
        "range(len(templates))",
    ),
    wrong(
        "what is left over does not matter",
        "CHECK-009",
        template_check.check_path,
        "barrier = first_barrier(path, start)",
        "barrier = None",
    ),
    wrong(
        "nothing may be left over",
        "CHECK-009",
        template_check.check_path,
        "barrier = first_barrier(path, start)",
        "barrier = start if start < len(path) else None",
    ),
    wrong(
        "every template is looked for from the start",
        "CHECK-010",
        template_check.check_path,
        "path, start, verified, if_id)",
        "path, 0, verified, if_id)",
    ),
    wrong(
        "one entry may serve two templates",
        "CHECK-011",
        template_check.walk_template,
        "return Walk(index + 1)",
        "return Walk(index)",
    ),
    wrong(
        "an optional transport template consumes",
        "CHECK-007",
        template_check.walk_template,
        "if template.optional and template.mode is Mode.TRANSPORT:",
        "if False:",
    ),
    wrong(
        "no optional template consumes",
        "CHECK-007",
        template_check.walk_template,
        "if template.optional and template.mode is Mode.TRANSPORT:",
        "if template.optional:",
    ),
    wrong(
        "nothing is a barrier",
        "CHECK-007",
        template_check.walk_template,
        "if path[index].mode is not Mode.TRANSPORT and index >= verified:",
        "if False:",
    ),
    wrong(
        "transport entries are barriers",
        "CHECK-009",
        template_check.walk_template,
        "path[index].mode is not Mode.TRANSPORT and index >= verified",
        "index >= verified",
    ),
    wrong(
        "route optimisation is no barrier",
        "CHECK-007",
        template_check.walk_template,
        "path[index].mode is not Mode.TRANSPORT and",
        "path[index].mode in (Mode.TUNNEL, Mode.BEET) and",
    ),
    wrong(
        "route optimisation may be left over",
        "CHECK-009",
        template_check.first_barrier,
        "path[i].mode is not Mode.TRANSPORT",
        "path[i].mode in (Mode.TUNNEL, Mode.BEET)",
    ),
    wrong(
        "an optional template fails at a barrier",
        "CHECK-007",
        template_check.walk_template,
        "return Walk(start) if template.optional else Walk(None, index)",
        "return Walk(None, index)",
    ),
    wrong(
        "a required template may end at a barrier",
        "CHECK-007",
        template_check.walk_template,
        "return Walk(start) if template.optional else Walk(None, index)",
        "return Walk(start)",
    ),
    wrong(
        "an optional template fails at the end",
        "CHECK-007",
        template_check.walk_template,
        "return Walk(start) if template.optional else Walk(None)",
        "return Walk(None)",
    ),
    wrong(
        "cleartext meets a required template",
        "CHECK-013",
        template_check.walk_template,
        "return Walk(start) if template.optional else Walk(None)",
        "return Walk(start) if template.optional or not path else Walk(None)",
    ),
    wrong(
        "a required template may end with the path",
        "CHECK-007",
        template_check.walk_template,
        "return Walk(start) if template.optional else Walk(None)",
        "return Walk(start)",
    ),
    wrong(
        "a verified entry is a barrier",
        "CHECK-012",
        template_check.walk_template,
        "and index >= verified",
        "",
        unseen=_CHECKED_ONCE,
    ),
)

SATISFIES: tuple[Mutation, ...] = (
    wrong(
        "the protocol of an entry is not compared",
        "CHECK-008",
        template_check.satisfies,
        "state.protocol is template.protocol",
        "True",
    ),
    wrong(
        "the SPI of an entry is not compared",
        "CHECK-008",
        template_check.satisfies,
        "and template.spi in (0, state.spi)",
        "",
    ),
    wrong(
        "an SPI of zero is no wildcard inbound",
        "CHECK-008",
        template_check.satisfies,
        "template.spi in (0, state.spi)",
        "template.spi == state.spi",
    ),
    wrong(
        "the reqid of an entry is not compared",
        "CHECK-008",
        template_check.satisfies,
        "and template.reqid in (0, state.reqid)",
        "",
    ),
    wrong(
        "a reqid of zero is no wildcard inbound",
        "CHECK-008",
        template_check.satisfies,
        "template.reqid in (0, state.reqid)",
        "template.reqid == state.reqid",
    ),
    wrong(
        "the mode of an entry is not compared",
        "CHECK-008",
        template_check.satisfies,
        "and state.mode is template.mode",
        "",
    ),
    wrong(
        "the source of an entry is never compared",
        "CHECK-008",
        template_check.satisfies,
        "and (state.mode is Mode.TRANSPORT or _same_source(template, state))",
        "",
    ),
    wrong(
        "the source of a transport entry is compared",
        "CHECK-008",
        template_check.satisfies,
        "state.mode is Mode.TRANSPORT or",
        "",
    ),
    wrong(
        "the source of a route optimisation entry is not compared",
        "CHECK-008",
        template_check.satisfies,
        "state.mode is Mode.TRANSPORT or",
        "state.mode in (Mode.TRANSPORT, Mode.RO) or",
    ),
    wrong(
        "an open template source is no wildcard",
        "CHECK-008",
        template_check._same_source,
        "int(template.source) == 0 or",
        "",
    ),
    wrong(
        "the destination of an entry is compared",
        "CHECK-008",
        template_check.satisfies,
        "and if_id in",
        "and template.destination == state.destination\n        and if_id in",
    ),
    wrong(
        "algorithms are not compared",
        "CHECK-008",
        template_check._algorithm_admitted,
        "if template.any_algorithm or",
        "if True or",
        unseen=_ANY_ALGORITHM,
    ),
    wrong(
        "a kernel-internal entry is like any other",
        "CHECK-008",
        template_check.satisfies,
        "if state.internal:",
        "if False:",
        unseen=_NO_INTERNAL,
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
