"""Checks across directions and families: tunnels without fwd policies, catch-alls of one family."""

from __future__ import annotations

from collections.abc import Iterator

from xfrmspec_proofs.checks.analysis import Analysis, claim, is_protecting, is_tunnel, name_of
from xfrmspec_proofs.checks.configuration import CheckedPolicy
from xfrmspec_proofs.checks.cube import IF_ID_SHIFT, Cube
from xfrmspec_proofs.checks.findings import Finding, Severity
from xfrmspec_proofs.checks.replay import Scenario
from xfrmspec_proofs.checks.rules import FAMILY_LEFT_OPEN, TUNNEL_IN_WITHOUT_FWD
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import Action, Direction, PolicyType
from xfrmspec_terms.selector import UINT32_MAX, Family

_IF_ID_BITS = UINT32_MAX << IF_ID_SHIFT


@clause("XFRM-CHECK-001", "XFRM-CHECK-004")
def tunnels_without_forwarding(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each in policy with a tunnel whose packets meet no fwd policy."""
    for group in analysis.groups():
        for placed in group:
            policy = placed.policy
            if policy.direction is not Direction.IN or not is_tunnel(policy) or not placed.shape_known:
                continue
            if not _ends_here(placed):
                yield from _not_forwarded(analysis, placed)


def _ends_here(placed: CheckedPolicy) -> bool:
    """Tell whether the inner destination is the tunnel end itself, which never forwards to itself."""
    destination = placed.policy.selector.destination
    return destination.length == destination.family.width and any(
        template.destination == destination.address for template in placed.policy.templates
    )


def _not_forwarded(analysis: Analysis, placed: CheckedPolicy) -> Iterator[Finding]:
    family = placed.policy.family
    forwarding = analysis.configuration.by_family.get((Direction.FWD, family), ())
    flow = analysis.alone(placed, forwarding)
    if analysis.decided(placed, flow) is None or flow is None:
        return
    shown = analysis.replay(flow, Direction.FWD, Scenario.FORWARDED)
    if shown.expected is None or shown.expected.counter is not Counter.IN_NO_POLICIES:
        return
    destination = placed.policy.selector.destination
    single = destination.length == destination.family.width
    yield claim(
        TUNNEL_IN_WITHOUT_FWD,
        shown,
        f"Packets that the {name_of(placed)} takes out of its tunnel meet no fwd policy when forwarded.",
        ((placed, "has no fwd policy"),),
        "Add a fwd policy with the same selector and templates, unless this host is the destination.",
        severity=Severity.NOTE if single else Severity.WARNING,
    )


@clause("XFRM-SEL-004", "XFRM-DEFAULT-001")
def families_left_open(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each direction in which a catch-all for IPv4 has no counterpart for IPv6."""
    configuration = analysis.configuration
    for direction in Direction:
        group = configuration.group(direction, PolicyType.MAIN, Family.INET)
        catch_all = next((p for p in group if _is_catch_all(p)), None)
        if catch_all is None:
            continue
        others = configuration.by_family.get((direction, Family.INET6), ())
        cube = Cube(catch_all.cube.value, catch_all.cube.mask)
        flow = analysis.search(cube, [other.cube for other in others], Family.INET6).flow
        if flow is None:
            continue
        shown = analysis.replay(flow, direction)
        if not (shown.certain and shown.leaks):
            continue
        blocks = catch_all.policy.action is Action.BLOCK
        yield claim(
            FAMILY_LEFT_OPEN,
            shown,
            f"The {name_of(catch_all)} {'blocks' if blocks else 'protects'} all IPv4 traffic, but IPv6 "
            "traffic meets no policy and passes.",
            ((catch_all, "covers IPv4 only"),),
            "Add the same policy for ::/0, or set the default action of the direction to block.",
            severity=Severity.WARNING if blocks else Severity.NOTE,
        )


def _is_catch_all(placed: CheckedPolicy) -> bool:
    policy = placed.policy
    if not placed.comparable or placed.cube.mask & ~_IF_ID_BITS:
        return False
    return policy.action is Action.BLOCK or is_protecting(policy)
