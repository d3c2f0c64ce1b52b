"""What scenarios about remembered decisions are made of: policies that compete for two flows, and states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from random import Random

from xfrmspec.scenario.choices import LOCAL, REMOTE
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    AllocateSpi,
    DeletePolicy,
    DeleteState,
    FlushPolicies,
    FlushStates,
    Migrate,
    SetDefaults,
    SetThresholds,
    Step,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import (
    ENDPOINT_MODES,
    Action,
    DefaultAction,
    Direction,
    Limits,
    Mode,
    Policy,
    PolicyType,
    Template,
    identity_of,
)
from xfrmspec_terms.selector import Address, Family, Flow, Protocol, Selector

HERE, THERE = LOCAL[0], REMOTE[0]
FLOWS = (Flow(HERE, THERE, Protocol.UDP, 4001, 4002), Flow(HERE, REMOTE[1], Protocol.UDP, 4003, 4004))
_SELECTORS = (
    Selector.between("::/0", "::/0"),
    Selector.between("::/0", "2001:db8:b::/48"),
    Selector.between("2001:db8::/32", "::/0", Protocol.UDP),
    Selector.between(f"{HERE}/128", f"{THERE}/128"),
    Selector.between("::/0", "2001:dbb::/32"),
)
_TRANSFORMATIONS = (
    *((Protocol.ESP, Mode.TRANSPORT),) * 4,
    *((Protocol.AH, Mode.TRANSPORT),) * 2,
    *((Protocol.ESP, Mode.TUNNEL),) * 2,
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
)
_CARE_OF = {Protocol.DESTINATION_OPTIONS: LOCAL[1:3], Protocol.ROUTING: REMOTE[1:3]}
_FIRST_SPI = 0x1001
_USED_UP = 0x2001


@dataclass(frozen=True, slots=True)
class Stage:
    """The policies and states of a scenario, stored or not."""

    policies: tuple[Policy, ...]
    states: tuple[SecurityAssociation, ...]


def drawn_stage(random: Random) -> Stage:
    """Return policies that compete for two flows, and the states that the templates ask for."""
    count = random.choice((1, 2, 2, 3, 3))
    policies = tuple(drawn_policy(random) for _ in range(count))
    states = tuple(
        _state_of(random, template, _FIRST_SPI + number)
        for number, template in enumerate(t for policy in policies for t in policy.templates)
    )
    return Stage(policies, states)


def drawn_policy(random: Random) -> Policy:
    """Return a policy of the way out that protects, lets through or blocks."""
    kind = random.random()
    templates: tuple[Template, ...] = ()
    if kind < 0.65:
        templates = tuple(_template(random) for _ in range(random.choice((1, 1, 1, 2))))
    return Policy(
        random.choice(_SELECTORS),
        Direction.OUT,
        random.choice((PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB)),
        Action.BLOCK if kind > 0.88 else Action.ALLOW,
        random.choice((1, 2, 3)),
        templates,
    )


def _template(random: Random) -> Template:
    protocol, mode = random.choice(_TRANSFORMATIONS)
    ends = mode in ENDPOINT_MODES
    return Template(
        protocol,
        mode,
        HERE if ends else IPv6Address(0),
        THERE if ends else IPv6Address(0),
        reqid=random.choice((0, 1)),
        optional=not ends and random.random() < 0.35,
    )


def _state_of(random: Random, template: Template, spi: int) -> SecurityAssociation:
    optimised = template.mode is Mode.RO
    return SecurityAssociation(
        IPv6Address(0) if random.random() < 0.15 else HERE,
        THERE,
        template.protocol,
        template.mode,
        0 if optimised else spi,
        template.reqid,
        care_of=random.choice(_CARE_OF[template.protocol]) if optimised else None,
        limits=_limits(random),
    )


def _limits(random: Random) -> Limits:
    """Two in ten states begin to die, or are used up, within a few packets."""
    kind = random.random()
    if kind < 0.8:
        return Limits()
    return Limits(soft_packets=random.choice((1, 2))) if kind < 0.9 else Limits(hard_packets=2)


def _rival(random: Random, state: SecurityAssociation) -> SecurityAssociation:
    """Return a state that a search might take instead of another one, or would not."""
    kind = random.randrange(6)
    spi = 0 if state.mode is Mode.RO else state.spi + 0x100 * random.choice((1, 2))
    rival = replace(state, spi=spi, limits=Limits())
    if kind == 0:
        return replace(rival, source=IPv6Address(0) if state.source == HERE else HERE)
    if kind == 1:
        return replace(rival, reqid=state.reqid ^ 1)
    if kind == 2:
        return replace(rival, selector=Selector.between("::/0", "::/0", Protocol.TCP))
    if kind == 3:
        return replace(rival, destination=REMOTE[1])
    return rival


def _care_of_changed(random: Random, state: SecurityAssociation) -> SecurityAssociation:
    if state.care_of is None:
        return replace(
            state, limits=random.choice((Limits(), Limits(hard_packets=1), Limits(soft_packets=1)))
        )
    return replace(state, care_of=random.choice(_CARE_OF[state.protocol]))


def _add_policy(random: Random, stage: Stage) -> Step:
    """A policy that is new asks for something only where the others do."""
    new = drawn_policy(random)
    if not any(policy.templates for policy in stage.policies):
        new = replace(new, templates=())
    return AddPolicy(random.choice((*stage.policies, new)))


def _update_policy(random: Random, stage: Stage) -> Step:
    policy = random.choice(stage.policies)
    action = random.choice((policy.action, Action.ALLOW, Action.BLOCK))
    return UpdatePolicy(replace(policy, action=action, priority=random.choice((policy.priority, 1, 3))))


def _elsewhere(random: Random, stage: Stage) -> Step:
    """A policy that no packet of the scenario meets: it still makes routes invalid, of its own family."""
    if random.random() < 0.5:
        return UpdatePolicy(Policy(Selector.between("::/0", "2001:dbb::/32"), Direction.IN))
    selector = Selector.between("0.0.0.0/0", random.choice(("192.0.2.0/24", "0.0.0.0/0")))
    return UpdatePolicy(Policy(selector, Direction.OUT, action=random.choice(tuple(Action))))


def _delete_policy(random: Random, stage: Stage) -> Step:
    return DeletePolicy(identity_of(random.choice(stage.policies)))


def _flush_policies(random: Random, stage: Stage) -> Step:
    return FlushPolicies(random.choice(tuple(PolicyType)))


def _defaults(random: Random, stage: Stage) -> Step:
    return SetDefaults(DefaultActions(*(random.choice(tuple(DefaultAction)) for _ in range(3))))


def _thresholds(random: Random, stage: Stage) -> Step:
    bits = random.choice((128, 64, 0))
    return SetThresholds(Thresholds(32, 32, bits, bits))


def _some_state(random: Random, stage: Stage) -> SecurityAssociation:
    if stage.states and random.random() < 0.9:
        return random.choice(stage.states)
    return _state_of(random, _template(random), _USED_UP)


def _add_state(random: Random, stage: Stage) -> Step:
    state = _some_state(random, stage)
    return AddState(state if random.random() < 0.4 else _rival(random, state))


def _update_state(random: Random, stage: Stage) -> Step:
    state = _some_state(random, stage)
    return UpdateState(state if random.random() < 0.3 else _care_of_changed(random, state))


def _delete_state(random: Random, stage: Stage) -> Step:
    return DeleteState(_some_state(random, stage))


def _flush_states(random: Random, stage: Stage) -> Step:
    return FlushStates(random.choice((0, 255, Protocol.ESP, Protocol.DESTINATION_OPTIONS)))


def _allocate(random: Random, stage: Stage) -> Step:
    state = replace(_some_state(random, stage), care_of=None, limits=Limits())
    spi = random.choice((0x3001, 0x3002))
    return AllocateSpi(state, spi, spi)


def _migrate(random: Random, stage: Stage) -> Step:
    """Move the remote end, or the local one, of a policy's tunnels and states, bindings excepted (F-028)."""
    policy = random.choice(stage.policies)
    movable = tuple(template for template in policy.templates if template.mode is not Mode.RO)
    templates = movable or (Template(Protocol.ESP, Mode.TRANSPORT, reqid=1),)
    entries = tuple(_moved(random, template) for template in templates)
    return Migrate(identity_of(policy), entries)


def _moved(random: Random, template: Template) -> Migration:
    source, destination = random.choice(((HERE, REMOTE[1]), (LOCAL[1], THERE), (HERE, THERE)))
    old: tuple[Address, Address] = (HERE, THERE)
    return Migration(
        *old,
        source,
        destination,
        template.protocol,
        template.mode,
        template.reqid,
        Family.INET6,
        Family.INET6,
    )


Kind = Callable[[Random, Stage], Step]
Kinds = tuple[tuple[Kind, int], ...]
POLICY_KINDS: Kinds = (
    (_add_policy, 4),
    (_update_policy, 3),
    (_elsewhere, 2),
    (_delete_policy, 8),
    (_flush_policies, 2),
    (_defaults, 1),
    (_thresholds, 1),
)
STATE_KINDS: Kinds = (
    (_add_state, 7),
    (_update_state, 4),
    (_delete_state, 4),
    (_flush_states, 1),
    (_allocate, 1),
    (_migrate, 3),
)


def drawn_change(random: Random, stage: Stage, kinds: Kinds) -> Step:
    """Return one operation, each kind as often as its weight says."""
    functions, weights = zip(*kinds, strict=True)
    kind: Kind = random.choices(functions, weights)[0]
    return kind(random, stage)
