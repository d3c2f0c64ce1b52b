"""Scenarios about sequence numbers: injected ones against windows of every kind, and counters at the end."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from xfrmspec.conform.state_drawing import HERE, OPEN, THERE
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    ExtendedReplay,
    LegacyCounters,
    Receive,
    Scenario,
    Send,
    Step,
)
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.selector import Flow, Protocol

_TOP = 0xFFFFFFFF
_PAIRS = (
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
    (Protocol.AH, Mode.TUNNEL),
)
_LEGACY = (0, 1, 2, 8, 31, 32, 33, 64, 255)
_EXTENDED = (1, 2, 3, 31, 32, 33, 48, 64, 100, 128)
_TOPS = (0, 0, 0, 1, 5, 63, 100, 0x7FFFFFFF, 0xFFFFFFF0, _TOP - 1, _TOP)
_HIGHS = (0, 0, 0, 1, 7, _TOP)


def window_scenario(random: Random) -> Scenario:
    """Return one state with a window, and packets whose numbers lie around its edges."""
    protocol, mode = random.choice(_PAIRS)
    state = SecurityAssociation(THERE, HERE, protocol, mode, 0x2001, 1)
    added, top, window = _with_window(random, state)
    flow = Flow(THERE, HERE, Protocol.UDP, 4001, 4002)
    steps: list[Step] = [added]
    for _ in range(random.randint(3, 9)):
        number = _number(random, top, window)
        steps.append(Receive(flow, (added.state,), (number,)))
        top = number if random.random() < 0.6 else top
    return Scenario(tuple(steps), watched=True)


def _with_window(random: Random, state: SecurityAssociation) -> tuple[AddState, int, int]:
    """Return the request for a state, with the top and the size of its window."""
    top = random.choice(_TOPS)
    if random.random() < 0.35:
        window = random.choice(_LEGACY)
        given = None if top == 0 else LegacyCounters(top, 0, _bits(random, min(window, 32)))
        return AddState(replace(state, replay_window=window), given), top, max(1, min(window, 32))
    window = random.choice(_EXTENDED)
    words = (window + 31) // 32 + random.choice((0, 0, 1))
    extended = random.random() < 0.6
    bits = _bits(random, window) if top else 0
    bitmap = tuple(bits >> 32 * place & _TOP for place in range(words))
    high = random.choice(_HIGHS) if extended else 0
    flags = StateFlag.ESN if extended else StateFlag.NONE
    replay = ExtendedReplay(window, bitmap, top, 0, high)
    return AddState(replace(state, flags=flags), replay), top, window


def _bits(random: Random, window: int) -> int:
    return random.getrandbits(window) if window and random.random() < 0.6 else int(window > 0)


def _number(random: Random, top: int, window: int) -> int:
    """Return a number around the top, around the bottom of the window, around a half's end, or any."""
    near = random.choice((-2, -1, 0, 1, 2))
    place = random.choice(
        (top, top, top + window, top - window, top - window, top - random.randrange(window), 0, _TOP)
    )
    if random.random() < 0.05:
        return random.getrandbits(32)
    return (place + near) & _TOP


def counter_scenario(random: Random) -> Scenario:
    """Return a sender whose counter is anywhere, mostly near its end, and packets that it numbers."""
    protocol, mode = random.choice(_PAIRS)
    template = Template(protocol, mode, HERE, THERE, reqid=1)
    state = SecurityAssociation(HERE, THERE, protocol, mode, 0x1001, 1)
    sent = random.choice((0, 1, _TOP - 3, _TOP - 2, _TOP - 1, _TOP, random.getrandbits(32)))
    high = random.choice((0, 1, _TOP - 1, _TOP))
    window = random.choice((32, 64))
    kind = random.randrange(3)
    if kind == 0:
        added = AddState(state, LegacyCounters(0, sent))
    else:
        extended = kind == 1
        flags = StateFlag.ESN if extended else StateFlag.NONE
        replay = ExtendedReplay(window, (0, 0), 0, sent, 0, high if extended else 0)
        added = AddState(replace(state, flags=flags), replay)
    policy = AddPolicy(Policy(OPEN, Direction.OUT, templates=(template,)))
    flow = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
    return Scenario((policy, added, *(Send(flow),) * random.randint(2, 5)), watched=True)


def raw_windows(random: Random) -> Scenario:
    """Return a state whose record may be malformed, and packets with any number."""
    protocol = random.choice((Protocol.ESP, Protocol.AH, Protocol.IPCOMP))
    flags = random.choice((StateFlag.NONE, StateFlag.ESN))
    state = SecurityAssociation(THERE, HERE, protocol, Mode.TRANSPORT, 0x2001, 1, flags=flags)
    words = random.choice((0, 1, 2, 3, 128, 129))
    window = random.choice((0, 1, 32, 33, 64, 32 * words, 32 * words + 1))
    bits = random.getrandbits(window) if window else 0
    bitmap = tuple(bits >> 32 * place & _TOP for place in range(words))
    high = random.choice(_HIGHS) if flags else 0
    replay = ExtendedReplay(window, bitmap, random.choice(_TOPS), 0, high)
    legacy = random.choice((0, 0, 0, 32))
    given = replay if random.random() < 0.8 else None
    added = AddState(replace(state, replay_window=legacy), given)
    if protocol is Protocol.IPCOMP:
        return Scenario((added,), watched=True)
    flow = Flow(THERE, HERE, Protocol.UDP, 4001, 4002)
    packets = [
        Receive(flow, (added.state,), (_number(random, replay.sequence, max(1, window)),)) for _ in range(4)
    ]
    return Scenario((added, *packets), watched=True)
