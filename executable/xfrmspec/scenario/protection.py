"""Random scenarios about transformations: packets sent through templates and states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from random import Random

from xfrmspec.scenario.choices import LOCAL, REMOTE, Way, random_flow, random_selector
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send, Step
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import (
    ENDPOINT_MODES,
    Action,
    Direction,
    Mark,
    Mode,
    Policy,
    PolicyType,
    Template,
)
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow, Protocol, Selector

_FIRST_SPI = 0x1001
_MOST_STATES = 6
_CARE_OF_HERE = LOCAL[1]
_CARE_OF_THERE = REMOTE[1]
PAIRS = (
    *((Protocol.ESP, Mode.TRANSPORT),) * 4,
    *((Protocol.AH, Mode.TRANSPORT),) * 4,
    *((Protocol.DESTINATION_OPTIONS, Mode.RO),) * 3,
    *((Protocol.ROUTING, Mode.RO),) * 3,
    *((Protocol.ESP, Mode.TUNNEL),) * 2,
    (Protocol.AH, Mode.TUNNEL),
    (Protocol.IPCOMP, Mode.TRANSPORT),
)
"""The transformations that random packets go through, as often as they are listed."""

_IMPOSSIBLE_PAIRS = (
    (Protocol.DESTINATION_OPTIONS, Mode.TRANSPORT),
    (Protocol.ROUTING, Mode.IN_TRIGGER),
    (Protocol.ESP, Mode.IN_TRIGGER),
)
_EXTENSIONS: tuple[tuple[Header, ...], ...] = (
    *((),) * 4,
    (Header.HOP_BY_HOP,),
    (Header.DESTINATION_OPTIONS,),
    (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS),
)


@dataclass(slots=True)
class Numbers:
    """SPIs that have not been used yet; IPComp's have 16 bits as well."""

    next_spi: int = _FIRST_SPI
    compressed: bool = field(default=False)

    def spi(self) -> int:
        """Return the next unused SPI."""
        self.next_spi += 1
        return self.next_spi - 1


def output_scenario(random: Random) -> Scenario:
    """Return policies with templates, most of the states they need, and one packet that leaves."""
    flow = replace(random_flow(random, Way.OUT), oif=0)
    types = random.choice(((PolicyType.MAIN,), (PolicyType.SUB,), (PolicyType.SUB, PolicyType.MAIN)))
    numbers = Numbers()
    steps: list[Step] = []
    states: list[Step] = []
    for type_ in types:
        templates = random_templates(random, random.choice((0, 1, 1, 2, 2, 3, 6)), numbers)
        steps.append(AddPolicy(outbound_policy(random, flow, type_, templates)))
        states.extend(AddState(state) for state in outbound_states(random, flow, templates, numbers))
    random.shuffle(states)
    del states[_MOST_STATES:]
    headers = () if flow.protocol == Protocol.UDP else random.choice(_EXTENSIONS)
    return Scenario((*steps, *states, Send(flow, headers=headers)), listeners=random.random() < 0.8)


def output_scenarios(seed: int) -> Iterator[Scenario]:
    """Return an endless sequence of output scenarios that a seed determines."""
    random = Random(seed)
    while True:
        yield output_scenario(random)


def random_templates(random: Random, count: int, numbers: Numbers) -> tuple[Template, ...]:
    """Return templates as an outbound policy may store them; IPComp at most once, since it must shrink."""
    return tuple(_template(random, numbers) for _ in range(count))


def _template(random: Random, numbers: Numbers) -> Template:
    protocol, mode = random.choice(PAIRS)
    if protocol is Protocol.IPCOMP and numbers.compressed:
        protocol, mode = Protocol.ESP, Mode.TRANSPORT
    numbers.compressed = numbers.compressed or protocol is Protocol.IPCOMP
    if random.random() < 0.02:
        protocol, mode = random.choice(_IMPOSSIBLE_PAIRS)
    ends = mode in ENDPOINT_MODES
    source: Address = random.choice(LOCAL) if ends else random.choice((IPv6Address(0), *LOCAL))
    return Template(
        protocol,
        mode,
        source,
        random.choice(REMOTE),
        reqid=random.choice((0, 1, 2)),
        optional=not ends and random.random() < 0.15,
    )


def outbound_policy(random: Random, flow: Flow, type_: PolicyType, templates: tuple[Template, ...]) -> Policy:
    """Return an outbound policy that mostly covers a flow, and mostly allows it."""
    selector = Selector.between("::/0", "::/0")
    if random.random() < 0.2:
        selector = random_selector(random, Way.OUT, flow)
    action = Action.BLOCK if random.random() < 0.05 else Action.ALLOW
    mark = Mark(1, 1) if flow.mark & 1 and random.random() < 0.5 else Mark()
    return Policy(selector, Direction.OUT, type_, action, random.choice((0, 1, 2)), templates, mark)


def outbound_states(
    random: Random, flow: Flow, templates: tuple[Template, ...], numbers: Numbers
) -> Iterator[SecurityAssociation]:
    """Yield, for most templates, the state that the resolution will look for; now and then a rival."""
    source, destination = flow.source, flow.destination
    for template in templates:
        ends = (template.source, template.destination)
        here, there = ends if template.mode in ENDPOINT_MODES else (source, destination)
        if random.random() < 0.93:
            yield _state(random, template, here, there, numbers)
            source, destination = here, there
        if random.random() < 0.15:
            yield _rival(random, _state(random, template, here, there, numbers))


def _state(
    random: Random, template: Template, source: Address, destination: Address, numbers: Numbers
) -> SecurityAssociation:
    optimised = template.protocol in (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING)
    care_of = _CARE_OF_HERE if template.protocol is Protocol.DESTINATION_OPTIONS else _CARE_OF_THERE
    return SecurityAssociation(
        source,
        destination,
        template.protocol,
        template.mode,
        0 if optimised else numbers.spi(),
        template.reqid,
        care_of=care_of if optimised else None,
    )


def _rival(random: Random, state: SecurityAssociation) -> SecurityAssociation:
    """Return a state that the search should pass over, or may take instead."""
    kind = random.randrange(5)
    if kind == 0:
        return replace(state, reqid=state.reqid + 1)
    if kind == 1:
        return replace(state, source=IPv6Address(0))
    if kind == 2:
        return replace(state, flags=StateFlag.WILDRECV)
    if kind == 3:
        return replace(state, selector=Selector.between("::/0", "::/0", Protocol.TCP))
    return replace(state, source=random.choice((*LOCAL, *REMOTE)))
