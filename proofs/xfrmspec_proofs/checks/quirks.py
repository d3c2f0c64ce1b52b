"""Checks of what the chosen profile gets wrong: each with a flow that this very configuration gives away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xfrmspec_proofs.checks.analysis import (
    Analysis,
    claim,
    is_protecting,
    name_of,
    want_different,
)
from xfrmspec_proofs.checks.configuration import (
    CheckedPolicy,
    Configuration,
    PlacedPolicy,
    build_configuration,
)
from xfrmspec_proofs.checks.findings import Finding, Severity
from xfrmspec_proofs.checks.replay import Replay, Scenario, replay
from xfrmspec_proofs.checks.rules import (
    QUIRK_EXACT_TIE,
    QUIRK_FWD_PAIRING,
    QUIRK_MOBILITY,
    QUIRK_PORTS,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Action, CandidateList, Direction, Mode, Policy, PolicyType
from xfrmspec_terms.profile import MobilityTypeDecoding
from xfrmspec_terms.selector import Family, Flow, Protocol, Selector, SlotMeaning, slot_meaning

_LISTED = 5
_READ_SLOTS = frozenset({SlotMeaning.PORTS, SlotMeaning.TYPE_AND_CODE, SlotMeaning.GRE_KEY})
_UNRELATED = {
    Family.INET: ("203.0.113.0/25", "203.0.113.128/25"),
    Family.INET6: ("100::/65", "100:0:0:0:8000::/65"),
}

Tie = tuple[CheckedPolicy, Replay]
"""A hashed policy that loses a tie, and a replayed flow of it."""


def _received(analysis: Analysis) -> Iterator[CheckedPolicy]:
    """Yield every IPv6 policy for received packets whose flows and templates are known."""
    for direction in (Direction.IN, Direction.FWD):
        for type_ in PolicyType:
            for placed in analysis.configuration.group(direction, type_, Family.INET6):
                if placed.matching_known and placed.shape_known:
                    yield placed


@clause("XFRM-FLOW-003")
def evaded_ports(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each port or type policy that an extension header lets cleartext evade."""
    if analysis.configuration.profile.ports_behind_extension_header:
        return
    for placed in _received(analysis):
        policy, selector = placed.policy, placed.policy.selector
        if not (selector.source_port.mask or selector.destination_port.mask):
            continue
        if not (policy.action is Action.BLOCK or is_protecting(policy)):
            continue
        shown = analysis.decided(placed, analysis.owned(placed).flow)
        if shown is None or shown.reached or slot_meaning(shown.flow.protocol) not in _READ_SLOTS:
            continue
        evaded = analysis.replay(shown.flow, policy.direction, Scenario.BEHIND_OPTIONS)
        if evaded.certain and evaded.reached:
            yield _evasion(placed, evaded)


def _evasion(placed: CheckedPolicy, evaded: Replay) -> Finding:
    stops = "blocks" if placed.policy.action is Action.BLOCK else "protects"
    return claim(
        QUIRK_PORTS,
        evaded,
        f"Cleartext that the {name_of(placed)} {stops} is accepted when an extension header stands in front.",
        ((placed, "is evaded"),),
        "Add a policy of the same protocol without ports that stops what the exceptions do not allow.",
    )


