"""The input loop: headers undone from the outside inwards, each by a state that is noted in the sec_path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec.host.ipsec_input import At, Passed, Stopped, is_transform, undo_one
from xfrmspec.host.node import Node
from xfrmspec.host.route_input import exchange_one, sent_on
from xfrmspec.wire.chain import element_of
from xfrmspec.wire.decode import decode_received
from xfrmspec_terms.answers import Answer
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    FragmentHeader,
    HopByHopHeader,
    IPv4Header,
    IPv6Header,
    More,
    Packet,
    RoutingHeader,
    Type2RoutingHeader,
)
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import ENDPOINT_MODES
from xfrmspec_terms.selector import Address
from xfrmspec_terms.state import StateEvent


class Fate(Enum):
    """What the input loop made of a packet."""

    LOCAL = "for this node: the check of direction IN is next"
    FORWARD = "for another node: the check of direction FWD is next"
    FRAGMENT = "waits for the other fragments"
    DROPPED = "dropped"
    MALFORMED = "no packet at all"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A received packet behind the input loop.

    `path` is the sec_path, outermost state first; `processed` is how many extension headers behind the IP
    header were worked through. `counter` is what a drop counted, None for drops that count nothing; `answer`
    is what goes back to the sender of a dropped packet.
    """

    node: Node
    fate: Fate
    packet: Packet | None = None
    path: tuple[SecurityAssociation, ...] = ()
    processed: int = 0
    counter: Counter | None = None
    events: tuple[StateEvent, ...] = ()
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class _Loop:
    """The loop between two headers; `index` is that of the next one, `ages` name the states used so far."""

    node: Node
    packet: Packet
    index: int = 1
    ages: tuple[int, ...] = ()
    events: tuple[StateEvent, ...] = ()
    looked_up_by: Address | None = None
    named: int | None = None


@clause("XFRM-RECV-001", "XFRM-RECV-002", "XFRM-RECV-004")
def receive(node: Node, octets: bytes, now: int, mark: int = 0) -> Arrived:
    """Work through a received packet up to the header that is somebody else's, at `now` (seconds).

    Source: XFRM-RECV-001..004; kernel ip6_input_finish, xfrm_input, xfrm6_input_addr.
    """
    packet = decode_received(octets)
    if not isinstance(packet, Packet):
        return Arrived(node, Fate.MALFORMED)
    loop = _Loop(node, packet)
    while True:
        fate = _settled(loop)
        if fate is not None:
            return _arrived(loop, fate)
        following = _step(loop, now, mark)
        if isinstance(following, Arrived):
            return following
        loop = following


def _settled(loop: _Loop) -> Fate | None:
    """Return the fate of a packet at whose next header the loop has nothing to do, or None."""
    header = loop.packet.headers[loop.index]
    if isinstance(header, HopByHopHeader):
        return None
    if destination_of(loop.packet) not in loop.node.addresses:
        return Fate.FORWARD
    if isinstance(header, FragmentHeader) and (header.offset or header.more is More.FOLLOWS):
        return Fate.FRAGMENT
    extensions = (DestinationOptionsHeader, RoutingHeader, Type2RoutingHeader, FragmentHeader)
    return None if isinstance(header, extensions) or is_transform(header) else Fate.LOCAL


def _step(loop: _Loop, now: int, mark: int) -> _Loop | Arrived:
    """Work through one header."""
    header = loop.packet.headers[loop.index]
    destination = loop.looked_up_by or destination_of(loop.packet)
    at = At(loop.packet, loop.index, len(loop.ages), destination, mark, loop.named)
    if is_transform(header):
        return _after(loop, undo_one(loop.node, at, now), transform=True)
    elsewhere = sent_on(loop.node, loop.packet, loop.index)
    if elsewhere is not None:
        return _Loop(loop.node, elsewhere, loop.index + 1, loop.ages, loop.events)
    if element_of(header) in (Header.HAO, Header.RT2):
        return _after(loop, exchange_one(loop.node, at, now), transform=False)
    if isinstance(header, RoutingHeader) and header.segments_left:
        return Arrived(loop.node, Fate.DROPPED, path=_path(loop), events=loop.events)
    return _Loop(loop.node, loop.packet, loop.index + 1, loop.ages, loop.events)


@clause("XFRM-RECV-002", "XFRM-RECV-004")
def _after(loop: _Loop, outcome: Passed | Stopped, *, transform: bool) -> _Loop | Arrived:
    events = loop.events + outcome.events
    if isinstance(outcome, Stopped):
        seen = Arrived(outcome.node, Fate.DROPPED, path=_path(loop), counter=outcome.counter, events=events)
        return replace(seen, answer=outcome.answer)
    ages = (*loop.ages, outcome.age)
    if not transform:
        return _Loop(outcome.node, outcome.packet, loop.index + 1, ages, events)
    state = _association(outcome.node, outcome.age)
    if state.mode in ENDPOINT_MODES:
        return _Loop(outcome.node, outcome.packet, 1, ages, events)
    named = loop.named or state.protocol
    return _Loop(outcome.node, outcome.packet, loop.index, ages, events, state.destination, named)


def _arrived(loop: _Loop, fate: Fate) -> Arrived:
    return Arrived(loop.node, fate, loop.packet, _path(loop), loop.index - 1, None, loop.events)


def _path(loop: _Loop) -> tuple[SecurityAssociation, ...]:
    return tuple(_association(loop.node, age) for age in loop.ages)


def _association(node: Node, age: int) -> SecurityAssociation:
    entry = node.states.entry(age)
    assert entry is not None
    return entry.association


def destination_of(packet: Packet) -> Address:
    """Return the destination that a packet has by now."""
    header = packet.headers[0]
    assert isinstance(header, IPv6Header | IPv4Header)
    return header.destination
