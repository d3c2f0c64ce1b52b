"""What the single checks share: who can decide which flow, and how a claim becomes a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xfrmspec_proofs.checks.configuration import CheckedPolicy, Configuration, Group
from xfrmspec_proofs.checks.cube import Cube
from xfrmspec_proofs.checks.findings import Finding, Involved, Severity
from xfrmspec_proofs.checks.replay import Replay, Scenario, replay
from xfrmspec_proofs.checks.rules import Rule
from xfrmspec_proofs.checks.search import Found, find_uncovered
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import Family, Flow, Protocol

ENCRYPTION = frozenset({Protocol.ESP, Protocol.AH})
TUNNEL_MODES = frozenset({Mode.TUNNEL, Mode.BEET})


class UnshownClaimError(AssertionError):
    """A check derived something that the reference does not show: an error of this program."""


class Analysis:
    """One configuration under examination; remembers searches and counts those that gave up."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.undecided = 0
        self._owned: dict[tuple[Direction, int], Found] = {}
        self._places = {
            placed.key: number
            for group in configuration.groups.values()
            for number, placed in enumerate(group)
        }
        self._cubes = {key: [p.cube for p in group] for key, group in configuration.groups.items()}
        self._plain = {key: all(p.comparable for p in group) for key, group in configuration.groups.items()}

    def groups(self) -> Iterable[Group]:
        """Return every group, in the order of direction, type and family."""
        return self.configuration.groups.values()

    def group_of(self, placed: CheckedPolicy) -> Group:
        """Return the policies that compete with a policy, itself among them."""
        policy = placed.policy
        return self.configuration.group(policy.direction, policy.type, policy.family)

    def search(self, cube: Cube, obstacles: Sequence[Cube], family: Family) -> Found:
        """Find a flow of the cube outside the obstacles, counting searches that give up."""
        found = find_uncovered(cube, obstacles, family)
        self.undecided += found.exhausted
        return found

    def stronger(self, placed: CheckedPolicy) -> list[CheckedPolicy]:
        """Return the competitors with common flows that surely win; none when the own priority is hidden."""
        if not placed.comparable:
            return []
        before = self.group_of(placed)[: self._places[placed.key]]
        value, mask = placed.cube.value, placed.cube.mask
        return [
            other
            for other in before
            if (value ^ other.cube.value) & mask & other.cube.mask == 0 and other.comparable
        ]

    def possible_obstacles(self, placed: CheckedPolicy) -> list[Cube]:
        """Return the cubes of every competitor that does not surely lose against a policy."""
        key = (placed.policy.direction, placed.policy.type, placed.policy.family)
        place = self._places[placed.key]
        cubes = self._cubes[key]
        if self._plain[key]:
            return cubes[:place]
        group = self.configuration.groups[key]
        return [
            other.cube
            for number, other in enumerate(group)
            if other is not placed and not (number > place and placed.comparable and other.comparable)
        ]

    def owned(self, placed: CheckedPolicy) -> Found:
        """Find a flow that a policy surely decides within its own database."""
        if placed.key not in self._owned:
            obstacles = self.possible_obstacles(placed)
            self._owned[placed.key] = self.search(placed.cube, obstacles, placed.policy.family)
        return self._owned[placed.key]

    def shared(self, first: CheckedPolicy, second: CheckedPolicy) -> Flow | None:
        """Find a flow of both policies that the first surely decides within its own database.

        When the policies are of two databases or directions, the second decides within its own.
        """
        apart = (first.policy.type, first.policy.direction) != (second.policy.type, second.policy.direction)
        if self.owned(first).flow is None or (apart and self.owned(second).flow is None):
            return None
        obstacles = self.possible_obstacles(first)
        if apart:
            obstacles = obstacles + self.possible_obstacles(second)
        return self.search(first.cube.meet(second.cube), obstacles, first.policy.family).flow

    def alone(self, placed: CheckedPolicy, others: Iterable[CheckedPolicy]) -> Flow | None:
        """Find a flow that a policy surely decides and that no policy of `others` matches."""
        obstacles = self.possible_obstacles(placed) + [other.cube for other in others]
        return self.search(placed.cube, obstacles, placed.policy.family).flow

    def replay(self, flow: Flow, direction: Direction, scenario: Scenario = Scenario.PLAIN) -> Replay:
        """Decide a flow by the reference."""
        return replay(self.configuration, flow, direction, scenario)

    def decided(
        self, placed: CheckedPolicy, flow: Flow | None, scenario: Scenario = Scenario.PLAIN
    ) -> Replay | None:
        """Replay a flow that a policy should decide; None without a flow, or when others keep it out.

        Others are policies of the other database (a blocking SUB policy, say) and hidden values.
        UnshownClaimError when the policy's own database gives the flow to another.
        """
        if flow is None:
            return None
        shown = self.replay(flow, placed.policy.direction, scenario)
        if not shown.certain:
            return None
        if placed.policy in shown.deciders:
            return shown
        rivals = [d for d in shown.deciders if _compete(d, placed.policy)]
        require(not rivals, shown, f"{placed.place} to decide")
        return None


