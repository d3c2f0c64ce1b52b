"""What was to be seen of a run, as lines: who sent what to whom, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.decode import decode
from xfrmspec.wire.mobility import message_of
from xfrmspec.world.handled import Handled
from xfrmspec.world.sent import Sent
from xfrmspec.world.world import Turn
from xfrmspec_terms.daemon import SECOND, Stage
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import MobilityMessage
from xfrmspec_terms.packet import header_name

_NAMES = {
    "HomeTestInit": "HoTI",
    "CareOfTestInit": "CoTI",
    "HomeTest": "HoT",
    "CareOfTest": "CoT",
    "BindingUpdate": "BU",
    "BindingAcknowledgement": "BA",
    "BindingError": "BE",
    "BindingRefreshRequest": "BRR",
}
_ICMP_NAMES = {1: "unreachable", 4: "parameter problem", 128: "echo request", 129: "echo reply", 134: "RA"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story: when (ms), who, and what in words; `target` is empty for a station alone."""

    at: int
    source: str
    target: str
    text: str

    def __str__(self) -> str:
        who = f"{self.source} -> {self.target}" if self.target else self.source
        return f"{self.at / SECOND:9.3f}  {who:<14} {self.text}"


def told(turn: Turn) -> Iterator[Line]:
    """Yield what one turn showed: machine steps, stages and losses by station, then every frame."""
    for handled in turn.handled:
        yield from _of_station(turn.world.now, handled)
    for sent in turn.sent:
        yield _of_frame(turn, sent)


def _of_station(now: int, handled: Handled) -> Iterator[Line]:
    name = handled.station.name
    for step in handled.steps:
        if step.source != step.target:
            yield Line(now, name, "", f"{step.machine}: {step.source} -> {step.target} ({step.clause})")
    for stage in handled.stages:
        yield Line(now, name, "", f"stage: {_stage_text(stage)}")
    for lost in handled.losses:
        counted = f", {lost.counter.value}" if lost.counter else ""
        packet = "" if lost.packet is None else f": {packet_text(lost.packet)}"
        yield Line(now, name, "", f"drops ({lost.why}{counted}){packet}")


def _stage_text(stage: Stage) -> str:
    peer = "" if stage.peer is None else f" with {stage.peer}"
    care_of = "" if stage.care_of is None else f" at {stage.care_of}"
    return f"{stage.role.value} {stage.kind.value}{peer}{care_of}"


def _of_frame(turn: Turn, sent: Sent) -> Line:
    packet = decode(sent.frame.octets)
    text = packet_text(packet) if isinstance(packet, Packet) else "octets that are no packet"
    fate = "" if sent.delays else " [lost]"
    copies = f" [{len(sent.delays)} copies]" if len(sent.delays) > 1 else ""
    return Line(sent.at, sent.sender, sent.frame.link, f"{text}{fate}{copies}")


def packet_text(packet: Packet) -> str:
    """Return a packet on one line: addresses, header chain, and the message where it can be read."""
    outer = packet.headers[0]
    ends = f"{outer.source} > {outer.destination}" if isinstance(outer, IPv6Header) else "IPv4"
    chain = " ".join(header_name(element) for element in chain_of(packet))
    return " ".join(filter(None, (ends, chain, upper_text(packet))))


def upper_text(packet: Packet) -> str:
    """Return what the last header of a packet is: a kind of ICMPv6, a mobility message, or nothing known."""
    upper = packet.headers[-1]
    if isinstance(upper, IcmpV6Header):
        return f"{_ICMP_NAMES.get(upper.type, f'type {upper.type}')}"
    if not isinstance(upper, MobilityHeader):
        return ""
    message = message_of(upper)
    return message_name(message) if isinstance(message, MobilityMessage) else "malformed"


def message_name(message: MobilityMessage) -> str:
    """Return the short name of a mobility message, with number and lifetime or status where it has them."""
    name = _NAMES.get(type(message).__name__, "unknown")
    sequence = getattr(message, "sequence", None)
    status = getattr(message, "status", None)
    shown = [
        f"#{sequence}" if sequence is not None else "",
        f"status {int(status)}" if status is not None else "",
    ]
    return " ".join([name, *filter(None, shown)])
