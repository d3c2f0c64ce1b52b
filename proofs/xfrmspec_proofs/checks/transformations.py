"""Checks of templates: states that cannot be, too many of them, optional protection, orders, pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xfrmspec.xfrm.pairing import secondary_direction
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_proofs.checks.analysis import ENCRYPTION, Analysis, claim, name_of, require
from xfrmspec_proofs.checks.configuration import CheckedPolicy
from xfrmspec_proofs.checks.findings import Finding, Severity
from xfrmspec_proofs.checks.replay import Replay, Scenario
from xfrmspec_proofs.checks.rules import (
    OPTIONAL_CLEARTEXT,
    ORDER_REFUSED_BY_PEER,
    QUIRK_TEMPLATE_LIMIT,
    SUB_WITHOUT_MAIN,
    TOO_MANY_TEMPLATES,
    UNSATISFIABLE_TEMPLATE,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import MAX_DEPTH, Action, Direction, Mode, PolicyType, Template

_OVERFLOWS = frozenset({Counter.OUT_POLICY_ERROR, Counter.IN_BUFFER_ERROR})
_PAIRS_PER_SHAPE = 3
_LISTED = 5

Shape = tuple[tuple[int, int, bool], ...]


def transforming(analysis: Analysis) -> Iterator[CheckedPolicy]:
    """Yield every policy that allows with templates whose kinds are known."""
    for group in analysis.groups():
        for placed in group:
            if placed.policy.action is Action.ALLOW and placed.policy.templates and placed.shape_known:
                yield placed


def pairs(analysis: Analysis) -> Iterator[tuple[CheckedPolicy, CheckedPolicy]]:
    """Yield the overlapping pairs of a SUB policy and a MAIN policy it merges with, both with templates."""
    profile = analysis.configuration.profile
    main: dict[tuple[Direction, int], list[CheckedPolicy]] = {}
    subs: list[CheckedPolicy] = []
    for placed in transforming(analysis):
        policy = placed.policy
        if policy.type is PolicyType.SUB:
            subs.append(placed)
        else:
            main.setdefault((policy.direction, policy.family), []).append(placed)
    for sub in subs:
        direction = secondary_direction(sub.policy.direction, profile)
        for other in main.get((direction, sub.policy.family), ()):
            if sub.cube.overlaps(other.cube):
                yield sub, other


@clause("XFRM-TMPL-006")
def impossible_templates(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each policy with a template of a protocol and mode that no state can have."""
    for placed in transforming(analysis):
        bad = next((t for t in placed.policy.templates if not instantiable(t.protocol, t.mode)), None)
        if bad is None:
            continue
        shown = analysis.decided(placed, analysis.owned(placed).flow)
        if shown is not None:
            yield _impossible(placed, bad, shown)


def _impossible(placed: CheckedPolicy, bad: Template, shown: Replay) -> Finding:
    kind = f"{bad.protocol.name} {bad.mode.name}"
    involved = ((placed, "has the template"),)
    if not bad.optional:
        require(not shown.reached, shown, "a required template without a state to drop the packet")
        message = f"The {name_of(placed)} requires a {kind} template, and no such state can exist."
        return claim(
            UNSATISFIABLE_TEMPLATE,
            shown,
            message,
            involved,
            "Use a mode that exists for the protocol, or a block policy if nothing is to pass.",
            cause="kind",
        )
    trigger = bad.mode is Mode.IN_TRIGGER
    what = "only raises acquires" if trigger else "is never applied"
    return claim(
        UNSATISFIABLE_TEMPLATE,
        shown,
        f"The optional {kind} template of the {name_of(placed)} {what}, because no such state can exist.",
        involved,
        "Nothing, if a daemon waits for the acquires." if trigger else "Use a mode that exists for it.",
        severity=Severity.NOTE if trigger else Severity.WARNING,
        cause="trigger" if trigger else "optional kind",
    )


