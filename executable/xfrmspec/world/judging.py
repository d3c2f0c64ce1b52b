"""Mobility headers that a station refuses: who hears of it, and by which clause they are dropped."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.acceptance import Refused, accept, answer_without_listener
from xfrmspec.wire.mobility import message_of
from xfrmspec.world.answering import Complaint, as_sent, complain
from xfrmspec.world.handled import Handled, Lost
from xfrmspec.world.links import Topology
from xfrmspec.world.station import Station
from xfrmspec_terms.answers import Answer, SendBindingError
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import MobilityMessage, UnknownMessage
from xfrmspec_terms.mobility_times import BINDING_ERROR_GAP


def judged(packet: Packet, station: Station) -> MobilityMessage | Refused:
    """Return the message of a packet that its receiver may act upon, or the refusal.

    A message of unknown type is the daemon's matter where it has a role that answers it.
    """
    found = accept(packet, station.node.profile)
    if not isinstance(found, Refused):
        return found.message
    header = packet.headers[-1]
    assert isinstance(header, MobilityHeader)
    unknown = message_of(header) if isinstance(found.answer, SendBindingError) else None
    answers = station.daemon is not None and station.daemon.correspondent is not None
    return unknown if answers and isinstance(unknown, UnknownMessage) else found


@clause("XFRM-MH-006", "XFRM-WORLD-012")
def refuse(station: Station, topology: Topology, packet: Packet, refused: Refused, now: int) -> Handled:
    """Drop a mobility header, and answer it if its fault has an answer."""
    why = f"{refused.refusal.fault.value}, {refused.reasons[-1].clause}"
    dropped = Handled(station, losses=(Lost(station.name, why, packet),))
    return (
        dropped if refused.answer is None else dropped.then(_answer(dropped, topology, refused.answer, now))
    )


@clause("XFRM-MH-008")
def refuse_unheard(station: Station, topology: Topology, packet: Packet, now: int) -> Handled:
    """Say that nobody listens to mobility headers here."""
    dropped = Handled(station, losses=(Lost(station.name, "nobody listens, XFRM-MH-008", packet),))
    return dropped.then(_answer(dropped, topology, answer_without_listener(packet), now))


@clause("XFRM-MH-007")
def refused_early(station: Station, topology: Topology, packet: Packet | None, now: int) -> Handled | None:
    """Refuse a mobility header before the policies are asked, where the profile does so."""
    if packet is None or station.daemon is None or not isinstance(packet.headers[-1], MobilityHeader):
        return None
    found = accept(packet, station.node.profile)
    if not isinstance(found, Refused) or not found.early:
        return None
    return refuse(station, topology, packet, found, now)


def _answer(dropped: Handled, topology: Topology, answer: Answer, now: int) -> Handled:
    station = dropped.station
    packet = dropped.losses[0].packet
    assert packet is not None
    if isinstance(answer, SendBindingError):
        if _is_too_soon(station, now):
            return Handled(station)
        station = replace(station, complained_at=now)
    quoted = as_sent(packet)
    own, to = _ends(packet, quoted)
    return complain(station, topology, Complaint(answer, own, to, quoted), now)


@clause("XFRM-CN-034")
def _is_too_soon(station: Station, now: int) -> bool:
    """Tell whether a binding error would follow the last one too closely; for nodes without that machine."""
    last = station.complained_at
    return last is not None and now - last < BINDING_ERROR_GAP


def _ends(packet: Packet, quoted: bytes) -> tuple[IPv6Address, IPv6Address]:
    """Return the own address that the packet was for, and its source on the wire."""
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    return outer.destination, IPv6Address(quoted[8:24])
