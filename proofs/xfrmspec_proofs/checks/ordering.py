"""Checks of who wins: ties, shadows, captured signalling, bypasses, hidden priorities, duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xfrmspec_proofs.checks.analysis import (
    Analysis,
    claim,
    is_bypass,
    is_protecting,
    is_tunnel,
    name_of,
    require,
    want_different,
)
from xfrmspec_proofs.checks.configuration import CheckedPolicy, Group, PlacedPolicy, build_configuration
from xfrmspec_proofs.checks.cube import PROTOCOL_BITS, Cube, example_flow
from xfrmspec_proofs.checks.findings import Finding, Involved, Severity
from xfrmspec_proofs.checks.replay import Replay
from xfrmspec_proofs.checks.rules import (
    BYPASS_INSIDE_PROTECTED,
    DUPLICATE_IDENTITY,
    MASKED_VALUES,
    SELECTOR_MATCHES_NOTHING,
    SHADOWED_POLICY,
    SIGNALLING_CAPTURED,
    UNDECIDED_TIE,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Action, Direction
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol, SlotMeaning, slot_meaning

_MAX_CORE = 16
_NAMED = 4
_KEY_EXCHANGE_PORTS = frozenset({500, 4500})
_LISTED = 5
_SLOT_BITS = 0xFFFFFFFF

Tie = tuple[CheckedPolicy, CheckedPolicy, Replay]
"""The winner, a loser, and a replayed flow of both."""


@clause("XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007", "XFRM-LOOKUP-011")
def undecided_ties(analysis: Analysis) -> Iterator[Finding]:
    """Yield one finding for each policy that takes flows from policies of equal priority only."""
    for group in analysis.groups():
        ties: dict[tuple[Direction, int], list[Tie]] = {}
        for rivals, loser in _equals_before(group):
            tie = _first_tie(analysis, rivals, loser)
            if tie is not None:
                ties.setdefault(tie[0].key, []).append(tie)
        for alike in ties.values():
            yield _tie(analysis, alike)


def _equals_before(group: Group) -> Iterator[tuple[list[CheckedPolicy], CheckedPolicy]]:
    """Yield each comparable policy with those of equal priority that win over it and disagree."""
    equals: list[CheckedPolicy] = []
    for placed in group:
        if not placed.comparable:
            continue
        if equals and equals[-1].policy.priority != placed.policy.priority:
            equals = []
        near = [p for p in equals if p.cube.overlaps(placed.cube) and want_different(p, placed)]
        if near:
            yield near, placed
        equals.append(placed)


def _first_tie(analysis: Analysis, rivals: list[CheckedPolicy], loser: CheckedPolicy) -> Tie | None:
    for winner in rivals:
        shown = analysis.decided(winner, analysis.shared(winner, loser))
        if shown is not None:
            return winner, loser, shown
    return None


def _tie(analysis: Analysis, alike: list[Tie]) -> Finding:
    """Report the policies that one policy takes flows from; the first of them in full."""
    winner, loser, shown = alike[0]
    name = analysis.configuration.profile.name
    why = _deciding_circumstance(winner, loser, analysis.configuration.profile)
    rest = f"; {len(alike) - 1} more tie with the first in the same way" if len(alike) > 1 else ""
    grave = any(_is_grave(winner, other) for _, other, _ in alike)
    return claim(
        UNDECIDED_TIE,
        shown,
        f"The {name_of(winner)} and the {name_of(loser)} both match and disagree; under {name} the first "
        f"wins, and only {why} decides{rest}.",
        ((winner, "wins"), *((other, "loses") for _, other, _ in alike[:_LISTED])),
        "Give them different priorities, the smaller number to the one that is meant to win.",
        severity=Severity.ERROR if grave else Severity.WARNING,
    )


def _is_grave(winner: CheckedPolicy, loser: CheckedPolicy) -> bool:
    one, other = winner.policy, loser.policy
    return one.action is not other.action or is_protecting(one) is not is_protecting(other)


def _deciding_circumstance(winner: CheckedPolicy, loser: CheckedPolicy, profile: Profile) -> str:
    """Install the two alone in both orders and see whether the order made the difference."""
    placed = [PlacedPolicy(p.policy, p.at) for p in (winner, loser)]
    winners = set()
    for order in (placed, placed[::-1]):
        database = build_configuration(order, profile)
        first = database.group(winner.policy.direction, winner.policy.type, winner.policy.family)[0]
        winners.add(first.at)
    return "the order of insertion" if len(winners) == 2 else "the list each is kept in"


@clause("XFRM-LOOKUP-001", "XFRM-SEL-002")
def shadowed_policies(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each policy that no flow is left for, or that no packet can match at all.

    A policy that loses flows to an equal priority is a tie, not a shadow.
    """
    for group in analysis.groups():
        for placed in group:
            if not placed.matching_known:
                continue
            if example_flow(placed.cube, placed.policy.family) is None:
                yield from _matching_nothing(analysis, placed)
            elif placed.comparable and analysis.owned(placed).flow is None:
                yield from _shadow(analysis, placed)


