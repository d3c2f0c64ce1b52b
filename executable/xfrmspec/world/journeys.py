"""Packets of a run from end to end: who made one, who took it apart, and what was in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.decode import decode
from xfrmspec.world.sent import Sent
from xfrmspec.world.station import Delivery
from xfrmspec.world.story import upper_text
from xfrmspec.world.world import Flight, Turn, receivers
from xfrmspec_terms.headers import EspHeader, MobilityHeader, Packet
from xfrmspec_terms.packet import Header, header_name

_HOP_LIMIT = 7
_TUNNEL = "a tunnel"
_UNREADABLE = "something"


@dataclass(frozen=True, slots=True)
class Journey:
    """A packet on its way from the station that made it, over routers, to the one that took it apart.

    `at` is when it was first sent, `until` when it arrived last, both in ms. `read` is what the daemon at its
    end found behind XFRM, None if no daemon read it. `arrived` is false if some link lost it, or nobody was
    there to take it; `target` is then who should have, or who sent it last.
    """

    at: int
    until: int
    source: str
    target: str
    packet: Packet
    read: Packet | None = None
    arrived: bool = True

    def __str__(self) -> str:
        """Return the message, and what it travelled in."""
        chain = chain_of(self.packet)
        around = chain if _is_hidden(self.packet) else chain[:-1]
        names = [_TUNNEL if element is Header.IP else header_name(element) for element in around]
        upper = upper_text(self.packet if self.read is None else self.read) or _UNREADABLE
        lost = "" if self.arrived else " [lost]"
        return f"{upper} in {' '.join(names)}{lost}" if names else f"{upper}{lost}"


def journeys(turns: Iterable[Turn]) -> tuple[Journey, ...]:
    """Return the packets of a run in order of sending; what is sent to many, such as an RA, is left out.

    A router that sends on what it was sent changes nothing but the hop limit, and that is how its frame is
    known as the same packet. Octets that are no packet are left out.
    """
    under_way: dict[tuple[bytes, str], int] = {}
    found: list[Journey] = []
    for turn in turns:
        _read(turn, found)
        for sent in turn.sent:
            packet = decode(sent.frame.octets)
            if not isinstance(packet, Packet) or sent.frame.to.is_multicast:
                continue
            identity = sent.frame.octets[:_HOP_LIMIT] + sent.frame.octets[_HOP_LIMIT + 1 :]
            number = under_way.pop((identity, sent.sender), len(found))
            if number == len(found):
                found.append(Journey(sent.at, sent.at, sent.sender, "", packet))
            found[number] = _further(found[number], turn, sent)
            under_way[identity, found[number].target] = number
    return tuple(found)


def _further(journey: Journey, turn: Turn, sent: Sent) -> Journey:
    """Return the journey one frame further."""
    takers = receivers(turn.world, Flight(sent.at, 0, sent.sender, sent.frame))
    return replace(
        journey,
        until=sent.at + min(sent.delays, default=0),
        target=takers[0] if takers else sent.sender,
        arrived=bool(takers and sent.delays),
    )


def _read(turn: Turn, found: list[Journey]) -> None:
    """Note what daemons read in a turn with the packets that arrived for them at that moment."""
    for handled in turn.handled:
        for message in handled.messages:
            for number, journey in enumerate(found):
                if _may_hold(journey, message, turn.world.now):
                    found[number] = replace(journey, read=message.packet)
                    break


def _may_hold(journey: Journey, message: Delivery, now: int) -> bool:
    if journey.read is not None or (journey.target, journey.until) != (message.station, now):
        return False
    return _is_hidden(journey.packet) or _message_type(journey.packet) == _message_type(message.packet)


def _is_hidden(packet: Packet) -> bool:
    return isinstance(packet.headers[-1], EspHeader)


def _message_type(packet: Packet) -> int | None:
    upper = packet.headers[-1]
    return upper.type if isinstance(upper, MobilityHeader) else None
