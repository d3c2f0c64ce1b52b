"""Policies, selectors and templates in the words of the field, short enough for a box of a picture."""

from __future__ import annotations

from xfrmspec_terms.policy import ANY_MARK, Mode, Policy, Template
from xfrmspec_terms.selector import (
    PORT_MASK_FULL,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    SlotMeaning,
    slot_meaning,
)

_PROTOCOLS = {
    Protocol.MOBILITY: "mobility",
    Protocol.ICMPV6: "icmpv6",
    Protocol.ROUTING: "rt2",
    Protocol.DESTINATION_OPTIONS: "hao",
}
_SLOT_NAMES = {
    SlotMeaning.TYPE_AND_CODE: ("type", "code"),
    SlotMeaning.MOBILITY_TYPE: ("type", "second slot"),
    SlotMeaning.GRE_KEY: ("key high", "key low"),
}
_ARROW = "\N{RIGHTWARDS ARROW}"


def protocol_text(number: int) -> str:
    """Return a protocol's usual name, or its number."""
    if number not in Protocol._value2member_map_:
        return f"proto {number}"
    protocol = Protocol(number)
    return _PROTOCOLS.get(protocol, protocol.name.lower().replace("_", "-"))


def selector_text(selector: Selector) -> tuple[str, ...]:
    """Return a selector in one or two lines: its ends, and the rest if there is any."""
    rest = []
    if selector.protocol:
        rest.append(protocol_text(selector.protocol))
    first, second = _SLOT_NAMES.get(slot_meaning(selector.protocol), ("sport", "dport"))
    rest += [
        f"{name} {_port_text(port)}"
        for name, port in ((first, selector.source_port), (second, selector.destination_port))
        if port.mask
    ]
    if selector.ifindex:
        rest.append(f"ifindex {selector.ifindex}")
    if selector.user:
        rest.append(f"uid {selector.user}")
    ends = f"{prefix_text(selector.source)} {_ARROW} {prefix_text(selector.destination)}"
    return (ends, " ".join(rest)) if rest else (ends,)


def prefix_text(prefix: Prefix) -> str:
    """Return a prefix, as `any` when it holds every address and without the length when it holds one."""
    if prefix.length == 0:
        return "any"
    return str(prefix.address) if prefix.length == prefix.family.width else str(prefix)


def scope_text(policy: Policy) -> str:
    """Return what else a policy looks at, mark and if_id, or an empty text."""
    words = []
    if policy.mark != ANY_MARK:
        words.append(f"mark {policy.mark.value:#x}/{policy.mark.mask:#x}")
    if policy.if_id:
        words.append(f"if_id {policy.if_id:#x}")
    return " ".join(words)


def template_text(template: Template) -> str:
    """Return a template: protocol, mode, endpoints of a tunnel, reqid, and whether it is optional."""
    words = [protocol_text(template.protocol), template.mode.name.lower()]
    if template.mode in (Mode.TUNNEL, Mode.BEET):
        words.append(f"{template.source} {_ARROW} {template.destination}")
    if template.reqid:
        words.append(f"reqid {template.reqid}")
    if template.optional:
        words.append("(optional)")
    return " ".join(words)


def _port_text(port: PortMatch) -> str:
    return str(port.value) if port.mask == PORT_MASK_FULL else f"{port.value:#x}/{port.mask:#x}"
