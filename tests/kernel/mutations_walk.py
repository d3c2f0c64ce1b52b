"""Wrong rules about what satisfies the templates of a received packet."""

from __future__ import annotations

from kernel.mutation import Mutation, wrong
from xfrmspec.xfrm import template_check

_CHECKED_ONCE = "not generated: only ICMPv6 is checked twice, and both checks meet the same policies"
_NO_INTERNAL = "not generated: no step makes IPComp's helper states by way of a tunnel"


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
