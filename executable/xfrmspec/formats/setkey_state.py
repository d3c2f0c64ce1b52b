"""States as `setkey -D` writes them (KAME print form)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xfrmspec.formats.block import UINT64_MAX, Block
from xfrmspec.formats.dump import Algorithm, Detail, DumpFormat, Location, StateRecord, detail_of
from xfrmspec.formats.words import CUT_OFF, Cursor, Line, Wording, reqid_pair
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.policy import NO_LIMITS, Limits, Mode
from xfrmspec_terms.selector import Address, Protocol, family_of

PROTOCOLS: Mapping[str, Protocol] = {
    "ah": Protocol.AH,
    "esp": Protocol.ESP,
    "esp-udp": Protocol.ESP,
    "ipcomp": Protocol.IPCOMP,
    "tcp": Protocol.TCP,
}
"""Protocols of templates and states by the names of setkey."""

_MODES = {"any": Mode.TRANSPORT, "transport": Mode.TRANSPORT, "tunnel": Mode.TUNNEL}
_LIFECYCLES = {
    "larval": (Lifecycle.ACQ, False),
    "mature": (Lifecycle.VALID, False),
    "dying": (Lifecycle.VALID, True),
    "dead": (Lifecycle.DEAD, False),
}
_WINDOW_BITS = 8
_ENDPOINT = re.compile(r"([0-9A-Fa-f:.]+)(\[[0-9]{1,5}\])?\Z")
_STATUS = re.compile(r"seq=(\S+) replay=(\S+) flags=(\S+) state=(\S+)\Z")
_ADDED = re.compile(r"diff: (\S+)\(s\) hard: (\S+)\(s\) soft: (\S+)\(s\)\Z")
_USED = re.compile(r"last:( .+?)? hard: (\S+)\(s\) soft: (\S+)\(s\)\Z")
_OCTETS = re.compile(r"current: (\S+)\(bytes\) hard: (\S+)\(bytes\) soft: (\S+)\(bytes\)\Z")
_KEPT = {
    "NAT:": ("nat", re.compile(r"NAT:(?: OA[IR]=\S+){1,2}\Z")),
    "created:": ("created", re.compile(r"created:.* current: .+\Z")),
    "allocated:": ("allocated", re.compile(r"allocated: \S+ hard: \S+ soft: \S+\Z")),
    "security": ("security_context", re.compile(r"security context .+\Z")),
}


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A state while its lines are read."""

    state: SecurityAssociation | None = None
    source: Address
    destination: Address
    limits: dict[str, int] = field(default_factory=dict)
    lifecycle: tuple[Lifecycle, bool] | None = None
    replay_window: int = 0
    algorithms: list[Algorithm] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    ends: bool = False


def is_state_head(line: Line) -> bool:
    """Tell whether a line consists of the two addresses of a state."""
    return len(line.words) == len(("source", "destination")) and all(
        _ENDPOINT.match(word) and (":" in word or "." in word) for word in line.words
    )


def read_state(block: Block) -> StateRecord:
    """Read one state; InputError when its first or last lines are missing or a value is wrong."""
    head = Cursor(block.first, block.notes)
    source, source_port = _read_endpoint(head, "source")
    destination, destination_port = _read_endpoint(head, "destination")
    if source.version != destination.version:
        raise head.error(str(destination), "two addresses of one family")
    draft = _Draft(source=source, destination=destination)
    ports = (("nat_source", source_port), ("nat_destination", destination_port))
    draft.details += [Detail(path, port) for path, port in ports if port]
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
    if len(line.words) > 1 and line.words[1].startswith("mode="):
        return _read_identity
    return _LINES.get(word.partition("=")[0] if "=" in word else word)


def _record(block: Block, draft: _Draft) -> StateRecord:
    if draft.state is None:
        raise block.missing("'PROTOCOL mode=... spi=... reqid=...'")
    if draft.lifecycle is None:
        raise block.missing("'seq=... replay=... flags=... state=...'")
    if not draft.ends:
        raise block.missing("'sadb_seq=... pid=... refcnt=...'")
    lifecycle, dying = draft.lifecycle
    state = replace(
        draft.state,
        lifecycle=lifecycle,
        dying=dying,
        limits=_limits(draft.limits),
        replay_window=draft.replay_window,
    )
    return StateRecord(
        state=state,
        at=Location(block.notes.file, block.first.number),
        masked=tuple(block.notes.masked),
        spellings=tuple(block.notes.spellings),
        algorithms=tuple(draft.algorithms),
        details=tuple(draft.details),
        format=DumpFormat.SETKEY,
    )


