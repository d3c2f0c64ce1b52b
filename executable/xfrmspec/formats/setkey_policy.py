"""Policies as `setkey -DP` writes them (KAME print form)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xfrmspec.formats.block import UINT64_MAX, Block
from xfrmspec.formats.dump import Detail, DumpFormat, Location, PolicyRecord, Spelling, detail_of
from xfrmspec.formats.names import DIRECTIONS, PROTOCOL_NUMBERS, address_text, protocol_name
from xfrmspec.formats.setkey_state import PROTOCOLS
from xfrmspec.formats.words import CUT_OFF, Cursor, Line, Wording, as_number, is_symbol
from xfrmspec_terms.policy import NO_LIMITS, Action, Direction, Limits, Mode, Policy, Template
from xfrmspec_terms.selector import (
    ANY_PORT,
    PORT_MASK_FULL,
    UINT32_MAX,
    Address,
    Family,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    family_of,
    unspecified,
)

_SOCKET_HEAD = "(per-socket policy)"
_RANGE = re.compile(r"([0-9A-Fa-f:.]+)(?:/([0-9]{1,3}))?(?:\[(any|[0-9]{1,5})\])?\Z")
_MODES = {"any": Mode.TRANSPORT, "transport": Mode.TRANSPORT, "tunnel": Mode.TUNNEL}
_LEVEL = re.compile(r"(default|use|require|unique)(?:[:#]([0-9]{1,10}))?\Z")
_ACTIONS = dict.fromkeys(("ipsec", "none", "entrust", "bypass"), Action.ALLOW) | {"discard": Action.BLOCK}
_UPPER_NAMES = {0: "any", Protocol.ICMPV6: "icmp6", Protocol.IPIP: "ip4"}
_PRIORITY_BASES = {"low": 0xC0000000, "def": 0x80000000, "high": 0x40000000}
_ORIGIN = re.compile(r"spid=(\S+) (seq=\S+ pid=\S+(?: scope=\S+)?(?: ?ifname=\S+)?)\Z")
_LIFETIME = re.compile(r"lifetime: ?(\S+?)(?:\(s\))? validtime: ?(\S+?)(?:\(s\))?\Z")


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A policy while its lines are read."""

    selector: Selector
    direction: Direction | None = None
    socket: bool = False
    action: Action = Action.ALLOW
    priority: int = 0
    index: int | None = None
    limits: Limits = NO_LIMITS
    templates: list[Template] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    ends: bool = False


def is_policy_head(line: Line) -> bool:
    """Tell whether a line is the selector of a policy."""
    if line.text == _SOCKET_HEAD:
        return True
    words = line.words
    parts = ("source", "destination", "protocol")
    return len(words) >= len(parts) and all(
        _RANGE.match(word) and (":" in word or "." in word) for word in words[:2]
    )


def read_policy(block: Block) -> PolicyRecord:
    """Read one policy; InputError when its first or last lines are missing or a value is wrong."""
    draft = _Draft(selector=_read_selector(Cursor(block.first, block.notes)))
    while not block.done:
        line = block.next("a line")
        reader = _reader_of(line)
        if reader is None:
            block.notes.report(line, line.words)
        else:
            reader(Cursor(line, block.notes), block, draft)
    return _record(block, draft)


def _reader_of(line: Line) -> Callable[[Cursor, Block, _Draft], None] | None:
    word = line.words[0]
    if word.removesuffix("(socket)") in DIRECTIONS:
        return _read_direction
    if word.partition("/")[0] in PROTOCOLS and "/" in word:
        return _read_template
    return _LINES.get(re.split(r"[=:]", word)[0])


def _record(block: Block, draft: _Draft) -> PolicyRecord:
    if draft.direction is None:
        raise block.missing("'in ...' or 'out ...'")
    if draft.index is None:
        raise block.missing("'spid=... seq=... pid=...'")
    if not draft.ends:
        raise block.missing("'refcnt=...'")
    policy = Policy(
        selector=draft.selector,
        direction=draft.direction,
        action=draft.action,
        priority=draft.priority,
        templates=tuple(draft.templates),
        index=draft.index,
        limits=draft.limits,
    )
    return PolicyRecord(
        policy=policy,
        at=Location(block.notes.file, block.first.number),
        socket=draft.socket,
        masked=tuple(block.notes.masked),
        spellings=tuple(block.notes.spellings),
        details=tuple(draft.details),
        shows_type=False,
        format=DumpFormat.SETKEY,
    )


