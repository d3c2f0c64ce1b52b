"""One AH, ESP or IPComp header of a received packet: the steps of the input loop in their order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.host.node import Node
from xfrmspec.host.one_state import INPUT_COUNTERS, InputStep, closed_to, counter_of, enter, settle_number
from xfrmspec.wire.esp import Refused
from xfrmspec.wire.undoing import ModeError, Undone, undo_header, without_header
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.sequence import received_number
from xfrmspec.xfrm.state_limits import count_packet
from xfrmspec_terms.answers import Answer
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import AuthenticationHeader, EspHeader, IPCompHeader, Malformed, Packet
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.policy import MAX_DEPTH
from xfrmspec_terms.profile import Profile, SecPathDepthRule
from xfrmspec_terms.selector import Address, Protocol, family_of
from xfrmspec_terms.state import InstalledState, StateEvent

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
    """A packet that was dropped: where, what it counted (None for nothing), and what the node is by now.

    `answer` is what goes back to its sender, None for a silent drop.
    """

    node: Node
    counter: Counter | None
    step: InputStep | None = None
    events: tuple[StateEvent, ...] = ()
    answer: Answer | None = None


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
    closed = closed_to(entry.association)
    if closed is not None:
        return Stopped(node, counter_of(closed, entry.association), closed)
    number = received_number(named.protocol, named.sequence)
    return _by_state(node, at, entry, number, now)


def _by_state(node: Node, at: At, entry: InstalledState, number: int, now: int) -> Passed | Stopped:
    """Ask window and limits, undo the header, and ask the window once more."""
    asked = enter(node.states, entry, node.of(entry.age).numbers, number, now, node.profile)
    node = replace(node, states=asked.states)
    if asked.failed is not None:
        return _stopped(_with_numbers(node, entry, asked.numbers), asked.failed, asked.events)
    undone = _undone(node, at, entry, asked.high)
    if isinstance(undone, Refused):
        return _stopped(node, InputStep.TRANSFORM, asked.events)
    numbers, noted = settle_number(asked.numbers, number, asked.high, node.profile)
    node = _with_numbers(node, entry, numbers)
    if not noted:
        return _stopped(node, InputStep.WINDOW_AGAIN, asked.events)
    return _inside(node, entry, undone, asked.events)


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


def _with_numbers(node: Node, entry: InstalledState, numbers: ReplayState) -> Node:
    return node.with_secured(entry.age, replace(node.of(entry.age), numbers=numbers))


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