@clause("XFRM-TMPL-004", "XFRM-OUT-005")
def too_many_templates(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each policy or pair with more templates than the profile's kernel uses."""
    usable = analysis.configuration.profile.usable_templates
    for placed in transforming(analysis):
        if len(placed.policy.templates) > usable:
            shown = analysis.decided(placed, analysis.owned(placed).flow)
            yield from _overflow(analysis, [placed], shown)
    for sub, main in pairs(analysis):
        both = (len(sub.policy.templates), len(main.policy.templates))
        if sum(both) > usable and max(both) <= usable:
            shown = analysis.decided(sub, analysis.shared(sub, main))
            yield from _overflow(analysis, [sub, main], shown)


def _overflow(
    analysis: Analysis, policies: Sequence[CheckedPolicy], shown: Replay | None
) -> Iterator[Finding]:
    if shown is None or shown.counter not in _OVERFLOWS:
        return
    count = sum(len(placed.policy.templates) for placed in policies)
    usable = analysis.configuration.profile.usable_templates
    names = " and the ".join(name_of(placed) for placed in policies)
    involved = [(placed, "has templates") for placed in policies]
    verb = "has" if len(policies) == 1 else "have together"
    yield claim(
        TOO_MANY_TEMPLATES,
        shown,
        f"The {names} {verb} {count} templates, and {usable} can be used; every such packet is dropped.",
        involved,
        f"Leave at most {usable} templates for a flow.",
        cause="pair" if len(policies) > 1 else "single",
    )
    if usable < count <= MAX_DEPTH:
        yield claim(
            QUIRK_TEMPLATE_LIMIT,
            shown,
            f"The {names} {verb} {count} templates, which may be stored, but "
            f"{analysis.configuration.profile.name} uses {usable} at most.",
            involved,
            f"Leave at most {usable} templates for a flow.",
        )


@clause("XFRM-TMPL-002", "XFRM-OUT-006", "XFRM-CHECK-013")
def optional_protection(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each policy whose optional ESP and AH templates let cleartext pass."""
    for placed in transforming(analysis):
        protection = [t for t in placed.policy.templates if t.protocol in ENCRYPTION]
        if not protection or not all(t.optional for t in protection):
            continue
        shown = _leak(analysis, placed)
        if shown is None:
            continue
        leaving = placed.policy.direction is Direction.OUT
        effect = "leave unprotected while no state exists" if leaving else "are accepted in cleartext"
        yield claim(
            OPTIONAL_CLEARTEXT,
            shown,
            f"Packets of the {name_of(placed)} {effect}, because its protection is optional.",
            ((placed, "lets cleartext pass"),),
            "Use level required, unless falling back to cleartext is meant.",
        )


def _leak(analysis: Analysis, placed: CheckedPolicy) -> Replay | None:
    """Return a replay in which the policy lets cleartext pass, alone if the other database forbids it."""
    shown = analysis.decided(placed, analysis.owned(placed).flow, Scenario.NO_STATES)
    if shown is not None and shown.leaks:
        return shown
    configuration, policy = analysis.configuration, placed.policy
    other = PolicyType.MAIN if policy.type is PolicyType.SUB else PolicyType.SUB
    direction = secondary_direction(policy.direction, configuration.profile)
    rest = configuration.group(direction, other, policy.family)
    shown = analysis.decided(placed, analysis.alone(placed, rest), Scenario.NO_STATES)
    return shown if shown is not None and shown.leaks else None


@clause("XFRM-SORT-004", "XFRM-SORT-005", "XFRM-CHECK-010")
def orders_refused_by_peer(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each kind of outbound template list that a mirrored peer does not accept."""
    tried: dict[tuple[Shape, ...], int] = {}
    for placed in transforming(analysis):
        if placed.policy.direction is Direction.OUT and len(placed.policy.templates) > 1:
            yield from _refused(analysis, [placed], tried)
    for sub, main in pairs(analysis):
        if sub.policy.direction is Direction.OUT:
            yield from _refused(analysis, [sub, main], tried)


def _refused(
    analysis: Analysis, policies: list[CheckedPolicy], tried: dict[tuple[Shape, ...], int]
) -> Iterator[Finding]:
    shape = tuple(_shape(placed) for placed in policies)
    if tried.get(shape, 0) >= _PAIRS_PER_SHAPE:
        return
    first = policies[0]
    flow = analysis.owned(first).flow if len(policies) == 1 else analysis.shared(first, policies[1])
    if flow is None:
        return
    tried[shape] = tried.get(shape, 0) + 1
    shown = analysis.decided(first, flow, Scenario.MIRRORED_PEER)
    if shown is None or shown.reached:
        return
    names = " with the ".join(name_of(placed) for placed in policies)
    yield claim(
        ORDER_REFUSED_BY_PEER,
        shown,
        f"What the {names} sends is dropped by a peer with the same policies the other way round.",
        [(placed, "orders the headers") for placed in policies],
        "Change the order of the templates: innermost first, ESP before AH, tunnels last.",
        cause=str(shape),
    )


def _shape(placed: CheckedPolicy) -> Shape:
    return tuple((int(t.protocol), int(t.mode), t.optional) for t in placed.policy.templates)


@clause("XFRM-PAIR-001", "XFRM-OUT-003")
def subs_without_main(analysis: Analysis) -> Iterator[Finding]:
    """Yield one note per direction and family: SUB policies with flows that no MAIN policy matches."""
    configuration = analysis.configuration
    found: dict[tuple[Direction, int], list[tuple[CheckedPolicy, Replay]]] = {}
    for placed in transforming(analysis):
        policy = placed.policy
        if policy.type is not PolicyType.SUB:
            continue
        if not any(instantiable(t.protocol, t.mode) for t in policy.templates):
            continue
        direction = secondary_direction(policy.direction, configuration.profile)
        main = configuration.group(direction, PolicyType.MAIN, policy.family)
        shown = analysis.decided(placed, analysis.alone(placed, main))
        if shown is not None and not any(t.protocol in ENCRYPTION for t in policy.templates):
            require(len(shown.deciders) == 1, shown, "the SUB policy to decide alone")
            found.setdefault((policy.direction, policy.family), []).append((placed, shown))
    for alike in found.values():
        yield _unprotected(alike)


def _unprotected(alike: list[tuple[CheckedPolicy, Replay]]) -> Finding:
    first, shown = alike[0]
    count = len(alike)
    subject = f"The {name_of(first)} has" if count == 1 else f"{count} SUB policies have"
    return claim(
        SUB_WITHOUT_MAIN,
        shown,
        f"{subject} flows that meet no MAIN policy, so that nothing asks for IPsec.",
        [(placed, "has no MAIN policy beside it") for placed, _ in alike[:_LISTED]],
        "Nothing, if Mobile IPv6 is to run without IPsec; otherwise add MAIN policies for these flows.",
    )