def _read_selector(cursor: Cursor) -> Selector:
    if cursor.line.text == _SOCKET_HEAD:
        cursor.notes.mask("selector", _SOCKET_HEAD)
        anything = Prefix(unspecified(Family.INET6), 0)
        return Selector(anything, anything)
    words = cursor.take("a source"), cursor.take("a destination")
    (source, source_port), (destination, destination_port) = (read_range(cursor, word) for word in words)
    if source.family is not destination.family:
        raise cursor.error(words[1], "two prefixes of one family")
    protocol = read_upper_protocol(cursor)
    selector = Selector(source, destination, protocol, source_port, destination_port, family=source.family)
    if protocol == Protocol.ICMPV6 and not cursor.done:
        selector = with_type_and_code(cursor, selector)
    if not cursor.done:
        cursor.skip_unknown(())
    for path, word, prefix, port in (
        ("selector.source", words[0], source, source_port),
        ("selector.destination", words[1], destination, destination_port),
    ):
        cursor.notes.spell(path, word, range_text(prefix, port, protocol))
    return selector


def read_range(cursor: Cursor, word: str) -> tuple[Prefix, PortMatch]:
    """Read `ADDRESS[/LENGTH]['['PORT']']` from a word; port 0 and any match every port."""
    match = _RANGE.match(word)
    if match is None:
        raise cursor.error(word, "ADDRESS/LENGTH[PORT]")
    address_word, length_word, port_word = match.groups()
    address = cursor.address_from(address_word, "")
    width = family_of(address).width
    length = int(length_word) if length_word else width
    port = 0 if port_word in (None, "any") else int(port_word)
    if length > width:
        raise cursor.error(word, f"a prefix length of 0..{width}")
    if port > PORT_MASK_FULL:
        raise cursor.error(word, f"a port of 0..{PORT_MASK_FULL}")
    return Prefix(address, length), PortMatch.exactly(port) if port else ANY_PORT


def range_text(prefix: Prefix, port: PortMatch, protocol: int) -> str:
    """Write a range as setkey does; ICMPv6 has no ports."""
    length = "" if prefix.length == prefix.family.width else f"/{prefix.length}"
    port_text = f"[{port.value if port.mask else 'any'}]" if protocol != Protocol.ICMPV6 else ""
    return f"{address_text(prefix.address)}{length}{port_text}"


def read_upper_protocol(cursor: Cursor) -> int:
    """Read the name or number of an upper-layer protocol."""
    word = cursor.take("an upper-layer protocol")
    number = PROTOCOL_NUMBERS.get(word, as_number(word))
    if number is None or number > 0xFF:
        raise cursor.error(word, "a protocol name or a number of 0..255")
    cursor.notes.spell("selector.protocol", word, upper_name(number))
    return number


def upper_name(number: int) -> str:
    """Return setkey's name of an upper-layer protocol."""
    return _UPPER_NAMES.get(number, protocol_name(number))


def with_type_and_code(cursor: Cursor, selector: Selector) -> Selector:
    """Read `TYPE,CODE`; as for ports, 0 matches every value."""
    word = cursor.take("a type and a code")
    match = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5})", word)
    if match is None or any(int(part) > PORT_MASK_FULL for part in match.groups()):
        raise cursor.error(word, "'TYPE,CODE'")
    ports = [PortMatch.exactly(int(part)) if int(part) else ANY_PORT for part in match.groups()]
    return replace(selector, source_port=ports[0], destination_port=ports[1])


def _read_direction(cursor: Cursor, block: Block, draft: _Draft) -> None:
    word = cursor.take("a direction")
    if draft.direction is not None:
        raise cursor.again(word, "one direction per policy")
    draft.socket = word.endswith("(socket)")
    draft.direction = DIRECTIONS[word.removesuffix("(socket)")]
    if cursor.peek() == "prio":
        draft.priority = read_priority(cursor)
    action = cursor.peek()
    draft.action = cursor.choice(_ACTIONS, "an action")
    block.notes.spellings.append(Spelling("action", action))
    if not cursor.done:
        cursor.skip_unknown(())


