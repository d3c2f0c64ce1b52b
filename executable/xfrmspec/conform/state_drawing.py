"""What random scenarios about states are made of: few keys, so that states meet, collide and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from random import Random

from xfrmspec.scenario.choices import LOCAL, REMOTE
from xfrmspec.scenario.terms import AddPolicy, Migrate, Receive, Send, Step
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import ANY_MARK, Direction, Mark, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import Family, Flow, Prefix, Protocol, Selector

HERE, THERE = LOCAL[0], REMOTE[0]
CARE_OF = {
    Protocol.DESTINATION_OPTIONS: (LOCAL[1], LOCAL[2], REMOTE[1]),
    Protocol.ROUTING: (REMOTE[1], REMOTE[2]),
}
"""A packet whose type 2 routing header leads to the node itself would come back in."""

OPEN = Selector.between("::/0", "::/0")
ROOM = 7
"""More states than these make the hash table grow; two are needed to receive."""

_PAIRS = (
    *((Protocol.ESP, Mode.TRANSPORT),) * 4,
    *((Protocol.AH, Mode.TRANSPORT),) * 2,
    *((Protocol.ESP, Mode.TUNNEL),) * 2,
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
)
_RECEIVED = (
    *((Protocol.ESP, Mode.TRANSPORT),) * 3,
    *((Protocol.AH, Mode.TRANSPORT),) * 2,
    (Protocol.ESP, Mode.TUNNEL),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
)
_HOME_ADDRESS = (Protocol.DESTINATION_OPTIONS, Mode.RO)
"""A packet with two of them is dropped by the option itself."""

_MARKS = (ANY_MARK,) * 6 + (Mark(1, 1), Mark(0, 1), Mark(3, 0xFF))


@dataclass(frozen=True, slots=True)
class Cast:
    """The flows of a scenario and the states that fit them; nothing of it is stored yet.

    `others` are near copies of the states, so few that they come up again.
    """

    out: Flow
    inward: Flow
    templates: tuple[Template, ...]
    outbound: tuple[SecurityAssociation, ...]
    inbound: tuple[SecurityAssociation, ...]
    others: tuple[SecurityAssociation, ...] = ()


def draw_cast(random: Random, most_templates: int = 2) -> Cast:
    """Return flows of one pair of hosts, templates for the way out, and states for both ways."""
    out = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
    inward = Flow(THERE, HERE, Protocol.UDP, 4001, 4002)
    drawn = [random.choice(_PAIRS) for _ in range(random.randint(1, most_templates))]
    templates = tuple(
        Template(protocol, mode, HERE, THERE, reqid=random.choice((0, 1))) for protocol, mode in drawn
    )
    outbound = tuple(
        _state(random, HERE, THERE, template.protocol, template.mode, 0x1001 + number, template.reqid)
        for number, template in enumerate(templates)
    )
    received = [random.choice(_RECEIVED) for _ in range(random.randint(1, 2))]
    if received.count(_HOME_ADDRESS) > 1:
        received.pop()
    inbound = tuple(
        _state(random, THERE, HERE, protocol, mode, 0x2001 + number, random.choice((0, 1)))
        for number, (protocol, mode) in enumerate(received)
    )
    return Cast(out, inward, templates, outbound, inbound)


def _state(
    random: Random,
    source: IPv6Address,
    destination: IPv6Address,
    protocol: Protocol,
    mode: Mode,
    spi: int,
    reqid: int,
) -> SecurityAssociation:
    optimised = mode is Mode.RO
    places = CARE_OF[Protocol.ROUTING if source == THERE else protocol] if optimised else ()
    return SecurityAssociation(
        source,
        destination,
        protocol,
        mode,
        0 if optimised else spi,
        reqid,
        care_of=random.choice(places[:2]) if places else None,
    )


def policies_of(random: Random, cast: Cast) -> list[Step]:
    """Return the policy of the way out, and now and then one of the way in."""
    out = Policy(OPEN, Direction.OUT, random.choice(tuple(PolicyType)), templates=cast.templates)
    steps: list[Step] = [AddPolicy(out)]
    if random.random() < 0.4:
        optional = random.random() < 0.5
        templates = tuple(
            Template(state.protocol, state.mode, reqid=state.reqid, optional=optional)
            for state in reversed(cast.inbound)
        )
        steps.append(AddPolicy(Policy(OPEN, Direction.IN, templates=templates)))
    return steps


def variant(random: Random, state: SecurityAssociation) -> SecurityAssociation:
    """Return a state with one thing different, which may be part of its key or not."""
    kind = random.randrange(9)
    if kind == 0:
        return replace(state, reqid=state.reqid ^ 1)
    if kind in (1, 8):
        return replace(state, mark=random.choice(_MARKS))
    if kind == 2:
        return replace(state, source=random.choice((*LOCAL[:2], *REMOTE[:2], IPv6Address(0))))
    if kind == 3:
        return replace(state, selector=drawn_selector(random))
    if kind == 4 and state.care_of is not None:
        return replace(state, care_of=random.choice(CARE_OF[state.protocol]))
    if kind == 5:
        return replace(state, flags=random.choice((StateFlag.NOECN, StateFlag.ICMP, StateFlag.AF_UNSPEC)))
    if kind == 6 and state.spi:
        return replace(state, spi=state.spi + random.choice((0x10, 0x20)))
    return state


def drawn_selector(random: Random) -> Selector:
    """Return a selector that the flows of a cast meet in some cases."""
    nowhere = Prefix(IPv6Address(0), 0)
    return random.choice(
        (
            OPEN,
            Selector.between("::/0", "::/0", Protocol.UDP),
            Selector.between("::/0", "::/0", Protocol.TCP),
            Selector(nowhere, nowhere, family=Family.UNSPEC),
            Selector(nowhere, nowhere, Protocol.TCP, family=Family.UNSPEC),
        )
    )


def received(random: Random, cast: Cast, states: Sequence[SecurityAssociation] | None = None) -> Receive:
    """Return a packet that comes in through the states of the way in, or only through some of them."""
    layers = list(cast.inbound if states is None else states)
    if random.random() < 0.3:
        layers = layers[: random.randint(0, len(layers))]
    return Receive(cast.inward, tuple(layers))


def rooms(steps: Sequence[Step], templates: int) -> int:
    """Return how many states steps need room for at most, those for receiving included."""
    receives = any(isinstance(step, Receive) for step in steps)
    sends = sum(isinstance(step, Send) for step in steps)
    others = sum(_needed(step) for step in steps if not isinstance(step, Send | Receive | AddPolicy))
    return others + sends * templates + (2 if receives else 0)


def _needed(step: Step) -> int:
    """A migration has a copy for each of its entries beside the originals until it is done."""
    return len(step.entries) if isinstance(step, Migrate) else 1


def within_room(steps: list[Step], templates: int) -> tuple[Step, ...]:
    """Return the steps without so many of the last ones that the rest needs too much room."""
    kept = list(steps)
    while rooms(kept, templates) > ROOM:
        kept.pop()
    return tuple(kept)