def _shadow(analysis: Analysis, placed: CheckedPolicy) -> Iterator[Finding]:
    core = _core(analysis, placed, analysis.stronger(placed))
    flow = example_flow(placed.cube, placed.policy.family)
    if not core or flow is None:
        return
    shown = analysis.replay(flow, placed.policy.direction)
    if not shown.certain:
        return
    require(placed.policy not in shown.deciders, shown, f"{placed.place} not to decide")
    harmful = any(want_different(placed, other) for other in core)
    if harmful and any(other.policy.priority == placed.policy.priority for other in core):
        return
    if len(core) == 1:
        how = f"the stronger {name_of(core[0])} takes all of its flows"
    else:
        how = f"{len(core)} stronger policies together take all of its flows"
    yield claim(
        SHADOWED_POLICY,
        shown,
        f"The {name_of(placed)} never decides: {how}{'' if harmful else ', to the same effect'}.",
        ((placed, "shadowed"), *((other, "covers") for other in core[:_NAMED])),
        "Make it stronger than the policies that cover it, or remove it."
        if harmful
        else "Remove it, unless it is meant to stay when the others go.",
        severity=Severity.WARNING if harmful else Severity.NOTE,
        cause="union" if len(core) > 1 else "single",
    )


def _core(analysis: Analysis, placed: CheckedPolicy, stronger: list[CheckedPolicy]) -> list[CheckedPolicy]:
    """Return policies that together cover one: a single one, a small set, or all; empty when uncovered."""
    for other in stronger:
        if other.cube.covers(placed.cube):
            return [other]
    family = placed.policy.family
    if not analysis.search(placed.cube, [p.cube for p in stronger], family).empty:
        return []
    if len(stronger) > _MAX_CORE:
        return stronger
    core = list(stronger)
    for other in stronger[::-1]:
        rest = [p for p in core if p is not other]
        if analysis.search(placed.cube, [p.cube for p in rest], family).empty:
            core = rest
    return core


def _matching_nothing(analysis: Analysis, placed: CheckedPolicy) -> Iterator[Finding]:
    open_slots = Cube(placed.cube.value & ~_SLOT_BITS, placed.cube.mask & ~_SLOT_BITS)
    flow = example_flow(open_slots, placed.policy.family)
    if flow is None:
        return
    shown = analysis.replay(flow, placed.policy.direction)
    if not shown.certain:
        return
    require(placed.policy not in shown.deciders, shown, f"{placed.place} not to match")
    protocol = placed.policy.selector.protocol
    yield claim(
        SELECTOR_MATCHES_NOTHING,
        shown,
        f"The {name_of(placed)} asks for a port or type that packets of protocol {protocol} never have.",
        ((placed, "matches nothing"),),
        "Remove the port or type from the selector, or correct the protocol.",
    )


