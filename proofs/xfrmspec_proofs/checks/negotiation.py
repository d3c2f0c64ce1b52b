"""Checks of templates against the states that a dump lists: which template finds none, and how nearly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from xfrmspec.xfrm.templates import instantiable
from xfrmspec_proofs.checks.analysis import TUNNEL_MODES, Analysis, claim, name_of
from xfrmspec_proofs.checks.configuration import CheckedPolicy, PlacedState
from xfrmspec_proofs.checks.findings import Finding, Involved, Severity
from xfrmspec_proofs.checks.replay import Replay
from xfrmspec_proofs.checks.rules import UNSATISFIABLE_TEMPLATE
from xfrmspec_proofs.checks.transformations import transforming
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Direction, Mode, Policy, Template


class Difference(Enum):
    """A part in which a state differs from what a template asks for; the value is its printed name."""

    MODE = "mode"
    REQID = "reqid"
    SPI = "spi"
    MARK = "mark"
    IF_ID = "if_id"
    SOURCE = "source address"
    LIFECYCLE = "lifecycle (not valid)"


@clause("XFRM-FIND-001", "XFRM-CHECK-008", "XFRM-OUT-007")
def unmet_templates(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each policy with a required template that no listed state meets.

    Silent unless the states are known and none of their fields is masked. A state of the same protocol and
    ends that differs elsewhere makes it a warning that names the difference, none at all a note.
    """
    configuration = analysis.configuration
    if not configuration.states_known or configuration.states_masked:
        return
    for placed in transforming(analysis):
        template = _unmet(placed, configuration.states) if placed.templates_known else None
        if template is None:
            continue
        shown = analysis.decided(placed, analysis.owned(placed).flow)
        if shown is not None and not shown.reached and not _accepted(shown):
            yield _unmet_finding(placed, template, configuration.states, shown)


def _accepted(shown: Replay) -> bool:
    return shown.expected is not None and shown.expected.accepted


def _unmet(placed: CheckedPolicy, states: tuple[PlacedState, ...]) -> Template | None:
    for template in placed.policy.templates:
        if template.optional or not instantiable(template.protocol, template.mode):
            continue
        if not any(differences(s.state, template, placed.policy) == () for s in states):
            return template
    return None


def differences(
    state: SecurityAssociation, template: Template, policy: Policy
) -> tuple[Difference, ...] | None:
    """Return in what a state differs from a template, or None when it is for other ends or protocols.

    Source: XFRM-FIND-001 for outbound policies, XFRM-CHECK-008 for the others.
    """
    if state.protocol is not template.protocol or not _same_ends(state, template, policy):
        return None
    out = policy.direction is Direction.OUT
    reqids = (state.reqid,) if out else (state.reqid, 0)
    mark = policy.mark.masked()
    unequal = {
        Difference.MODE: state.mode is not template.mode,
        Difference.REQID: template.reqid not in reqids,
        Difference.SPI: template.spi not in (0, state.spi),
        Difference.MARK: out and mark.value & state.mark.mask != state.mark.value,
        Difference.IF_ID: state.if_id != policy.if_id and (out or policy.if_id != 0),
        Difference.SOURCE: _wrong_source(state, template),
        Difference.LIFECYCLE: state.lifecycle is not Lifecycle.VALID,
    }
    return tuple(difference for difference, differs in unequal.items() if differs)


def _same_ends(state: SecurityAssociation, template: Template, policy: Policy) -> bool:
    """Tell whether a state is for the place where the template is looked up.

    On input the destination of a template is never compared, so that its source is enough.
    """
    if template.mode in TUNNEL_MODES:
        received = policy.direction is not Direction.OUT and not _wrong_source(state, template)
        return received or state.destination == template.destination
    if any(t.mode in TUNNEL_MODES for t in policy.templates):
        return True
    return int(state.destination) == 0 or policy.selector.destination.contains(state.destination)


def _wrong_source(state: SecurityAssociation, template: Template) -> bool:
    if template.mode is Mode.TRANSPORT or int(template.source) == 0 or int(state.source) == 0:
        return False
    return state.source != template.source


def _unmet_finding(
    placed: CheckedPolicy, template: Template, states: tuple[PlacedState, ...], shown: Replay
) -> Finding:
    kind = f"{template.protocol.name} {template.mode.name} reqid {template.reqid}"
    nearest = _nearest(placed.policy, template, states)
    if nearest is None:
        return claim(
            UNSATISFIABLE_TEMPLATE,
            shown,
            f"No listed state fits the template {kind} of the {name_of(placed)}.",
            ((placed, "has the template"),),
            "Nothing, if the state is negotiated when traffic asks for it; otherwise add the state.",
            severity=Severity.NOTE,
            cause="no state",
        )
    state, unequal = nearest
    parts = " and ".join(difference.value for difference in unequal)
    finding = claim(
        UNSATISFIABLE_TEMPLATE,
        shown,
        f"No listed state fits the template {kind} of the {name_of(placed)}; the one at "
        f"{state.at.file}:{state.at.line} differs in its {parts}.",
        ((placed, "has the template"),),
        f"Make the {parts} of template and state agree.",
        severity=Severity.WARNING,
        cause="nearly",
    )
    return replace(finding, policies=(*finding.policies, Involved(state.at, "nearest state")))


def _nearest(
    policy: Policy, template: Template, states: tuple[PlacedState, ...]
) -> tuple[PlacedState, tuple[Difference, ...]] | None:
    measured = [(differences(placed.state, template, policy), placed) for placed in states]
    near = [(len(unequal), placed.at, placed, unequal) for unequal, placed in measured if unequal]
    if not near:
        return None
    _, _, placed, unequal = min(near, key=lambda entry: entry[:2])
    return placed, unequal