def read_priority(cursor: Cursor) -> int:
    """Read `prio [BASE] [+|- OFFSET]`: a larger number there is a smaller priority value here."""
    start = cursor.place
    cursor.literal("prio")
    base = _PRIORITY_BASES["def"]
    if cursor.peek() in _PRIORITY_BASES:
        base = _PRIORITY_BASES[cursor.take("a base")]
    sign = -1
    if cursor.peek() in ("+", "-"):
        sign = 1 if cursor.take("a sign") == "-" else -1
    word = cursor.peek()
    offset = as_number(word.removeprefix("-"))
    if offset is None:
        offset = 0
    else:
        cursor.take("an offset")
    value = base + (-sign if word.startswith("-") else sign) * offset
    if not 0 <= value <= UINT32_MAX:
        raise cursor.error(word, "a priority within 32 bits")
    text = " ".join(cursor.line.words[start : cursor.place])
    cursor.notes.spell("priority", text, priority_text(value))
    return value


def priority_text(value: int) -> str:
    """Write a priority; the strongest, 0, is what setkey gives when nothing is written."""
    if not value:
        return ""
    offset = _PRIORITY_BASES["def"] - value
    if not offset:
        return "prio def"
    return f"prio def {'+' if offset > 0 else '-'} {abs(offset)}"


def _read_template(cursor: Cursor, block: Block, draft: _Draft) -> None:
    path = f"templates[{len(draft.templates)}]."
    word = cursor.take("a template")
    parts = word.split("/")
    if len(parts) != len(("protocol", "mode", "endpoints", "level")):
        raise cursor.error(word, "PROTOCOL/MODE/SOURCE-DESTINATION/LEVEL", CUT_OFF)
    protocol, mode, endpoints, level_text = parts
    level = _LEVEL.match(level_text)
    if mode not in _MODES or level is None or int(level.group(2) or 0) > UINT32_MAX:
        raise cursor.error(word, "a mode and a level: default, use, require or unique", CUT_OFF)
    if mode == "any":
        block.notes.mask(f"{path}mode", mode)
    source, destination = _read_endpoints(cursor, endpoints, path, draft)
    block.notes.spell(f"{path}protocol", protocol, _name_of(PROTOCOLS[protocol]))
    block.notes.spellings.append(Spelling(f"{path}level", level_text))
    draft.templates.append(
        Template(
            PROTOCOLS[protocol],
            _MODES[mode],
            source,
            destination,
            reqid=int(level.group(2) or 0),
            optional=level.group(1) == "use",
            family=family_of(source),
        )
    )
    if not cursor.done:
        cursor.skip_unknown(())


def _read_endpoints(cursor: Cursor, text: str, path: str, draft: _Draft) -> tuple[Address, Address]:
    if not text:
        anything = unspecified(draft.selector.family)
        return anything, anything
    source_text, _, destination_text = text.partition("-")
    source = cursor.address_from(source_text, f"{path}source")
    destination = cursor.address_from(destination_text, f"{path}destination")
    if source.version != destination.version:
        raise cursor.error(text, "two addresses of one family")
    return source, destination


def _name_of(protocol: Protocol) -> str:
    return next(name for name, number in PROTOCOLS.items() if number is protocol)


def _read_created(cursor: Cursor, block: Block, draft: _Draft) -> None:
    block.once(cursor.line, "created", "one 'created:' line per policy")
    block.notes.mask_symbols("created", cursor.line.text)
    draft.details.append(Detail("created", cursor.line.text))


def _read_lifetime(cursor: Cursor, block: Block, draft: _Draft) -> None:
    match = _LIFETIME.match(cursor.line.text)
    if match is None:
        raise cursor.error(cursor.line.text, "'lifetime: N(s) validtime: N(s)'", CUT_OFF)
    block.once(cursor.line, "lifetime", "one 'lifetime:' line per policy")
    added = cursor.number_from(match.group(1), "limits.hard_add_seconds", str, UINT64_MAX)
    used = cursor.number_from(match.group(2), "limits.hard_use_seconds", str, UINT64_MAX)
    draft.limits = replace(NO_LIMITS, hard_add_seconds=added, hard_use_seconds=used)
    draft.details.append(Detail("lifetime", "shown"))


