"""From a scenario on which two subjects differ to one in which nothing can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from xfrmspec.scenario.observation import Failure, Outcome, Subject, differences
from xfrmspec.scenario.terms import AddPolicy, Receive, Scenario, Send, Step, UpdatePolicy
from xfrmspec_terms.policy import ANY_MARK, Policy, PolicyType
from xfrmspec_terms.selector import ANY_PORT, ANY_PROTOCOL, Prefix, Selector

MOST_TRIALS = 2000
"""How many scenarios one shrinking may run on each subject."""

_AT_ONCE = 32
_Item = TypeVar("_Item")
_OPEN = Selector.between("::/0", "::/0")


@dataclass(frozen=True, slots=True)
class Minimal:
    """The smallest scenario found, and what both subjects did; `repeated` says that they differed again."""

    scenario: Scenario
    first: Outcome
    second: Outcome
    repeated: bool


def minimise(
    scenario: Scenario, outcomes: tuple[Outcome, Outcome], first: Subject, second: Subject
) -> Minimal:
    """Shrink a scenario on which two subjects differed, as long as they differ in one of the same ways.

    Steps go first, then templates and headers, then the parts of selectors and policies. A scenario that cost
    a guest is not run again. A difference that does not come back is returned as it was, not `repeated`.
    """
    if any(isinstance(outcome, Failure) for outcome in outcomes):
        return Minimal(scenario, *outcomes, repeated=False)
    again = first.run(scenario), second.run(scenario)
    kinds = _kinds(*outcomes) & _kinds(*again)
    if not kinds:
        return Minimal(scenario, *outcomes, repeated=False)
    smallest, trials = Minimal(scenario, *again, repeated=True), 0
    while trials < MOST_TRIALS:
        smaller, tried = _next(smallest, kinds, first, second)
        trials += tried
        if smaller is None:
            break
        smallest = smaller
    return smallest


def _kinds(first: Outcome, second: Outcome) -> set[str]:
    return {difference.what for difference in differences(first, second)}


def _next(smallest: Minimal, kinds: set[str], first: Subject, second: Subject) -> tuple[Minimal | None, int]:
    """Return the first smaller scenario that still shows one of the differences, and how many were tried."""
    source, tried = smaller_scenarios(smallest.scenario), 0
    while candidates := list(islice(source, _AT_ONCE)):
        tried += len(candidates)
        outcomes = zip(candidates, first.run_all(candidates), second.run_all(candidates), strict=True)
        for scenario, one, other in outcomes:
            if _kinds(one, other) & kinds:
                return Minimal(scenario, one, other, repeated=True), tried
    return None, tried


def smaller_scenarios(scenario: Scenario) -> Iterator[Scenario]:
    """Yield every scenario with one thing less: fewer steps first, then smaller steps."""
    steps = scenario.steps
    for size in (len(steps) // 2, len(steps) // 4, 1):
        for start in range(len(steps) - size, -1, -1) if size else ():
            kept = (*steps[:start], *steps[start + size :])
            if kept:
                yield replace(scenario, steps=kept)
    for smaller_step in (_with_less, _simpler):
        for place, step in enumerate(steps):
            for smaller in smaller_step(step):
                yield replace(scenario, steps=(*steps[:place], smaller, *steps[place + 1 :]))
    if not scenario.listeners:
        yield replace(scenario, listeners=True)


def _with_less(step: Step) -> Iterator[Step]:
    """Yield a step with one template, layer or socket policy less."""
    if isinstance(step, AddPolicy | UpdatePolicy):
        yield from (replace(step, policy=policy) for policy in _fewer_templates(step.policy))
    elif isinstance(step, Receive):
        yield from (replace(step, layers=layers) for layers in _one_less(step.layers))
    elif isinstance(step, Send):
        yield from (replace(step, headers=headers) for headers in _one_less(step.headers))
        if step.inbound is not None:
            yield replace(step, inbound=None)
        if step.outbound is not None:
            yield replace(step, outbound=None)
            yield from (replace(step, outbound=policy) for policy in _fewer_templates(step.outbound))


def _one_less(items: tuple[_Item, ...]) -> Iterator[tuple[_Item, ...]]:
    for place in range(len(items)):
        yield (*items[:place], *items[place + 1 :])


def _fewer_templates(policy: Policy) -> Iterator[Policy]:
    return (replace(policy, templates=templates) for templates in _one_less(policy.templates))


def _simpler(step: Step) -> Iterator[Step]:
    """Yield a step with one part of a policy or flow at its plainest value."""
    if isinstance(step, AddPolicy | UpdatePolicy):
        yield from (replace(step, policy=policy) for policy in _simpler_policies(step.policy))
    elif isinstance(step, Send):
        if step.outbound is not None:
            yield from (replace(step, outbound=policy) for policy in _simpler_policies(step.outbound))
        if step.flow.oif:
            yield replace(step, flow=replace(step.flow, oif=0))
        if step.flow.mark:
            yield replace(step, flow=replace(step.flow, mark=0))


_PLAIN: tuple[Callable[[Policy], Policy], ...] = (
    lambda policy: replace(policy, selector=_OPEN),
    lambda policy: _with(policy, source=_OPEN.source),
    lambda policy: _with(policy, destination=_OPEN.destination),
    lambda policy: _with(policy, source=_network(policy.selector.source)),
    lambda policy: _with(policy, destination=_network(policy.selector.destination)),
    lambda policy: _with(policy, protocol=ANY_PROTOCOL),
    lambda policy: _with(policy, source_port=ANY_PORT),
    lambda policy: _with(policy, destination_port=ANY_PORT),
    lambda policy: _with(policy, ifindex=0),
    lambda policy: _with(policy, user=0),
    lambda policy: replace(policy, mark=ANY_MARK),
    lambda policy: replace(policy, if_id=0),
    lambda policy: replace(policy, index=0),
    lambda policy: replace(policy, type=PolicyType.MAIN),
    lambda policy: replace(policy, priority=min(policy.priority, 1)),
)


def _with(policy: Policy, **parts: object) -> Policy:
    return replace(policy, selector=replace(policy.selector, **parts))  # type: ignore[arg-type]


def _network(prefix: Prefix) -> Prefix:
    """Return a prefix without host bits."""
    return Prefix(type(prefix.address)(int(prefix.address) & prefix.mask), prefix.length)


def _simpler_policies(policy: Policy) -> Iterator[Policy]:
    for simplify in _PLAIN:
        simpler = simplify(policy)
        if simpler != policy:
            yield simpler
    for place, template in enumerate(policy.templates):
        for plain in (
            replace(template, spi=0),
            replace(template, reqid=0),
            replace(template, optional=False),
        ):
            if plain != template:
                yield replace(
                    policy, templates=(*policy.templates[:place], plain, *policy.templates[place + 1 :])
                )
