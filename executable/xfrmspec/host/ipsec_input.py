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
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import MAX_DEPTH
from xfrmspec_terms.profile import Profile, SecPathDepthRule
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

_LEAST_OCTETS = {Protocol.AH: 12, Protocol.ESP: 8, Protocol.IPCOMP: 4}
_AH_SPI_AT = 4


@dataclass(frozen=True, slots=True)
class _Named:
    """What a header says before anything is verified: protocol, SPI or CPI, and the number in it."""

    protocol: Protocol
    spi: int
    sequence: int = 0


def _named(packet: Packet, header: object) -> _Named | None:
    """Read the name of a header; None for one that is cut off before its end."""
    if isinstance(header, IPCompHeader):
        return _Named(Protocol.IPCOMP, header.cpi)
    if isinstance(header, AuthenticationHeader):
        return _Named(Protocol.AH, header.spi, header.sequence)
    if isinstance(header, EspHeader):
        return _Named(Protocol.ESP, header.spi, header.sequence)
    assert isinstance(header, UpperLayer)
    octets = packet.payload
    if len(octets) < _LEAST_OCTETS[Protocol(header.protocol)]:
        return None
    words = (int.from_bytes(octets[at : at + 4], "big") for at in (_AH_SPI_AT, _AH_SPI_AT + 4))
    return _Named(Protocol.AH, *words)


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
    that of the state which undid it. `named` is the type by which the header before still names this one,
    None for its own.
    """

    packet: Packet
    index: int
    depth: int
    destination: Address
    mark: int = 0
    named: int | None = None


@clause("XFRM-RECV-001", "XFRM-RECV-003", "XFRM-REPLAY-009")
def undo_one(node: Node, at: At, now: int) -> Passed | Stopped:
    """Undo the AH, ESP or IPComp header that the loop stands at, at `now` (seconds).

    Source: XFRM-RECV-001; kernel xfrm_input.
    """
    header = at.packet.headers[at.index]
    if is_full_for_transform(at.depth, node.profile):
        return _stopped(node, InputStep.ROOM)
    named = _named(at.packet, header)
    if named is None:
        return Stopped(node, Counter.IN_HEADER_ERROR)
    family = family_of(at.destination)
    entry = node.states.by_spi(at.destination, named.spi, named.protocol, at.mark, family)
    if entry is None:
        return _stopped(node, InputStep.LOOKUP)
    if entry.association.lifecycle is Lifecycle.ACQ:
        return Stopped(node, Counter.IN_ACQUIRE_ERROR, InputStep.VALIDITY)
    if entry.association.lifecycle is not Lifecycle.VALID:
        return _stopped(node, InputStep.VALIDITY)
    if entry.association.encapsulation is not Encapsulation.NONE:
        return _stopped(node, InputStep.ENCAPSULATION)
    number = received_number(named.protocol, named.sequence)
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
    undone = _undone(node, at, entry, high)
    if isinstance(undone, Refused):
        return _stopped(node, InputStep.TRANSFORM, use.events)
    again = recheck(numbers, number, high, node.profile)
    if again is not Verdict.ACCEPT:
        return _stopped(_with_refusal(node, entry, again), InputStep.WINDOW_AGAIN, use.events)
    secured = node.of(entry.age)
    node = node.with_secured(entry.age, replace(secured, numbers=advance(numbers, number, node.profile)))
    return _inside(node, entry, undone, use.events)


@clause("XFRM-AH-007")
def _undone(node: Node, at: At, entry: InstalledState, high: int) -> Undone | Refused:
    """An AH header whose length leads out of the packet has no integrity value that could be right."""
    if isinstance(at.packet.headers[at.index], UpperLayer):
        return Refused.TRUNCATED
    named = at.named if node.profile.ah_covers_old_next_header else None
    return undo_header(at.packet, at.index, node.of(entry.age).keys, high, named)


@clause("XFRM-RECV-003")
def is_full_for_transform(depth: int, profile: Profile) -> bool:
    """Tell whether a sec_path of this many states has no room for AH, ESP or IPComp.

    A kernel that lets a seventh state in does not notice more than six here. Source: kernel xfrm_input.
    """
    if profile.sec_path_depth_for_ro is SecPathDepthRule.AT_EXACTLY_FIVE:
        return depth == MAX_DEPTH
    return depth >= MAX_DEPTH


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
    if isinstance(header, UpperLayer):
        return header.protocol in _LEAST_OCTETS
    return isinstance(header, AuthenticationHeader | EspHeader | IPCompHeader)
