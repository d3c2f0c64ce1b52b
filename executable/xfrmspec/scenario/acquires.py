"""Random scenarios about missing states: packets in a row, of which the first leave larval states behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from xfrmspec.scenario.choices import LOCAL, REMOTE, Way, random_flow
from xfrmspec.scenario.protection import Numbers, outbound_states, random_templates
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send, Step
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import Selector

_ROOM_FOR_STATES = 7
"""More than these make the hash table of states grow, at a moment that nobody can know."""


def acquire_scenario(random: Random) -> Scenario:
    """Return policies whose states are missing, and several packets that ask for them one after another."""
    numbers = Numbers(compressed=True)
    steps: list[Step] = []
    first = replace(random_flow(random, Way.OUT), oif=0)
    for type_ in random.choice(((PolicyType.MAIN,), (PolicyType.SUB, PolicyType.MAIN))):
        templates = tuple(
            _plain(random, t) for t in random_templates(random, random.choice((1, 1, 2)), numbers)
        )
        steps.append(
            AddPolicy(Policy(Selector.between("::/0", "::/0"), Direction.OUT, type_, templates=templates))
        )
        for state in outbound_states(random, first, templates, numbers):
            if random.random() < 0.3:
                steps.append(AddState(state))
    wanted = sum(len(step.policy.templates) for step in steps if isinstance(step, AddPolicy))
    room = _ROOM_FOR_STATES - sum(isinstance(step, AddState) for step in steps)
    for _ in range(min(random.randint(2, 4), max(1, room // wanted))):
        steps.append(Send(first))
        first = replace(first, source=random.choice(LOCAL), destination=random.choice(REMOTE))
    return Scenario(tuple(steps), listeners=random.random() < 0.9)


def acquire_scenarios(seed: int) -> Iterator[Scenario]:
    """Return an endless sequence of acquire scenarios that a seed determines."""
    random = Random(seed)
    while True:
        yield acquire_scenario(random)


def _plain(random: Random, template: Template) -> Template:
    """Of two larval states of one template, mostly the flow's own addresses make the difference."""
    if template.mode is Mode.TUNNEL or random.random() < 0.2:
        return template
    open_template = Template(template.protocol, template.mode, reqid=template.reqid)
    return replace(open_template, optional=template.optional)