def _read_origin(cursor: Cursor, block: Block, draft: _Draft) -> None:
    match = _ORIGIN.match(cursor.line.text)
    if match is None:
        raise cursor.error(cursor.line.text, "'spid=N seq=N pid=N'", CUT_OFF)
    block.once(cursor.line, "spid", "one 'spid' line per policy")
    draft.index = cursor.number_from(match.group(1), "index")
    block.notes.mask_symbols("origin", match.group(2))
    draft.details.append(Detail("origin", match.group(2)))


def _read_end(cursor: Cursor, block: Block, draft: _Draft) -> None:
    count = cursor.line.text.partition("=")[2]
    block.once(cursor.line, "refcnt", "one 'refcnt' line per policy")
    if as_number(count) is None and not is_symbol(count):
        raise cursor.error(cursor.line.text, "'refcnt=N'", CUT_OFF)
    draft.details.append(Detail("references", count))
    draft.ends = True


_LINES: Mapping[str, Callable[[Cursor, Block, _Draft], None]] = {
    "created": _read_created,
    "lifetime": _read_lifetime,
    "spid": _read_origin,
    "refcnt": _read_end,
}


def policy_lines(record: PolicyRecord) -> list[str]:
    """Write one policy as `setkey -DP` does."""
    policy, wording = record.policy, Wording(record)
    lines = [_selector_text(policy.selector, wording), f"\t{_direction_text(record, wording)}"]
    for number, template in enumerate(policy.templates):
        lines.append(f"\t{_template_text(template, f'templates[{number}].', wording)}")
    created = detail_of(record.details, "created")
    lines += [f"\t{created}"] if created else []
    if policy.limits != NO_LIMITS or detail_of(record.details, "lifetime"):
        added = wording("limits.hard_add_seconds", str(policy.limits.hard_add_seconds))
        used = wording("limits.hard_use_seconds", str(policy.limits.hard_use_seconds))
        lines.append(f"\tlifetime: {added}(s) validtime: {used}(s)")
    origin = detail_of(record.details, "origin") or "seq=0 pid=0"
    lines.append(f"\tspid={wording('index', str(policy.index))} {origin}")
    return [*lines, f"\trefcnt={detail_of(record.details, 'references') or '1'}"]


def _selector_text(selector: Selector, wording: Wording) -> str:
    if wording.masks("selector"):
        return _SOCKET_HEAD
    ports = selector.source_port, selector.destination_port
    source = range_text(selector.source, ports[0], selector.protocol)
    destination = range_text(selector.destination, ports[1], selector.protocol)
    words = [wording("selector.source", source), wording("selector.destination", destination)]
    words.append(wording("selector.protocol", upper_name(selector.protocol)))
    if selector.protocol == Protocol.ICMPV6 and any(port.mask for port in ports):
        words.append(f"{ports[0].value},{ports[1].value}")
    return " ".join(words)


def _direction_text(record: PolicyRecord, wording: Wording) -> str:
    policy = record.policy
    plain = "ipsec" if policy.templates else "none"
    action = wording("action", "discard" if policy.action is Action.BLOCK else plain)
    direction = policy.direction.name.lower() + ("(socket)" if record.socket else "")
    return " ".join(filter(None, [direction, wording("priority", priority_text(policy.priority)), action]))


def _template_text(template: Template, path: str, wording: Wording) -> str:
    plain = "use" if template.optional else "require"
    level = wording(f"{path}level", f"unique:{template.reqid}" if template.reqid else plain)
    protocol = wording(f"{path}protocol", _name_of(template.protocol))
    mode = wording(f"{path}mode", template.mode.name.lower())
    endpoints = ""
    if int(template.source) or int(template.destination):
        source = wording.address(f"{path}source", template.source)
        endpoints = f"{source}-{wording.address(f'{path}destination', template.destination)}"
    return f"{protocol}/{mode}/{endpoints}/{level}"
