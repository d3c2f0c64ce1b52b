"""Does a sec_path satisfy a list of templates: the walk that the inbound check makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import IPSEC_PROTOCOLS, Mode, Template

SecPath = Sequence[SecurityAssociation]


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a template got: the next sec_path index, or None on failure.

    `culprit` is the sec_path index that stopped a required template, None when the path merely ended.
    """

    start: int | None
    culprit: int | None = None


@clause("XFRM-CHECK-008")
def satisfies(template: Template, state: SecurityAssociation, if_id: int) -> bool:
    """Tell whether one sec_path entry is what a template asks for; template destinations never count.

    A template's spi, reqid and source are wildcards when zero. Source: XFRM-CHECK-008; kernel xfrm_state_ok.
    """
    if state.internal:
        return template.optional and _same_source(template, state)
    return (
        state.protocol is template.protocol
        and template.spi in (0, state.spi)
        and template.reqid in (0, state.reqid)
        and state.mode is template.mode
        and _algorithm_admitted(template, state)
        and (state.mode is Mode.TRANSPORT or _same_source(template, state))
        and if_id in (0, state.if_id)
    )


@clause("XFRM-CHECK-007", "XFRM-CHECK-009", "XFRM-CHECK-010", "XFRM-CHECK-012")
def walk_template(template: Template, path: SecPath, start: int, verified: int, if_id: int) -> Walk:
    """Match one template against the sec_path from `start` on.

    Transport entries may be skipped; other entries are barriers, unless an earlier check verified them.
    An optional transport template consumes nothing. Source: XFRM-CHECK-007; kernel xfrm_policy_ok.
    """
    if template.optional and template.mode is Mode.TRANSPORT:
        return Walk(start)
    for index in range(start, len(path)):
        if satisfies(template, path[index], if_id):
            return Walk(index + 1)
        if path[index].mode is not Mode.TRANSPORT and index >= verified:
            return Walk(start) if template.optional else Walk(None, index)
    return Walk(start) if template.optional else Walk(None)


@dataclass(frozen=True, slots=True)
class PathCheck:
    """The verdict on a whole template list.

    `failed` is the index of the template that was not met; `barrier` the index of a sec_path entry that no
    template asked for; both None when accepted. `verified` counts the entries accepted so far.
    """

    accepted: bool
    verified: int = 0
    failed: int | None = None
    culprit: int | None = None


@clause("XFRM-CHECK-006", "XFRM-CHECK-009", "XFRM-CHECK-011", "XFRM-CHECK-013")
def check_path(templates: Sequence[Template], path: SecPath, verified: int, if_id: int) -> PathCheck:
    """Check a sec_path (outermost first) against templates (innermost first), walked from the last.

    What is left over must be transport mode. Source: XFRM-CHECK-006; kernel __xfrm_policy_check.
    """
    start = 0
    for index in range(len(templates) - 1, -1, -1):
        walk = walk_template(templates[index], path, start, verified, if_id)
        if walk.start is None:
            return PathCheck(False, verified, index, walk.culprit)
        start = walk.start
    barrier = first_barrier(path, start)
    if barrier is not None:
        return PathCheck(False, verified, None, barrier)
    return PathCheck(True, start)


def first_barrier(path: SecPath, start: int) -> int | None:
    """Return the index of the first entry from `start` that is not transport mode, or None."""
    return next((i for i in range(start, len(path)) if path[i].mode is not Mode.TRANSPORT), None)


def _algorithm_admitted(template: Template, state: SecurityAssociation) -> bool:
    if template.any_algorithm or template.protocol not in IPSEC_PROTOCOLS:
        return True
    return bool(template.authentication_mask & (1 << state.authentication_bit))


def _same_source(template: Template, state: SecurityAssociation) -> bool:
    return int(template.source) == 0 or template.source == state.source
