"""Flows as people write them and as machines read them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from xfrmspec_terms.policy import Direction
from xfrmspec_terms.selector import Flow, Protocol, SlotMeaning, slot_meaning

PROTOCOL_NAMES = {
    "any": 0,
    "icmp": Protocol.ICMP,
    "ipip": Protocol.IPIP,
    "tcp": Protocol.TCP,
    "udp": Protocol.UDP,
    "dccp": 33,
    "ipv6": Protocol.IPV6,
    "gre": Protocol.GRE,
    "esp": Protocol.ESP,
    "ah": Protocol.AH,
    "icmpv6": Protocol.ICMPV6,
    "ipv6-icmp": Protocol.ICMPV6,
    "mh": Protocol.MOBILITY,
    "mobility-header": Protocol.MOBILITY,
    "ospf": 89,
    "comp": Protocol.IPCOMP,
    "ipcomp": Protocol.IPCOMP,
    "sctp": Protocol.SCTP,
    "udplite": Protocol.UDPLITE,
}

_SHOWN_NAMES = {int(number): name for name, number in PROTOCOL_NAMES.items()} | {
    int(Protocol.ICMPV6): "ipv6-icmp",
    int(Protocol.MOBILITY): "mobility-header",
}


class FlowTextError(ValueError):
    """Words do not make a flow; the text says which word, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class FlowWords:
    """A flow in the words of a command line; None for what was not said."""

    source: str
    destination: str
    protocol: str
    source_port: int | None = None
    destination_port: int | None = None
    mobility_type: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    mark: int = 0
    if_id: int = 0
    oif: int = 0


def parse_flow(words: FlowWords) -> Flow:
    """Build a flow; FlowTextError for a bad address, an unknown protocol or words that do not fit it."""
    protocol = parse_protocol(words.protocol)
    source_slot, destination_slot = _slots(words, protocol)
    try:
        source, destination = ip_address(words.source), ip_address(words.destination)
    except ValueError as error:
        raise FlowTextError(f"{error}; write an IPv6 or IPv4 address without a prefix length") from error
    try:
        return Flow(
            source,
            destination,
            protocol,
            source_slot,
            destination_slot,
            words.oif,
            words.mark,
            words.if_id,
        )
    except ValueError as error:
        raise FlowTextError(f"{error}; choose both of one family and numbers in range") from error


def parse_protocol(text: str) -> int:
    """Return the number of a protocol given by name or number 0..255; FlowTextError otherwise."""
    if text.lower() in PROTOCOL_NAMES:
        return int(PROTOCOL_NAMES[text.lower()])
    if text.isascii() and text.isdigit() and int(text) <= 255:
        return int(text)
    names = ", ".join(sorted(PROTOCOL_NAMES))
    raise FlowTextError(f"unknown protocol {text!r}; expected a number 0..255 or one of: {names}")


def parse_number(word: str, text: str) -> int:
    """Read a number as `ip` does, in decimal or with 0x; FlowTextError names the word it was given for."""
    try:
        return int(text, 0)
    except ValueError as error:
        raise FlowTextError(f"{word} {text!r} is not a number; write it like 10 or 0xa") from error


def protocol_name(protocol: int) -> str:
    """Return the name `ip` prints for a protocol, or its number."""
    return _SHOWN_NAMES.get(protocol, str(protocol))


def flow_object(flow: Flow, direction: Direction) -> dict[str, object]:
    """Return a flow as plain JSON values: addresses as text, ports or types as numbers."""
    shown: dict[str, object] = {
        "src": str(flow.source),
        "dst": str(flow.destination),
        "proto": protocol_name(flow.protocol),
        "dir": direction.name.lower(),
    }
    shown.update(_slot_words(flow))
    for name, value in (("oif", flow.oif), ("mark", flow.mark), ("if_id", flow.if_id)):
        if value:
            shown[name] = value
    return shown


def flow_line(flow: Flow, direction: Direction) -> str:
    """Return a flow as one line of words."""
    return " ".join(f"{name} {value}" for name, value in flow_object(flow, direction).items())


def _slots(words: FlowWords, protocol: int) -> tuple[int, int]:
    meaning = slot_meaning(protocol)
    ports = (words.source_port, words.destination_port)
    kinds = {
        SlotMeaning.MOBILITY_TYPE: (words.mobility_type, None),
        SlotMeaning.TYPE_AND_CODE: (words.icmp_type, words.icmp_code),
        SlotMeaning.PORTS: ports,
        SlotMeaning.GRE_KEY: ports,
    }
    allowed = kinds.get(meaning, (None, None))
    given = [ports, (words.mobility_type, None), (words.icmp_type, words.icmp_code)]
    for pair in given:
        if pair != (None, None) and pair != allowed:
            raise FlowTextError(
                f"{words.protocol} has {meaning.value} in its slots; "
                "give --sport/--dport with ports, --mh-type with mh, --icmp-type/--icmp-code with icmp"
            )
    return allowed[0] or 0, allowed[1] or 0


def _slot_words(flow: Flow) -> dict[str, object]:
    meaning = slot_meaning(flow.protocol)
    if meaning is SlotMeaning.MOBILITY_TYPE:
        return {"mh_type": flow.source_slot}
    if meaning is SlotMeaning.TYPE_AND_CODE:
        return {"icmp_type": flow.source_slot, "icmp_code": flow.destination_slot}
    if meaning is SlotMeaning.NOTHING:
        return {}
    return {"sport": flow.source_slot, "dport": flow.destination_slot}
