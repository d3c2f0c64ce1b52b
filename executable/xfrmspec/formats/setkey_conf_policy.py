"""Policies in a `setkey.conf`: `spdadd` and `spdupdate`, as the kernel reads them from PF_KEY."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from xfrmspec.formats.dump import DumpFormat, Location, PolicyRecord, Spelling
from xfrmspec.formats.names import DIRECTIONS
from xfrmspec.formats.setkey_policy import (
    priority_text,
    range_text,
    read_priority,
    read_range,
    read_upper_protocol,
    upper_name,
    with_type_and_code,
)
from xfrmspec.formats.setkey_script import CommandCursor
from xfrmspec.formats.words import Wording
from xfrmspec.interfaces.key_message import MANUAL_REQID_MAX
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, Template
from xfrmspec_terms.selector import Address, Protocol, Selector, family_of, unspecified

_ACTIONS = {"discard": Action.BLOCK, "none": Action.ALLOW, "ipsec": Action.ALLOW}
_PROTOCOLS = {"ah": Protocol.AH, "esp": Protocol.ESP, "ipcomp": Protocol.IPCOMP}
_MODES = {"transport": Mode.TRANSPORT, "tunnel": Mode.TUNNEL}
_LEVEL = re.compile(r"(default|use|require|unique)(?::([0-9]{1,10}))?\Z")
_TYPE_AND_CODE = re.compile(r"[0-9]+,[0-9]+\Z")
_RULE = "PROTOCOL/MODE/[SOURCE-DESTINATION]/LEVEL"
_REFUSED = {
    "entrust": "write 'none', which does the same on Linux, or leave the policy to a socket",
    "bypass": "write 'none', which does the same on Linux",
}


@dataclass(slots=True)
class _Rules:
    """The templates of a policy while they are read, and where they differ from their usual form."""

    selector: Selector
    direction: Direction
    templates: list[Template] = field(default_factory=list)


def policy_command(cursor: CommandCursor, at: Location) -> PolicyRecord:
    """Read what follows `spdadd`; InputError for what setkey or the kernel would refuse."""
    selector = read_policy_selector(cursor)
    cursor.literal("-P")
    direction = cursor.choice(DIRECTIONS, "a direction")
    priority = 0
    if cursor.peek() in ("prio", "priority"):
        priority = _priority(cursor)
    word = cursor.peek()
    if word in _REFUSED:
        raise cursor.error(cursor.take("an action"), "discard, none or ipsec", _REFUSED[word])
    action = cursor.choice(_ACTIONS, "an action")
    rules = _Rules(selector, direction)
    while word == "ipsec" and not cursor.done:
        _read_rule(cursor, rules)
    cursor.notes.spellings.append(Spelling("action", word))
    policy = Policy(selector, direction, action=action, priority=priority, templates=tuple(rules.templates))
    return PolicyRecord(
        policy,
        at,
        masked=tuple(cursor.notes.masked),
        spellings=tuple(cursor.notes.spellings),
        shows_type=False,
        format=DumpFormat.SETKEY_CONF,
    )


def read_policy_selector(cursor: CommandCursor) -> Selector:
    """Read two ranges and an upper-layer specification."""
    source, source_port = read_range(cursor, cursor.take("a source range"))
    word = cursor.take("a destination range")
    destination, destination_port = read_range(cursor, word)
    if source.family is not destination.family:
        raise cursor.error(word, "two ranges of one family")
    protocol = read_upper_protocol(cursor)
    selector = Selector(source, destination, protocol, source_port, destination_port, family=source.family)
    if _TYPE_AND_CODE.match(cursor.peek()):
        if protocol not in (Protocol.ICMPV6, Protocol.ICMP):
            raise cursor.error(cursor.take("'-P'"), "'-P'", "only ICMP has a type and a code")
        selector = with_type_and_code(cursor, selector)
    return selector


def _priority(cursor: CommandCursor) -> int:
    """Read a priority; `priority` is another word for `prio`."""
    if cursor.peek() == "priority":
        words = list(cursor.line.words)
        words[cursor.place] = "prio"
        cursor.line = type(cursor.line)(cursor.line.number, tuple(words))
    return read_priority(cursor)


def _read_rule(cursor: CommandCursor, rules: _Rules) -> None:
    word = cursor.take(_RULE)
    parts = word.split("/")
    level = _LEVEL.match(parts[3]) if len(parts) == len(_RULE.split("/")) else None
    if level is None or parts[0] not in _PROTOCOLS or parts[1] not in _MODES:
        listed = f"{_RULE} with {', '.join(_PROTOCOLS)}; {', '.join(_MODES)}; default, use, require, unique"
        raise cursor.error(word, listed)
    path = f"templates[{len(rules.templates)}]."
    mode = _MODES[parts[1]]
    ends = _endpoints(cursor, parts[2])
    if mode is Mode.TUNNEL and ends is None:
        raise cursor.error(
            word, "the endpoints of the tunnel", "write SOURCE-DESTINATION between the slashes"
        )
    if mode is not Mode.TUNNEL and ends is not None:
        cursor.notes.spellings.append(Spelling(f"{path}endpoints", parts[2]))
        ends = None
    nowhere = unspecified(rules.selector.family)
    source, destination = ends or (nowhere, nowhere)
    cursor.notes.spellings.append(Spelling(f"{path}level", parts[3]))
    rules.templates.append(
        Template(
            _PROTOCOLS[parts[0]],
            mode,
            source,
            destination,
            reqid=_reqid(cursor, level, path),
            optional=level.group(1) == "use",
            family=family_of(source),
        )
    )


def _reqid(cursor: CommandCursor, level: re.Match[str], path: str) -> int:
    """A reqid that the kernel makes up (XFRM-KEY-004) is unknown here; other levels have none."""
    if level.group(1) != "unique":
        return 0
    wanted = int(level.group(2) or 0)
    if not 0 < wanted <= MANUAL_REQID_MAX:
        cursor.notes.mask(f"{path}reqid", level.group())
        return 0
    return wanted


def _endpoints(cursor: CommandCursor, text: str) -> tuple[Address, Address] | None:
    if not text:
        return None
    source_text, _, destination_text = text.partition("-")
    ends = cursor.address_from(source_text, ""), cursor.address_from(destination_text, "")
    if ends[0].version != ends[1].version:
        raise cursor.error(text, "two addresses of one family")
    return ends


def policy_lines(record: PolicyRecord) -> list[str]:
    """Write one policy as an `spdadd` command."""
    policy, wording = record.policy, Wording(record)
    selector = policy.selector
    ports = selector.source_port, selector.destination_port
    words = ["spdadd"]
    words += [range_text(selector.source, ports[0], selector.protocol)]
    words += [range_text(selector.destination, ports[1], selector.protocol)]
    words += [wording("selector.protocol", upper_name(selector.protocol))]
    if selector.protocol == Protocol.ICMPV6 and any(port.mask for port in ports):
        words.append(f"{ports[0].value},{ports[1].value}")
    words += ["-P", policy.direction.name.lower()]
    words += list(filter(None, [wording("priority", priority_text(policy.priority))]))
    words.append(wording("action", "none"))
    words += [
        _rule_text(template, f"templates[{number}].", wording)
        for number, template in enumerate(policy.templates)
    ]
    return [" ".join(words) + ";"]


def _rule_text(template: Template, path: str, wording: Wording) -> str:
    protocol = next(name for name, number in _PROTOCOLS.items() if number is template.protocol)
    tunnel = f"{template.source}-{template.destination}" if template.mode is Mode.TUNNEL else ""
    ends = wording(f"{path}endpoints", tunnel)
    return f"{protocol}/{template.mode.name.lower()}/{ends}/{wording(f'{path}level', 'require')}"