def claim(
    rule: Rule,
    shown: Replay,
    message: str,
    involved: Sequence[tuple[CheckedPolicy, str]],
    advice: str,
    *,
    severity: Severity | None = None,
    cause: str = "",
) -> Finding:
    """Make a finding of a replayed flow; the cause is completed by direction and family."""
    direction, family = shown.direction, shown.flow.family
    return Finding(
        rule.id,
        severity or rule.severity,
        message,
        tuple(Involved(placed.at, role) for placed, role in involved),
        shown.flow,
        direction,
        shown.scenario,
        shown.outcome,
        advice,
        rule.clauses,
        f"{cause} {direction.name} {family.name}",
    )


def require(held: bool, shown: Replay, what: str) -> None:
    """Raise UnshownClaimError unless the reference shows what a check derived."""
    if not held:
        raise UnshownClaimError(f"expected {what}, but {shown.flow} {shown.outcome}")


def name_of(placed: CheckedPolicy) -> str:
    """Return how messages name a policy: direction, type, priority and selector."""
    policy = placed.policy
    selector = policy.selector
    protocol = f" proto {selector.protocol}" if selector.protocol else ""
    priority = str(policy.priority) if placed.priority_known else "hidden"
    return (
        f"{policy.direction.name.lower()} {policy.type.name.lower()} policy "
        f"{selector.source} -> {selector.destination}{protocol} (priority {priority})"
    )


def want_different(first: CheckedPolicy, second: CheckedPolicy) -> bool:
    """Tell whether two policies surely do different things to a flow."""
    one, other = first.policy, second.policy
    if one.action is not other.action:
        return True
    if one.action is Action.BLOCK or not (first.shape_known and second.shape_known):
        return False
    return _comparable_templates(first, second) != _comparable_templates(second, first)


def is_protecting(policy: Policy) -> bool:
    """Tell whether a policy requires ESP or AH."""
    return policy.action is Action.ALLOW and any(
        t.protocol in ENCRYPTION and not t.optional for t in policy.templates
    )


def is_bypass(policy: Policy) -> bool:
    """Tell whether a policy lets its flows pass as they are."""
    return policy.action is Action.ALLOW and not policy.templates


def is_tunnel(policy: Policy) -> bool:
    """Tell whether a policy has a tunnel or BEET template."""
    return policy.action is Action.ALLOW and any(t.mode in TUNNEL_MODES for t in policy.templates)


def main_beside(analysis: Analysis, placed: CheckedPolicy, direction: Direction) -> Group:
    """Return the MAIN policies of a direction and of the policy's family."""
    return analysis.configuration.group(direction, PolicyType.MAIN, placed.policy.family)


def _compete(first: Policy, second: Policy) -> bool:
    return (first.direction, first.type) == (second.direction, second.type)


def _comparable_templates(placed: CheckedPolicy, other: CheckedPolicy) -> tuple[Template, ...]:
    """Return the templates, without negotiated numbers where either text hides some."""
    if placed.templates_known and other.templates_known:
        return placed.policy.templates
    return tuple(replace(template, reqid=0, spi=0) for template in placed.policy.templates)
