"""Raw scenarios: what the types allow, so that refusals, misfits and dead ends come up as well."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from xfrmspec.conform.drawing import any_policy, any_template, any_templates
from xfrmspec.scenario.choices import LOCAL, MARKS, REMOTE, Way, random_flow
from xfrmspec.scenario.reception import input_scenario
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    FlushPolicies,
    Receive,
    Scenario,
    Send,
    SetDefaults,
    SetThresholds,
    Step,
    Stimulus,
    UpdatePolicy,
)
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import (
    ENDPOINT_MODES,
    DefaultAction,
    Direction,
    Mode,
    Policy,
    PolicyIdentity,
    PolicyType,
    Template,
    identity_of,
)
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Address, Flow, Protocol

_MOST_POLICIES = 8
_WAYS = tuple(Way)
_DIRECTIONS = tuple(Direction)
_THRESHOLDS = (0, 16, 48, 64, 128)
_EXTENSIONS = ((), (), (Header.HOP_BY_HOP,), (Header.DESTINATION_OPTIONS,))


def raw_policies(random: Random) -> Scenario:
    """Return operations on policies drawn from their whole types, and a packet of any way."""
    pool = [any_policy(random, random.choice(_DIRECTIONS)) for _ in range(random.randint(1, _MOST_POLICIES))]
    steps: list[Step] = []
    for _ in range(random.randint(1, 2 * _MOST_POLICIES)):
        steps.append(_operation(random, random.choice(pool)))
    way = random.choice(_WAYS)
    steps.append(stimulus(random, way, random_flow(random, way)))
    return Scenario(tuple(steps))


def _operation(random: Random, policy: Policy) -> Step:
    kind = random.choices(range(6), (8, 5, 4, 1, 1, 1))[0]
    if kind == 0:
        return AddPolicy(_with_index(random, policy))
    if kind == 1:
        return UpdatePolicy(replace(_with_index(random, policy), priority=random.choice((0, 1, 2))))
    if kind == 2:
        return DeletePolicy(_misread(random, policy), random.choice((0, 0, (1 << 30) + policy.direction)))
    if kind == 3:
        return FlushPolicies(random.choice(tuple(PolicyType)))
    if kind == 4:
        return SetThresholds(Thresholds(32, 32, random.choice(_THRESHOLDS), random.choice(_THRESHOLDS)))
    return SetDefaults(any_defaults(random))


def _with_index(random: Random, policy: Policy) -> Policy:
    """Give an index now and then, of any direction."""
    if random.random() < 0.85:
        return policy
    return replace(policy, index=(1 << 30) + 8 * random.randrange(2) + random.randrange(3))


def _misread(random: Random, policy: Policy) -> PolicyIdentity:
    """Return the identity of a policy, one member of it wrong now and then."""
    identity = identity_of(policy)
    kind = random.randrange(8)
    if kind == 0:
        return replace(identity, mark=random.choice(MARKS))
    if kind == 1:
        return replace(identity, if_id=1 - identity.if_id)
    if kind == 2:
        return replace(identity, selector=replace(identity.selector, user=1000))
    return identity


def any_defaults(random: Random) -> DefaultActions:
    """Return any three default actions."""
    return DefaultActions(*(random.choice(tuple(DefaultAction)) for _ in range(3)))


def stimulus(random: Random, way: Way, flow: Flow) -> Stimulus:
    """Return the packet of a flow, extension headers now and then."""
    if way is Way.OUT:
        return Send(flow, headers=sent_headers(random, flow))
    return Receive(flow, random.choice(_EXTENSIONS))


def sent_headers(random: Random, flow: Flow) -> tuple[Header, ...]:
    """Return extension headers that the sender of a flow may ask for; none for datagrams."""
    return () if flow.protocol == Protocol.UDP else random.choice(_EXTENSIONS)


def raw_output(random: Random) -> Scenario:
    """Return outbound policies with any templates, states for some of them, and one packet."""
    flow = replace(random_flow(random, Way.OUT), oif=0)
    steps: list[Step] = []
    spi = 0x1001
    counts = [random.choice((0, 1, 1, 2, 3, 4, 5, 6, 7)) for _ in range(random.choice((1, 1, 2, 3)))]
    drawn = any_templates(random, sum(counts))
    for count in counts:
        templates, drawn = drawn[:count], drawn[count:]
        steps.append(AddPolicy(any_policy(random, Direction.OUT, templates)))
        for state in states_for(random, flow, templates, spi):
            steps.append(AddState(state))
        spi += len(templates)
    return Scenario((*steps, stimulus(random, Way.OUT, flow)), listeners=random.random() < 0.7)


def states_for(
    random: Random, flow: Flow, templates: tuple[Template, ...], spi: int
) -> Iterator[SecurityAssociation]:
    """Yield states that most of the templates resolve to, where such states can exist."""
    source: Address = flow.source
    destination: Address = flow.destination
    for number, template in enumerate(templates):
        if not instantiable(template.protocol, template.mode) or random.random() < 0.1:
            continue
        if template.mode in ENDPOINT_MODES:
            source, destination = template.source, template.destination
        yield _state(random, template, source, destination, spi + number)


def _state(
    random: Random, template: Template, source: Address, destination: Address, spi: int
) -> SecurityAssociation:
    optimised = template.protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
    here = template.protocol is Protocol.DESTINATION_OPTIONS
    care_of = random.choice(LOCAL[:-1]) if here else random.choice(REMOTE)
    return SecurityAssociation(
        source,
        destination,
        template.protocol,
        template.mode,
        0 if optimised else template.spi or spi,
        template.reqid,
        care_of=care_of if optimised else None,
    )


def raw_input(random: Random) -> Scenario:
    """Return a packet that went through states, and policies that ask for anything."""
    packet = input_scenario(random)
    kept = [step for step in packet.steps if isinstance(step, AddState | Receive)]
    directions = random.choice(((Direction.IN,), (Direction.FWD, Direction.IN)))
    asked = [step.state for step in kept if isinstance(step, AddState)]
    policies = [
        AddPolicy(any_policy(random, random.choice(directions), _asked(random, asked)))
        for _ in range(random.randint(1, 3))
    ]
    return Scenario((*policies, *kept), listeners=packet.listeners)


def _asked(random: Random, states: list[SecurityAssociation]) -> tuple[Template, ...]:
    """Return templates, each for one of the states or for anything, in any order."""
    return tuple(
        _of_state(random, random.choice(states))
        if states and random.random() < 0.7
        else _plain(any_template(random))
        for _ in range(random.choice((0, 0, 1, 1, 2, 3, 6)))
    )


def _of_state(random: Random, state: SecurityAssociation) -> Template:
    source = random.choice((state.source, random.choice(REMOTE)))
    spi = random.choice((0, 0, state.spi))
    reqid = random.choice((0, state.reqid, 2))
    optional = random.random() < 0.4
    return Template(state.protocol, state.mode, source, state.destination, spi, reqid, optional)


def _plain(template: Template) -> Template:
    return replace(template, mode=Mode.TRANSPORT) if template.mode is Mode.BEET else template