@clause("XFRM-FLOW-002")
def unseen_mobility_types(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each mobility type policy that the kernel's decoding keeps from deciding."""
    if analysis.configuration.profile.mh_type_inbound is MobilityTypeDecoding.CORRECT:
        return
    for placed in _received(analysis):
        selector = placed.policy.selector
        if selector.protocol != Protocol.MOBILITY or not selector.source_port.mask:
            continue
        meant = analysis.decided(placed, analysis.owned(placed).flow)
        if meant is None:
            continue
        optimised = any(template.mode is Mode.RO for template in placed.policy.templates)
        scenario = Scenario.BEHIND_OPTIONS if optimised else Scenario.BARE
        seen = analysis.replay(meant.flow, placed.policy.direction, scenario)
        if seen.certain and _verdicts(meant) != _verdicts(seen):
            yield _unseen_type(placed, meant, seen)


def _unseen_type(placed: CheckedPolicy, meant: Replay, seen: Replay) -> Finding:
    leaks = seen.reached and not meant.reached
    return claim(
        QUIRK_MOBILITY,
        seen,
        f"The {name_of(placed)} does not decide about received messages of its type, and their fate changes.",
        ((placed, "is not found"),),
        "Add a policy for every mobility header type of these addresses.",
        severity=Severity.ERROR if leaks else Severity.WARNING,
    )


def _verdicts(shown: Replay) -> tuple[bool, bool]:
    expected = shown.expected.accepted if shown.expected is not None else shown.reached
    return (shown.reached, expected)


@clause("XFRM-CHECK-002")
def misdirected_forwarding(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each SUB fwd policy beside which MAIN in policies change what is forwarded."""
    configuration = analysis.configuration
    if not configuration.profile.fwd_main_uses_in:
        return
    clean = _under(configuration)
    for family in (Family.INET, Family.INET6):
        beside = [
            other
            for direction in (Direction.FWD, Direction.IN)
            for other in configuration.group(direction, PolicyType.MAIN, family)
        ]
        for sub in configuration.group(Direction.FWD, PolicyType.SUB, family):
            if sub.policy.action is Action.ALLOW and sub.shape_known:
                yield from _misdirected(analysis, clean, sub, beside)


def _under(configuration: Configuration) -> Configuration:
    """Return the configuration with the pairing as it should be."""
    profile = replace(configuration.profile, fwd_main_uses_in=False)
    return replace(configuration, database=replace(configuration.database, profile=profile))


def _misdirected(
    analysis: Analysis, clean: Configuration, sub: CheckedPolicy, beside: list[CheckedPolicy]
) -> Iterator[Finding]:
    for other in beside:
        if not sub.cube.overlaps(other.cube):
            continue
        shown = analysis.decided(sub, analysis.shared(sub, other))
        if shown is None:
            continue
        meant = replay(clean, shown.flow, Direction.FWD)
        if not meant.certain or _verdicts(meant) == _verdicts(shown):
            continue
        leaks = shown.reached and not meant.reached
        passed_over = other.policy.direction is Direction.FWD
        role = "is passed over" if passed_over else "decides instead"
        yield claim(
            QUIRK_FWD_PAIRING,
            shown,
            f"Beside the {name_of(sub)} the kernel asks MAIN for direction in: the {name_of(other)} {role}.",
            ((sub, "is paired wrongly"), (other, role)),
            "Mirror the MAIN fwd policy as an in policy, or move the rule into the SUB policy.",
            severity=Severity.ERROR if leaks else Severity.WARNING,
        )
        return


@clause("XFRM-LOOKUP-007")
def fragile_ties(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each tie that an unhashed policy wins by being the first of its kind."""
    if not analysis.configuration.profile.exact_pos_zero:
        return
    for group in analysis.groups():
        first = [p for p in group if p.installed.list is not CandidateList.EXACT and not p.installed.position]
        hashed = [p for p in group if p.installed.list is CandidateList.EXACT and p.comparable]
        for inexact in first:
            equals = [p for p in hashed if p.policy.priority == inexact.policy.priority]
            found = [tie for exact in equals if (tie := _fragile(analysis, inexact, exact)) is not None]
            if inexact.comparable and found:
                yield _fragile_finding(inexact, found)


def _fragile(analysis: Analysis, inexact: CheckedPolicy, exact: CheckedPolicy) -> Tie | None:
    """Return the tie and a flow of both when an unrelated policy in front would turn it round."""
    if not (inexact.cube.overlaps(exact.cube) and want_different(inexact, exact)):
        return None
    shown = analysis.decided(inexact, analysis.shared(inexact, exact))
    if shown is None:
        return None
    alone = [PlacedPolicy(p.policy, p.at) for p in (inexact, exact)]
    unrelated = PlacedPolicy(_unrelated_policy(inexact.policy), inexact.at)
    winners = [_winner(analysis, policies, shown.flow) for policies in (alone, [unrelated, *alone])]
    return (exact, shown) if winners[0] != winners[1] else None


def _fragile_finding(inexact: CheckedPolicy, found: list[Tie]) -> Finding:
    exact, shown = found[0]
    rest = f" (and over {len(found) - 1} more)" if len(found) > 1 else ""
    return claim(
        QUIRK_EXACT_TIE,
        shown,
        f"The {name_of(inexact)} wins over the {name_of(exact)}{rest} only until another unhashed policy of "
        "the direction precedes it.",
        ((inexact, "wins"), *((loser, "loses") for loser, _ in found[:_LISTED])),
        "Give them different priorities.",
    )


def _unrelated_policy(policy: Policy) -> Policy:
    """Return a policy of the strongest priority for addresses that are never used."""
    source, destination = _UNRELATED[policy.family]
    return Policy(Selector.between(source, destination), policy.direction, priority=0)


def _winner(analysis: Analysis, policies: list[PlacedPolicy], flow: Flow) -> tuple[Selector, ...]:
    configuration = build_configuration(policies, analysis.configuration.profile)
    shown = replay(configuration, flow, policies[-1].policy.direction)
    return tuple(decider.selector for decider in shown.deciders)
