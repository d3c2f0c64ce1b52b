"""Random scenarios about the search for states: some that nearly fit, and packets that wait for others."""

from __future__ import annotations

from ipaddress import IPv6Address
from random import Random
from typing import Any

from xfrmspec.conform.state_drawing import within_room
from xfrmspec.scenario.choices import LOCAL, REMOTE, Way, random_flow
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send, Step
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import ANY_MARK, Direction, Mark, Mode, Policy, Template
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow, Protocol, Selector

_SPI = 0x2001
_OPEN: tuple[Address, Address] = (IPv6Address(0), IPv6Address(0))
_KINDS = (
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
)
_NO_CHANGE: tuple[dict[str, Any], ...] = ({}, {}, {})
_MARKS = (ANY_MARK, ANY_MARK, ANY_MARK, Mark(1, 1), Mark(1, 3))


def search_scenario(random: Random) -> Scenario:
    """Return a policy with templates, states that fit or miss in one part, and one to three packets.

    Some states come between two packets: too late for the first, or behind what it is waiting for.
    """
    flow = replace(random_flow(random, Way.OUT), oif=0, mark=random.choice((0, 1, 1)))
    templates = tuple(_template(random, flow, number) for number in range(random.choice((1, 1, 2))))
    if random.random() < 0.15:
        templates = _twice(templates[0])
    mark = Mark(flow.mark & 1, 1) if random.random() < 0.5 else ANY_MARK
    policy = Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=templates, mark=mark)
    states = [_state(random, flow, random.choice(templates)) for _ in range(random.randint(0, 4))]
    unlike = {(s.protocol, s.destination, s.spi, s.source if not s.spi else None): s for s in states}
    steps: list[Step] = [Send(_beside(random, flow)) for _ in range(random.randint(1, 3))]
    for state in reversed(unlike.values()):
        late = random.random() < 0.25
        steps.insert(random.randrange(len(steps)) if late else 0, AddState(state))
    listeners, watched = random.random() < 0.8, random.random() < 0.2
    fitted = within_room(steps, len(templates)) if watched else steps
    return Scenario((AddPolicy(policy), *fitted), listeners=listeners, watched=watched)


def _twice(template: Template) -> tuple[Template, ...]:
    """Return the template twice: what the first one asks for, the second one waits for."""
    return (replace(template, optional=template.mode is not Mode.TUNNEL), replace(template, optional=False))


def _template(random: Random, flow: Flow, number: int) -> Template:
    protocol, mode = random.choice(_KINDS)
    spi = random.choice((0, 0, _SPI)) if mode is not Mode.RO else 0
    optional = mode is not Mode.TUNNEL and random.random() < 0.3
    template = Template(protocol, mode, spi=spi, reqid=number, optional=optional)
    own: tuple[Address, Address] = (flow.source, flow.destination)
    ends = own if mode is Mode.TUNNEL else random.choice((_OPEN, _OPEN, own, _ends(random, flow)))
    return replace(template, source=ends[0], destination=ends[1])


def _ends(random: Random, flow: Flow) -> tuple[Address, Address]:
    """Return ends one of which is not the flow's: a search does not ask for them, a larval state has them."""
    elsewhere: tuple[tuple[Address, Address], ...] = (
        (_anyone(random), flow.destination),
        (random.choice(LOCAL), flow.destination),
        (flow.source, random.choice(REMOTE)),
    )
    return random.choice(elsewhere)


def _anyone(random: Random) -> Address:
    """Return one of many addresses, so that some stand in the same place of a hash table."""
    return IPv6Address(int(LOCAL[0]) + random.randrange(2, 1 << 12))


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
    changes: tuple[dict[str, Any], ...] = (
        {"source": random.choice(LOCAL)},
        {"source": _anyone(random)},
        {"source": IPv6Address(0)},
        {"selector": Selector.between("::/0", "::/0", flow.protocol)},
        {"destination": random.choice(REMOTE)},
        {"reqid": random.choice((0, 7))},
        {"mark": random.choice(_MARKS)},
        {"mark": random.choice(_MARKS)},
        {"if_id": 1},
        {} if optimised else {"spi": _SPI + 3},
        *_NO_CHANGE,
    )
    return replace(state, **random.choice(changes))


def _beside(random: Random, flow: Flow) -> Flow:
    """Return the flow, or one of another source, destination, mark or protocol."""
    other = random_flow(random, Way.OUT)
    slots = (other.source_slot, other.destination_slot)
    changes: tuple[dict[str, Any], ...] = (
        *_NO_CHANGE,
        {"protocol": other.protocol, "source_slot": slots[0], "destination_slot": slots[1]},
        {"source": random.choice(LOCAL)},
        {"destination": random.choice(REMOTE)},
        {"mark": flow.mark ^ 1},
    )
    return replace(flow, **random.choice(changes))
