"""Wrong rules about the states that templates find."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import associations, resolve, state_hash, templates

_ONE_SECOND = "not generated: the campaign that waits is not in the mix, so every state is of one second"
_NO_REFUSAL = "not generated: no step refuses an acquire, and an expired state is gone before the next packet"
_SOURCE_IS_ROUTING = "not generated: which source address the host chooses is no rule of XFRM"


RESOLUTION: tuple[Mutation, ...] = (
    switched("six templates are usable", "TMPL-004", usable_templates=6),
    switched("four templates are usable", "TMPL-004", usable_templates=4),
    wrong(
        "the limit is reached at the usable number",
        "TMPL-004",
        templates.exceeds_usable,
        "> profile.usable_templates",
        ">= profile.usable_templates",
    ),
    wrong(
        "the limit counts declared templates of both policies",
        "TMPL-004",
        resolve.resolve,
        "already = sum(len(group) for group in groups)",
        "already = sum(len(one.templates) for one in policies[:number])",
    ),
    wrong(
        "the limit counts each policy alone",
        "TMPL-004",
        resolve.resolve,
        "already = sum(len(group) for group in groups)",
        "already = 0",
    ),
    wrong("too many templates are EINVAL", "OUT-005", resolve.resolve, "Errno.ENOBUFS", "Errno.EINVAL"),
    wrong(
        "tunnel ends are not used for what follows",
        "TMPL-007",
        resolve.resolve_one,
        "states.append(found.state)\n            source, destination = ends",
        "states.append(found.state)",
    ),
    wrong(
        "MAIN starts from SUB's tunnel",
        "TMPL-009",
        resolve.resolve,
        "one = resolve_one(policy, number, flow,",
        "last = groups[-1][-1] if groups and groups[-1] else None\n"
        "        start = replace(flow, source=last.source, destination=last.destination)"
        " if last and last.mode in ENDPOINT_MODES else flow\n"
        "        one = resolve_one(policy, number, start,",
    ),
    wrong(
        "templates are resolved from the last",
        "TMPL-007",
        resolve.resolve_one,
        "in enumerate(policy.templates):",
        "in reversed(tuple(enumerate(policy.templates))):",
    ),
    wrong(
        "an optional template without a state fails",
        "TMPL-008",
        resolve.resolve_one,
        "elif not template.optional:",
        "else:",
    ),
    wrong(
        "a required template without a state is skipped",
        "TMPL-008",
        resolve.resolve_one,
        "elif not template.optional:",
        "elif False:",
    ),
    wrong(
        "an optional template with a state is skipped",
        "TMPL-002",
        resolve.resolve_one,
        "if found.state is not None:",
        "if found.state is not None and not template.optional:",
    ),
    wrong(
        "transport templates are looked up with their own addresses",
        "TMPL-003",
        resolve.endpoints,
        "if template.mode not in ENDPOINT_MODES:",
        "if False:",
    ),
    wrong(
        "tunnel templates are looked up with the flow's addresses",
        "TMPL-003",
        resolve.endpoints,
        "if template.mode not in ENDPOINT_MODES:",
        "if True:",
    ),
    wrong(
        "BEET templates are looked up with the flow's addresses",
        "TMPL-003",
        resolve.endpoints,
        "template.mode not in ENDPOINT_MODES",
        "template.mode.name != 'TUNNEL'",
    ),
    wrong(
        "an open tunnel source stays open",
        "TMPL-003",
        resolve.endpoints,
        "int(template.source) == 0 and",
        "False and",
        unseen=_SOURCE_IS_ROUTING,
    ),
    wrong(
        "nobody listening reads as ESRCH",
        "TMPL-008",
        resolve._walk_error,
        "Errno.EAGAIN if errno is Errno.ESRCH else errno",
        "errno",
    ),
    wrong(
        "a missing optional state raises no acquire",
        "TMPL-008",
        resolve.resolve_one,
        "if found.acquire:",
        "if found.acquire and not template.optional:",
    ),
    wrong(
        "an acquire leaves no larval state",
        "FIND-003",
        resolve.resolve_one,
        "larvals.append(larval_state(template, key))",
        "pass",
    ),
    wrong(
        "the rest of a walk does not see its own larval states",
        "FIND-003",
        resolve.resolve_one,
        "_with_larvals(tables, larvals).states",
        "tables.states",
    ),
    wrong(
        "states are looked up without the policy's mark",
        "FIND-001",
        resolve.resolve_one,
        "flow, policy.mark,",
        "flow, type(policy.mark)(),",
    ),
    wrong(
        "states are looked up without the policy's interface id",
        "FIND-001",
        resolve.resolve_one,
        "policy.mark, policy.if_id)",
        "policy.mark, 0)",
        unseen="not observable: flows have no interface id, so a policy with one matches nothing",
    ),
)


SEARCH: tuple[Mutation, ...] = (
    wrong(
        "the destination of a state is not compared",
        "FIND-001",
        associations._candidates,
        "s.destination == key.destination and",
        "",
    ),
    wrong(
        "reqid zero is a wildcard on output",
        "FIND-001",
        associations.is_candidate,
        "state.reqid == template.reqid",
        "template.reqid in (0, state.reqid)",
    ),
    wrong(
        "the reqid of a state is not compared",
        "FIND-001",
        associations.is_candidate,
        "and state.reqid == template.reqid",
        "",
    ),
    wrong(
        "the mark of a state is not compared",
        "FIND-001",
        associations.is_candidate,
        "and key.mark.value & key.mark.mask & state.mark.mask == state.mark.value",
        "",
    ),
    wrong(
        "the interface id of a state is not compared",
        "FIND-001",
        associations.is_candidate,
        "and state.if_id == key.if_id",
        "",
    ),
    wrong(
        "states for any receiver serve for output",
        "FIND-001",
        associations.is_candidate,
        "and not state.flags & StateFlag.WILDRECV",
        "",
    ),
    wrong(
        "the mode of a state is not compared",
        "FIND-001",
        associations.is_candidate,
        "and state.mode is template.mode",
        "",
    ),
    wrong(
        "the protocol of a state is not compared",
        "FIND-001",
        associations.is_candidate,
        "and state.protocol is template.protocol",
        "",
    ),
    wrong(
        "the SPI of a state is not compared",
        "FIND-001",
        associations.is_candidate,
        "and template.spi in (0, state.spi)",
        "",
    ),
    wrong(
        "SPI zero is no wildcard",
        "FIND-001",
        associations.is_candidate,
        "template.spi in (0, state.spi)",
        "template.spi == state.spi",
    ),
    wrong(
        "there is no second pass", "FIND-002", associations.find_state, "if not _decisive(seen):", "if False:"
    ),
    wrong(
        "there is always a second pass",
        "FIND-002",
        associations.find_state,
        "if not _decisive(seen):",
        "if True:",
    ),
    switched("the second pass compares the source", "FIND-002", find_second_pass_ignores_source=False),
    wrong(
        "the first pass takes any source",
        "FIND-002",
        associations._first_pass,
        "if (state.source == key.source or int(state.source) == 0) and _bucket",
        "if _bucket",
    ),
    wrong(
        "the hash of states leaves the source out",
        "FIND-002",
        state_hash._pair_hash,
        "_jenkins(destination.packed) ^ _jenkins(source.packed)",
        "_jenkins(destination.packed)",
    ),
    wrong(
        "a valid state serves flows outside its selector",
        "FIND-003",
        associations.judge,
        "Judgement.USABLE if covers else Judgement.SKIPPED",
        "Judgement.USABLE",
    ),
    switched("a larval state concerns its own flow only", "FIND-003", acquire_blocks_other_flows=False),
    wrong(
        "a failed state is no obstacle",
        "FIND-003",
        associations.judge,
        "Judgement.FAILED if covers else Judgement.SKIPPED",
        "Judgement.SKIPPED",
        unseen=_NO_REFUSAL,
    ),
    wrong(
        "a pending acquire is raised again",
        "FIND-003",
        associations.find_state,
        "if Judgement.PENDING in judgements:",
        "if False:",
    ),
    wrong(
        "a pending acquire outdoes a usable state",
        "FIND-003",
        associations.find_state,
        "if usable:",
        "if usable and not any(j is Judgement.PENDING for _, j in seen):",
    ),
    wrong(
        "a dying state is preferred",
        "FIND-004",
        associations.preferred,
        "max((not state.dying, state.added) for state in usable)",
        "max((not state.dying, state.added) for state in usable[-1:])",
    ),
    wrong(
        "the older state is preferred",
        "FIND-004",
        associations.preferred,
        "max((not state.dying, state.added) for state in usable)",
        "max((not s.dying, -s.added) for s in usable)\n    best = (best[0], -best[1])",
        unseen=_ONE_SECOND,
    ),
    wrong(
        "of equals the state added first is taken",
        "FIND-004",
        associations.find_state,
        "Found(best[0], alternatives=best)",
        "Found(best[-1], alternatives=best)",
    ),
    wrong(
        "a wanted SPI that is taken raises an acquire",
        "FIND-005",
        associations.find_state,
        "if template.spi and any(_holds_spi(state, template, key) for state in states):",
        "if False:",
    ),
    wrong(
        "an acquire is raised with nobody listening",
        "FIND-005",
        associations.find_state,
        "if listeners else",
        "if True else",
    ),
    wrong("nobody ever listens", "FIND-005", associations.find_state, "if listeners else", "if False else"),
    wrong(
        "a larval state has the addresses of the search",
        "FIND-005",
        associations.larval_state,
        "template.source if int(template.source) else key.source,\n        template.destination if"
        " int(template.destination) else key.destination,",
        "key.source,\n        key.destination,",
    ),
    wrong(
        "a larval state stands where its addresses say",
        "FIND-005",
        associations.larval_state,
        "filed_under=(key.source, key.destination)",
        "filed_under=None",
    ),
)
