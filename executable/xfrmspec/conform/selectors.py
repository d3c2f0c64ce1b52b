"""Random scenarios about selectors: one packet, and policies that differ from it in one part each."""

from __future__ import annotations

from ipaddress import IPv6Address
from random import Random

from xfrmspec.conform.drawing import any_port_match, any_selector
from xfrmspec.scenario.choices import ENDS, MARKS, Way, random_flow
from xfrmspec.scenario.terms import (
    INNER_INDEX,
    LOOPBACK_INDEX,
    OUTER_INDEX,
    AddPolicy,
    Receive,
    Scenario,
    Send,
    Step,
    Stimulus,
)
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import ANY_MARK, Action, Direction, Mark, Policy, PolicyType
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import (
    ANY_PORT,
    ANY_PROTOCOL,
    Address,
    Flow,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
)

_DIRECTION = {Way.OUT: Direction.OUT, Way.IN: Direction.IN, Way.THROUGH: Direction.FWD}
_SLOTTED = (
    Protocol.UDP,
    Protocol.ICMPV6,
    Protocol.ICMPV6,
    Protocol.MOBILITY,
    Protocol.MOBILITY,
    Protocol.GRE,
)
_MASKS = (0xFFFF, 0xFF00, 0x00FF, 0x0F0F, 1)
_EXTENSIONS: tuple[tuple[Header, ...], ...] = (
    (),
    (),
    (Header.HOP_BY_HOP,),
    (Header.DESTINATION_OPTIONS,),
    (Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS),
)
_MOST_POLICIES = 4


def selector_scenario(random: Random) -> Scenario:
    """Return policies of different priorities whose selectors nearly meet one packet."""
    way = random.choice(tuple(Way))
    flow = _flow(random, way)
    return _asked(
        random, way, flow, [_near(random, way, flow) for _ in range(random.randint(1, _MOST_POLICIES))]
    )


def raw_selectors(random: Random) -> Scenario:
    """Return policies with any selectors, and one packet."""
    way = random.choice(tuple(Way))
    flow = _flow(random, way)
    return _asked(random, way, flow, [any_selector(random) for _ in range(random.randint(1, _MOST_POLICIES))])


def _flow(random: Random, way: Way) -> Flow:
    """Return a flow that mostly has something in its port slots, and a mark or an interface when sent."""
    flow = random_flow(random, way)
    if flow.protocol in _SLOTTED or random.random() < 0.2:
        return flow
    sources, destinations = ENDS[way]
    protocol = random.choice(_SLOTTED)
    slots = {
        Protocol.ICMPV6: (random.choice((129, 200, 201)), random.choice((0, 1, 7))),
        Protocol.MOBILITY: (random.randrange(12), 0),
    }.get(protocol, (random.choice((258, 4354, 5000)), random.choice((258, 4354, 5000))))
    return replace(
        flow,
        source=random.choice(sources),
        destination=random.choice(destinations),
        protocol=protocol,
        source_slot=slots[0],
        destination_slot=slots[1],
    )


def _near(random: Random, way: Way, flow: Flow) -> Selector:
    """Return a selector that the flow meets but for at most two parts drawn anew."""
    selector = Selector(
        _around(random, flow.source),
        _around(random, flow.destination),
        random.choice((flow.protocol, flow.protocol, ANY_PROTOCOL)),
        _slot_match(random, flow.source_slot),
        _slot_match(random, flow.destination_slot),
    )
    for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
        selector = _spoiled(random, way, selector)
    return selector


def _spoiled(random: Random, way: Way, selector: Selector) -> Selector:
    part = random.randrange(6)
    if part == 0:
        return replace(selector, source=_around(random, random.choice(ENDS[way][0])))
    if part == 1:
        return replace(selector, destination=_around(random, random.choice(ENDS[way][1])))
    if part == 2:
        return replace(selector, protocol=random.choice((*_SLOTTED, 33, 60)))
    if part == 3:
        return replace(selector, source_port=any_port_match(random))
    if part == 4:
        return replace(selector, destination_port=any_port_match(random))
    return replace(selector, ifindex=random.choice((LOOPBACK_INDEX, OUTER_INDEX, INNER_INDEX, 99)))


def _around(random: Random, address: Address) -> Prefix:
    length = random.choice((0, 0, 16, 48, 64, 127, 128, 128))
    kept = int(address) if random.random() < 0.1 else int(address) >> (128 - length) << (128 - length)
    return Prefix(IPv6Address(kept), length)


def _slot_match(random: Random, slot: int) -> PortMatch:
    if random.random() < 0.4:
        return ANY_PORT
    return PortMatch(slot ^ random.choice((0, 0, 0, 0, 1, 0x100)), random.choice(_MASKS))


def _asked(random: Random, way: Way, flow: Flow, selectors: list[Selector]) -> Scenario:
    """Give the selectors to policies of falling strength, the first of which may be closed by its mark."""
    steps: list[Step] = [
        AddPolicy(
            Policy(
                selector,
                _DIRECTION[way],
                random.choice((PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB)),
                random.choice((Action.ALLOW, Action.BLOCK)),
                priority,
                mark=_mark(random, flow),
                if_id=1 if random.random() < 0.04 else 0,
            )
        )
        for priority, selector in enumerate(selectors)
    ]
    return Scenario((*steps, _stimulus(random, way, flow)))


def _mark(random: Random, flow: Flow) -> Mark:
    draw = random.random()
    if draw < 0.6:
        return ANY_MARK
    if draw < 0.8:
        mask = random.choice((1, 0xFF, 0xFFFFFFFF))
        return Mark(flow.mark & mask, mask)
    return random.choice(MARKS)


def _stimulus(random: Random, way: Way, flow: Flow) -> Stimulus:
    if way is Way.OUT:
        return Send(flow, headers=() if flow.protocol == Protocol.UDP else random.choice(_EXTENSIONS))
    return Receive(flow, random.choice(_EXTENSIONS))
