"""Policies as `ip xfrm policy` writes them, plain and long (`ip -s`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xfrmspec.formats.block import (
    SHARED_LINES,
    Block,
    Identity,
    SharedDraft,
    flag_text,
    identity_text,
    interface_id_lines,
    limit_lines,
    mark_lines,
    read_flag_bits,
    read_flags,
    read_identity,
    usage_lines,
)
from xfrmspec.formats.dump import Location, PolicyRecord, detail_of
from xfrmspec.formats.names import DIRECTIONS, POLICY_FLAGS, POLICY_TYPES, SHARES
from xfrmspec.formats.selector_text import Interfaces, SelectorDraft, read_selector, selector_text
from xfrmspec.formats.words import CUT_OFF, Cursor, Line, Wording, spi_text
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import (
    Action,
    Direction,
    Mode,
    Policy,
    PolicyFlag,
    PolicyType,
    Share,
    Template,
)
from xfrmspec_terms.selector import Protocol, family_of

_ACTIONS = {action.name.lower(): action for action in Action}
_LEVELS = {"required": False, "use": True}
_OPTION_WORDS = frozenset({"action", "index", "priority", "ptype", "share", "flag"})
_ONE_DIRECTION = "one direction per policy"
_MASKS = ("encryption_mask", "authentication_mask", "compression_mask")
_MASK_WORDS = dict(zip(("enc-mask", "auth-mask", "comp-mask"), _MASKS, strict=True))


@dataclass(slots=True, kw_only=True)
class _Draft(SharedDraft):
    """A policy while its lines are read."""

    selector: SelectorDraft
    direction: Direction | None = None
    socket: bool = False
    type: PolicyType | None = None
    action: Action = Action.ALLOW
    priority: int | None = None
    index: int = 0
    share: Share = Share.ANY
    flags: int = 0
    context: str = ""
    templates: list[Template] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)


def read_policy(block: Block, interfaces: Interfaces) -> PolicyRecord:
    """Read one policy; InputError when a line of it is missing, doubled or wrong."""
    head = Cursor(block.first, block.notes)
    selector = read_selector(head, interfaces)
    draft = _Draft(selector=selector, verbose=selector.verbose)
    while not block.done:
        word = block.lines[block.place].words[0]
        reader = _LINES.get(word)
        if reader is None:
            line = block.next(word)
            block.notes.report(line, line.words)
        else:
            reader(block, draft)
    _check_complete(block, draft)
    return _record(block, draft)


def _check_complete(block: Block, draft: _Draft) -> None:
    if draft.direction is None:
        raise block.missing("'dir in', 'dir out', 'dir fwd' or 'socket ...'")
    if not draft.verbose:
        return
    draft.require_lifetime(block)
    if not all(draft.complete):
        raise block.missing("'level ... share ...' and a line 'enc-mask ...' for every template")


def _record(block: Block, draft: _Draft) -> PolicyRecord:
    policy = Policy(
        selector=draft.selector.value(),
        direction=draft.direction or Direction.IN,
        type=draft.type or PolicyType.MAIN,
        action=draft.action,
        priority=draft.priority or 0,
        templates=tuple(draft.templates),
        mark=draft.mark,
        if_id=draft.if_id,
        index=draft.index,
        flags=PolicyFlag(draft.flags),
        limits=draft.stored_limits,
        share=draft.share,
        security_context=draft.context,
    )
    return PolicyRecord(
        policy=policy,
        at=Location(block.notes.file, block.first.number),
        socket=draft.socket,
        masked=tuple(block.notes.masked),
        interface=draft.selector.interface,
        spellings=tuple(block.notes.spellings),
        details=tuple(draft.details),
        usage=draft.usage,
        verbose=draft.verbose,
        shows_type=draft.type is not None,
    )


@clause("XFRM-POL-001")
def _read_direction(block: Block, draft: _Draft) -> None:
    cursor = block.cursor("a direction")
    word = cursor.take("'dir' or 'socket'")
    if draft.direction is not None:
        raise cursor.again(word, _ONE_DIRECTION)
    draft.socket = word == "socket"
    draft.direction = cursor.choice(DIRECTIONS, "a direction")
    seen: set[str] = set()
    while not cursor.done:
        _read_option(cursor, draft, seen)
    if draft.priority is None:
        raise cursor.notes.error(cursor.line, "no 'priority' on the line", "'priority N'", CUT_OFF)


def _read_option(cursor: Cursor, draft: _Draft, seen: set[str]) -> None:
    word = cursor.peek()
    if word in ("dir", "socket"):
        raise cursor.again(word, _ONE_DIRECTION)
    if word in seen:
        raise cursor.again(word, f"one {word} per policy")
    seen.add(word)
    if word in _OPTIONS:
        cursor.take(word)
        _OPTIONS[word](cursor, draft)
    elif read_flag_bits(cursor, draft.flags):
        draft.verbose = True
    else:
        cursor.skip_unknown({*_OPTION_WORDS, "dir", "socket"})


def _read_action(cursor: Cursor, draft: _Draft) -> None:
    draft.action = cursor.choice(_ACTIONS, "an action")


def _read_index(cursor: Cursor, draft: _Draft) -> None:
    draft.index = cursor.number("index")
    draft.verbose = True


def _read_priority(cursor: Cursor, draft: _Draft) -> None:
    draft.priority = cursor.number("priority")


def _read_type(cursor: Cursor, draft: _Draft) -> None:
    draft.type = cursor.choice(POLICY_TYPES, "a policy type")


def _read_share(cursor: Cursor, draft: _Draft) -> None:
    draft.share = cursor.choice(SHARES, "a share level")
    draft.verbose = True


def _read_policy_flags(cursor: Cursor, draft: _Draft) -> None:
    draft.flags = read_flags(cursor, POLICY_FLAGS, "a policy flag")


_OPTIONS: Mapping[str, Callable[[Cursor, _Draft], None]] = {
    "action": _read_action,
    "index": _read_index,
    "priority": _read_priority,
    "ptype": _read_type,
    "share": _read_share,
    "flag": _read_policy_flags,
}


def _read_context(block: Block, draft: _Draft) -> None:
    line = block.next("a security context")
    block.once(line, "security", "one security context per policy")
    if line.words[1:2] != ("context",) or len(line.words) == len(("security", "context")):
        block.notes.report(line, line.words)
        return
    draft.context = " ".join(line.words[2:])


@clause("XFRM-TMPL-001")
def _read_template(block: Block, draft: _Draft) -> None:
    path = f"templates[{len(draft.templates)}]."
    cursor = block.cursor("a template")
    cursor.literal("tmpl")
    cursor.literal("src")
    source = cursor.address(f"{path}source")
    cursor.literal("dst")
    destination = cursor.address(f"{path}destination")
    if source.version != destination.version:
        raise cursor.error(str(destination), "two addresses of one family")
    if not cursor.done:
        cursor.skip_unknown(())
    identity = _read_template_identity(block, cursor.line, path)
    template = Template(
        identity.protocol,
        identity.mode,
        source,
        destination,
        identity.spi,
        identity.reqid,
        family=family_of(source),
    )
    draft.verbose |= identity.verbose
    template, complete = _read_template_rest(block, template, path)
    draft.templates.append(template)
    draft.complete.append(complete)


def _read_template_identity(block: Block, head: Line, path: str) -> Identity:
    """Read the second line of a template; a filtered text may lack it anywhere but at its end."""
    if block.starts_with("proto"):
        cursor = block.cursor("a protocol")
        identity = read_identity(cursor, path)
        if identity.shows_spi and not identity.spi and not identity.verbose:
            cursor.notes.spell(f"{path}spi", spi_text(0), "")
        return identity
    if block.last and not any(line.words[0] == "tmpl" for line in block.lines[block.place :]):
        found = "a template that ends too early"
        raise block.notes.error(head, found, "a line 'proto ... reqid ... mode ...'", CUT_OFF)
    for name in ("protocol", "spi", "reqid", "mode"):
        block.notes.mask(f"{path}{name}", "")
    return Identity(Protocol.ESP, Mode.TUNNEL, 0, 0, shows_spi=False, verbose=False)


def _read_template_rest(block: Block, template: Template, path: str) -> tuple[Template, bool]:
    shown = template
    level, masks = block.starts_with("level"), False
    if level:
        shown = _read_level(block.cursor("a level"), shown)
    if block.starts_with("enc-mask"):
        masks = True
        shown = _read_masks(block.cursor("the algorithm masks"), shown, path)
    return shown, level and masks


def _read_level(cursor: Cursor, template: Template) -> Template:
    cursor.literal("level")
    optional, share = cursor.choice(_LEVELS, "a level"), Share.ANY
    if cursor.peek() == "share":
        cursor.literal("share")
        share = cursor.choice(SHARES, "a share level")
    if not cursor.done:
        cursor.skip_unknown(())
    return replace(template, optional=optional, share=share)


def _read_masks(cursor: Cursor, template: Template, path: str) -> Template:
    values = {}
    for word, name in _MASK_WORDS.items():
        cursor.literal(word)
        digits = cursor.take("eight hexadecimal digits")
        values[name] = cursor.number_from(f"0x{digits}", f"{path}{name}", lambda value: f"0x{value:08x}")
    if not cursor.done:
        cursor.skip_unknown(())
    return replace(
        template,
        encryption_mask=values["encryption_mask"],
        authentication_mask=values["authentication_mask"],
        compression_mask=values["compression_mask"],
    )


_LINES: Mapping[str, Callable[[Block, _Draft], None]] = {
    "dir": _read_direction,
    "socket": _read_direction,
    "tmpl": _read_template,
    **SHARED_LINES,
    "security": _read_context,
}


def policy_lines(record: PolicyRecord) -> list[str]:
    """Write one policy as `ip xfrm policy` does, in the long form if the record has it."""
    policy, wording = record.policy, Wording(record)
    lines = [selector_text(policy.selector, wording, record.interface, verbose=record.verbose)]
    if policy.security_context:
        lines.append(f"\tsecurity context {policy.security_context}")
    lines.append(f"\t{_direction_text(record, wording)}")
    inner: list[str] = []
    if record.verbose:
        inner += limit_lines(policy.limits, wording) + usage_lines(record.usage, wording)
    inner += mark_lines(policy.mark, detail_of(record.details, "output_mark"), wording)
    for number, template in enumerate(policy.templates):
        inner += _template_lines(template, f"templates[{number}].", wording, verbose=record.verbose)
    inner += [detail.text for detail in record.details if detail.field == "offload"]
    inner += interface_id_lines(policy.if_id, wording)
    return lines + [f"\t{line}" for line in inner]


def _direction_text(record: PolicyRecord, wording: Wording) -> str:
    policy, verbose = record.policy, record.verbose
    words = [f"{'socket' if record.socket else 'dir'} {policy.direction.name.lower()}"]
    if verbose or policy.action is Action.BLOCK:
        words.append(f"action {policy.action.name.lower()}")
    if verbose:
        words.append(f"index {wording('index', str(policy.index))}")
    words.append(f"priority {wording('priority', str(policy.priority))}")
    if record.shows_type or policy.type is PolicyType.SUB:
        words.append(f"ptype {policy.type.name.lower()}")
    if verbose:
        words.append(f"share {policy.share.name.lower()}")
    return " ".join([*words, *flag_text(policy.flags, POLICY_FLAGS, verbose=verbose)])


def _template_lines(template: Template, path: str, wording: Wording, *, verbose: bool) -> list[str]:
    source = wording.address(f"{path}source", template.source)
    lines = [f"tmpl src {source} dst {wording.address(f'{path}destination', template.destination)}"]
    if not wording.masks(f"{path}protocol"):
        shown = Identity(
            template.protocol,
            template.mode,
            template.spi,
            template.reqid,
            shows_spi=bool(wording(f"{path}spi", "")),
            verbose=verbose,
        )
        lines.append(f"\t{identity_text(shown, wording, path)}")
    if verbose or template.optional:
        share = f" share {template.share.name.lower()}" if verbose else ""
        lines.append(f"\tlevel {'use' if template.optional else 'required'}{share}")
    if verbose:
        lines.append(f"\t{_mask_text(template, path, wording)}")
    return lines


def _mask_text(template: Template, path: str, wording: Wording) -> str:
    values = (template.encryption_mask, template.authentication_mask, template.compression_mask)
    words = []
    for (word, name), value in zip(_MASK_WORDS.items(), values, strict=True):
        words.append(f"{word} {wording(f'{path}{name}', f'0x{value:08x}').removeprefix('0x')}")
    return " ".join(words)