def _limits(found: Mapping[str, int]) -> Limits:
    """A limit of 0 octets means none."""
    return replace(
        NO_LIMITS,
        soft_bytes=found.get("soft_bytes") or None,
        hard_bytes=found.get("hard_bytes") or None,
        soft_add_seconds=found.get("soft_add_seconds", 0),
        hard_add_seconds=found.get("hard_add_seconds", 0),
        soft_use_seconds=found.get("soft_use_seconds", 0),
        hard_use_seconds=found.get("hard_use_seconds", 0),
    )


def _read_endpoint(cursor: Cursor, path: str) -> tuple[Address, str]:
    word = cursor.take("an address")
    match = _ENDPOINT.match(word)
    if match is None:
        raise cursor.error(word, "an address")
    return cursor.address_from(match.group(1), path), match.group(2) or ""


def _assignment(cursor: Cursor, name: str) -> str:
    word = cursor.take(f"'{name}=...'")
    if not word.startswith(f"{name}="):
        raise cursor.error(word, f"'{name}=...'")
    return word.removeprefix(f"{name}=")


def _read_identity(cursor: Cursor, block: Block, draft: _Draft) -> None:
    block.once(cursor.line, "mode", "one protocol per state")
    word = cursor.peek()
    protocol = cursor.choice(PROTOCOLS, "a protocol")
    block.notes.spell("protocol", word, _protocol_name(protocol))
    mode = _assignment(cursor, "mode")
    if mode not in _MODES:
        raise cursor.error(mode, f"a mode: {', '.join(_MODES)}")
    if mode == "any":
        block.notes.mask("mode", mode)
    spi = cursor.number_from(_assignment(cursor, "spi"), "spi", reqid_pair)
    reqid = cursor.number_from(_assignment(cursor, "reqid"), "reqid", reqid_pair)
    if not cursor.done:
        cursor.skip_unknown(())
    draft.state = SecurityAssociation(
        draft.source,
        draft.destination,
        protocol,
        _MODES[mode],
        spi,
        reqid,
        family=family_of(draft.source),
    )


def _protocol_name(protocol: Protocol) -> str:
    return next(name for name, number in PROTOCOLS.items() if number is protocol)


def _read_algorithm(cursor: Cursor, block: Block, draft: _Draft) -> None:
    kind = cursor.take("an algorithm")
    block.once(cursor.line, kind, f"one '{kind}' line per state")
    name = cursor.take("the name of an algorithm")
    draft.algorithms.append(Algorithm(kind, name, " ".join(cursor.line.words[2:])))


def _skip_wrapped_key(cursor: Cursor, block: Block, draft: _Draft) -> None:
    if not draft.algorithms:
        block.notes.report(cursor.line, cursor.line.words)


def _read_status(cursor: Cursor, block: Block, draft: _Draft) -> None:
    match = _STATUS.match(cursor.line.text)
    if match is None:
        raise cursor.error(cursor.line.text, "'seq=N replay=N flags=N state=NAME'", CUT_OFF)
    block.once(cursor.line, "state", "one state of a state")
    sequence, window, flags, lifecycle = match.groups()
    if lifecycle not in _LIFECYCLES:
        raise cursor.error(lifecycle, f"a state: {', '.join(_LIFECYCLES)}")
    draft.lifecycle = _LIFECYCLES[lifecycle]
    draft.replay_window = _WINDOW_BITS * cursor.number_from(window, "replay_window")
    draft.details += [Detail("sequence", sequence), Detail("flags", flags)]


def _read_added(cursor: Cursor, block: Block, draft: _Draft) -> None:
    _read_limits(cursor, block, draft, _ADDED, "add_seconds")


def _read_used(cursor: Cursor, block: Block, draft: _Draft) -> None:
    _read_limits(cursor, block, draft, _USED, "use_seconds")


def _read_octets(cursor: Cursor, block: Block, draft: _Draft) -> None:
    _read_limits(cursor, block, draft, _OCTETS, "bytes")


def _read_limits(cursor: Cursor, block: Block, draft: _Draft, pattern: re.Pattern[str], name: str) -> None:
    match = pattern.match(cursor.line.text)
    if match is None:
        raise cursor.error(cursor.line.text, "'... hard: N soft: N'", CUT_OFF)
    block.once(cursor.line, name, "one line of each limit per state")
    current, hard, soft = match.groups()
    for kind, word in (("hard", hard), ("soft", soft)):
        path = f"{kind}_{name}"
        draft.limits[path] = cursor.number_from(word, f"limits.{path}", str, UINT64_MAX)
    text = (current or "").strip()
    block.notes.mask_symbols(f"current_{name}", text)
    draft.details.append(Detail(f"current_{name}", text))


