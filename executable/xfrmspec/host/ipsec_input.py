"""One AH, ESP or IPComp header of a received packet: the steps of the input loop in their order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec.host.node import Node
from xfrmspec.wire.esp import Refused
from xfrmspec.wire.undoing import ModeError, Undone, undo_header, without_header
from xfrmspec.xfrm.replay import Verdict, advance, check, counted, infer_high, recheck
from xfrmspec.xfrm.sequence import received_number
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet
from xfrmspec_terms.association import Encapsulation, Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import AuthenticationHeader, EspHeader, IPCompHeader, Malformed, Packet
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import MAX_DEPTH
from xfrmspec_terms.selector import Address, Protocol, family_of
from xfrmspec_terms.state import InstalledState, StateEvent


class InputStep(IntEnum):
    """The steps of the input loop for one header, in their order."""

    ROOM = 1
    LOOKUP = 2
    VALIDITY = 3
    ENCAPSULATION = 4
    WINDOW = 5
    LIMITS = 6
    TRANSFORM = 7
    WINDOW_AGAIN = 8
    MODE = 9


INPUT_COUNTERS: dict[InputStep, Counter] = {
    InputStep.ROOM: Counter.IN_BUFFER_ERROR,
    InputStep.LOOKUP: Counter.IN_NO_STATES,
    InputStep.VALIDITY: Counter.IN_STATE_INVALID,
    InputStep.ENCAPSULATION: Counter.IN_STATE_MISMATCH,
    InputStep.WINDOW: Counter.IN_STATE_SEQUENCE_ERROR,
    InputStep.LIMITS: Counter.IN_STATE_EXPIRED,
    InputStep.TRANSFORM: Counter.IN_STATE_PROTOCOL_ERROR,
    InputStep.WINDOW_AGAIN: Counter.IN_STATE_SEQUENCE_ERROR,
    InputStep.MODE: Counter.IN_STATE_MODE_ERROR,
}
"""What a step that fails counts; a larval state counts IN_ACQUIRE_ERROR instead (XFRM-RECV-001)."""

_PROTOCOLS: dict[type, Protocol] = {
    AuthenticationHeader: Protocol.AH,
    EspHeader: Protocol.ESP,
    IPCompHeader: Protocol.IPCOMP,
}


@dataclass(frozen=True, slots=True)
class Passed:
    """A header that was undone: the packet that goes on, and the age of the state that undid it."""

    node: Node
    packet: Packet
    age: int
    events: tuple[StateEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Stopped:
    """A packet that was dropped: where, what it counted (None for nothing), and what the node is by now."""

    node: Node
    counter: Counter | None
    step: InputStep | None = None
    events: tuple[StateEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class At:
    """Where in which packet the loop stands: a header's index, how many states were used, the packet's mark.

    `destination` is the one by which states are looked up: the packet's own or, behind a transport header,
    that of the state which undid it.
    """

    packet: Packet
    index: int
    depth: int
    destination: Address
    mark: int = 0


@clause("XFRM-RECV-001", "XFRM-RECV-003", "XFRM-REPLAY-009")
def undo_one(node: Node, at: At, now: int) -> Passed | Stopped:
    """Undo the AH, ESP or IPComp header that the loop stands at, at `now` (seconds).

    Source: XFRM-RECV-001; kernel xfrm_input.
    """
    header = at.packet.headers[at.index]
    assert isinstance(header, AuthenticationHeader | EspHeader | IPCompHeader)
    if at.depth >= MAX_DEPTH:
        return _stopped(node, InputStep.ROOM)
    protocol = _PROTOCOLS[type(header)]
    spi = header.cpi if isinstance(header, IPCompHeader) else header.spi
    family = family_of(at.destination)
    entry = node.states.by_spi(at.destination, spi, protocol, at.mark, family)
    if entry is None:
        return _stopped(node, InputStep.LOOKUP)
    if entry.association.lifecycle is Lifecycle.ACQ:
        return Stopped(node, Counter.IN_ACQUIRE_ERROR, InputStep.VALIDITY)
    if entry.association.lifecycle is not Lifecycle.VALID:
        return _stopped(node, InputStep.VALIDITY)
    if entry.association.encapsulation is not Encapsulation.NONE:
        return _stopped(node, InputStep.ENCAPSULATION)
    field = 0 if isinstance(header, IPCompHeader) else header.sequence
    number = received_number(protocol, field)
    return _by_state(node, at, entry, number, now)


def _by_state(node: Node, at: At, entry: InstalledState, number: int, now: int) -> Passed | Stopped:
    """Ask window and limits, undo the header, and ask the window once more."""
    numbers = node.of(entry.age).numbers
    verdict = check(numbers, number, node.profile)
    if verdict is not Verdict.ACCEPT:
        return _stopped(_with_refusal(node, entry, verdict), InputStep.WINDOW)
    use = ask_to_use(node.states, entry, now)
    node = replace(node, states=use.database)
    if use.refusal is not None:
        return _stopped(node, InputStep.LIMITS, use.events)
    high = infer_high(numbers, number)
    undone = undo_header(at.packet, at.index, node.of(entry.age).keys, high)
    if isinstance(undone, Refused):
        return _stopped(node, InputStep.TRANSFORM, use.events)
    again = recheck(numbers, number, high, node.profile)
    if again is not Verdict.ACCEPT:
        return _stopped(_with_refusal(node, entry, again), InputStep.WINDOW_AGAIN, use.events)
    secured = node.of(entry.age)
    node = node.with_secured(entry.age, replace(secured, numbers=advance(numbers, number, node.profile)))
    return _inside(node, entry, undone, use.events)


def _with_refusal(node: Node, entry: InstalledState, verdict: Verdict) -> Node:
    secured = node.of(entry.age)
    return node.with_secured(entry.age, replace(secured, numbers=counted(secured.numbers, verdict)))


def _inside(
    node: Node, entry: InstalledState, undone: Undone, events: tuple[StateEvent, ...]
) -> Passed | Stopped:
    """Count what was undone, then let the mode of the state say which packet goes on."""
    node = replace(node, states=count_packet(node.states, entry, len(undone.inside.payload)))
    try:
        packet = without_header(undone, entry.association)
    except ModeError:
        return _stopped(node, InputStep.MODE, events)
    if isinstance(packet, Malformed):
        return Stopped(node, None, InputStep.MODE, events)
    return Passed(node, packet, entry.age, events)


def _stopped(node: Node, step: InputStep, events: tuple[StateEvent, ...] = ()) -> Stopped:
    return Stopped(node, INPUT_COUNTERS[step], step, events)


def is_transform(header: object) -> bool:
    """Tell whether a header is one that the input loop undoes."""
    return isinstance(header, AuthenticationHeader | EspHeader | IPCompHeader)
