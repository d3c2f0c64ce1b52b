"""Random scenarios about the search for states: some that nearly fit, and packets that wait for others."""

from __future__ import annotations

from random import Random

from xfrmspec.scenario.choices import LOCAL, REMOTE, Way, random_flow
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send, Step
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import ANY_MARK, Direction, Mark, Mode, Policy, Template
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow, Protocol, Selector

_SPI = 0x2001
_KINDS = (
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
)
_MARKS = (ANY_MARK, ANY_MARK, ANY_MARK, Mark(1, 1), Mark(1, 3))


def search_scenario(random: Random) -> Scenario:
    """Return a policy with templates, states that fit or miss in one part, and one to three packets."""
    flow = replace(random_flow(random, Way.OUT), oif=0, mark=random.choice((0, 1, 1)))
    templates = tuple(_template(random, flow, number) for number in range(random.choice((1, 1, 2))))
    mark = Mark(flow.mark & 1, 1) if random.random() < 0.5 else ANY_MARK
    policy = Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=templates, mark=mark)
    states = [_state(random, flow, random.choice(templates)) for _ in range(random.randint(0, 4))]
    unlike = {(s.protocol, s.destination, s.spi, s.source if not s.spi else None): s for s in states}
    steps: list[Step] = [AddPolicy(policy), *(AddState(state) for state in unlike.values())]
    steps += [Send(_beside(random, flow)) for _ in range(random.randint(1, 3))]
    return Scenario(tuple(steps), listeners=random.random() < 0.8)


def _template(random: Random, flow: Flow, number: int) -> Template:
    protocol, mode = random.choice(_KINDS)
    spi = random.choice((0, 0, _SPI)) if mode is not Mode.RO else 0
    optional = mode is not Mode.TUNNEL and random.random() < 0.3
    template = Template(protocol, mode, spi=spi, reqid=number, optional=optional)
    if mode is not Mode.TUNNEL:
        return template
    return replace(template, source=flow.source, destination=flow.destination)


def _state(random: Random, flow: Flow, template: Template) -> SecurityAssociation:
    """Return a state that the template would resolve to, one part of it changed now and then."""
    optimised = template.mode is Mode.RO
    care_of: Address = LOCAL[0] if template.protocol is Protocol.DESTINATION_OPTIONS else REMOTE[0]
    state = SecurityAssociation(
        flow.source,
        flow.destination,
        template.protocol,
        template.mode,
        0 if optimised else template.spi or random.choice((_SPI, _SPI + 1, _SPI + 2)),
        template.reqid,
        care_of=care_of if optimised else None,
    )
    changes: tuple[SecurityAssociation, ...] = (
        replace(state, source=random.choice(LOCAL)),
        replace(state, destination=random.choice(REMOTE)),
        replace(state, reqid=random.choice((0, 7))),
        replace(state, mark=random.choice(_MARKS)),
        replace(state, mark=random.choice(_MARKS)),
        replace(state, if_id=1),
        state if optimised else replace(state, spi=_SPI + 3),
        state,
        state,
        state,
    )
    return random.choice(changes)


def _beside(random: Random, flow: Flow) -> Flow:
    """Return the flow, or one of another source, destination or mark."""
    return random.choice(
        (
            *(flow, flow, flow),
            replace(flow, source=random.choice(LOCAL)),
            replace(flow, destination=random.choice(REMOTE)),
            replace(flow, mark=flow.mark ^ 1),
        )
    )
