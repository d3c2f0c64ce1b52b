"""Random scenarios about the inbound check: packets that went through states, against policies."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from random import Random

from xfrmspec.scenario.choices import HOME, LOCAL, REMOTE, Way, random_flow, random_selector
from xfrmspec.scenario.protection import PAIRS, Numbers
from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow, Protocol, Selector

_MOST_LAYERS = 4
_USABLE = 5
_Layer = Header | SecurityAssociation


def input_scenario(random: Random) -> Scenario:
    """Return states, policies that nearly ask for them, and one packet that went through the states."""
    way = random.choice((Way.IN, Way.IN, Way.IN, Way.THROUGH))
    flow = random_flow(random, way)
    wanted = _pairs(random, way)
    if (Protocol.ROUTING, Mode.RO) in wanted and way is Way.IN:
        flow = replace(flow, destination=HOME)
    layers = _layers(random, flow, wanted)
    path = tuple(layer for layer in layers if isinstance(layer, SecurityAssociation))
    policies = [AddPolicy(policy) for policy in _policies(random, way, flow, path)]
    states = [AddState(state) for state in path]
    random.shuffle(states)
    return Scenario((*policies, *states, Receive(flow, layers)), listeners=random.random() < 0.8)


def input_scenarios(seed: int) -> Iterator[Scenario]:
    """Return an endless sequence of input scenarios that a seed determines."""
    random = Random(seed)
    while True:
        yield input_scenario(random)


def _pairs(random: Random, way: Way) -> list[tuple[Protocol, Mode]]:
    """Return what the packet goes through, outermost first; each of HAO, RT2 and IPComp at most once.

    A packet that is to be forwarded is not the node's own before its last tunnel was opened.
    """
    pairs: list[tuple[Protocol, Mode]] = []
    for _ in range(random.choice((0, 1, 1, 2, 2, 3, _MOST_LAYERS))):
        pair = random.choice(PAIRS)
        if pair[0] in (Protocol.ESP, Protocol.AH) or pair not in pairs:
            pairs.append(pair)
    if way is Way.THROUGH:
        tunnels = [place for place, pair in enumerate(pairs) if pair[1] is Mode.TUNNEL]
        return pairs[: tunnels[-1] + 1] if tunnels else []
    return pairs


def _layers(random: Random, flow: Flow, pairs: list[tuple[Protocol, Mode]]) -> tuple[_Layer, ...]:
    """Make the states from the innermost on, following the addresses as each layer changes them."""
    numbers = Numbers()
    source, destination = flow.source, flow.destination
    layers: list[_Layer] = []
    if not pairs and random.random() < 0.3:
        return (Header.DESTINATION_OPTIONS,)
    for place in range(len(pairs) - 1, -1, -1):
        outer_is_rt2 = any(pair[0] is Protocol.ROUTING for pair in pairs[:place])
        state = _state(random, pairs[place], source, destination, numbers, outer_is_rt2)
        layers.insert(0, state)
        source, destination = _outside(state, source, destination)
    return tuple(layers)


def _state(
    random: Random,
    pair: tuple[Protocol, Mode],
    source: Address,
    destination: Address,
    numbers: Numbers,
    outer_is_rt2: bool,
) -> SecurityAssociation:
    protocol, mode = pair
    care_of: Address | None = None
    if mode is Mode.TUNNEL:
        source, destination = random.choice(REMOTE), HOME if outer_is_rt2 else random.choice(LOCAL)
    if protocol is Protocol.DESTINATION_OPTIONS:
        care_of = random.choice(REMOTE)
    if protocol is Protocol.ROUTING:
        care_of = random.choice(LOCAL[:-1])
    state = SecurityAssociation(source, destination, protocol, mode, care_of=care_of)
    state = replace(state, spi=0 if care_of else numbers.spi(), reqid=random.choice((0, 1, 2)))
    if random.random() < 0.05:
        other = Selector.between("::/0", "::/0", random.choice((Protocol.TCP, Protocol.UDP)))
        return replace(state, selector=other)
    return state


def _outside(state: SecurityAssociation, source: Address, destination: Address) -> tuple[Address, Address]:
    """Return the addresses of the IP header that stands before a layer."""
    if state.mode is Mode.TUNNEL:
        return state.source, state.destination
    if state.protocol is Protocol.DESTINATION_OPTIONS:
        return state.care_of or source, destination
    if state.protocol is Protocol.ROUTING:
        return source, state.care_of or destination
    return source, destination


def _policies(
    random: Random, way: Way, flow: Flow, path: tuple[SecurityAssociation, ...]
) -> Iterator[Policy]:
    """Share the templates for the path between SUB and MAIN, with mistakes now and then."""
    sub: list[Template] = []
    main: list[Template] = []
    only_main = random.random() < 0.4
    for state in reversed(path):
        if random.random() < 0.08:
            continue
        optimised = state.mode is Mode.RO
        owner = main if only_main or random.random() < (0.15 if optimised else 0.85) else sub
        owner.append(_template(random, state))
    if random.random() < 0.15:
        random.shuffle(main)
    if random.random() < 0.05:
        main.append(Template(Protocol.ESP, Mode.TRANSPORT))
    if random.random() < 0.03:
        _crowd(random, sub, main)
    directions = (Direction.IN,) if way is Way.IN else (Direction.FWD, Direction.IN)
    for direction in directions:
        if random.random() < 0.92:
            yield _policy(random, way, flow, direction, PolicyType.MAIN, main)
        if sub or random.random() < 0.2:
            yield _policy(random, way, flow, direction, PolicyType.SUB, sub)


def _crowd(random: Random, sub: list[Template], main: list[Template]) -> None:
    """Let two policies ask for five to seven transformations, whatever the packet went through."""
    wanted = random.choice((_USABLE, _USABLE + 1, _USABLE + 1, _USABLE + 2))
    while len(sub) + len(main) < wanted:
        random.choice((sub, main)).append(Template(Protocol.ESP, Mode.TRANSPORT))


def _policy(
    random: Random, way: Way, flow: Flow, direction: Direction, type_: PolicyType, templates: list[Template]
) -> Policy:
    selector = Selector.between("::/0", "::/0")
    if random.random() < 0.2:
        selector = random_selector(random, way, flow)
    action = Action.BLOCK if random.random() < 0.05 else Action.ALLOW
    return Policy(selector, direction, type_, action, random.choice((0, 1, 2)), tuple(templates))


def _template(random: Random, state: SecurityAssociation) -> Template:
    """Return a template that the state satisfies, but for a mistake now and then."""
    source: Address = random.choice((IPv6Address(0), state.source))
    template = Template(state.protocol, state.mode, source, state.destination)
    template = replace(template, reqid=random.choice((0, state.reqid)), optional=random.random() < 0.12)
    draw = random.random()
    if draw < 0.04:
        return replace(template, reqid=state.reqid + 1)
    if draw < 0.08:
        return replace(template, source=random.choice(REMOTE))
    if draw < 0.12:
        return replace(template, spi=random.choice((state.spi, state.spi + 1)))
    if draw < 0.14:
        return replace(template, authentication_mask=0)
    if draw < 0.15:
        return replace(template, encryption_mask=0)
    return template