@clause("XFRM-LOOKUP-010")
def captured_signalling(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each mobility header policy that loses messages to a tunnel policy."""
    for group in analysis.groups():
        for place, placed in enumerate(group):
            if not (placed.comparable and _is_signalling(placed)):
                continue
            for tunnel in group[:place]:
                finding = _capture(analysis, tunnel, placed)
                if finding is not None:
                    yield finding
                    break


def _is_signalling(placed: CheckedPolicy) -> bool:
    policy = placed.policy
    return (
        policy.selector.protocol == Protocol.MOBILITY
        and policy.action is Action.ALLOW
        and placed.shape_known
        and not is_tunnel(policy)
    )


def _capture(analysis: Analysis, tunnel: CheckedPolicy, signalling: CheckedPolicy) -> Finding | None:
    if not (tunnel.comparable and is_tunnel(tunnel.policy) and tunnel.cube.overlaps(signalling.cube)):
        return None
    if signalling.cube.covers(tunnel.cube) and signalling.cube != tunnel.cube:
        return None
    shown = analysis.decided(tunnel, analysis.shared(tunnel, signalling))
    if shown is None:
        return None
    return claim(
        SIGNALLING_CAPTURED,
        shown,
        f"The {name_of(tunnel)} takes mobility header messages that the {name_of(signalling)} names.",
        ((tunnel, "captures"), (signalling, "loses its messages")),
        f"Give the signalling policy a priority number below {tunnel.policy.priority}."
        if tunnel.policy.priority
        else "Give the tunnel policy a larger priority number than the signalling policy.",
    )


@clause("XFRM-LOOKUP-001", "XFRM-OUT-003")
def bypasses_inside_protected(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each bypass that takes flows which a weaker policy would protect."""
    for group in analysis.groups():
        protecting = [(n, p) for n, p in enumerate(group) if p.comparable and is_protecting(p.policy)]
        for place, placed in enumerate(group):
            if not (placed.comparable and is_bypass(placed.policy)):
                continue
            for number, weaker in protecting:
                weak = number > place and weaker.policy.priority > placed.policy.priority
                finding = _bypass(analysis, placed, weaker) if weak else None
                if finding is not None:
                    yield finding
                    break


def _bypass(analysis: Analysis, bypass: CheckedPolicy, weaker: CheckedPolicy) -> Finding | None:
    if not bypass.cube.overlaps(weaker.cube):
        return None
    shown = analysis.decided(bypass, analysis.shared(bypass, weaker))
    if shown is None or not shown.leaks:
        return None
    customary = _is_customary(bypass.cube, shown)
    return claim(
        BYPASS_INSIDE_PROTECTED,
        shown,
        f"The {name_of(bypass)} lets flows pass unprotected that the weaker {name_of(weaker)} would protect.",
        ((bypass, "bypasses"), (weaker, "would protect")),
        "Keep it if the exception is meant; otherwise make it weaker than the protecting policy.",
        severity=Severity.NOTE if customary else Severity.WARNING,
    )


def _is_customary(cube: Cube, shown: Replay) -> bool:
    """Neighbour discovery, signalling and key exchange are kept out of tunnels on purpose."""
    flow = shown.flow
    if not cube.mask & PROTOCOL_BITS:
        return False
    if slot_meaning(flow.protocol) in (SlotMeaning.TYPE_AND_CODE, SlotMeaning.MOBILITY_TYPE):
        return True
    ports = {flow.source_slot, flow.destination_slot}
    return flow.protocol == Protocol.UDP and bool(ports & _KEY_EXCHANGE_PORTS)


def hidden_orders(analysis: Analysis) -> Iterator[Finding]:
    """Yield one note when policies overlap and disagree and the text hides what decides between them."""
    count = 0
    first: Finding | None = None
    for group in analysis.groups():
        if all(placed.comparable for placed in group):
            continue
        for number, placed in enumerate(group):
            for other in group[number + 1 :]:
                if placed.comparable and other.comparable:
                    continue
                if not (placed.cube.overlaps(other.cube) and want_different(placed, other)):
                    continue
                count += 1
                first = first or _hidden(analysis, placed, other)
    if first is not None:
        rest = f" ({count} such pairs in all)" if count > 1 else ""
        yield replace(first, message=first.message.removesuffix(".") + rest + ".")


def _hidden(analysis: Analysis, placed: CheckedPolicy, other: CheckedPolicy) -> Finding | None:
    flow = example_flow(placed.cube.meet(other.cube), placed.policy.family)
    if flow is None:
        return None
    shown = analysis.replay(flow, placed.policy.direction)
    if shown.certain:
        return None
    return claim(
        MASKED_VALUES,
        shown,
        f"The {name_of(placed)} and the {name_of(other)} disagree, and the text hides what decides.",
        ((placed, "matches"), (other, "matches")),
        "Check an unmasked dump.",
    )


@clause("XFRM-DB-006", "XFRM-DB-007")
def duplicates(analysis: Analysis) -> Iterator[Finding]:
    """Yield a note for each policy that no database could hold beside an older one of its identity."""
    at = {placed.at: placed for group in analysis.groups() for placed in group}
    for kept, left_out in analysis.configuration.duplicates:
        placed = at[kept.at]
        flow = example_flow(placed.cube, placed.policy.family)
        if flow is None:
            continue
        shown = analysis.replay(flow, placed.policy.direction)
        finding = claim(
            DUPLICATE_IDENTITY,
            shown,
            f"The {name_of(placed)} has a twin of the same identity, which the checks leave out.",
            ((placed, "checked"),),
            "Take one dump of one host; if a kernel really printed both, it is one of the few that could "
            "hold them, and the newer should be deleted.",
        )
        yield replace(finding, policies=(*finding.policies, Involved(left_out.at, "left out")))