def _read_kept(cursor: Cursor, block: Block, draft: _Draft) -> None:
    line = cursor.line
    path, pattern = _KEPT[line.words[0]]
    if not pattern.match(line.text):
        block.notes.report(line, line.words)
        return
    block.once(line, path, f"one '{line.words[0]}' line per state")
    if path != "security_context":
        block.notes.mask_symbols(path, line.text)
    draft.details.append(Detail(path, line.text))


def _read_end(cursor: Cursor, block: Block, draft: _Draft) -> None:
    line = cursor.line
    block.once(line, "sadb_seq", "one 'sadb_seq' line per state")
    if not re.fullmatch(r"sadb_seq=\S+ pid=\S+ refcnt=\S+", line.text):
        raise cursor.error(line.text, "'sadb_seq=N pid=N refcnt=N'", CUT_OFF)
    block.notes.mask_symbols("origin", line.text)
    draft.details.append(Detail("origin", line.text))
    draft.ends = True


_LINES: Mapping[str, Callable[[Cursor, Block, _Draft], None]] = {
    **dict.fromkeys(("E:", "A:", "C:"), _read_algorithm),
    **dict.fromkeys(_KEPT, _read_kept),
    "<redacted>": _skip_wrapped_key,
    "seq": _read_status,
    "diff:": _read_added,
    "last:": _read_used,
    "current:": _read_octets,
    "sadb_seq": _read_end,
}


def state_lines(record: StateRecord) -> list[str]:
    """Write one state as `setkey -D` does."""
    state, wording, details = record.state, Wording(record), record.details
    source = wording.address("source", state.source) + detail_of(details, "nat_source")
    destination = wording.address("destination", state.destination) + detail_of(details, "nat_destination")
    lines = [f"{source} {destination}", f"\t{_identity_text(state, wording)}"]
    lines += _kept_lines(record, "nat")
    lines += [f"\t{entry.kind} {entry.name} {entry.key}" for entry in record.algorithms]
    lines += [f"\t{_status_text(record, wording)}", *_kept_lines(record, "created")]
    lines += _limit_lines(record, wording)
    lines += _kept_lines(record, "allocated") + _kept_lines(record, "security_context")
    return [*lines, f"\t{detail_of(details, 'origin') or 'sadb_seq=0 pid=0 refcnt=0'}"]


def _kept_lines(record: StateRecord, path: str) -> list[str]:
    text = detail_of(record.details, path)
    return [f"\t{text}"] if text else []


def _identity_text(state: SecurityAssociation, wording: Wording) -> str:
    protocol = wording("protocol", _protocol_name(state.protocol))
    mode = wording("mode", state.mode.name.lower())
    spi, reqid = wording("spi", reqid_pair(state.spi)), wording("reqid", reqid_pair(state.reqid))
    return f"{protocol} mode={mode} spi={spi} reqid={reqid}"


def _status_text(record: StateRecord, wording: Wording) -> str:
    state = record.state
    names = {value: name for name, value in _LIFECYCLES.items()}
    window = wording("replay_window", str(state.replay_window // _WINDOW_BITS))
    sequence = detail_of(record.details, "sequence") or "0x00000000"
    flags = detail_of(record.details, "flags") or "0x00000000"
    name = names.get((state.lifecycle, state.dying), "dead")
    return f"seq={sequence} replay={window} flags={flags} state={name}"


def _limit_lines(record: StateRecord, wording: Wording) -> list[str]:
    limits = record.state.limits
    shapes = (
        ("add_seconds", "diff: ", "(s)", limits.hard_add_seconds, limits.soft_add_seconds),
        ("use_seconds", "last: ", "(s)", limits.hard_use_seconds, limits.soft_use_seconds),
        ("bytes", "current: ", "(bytes)", limits.hard_bytes, limits.soft_bytes),
    )
    lines = []
    for name, title, unit, hard, soft in shapes:
        current = detail_of(record.details, f"current_{name}")
        if not (any(detail.field == f"current_{name}" for detail in record.details) or hard or soft):
            continue
        shown = current if name == "use_seconds" else f"{current or '0'}{unit}"
        hard_text = wording(f"limits.hard_{name}", str(hard or 0))
        soft_text = wording(f"limits.soft_{name}", str(soft or 0))
        lines.append(f"\t{title}{shown} hard: {hard_text}{unit} soft: {soft_text}{unit}")
    return lines
