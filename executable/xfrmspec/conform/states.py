"""Scenarios about the state database: operations, announcements, and which state a packet then uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address
from random import Random

from xfrmspec.conform.state_drawing import (
    Cast,
    draw_cast,
    drawn_selector,
    policies_of,
    received,
    variant,
    within_room,
)
from xfrmspec.scenario.choices import LOCAL, REMOTE
from xfrmspec.scenario.terms import (
    AddState,
    AllocateSpi,
    DeleteState,
    FlushStates,
    Scenario,
    Send,
    Step,
    UpdateState,
)
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import ANY_MARK, Limits, Mark, Mode
from xfrmspec_terms.selector import Protocol

_PROTOCOLS = (
    Protocol.ESP,
    Protocol.AH,
    Protocol.IPCOMP,
    Protocol.ROUTING,
    Protocol.DESTINATION_OPTIONS,
)
_FLUSHED = (0, 0, 255, 255, 50, 51, 43, 60, 108, 17)
_OTHER_MODE = {Mode.TRANSPORT: Mode.TUNNEL, Mode.TUNNEL: Mode.TRANSPORT}


def state_scenario(random: Random) -> Scenario:
    """Return policies, operations on the states of two flows, and packets of both among them."""
    cast = _with_others(random, draw_cast(random))
    kinds = random.choices(_KINDS, _WEIGHTS, k=random.randint(4, 9))
    drawn = [kind(random, cast) for kind in kinds]
    packets = (Send(cast.out), received(random, cast))
    steps = (*policies_of(random, cast), *within_room(drawn, len(cast.templates)))
    return Scenario((*steps, random.choice(packets)), listeners=random.random() < 0.9, watched=True)


def _with_others(random: Random, cast: Cast) -> Cast:
    """Give a cast near copies of one of its states; some of the way out have another mode."""
    state = random.choice((*cast.outbound, *cast.inbound))
    others = [variant(random, state) for _ in range(random.randint(1, 3))]
    if state.mode in _OTHER_MODE and state in cast.outbound and random.random() < 0.3:
        others.append(replace(state, mode=_OTHER_MODE[state.mode]))
    return replace(cast, others=tuple(others))


def _any_state(random: Random, cast: Cast) -> SecurityAssociation:
    state = random.choice((*cast.outbound, *cast.inbound))
    draw = random.random()
    if draw < 0.3:
        return random.choice(cast.others)
    return variant(random, state) if draw < 0.45 else state


def _add(random: Random, cast: Cast) -> Step:
    return AddState(_any_state(random, cast))


def _update(random: Random, cast: Cast) -> Step:
    state = _any_state(random, cast)
    limits = Limits(soft_packets=9, hard_packets=10) if random.random() < 0.2 else state.limits
    return UpdateState(replace(state, limits=limits))


def _delete(random: Random, cast: Cast) -> Step:
    return DeleteState(_any_state(random, cast))


def _flush(random: Random, cast: Cast) -> Step:
    return FlushStates(random.choice(_FLUSHED))


def _allocate(random: Random, cast: Cast) -> Step:
    """One SPI, which may be taken, or a range that nobody else takes anything from."""
    state = replace(_any_state(random, cast), selector=None, care_of=None)
    if random.random() < 0.6:
        spi = random.choice((0x1001, 0x1002, 0x2001, 0x1011, 0x3001, 0, 5))
        return AllocateSpi(state, spi, spi)
    low = 0x4000 + 0x100 * random.randrange(0x80)
    if random.random() < 0.1:
        return AllocateSpi(state, low + 1, low)
    return AllocateSpi(state, low, low + 0xFF)


def _send(random: Random, cast: Cast) -> Step:
    mark = random.choice((0, 0, 0, 1, 3))
    return Send(replace(cast.out, mark=mark))


def _receive(random: Random, cast: Cast) -> Step:
    return received(random, cast)


_Kind = Callable[[Random, Cast], Step]
_KINDS: tuple[_Kind, ...] = (_add, _update, _delete, _flush, _allocate, _send, _receive)
_WEIGHTS = (14, 8, 5, 3, 4, 8, 6)


def raw_states(random: Random) -> Scenario:
    """Return operations on states drawn from whole types, most of which no kernel takes."""
    kinds = (AddState, AddState, AddState, UpdateState, DeleteState)
    steps: list[Step] = []
    pool = [any_state(random) for _ in range(3)]
    for _ in range(random.randint(2, 6)):
        state = random.choice(pool)
        if random.random() < 0.3:
            state = replace(any_state(random), protocol=state.protocol, mode=state.mode)
        kind = random.random()
        if kind < 0.1:
            steps.append(FlushStates(random.choice(_FLUSHED)))
        elif kind < 0.25:
            spi = random.choice((0, 1, 0x1001, 0x10001))
            steps.append(AllocateSpi(replace(state, care_of=None, mark=state.mark.masked()), spi, spi))
        else:
            steps.append(random.choice(kinds)(state))
    return Scenario(tuple(steps), watched=True)


def any_state(random: Random) -> SecurityAssociation:
    """Return any state of the five protocols; what belongs to some of them only is there now and then."""
    protocol, mode = random.choice(_PROTOCOLS), random.choice(tuple(Mode))
    optimised = protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
    if random.random() < 0.6:
        mode = Mode.RO if optimised else random.choice((Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET))
    fits, cared_for = random.random() < 0.8, random.random() < 0.85
    mark = random.choice((ANY_MARK, ANY_MARK, ANY_MARK, Mark(1, 1), Mark(3, 1), Mark(7, 0)))
    return SecurityAssociation(
        random.choice((*LOCAL[:2], IPv6Address(0))),
        random.choice((*REMOTE[:2], LOCAL[0])),
        protocol,
        mode,
        0 if optimised and fits else random.choice((0x1001, 0x1002, 0x10001)),
        random.choice((0, 1, 0xFFFFFFFF)),
        selector=None if random.random() < 0.7 else drawn_selector(random),
        mark=mark,
        if_id=random.choice((0, 0, 0, 0, 1)),
        flags=random.choice((StateFlag.NONE,) * 4 + (StateFlag.WILDRECV, StateFlag.ICMP, StateFlag.NOECN)),
        care_of=REMOTE[1] if optimised == cared_for else None,
    )
