"""States as `ip xfrm state` writes them, plain and long (`ip -s`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from xfrmspec.formats.block import (
    NUMBER,
    SHARED_LINES,
    TIME,
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
from xfrmspec.formats.dump import Algorithm, Detail, Location, StateRecord, Usage, detail_of
from xfrmspec.formats.names import AUTHENTICATION_BITS, STATE_FLAGS
from xfrmspec.formats.selector_text import Interfaces, SelectorDraft, read_selector, selector_text
from xfrmspec.formats.words import CUT_OFF, Cursor, Line, Wording, as_number
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.selector import Address, family_of

_ALGORITHM = re.compile(
    r"(auth|auth-trunc|aead|enc|comp) (\S+)(?: (0x\S+|<<Keys hidden>>))?"
    r"(?: \(([0-9]{1,5}) bits\))?(?: ([0-9]{1,5}))?\Z"
)
_ONE_LINE: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "encap": (
        "encap",
        re.compile(rf"encap type [a-z0-9-]+ sport {NUMBER} dport {NUMBER} addr [0-9a-f:.]+\Z"),
    ),
    "lastused": ("last_used", re.compile(rf"lastused {TIME}\Z")),
    "anti-replay": (
        "replay",
        re.compile(rf"anti-replay context: seq {NUMBER}, oseq {NUMBER}, bitmap {NUMBER}\Z"),
    ),
    "tfcpad": ("padding", re.compile(rf"tfcpad {NUMBER}\Z")),
    "dir": ("direction", re.compile(r"dir (?:in|out)\Z")),
    "pcpu-num": ("cpu", re.compile(rf"pcpu-num {NUMBER}\Z")),
    "security": ("security_context", re.compile(r"security context \S.*\Z")),
}
_ESN_NUMBERS = re.compile(rf"seq-hi {NUMBER}, seq {NUMBER}, oseq-hi {NUMBER}, oseq {NUMBER}\Z")
_ESN_WINDOW = re.compile(rf"replay_window {NUMBER}, bitmap-length ({NUMBER})\Z")
_BITMAP_WORD = re.compile(r"[0-9a-f]{8}\Z|X{8}\Z")
_STATISTICS = re.compile(rf"replay-window {NUMBER} replay {NUMBER} failed {NUMBER}\Z")
_EXTRA_FLAGS = ("dont-encap-dscp", "oseq-may-wrap")
_EXTRA = "extra_flag"
_BEFORE_SELECTOR = ("encap", "care_of", "last_used", "replay", "replay_esn", "offload")
_AFTER_INTERFACE = ("padding", "direction", "cpu")


@dataclass(slots=True, kw_only=True)
class _Draft(SharedDraft):
    """A state while its lines are read."""

    identity: Identity | None = None
    selector: SelectorDraft | None = None
    replay_window: int | None = None
    flags: int = 0
    care_of: Address | None = None
    algorithms: list[Algorithm] = field(default_factory=list)


def read_state(block: Block, interfaces: Interfaces) -> StateRecord:
    """Read one state; InputError when a line of it is missing, doubled or wrong."""
    source, destination = _read_endpoints(Cursor(block.first, block.notes))
    draft = _Draft()
    while not block.done:
        word = block.lines[block.place].words[0]
        if word == "sel":
            _read_state_selector(block, draft, interfaces)
            continue
        reader = _LINES.get(word)
        if reader is None:
            line = block.next(word)
            block.notes.report(line, line.words)
        else:
            reader(block, draft)
    identity = _check_complete(block, draft)
    state = _value(draft, identity, source, destination)
    return _record(block, draft, state)


def _read_endpoints(cursor: Cursor) -> tuple[Address, Address]:
    cursor.literal("src")
    source = cursor.address("source")
    cursor.literal("dst")
    destination = cursor.address("destination")
    if source.version != destination.version:
        raise cursor.error(str(destination), "two addresses of one family")
    if not cursor.done:
        cursor.skip_unknown(())
    return source, destination


def _check_complete(block: Block, draft: _Draft) -> Identity:
    if draft.identity is None:
        raise block.missing("'proto ... reqid ... mode ...'")
    if draft.replay_window is None:
        raise block.missing("'replay-window N'")
    if draft.verbose:
        draft.require_lifetime(block)
        if not detail_of(draft.details, "statistics"):
            raise block.missing("'stats:'")
    return draft.identity


def _value(draft: _Draft, identity: Identity, source: Address, destination: Address) -> SecurityAssociation:
    return SecurityAssociation(
        source=source,
        destination=destination,
        protocol=identity.protocol,
        mode=identity.mode,
        spi=identity.spi,
        reqid=identity.reqid,
        family=family_of(source),
        selector=None if draft.selector is None else draft.selector.value(),
        mark=draft.mark,
        if_id=draft.if_id,
        flags=StateFlag(draft.flags),
        care_of=draft.care_of,
        added=_seconds(draft.usage),
        limits=draft.stored_limits,
        replay_window=draft.replay_window or 0,
        authentication_bit=_authentication_bit(draft),
    )


def _record(block: Block, draft: _Draft, state: SecurityAssociation) -> StateRecord:
    return StateRecord(
        state=state,
        at=Location(block.notes.file, block.first.number),
        masked=tuple(block.notes.masked),
        interface="" if draft.selector is None else draft.selector.interface,
        spellings=tuple(block.notes.spellings),
        algorithms=tuple(draft.algorithms),
        details=tuple(draft.details),
        usage=draft.usage,
        verbose=draft.verbose,
    )


def _seconds(usage: Usage | None) -> int:
    """Read a printed time as if its zone were UTC; 0 for a mask: only differences have a meaning."""
    if usage is None:
        return 0
    try:
        return int(datetime.fromisoformat(usage.added).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def _authentication_bit(draft: _Draft) -> int:
    names = [entry.name for entry in draft.algorithms if entry.kind.startswith("auth")]
    return AUTHENTICATION_BITS.get(names[0], 0) if names else 0


def _read_identity_line(block: Block, draft: _Draft) -> None:
    cursor = block.cursor("a protocol")
    block.once(cursor.line, "proto", "one protocol per state")
    draft.identity = read_identity(cursor, "")
    draft.verbose |= draft.identity.verbose
    if draft.identity.shows_spi and not draft.identity.spi and not draft.identity.verbose:
        cursor.notes.spell("spi", cursor.line.words[cursor.line.words.index("spi") + 1], "")


def _read_window(block: Block, draft: _Draft) -> None:
    cursor = block.cursor("a replay window")
    block.once(cursor.line, "replay-window", "one replay window per state")
    cursor.literal("replay-window")
    draft.replay_window = cursor.number("replay_window")
    while not cursor.done:
        _read_window_option(cursor, draft)


def _read_window_option(cursor: Cursor, draft: _Draft) -> None:
    word = cursor.peek()
    if word == "seq":
        cursor.literal("seq")
        draft.details.append(Detail("sequence", _sequence(cursor)))
        draft.verbose = True
    elif word == "flag":
        cursor.literal("flag")
        draft.flags = read_flags(cursor, STATE_FLAGS, "a state flag")
    elif word.endswith(_EXTRA) and word.removesuffix(_EXTRA) in {"", *STATE_FLAGS}:
        _read_extra_flags(cursor, draft)
    elif read_flag_bits(cursor, draft.flags):
        draft.verbose = True
    else:
        cursor.skip_unknown({"seq", "flag", _EXTRA})


def _sequence(cursor: Cursor) -> str:
    word = cursor.take("a sequence number")
    if not re.fullmatch(NUMBER, word):
        raise cursor.error(word, "a number")
    cursor.notes.mask_symbols("sequence", word)
    return word


def _read_extra_flags(cursor: Cursor, draft: _Draft) -> None:
    """Read `extra_flag NAME...`; iproute2 puts no space between the last flag and this word."""
    glued = cursor.take(_EXTRA).removesuffix(_EXTRA)
    if glued:
        draft.flags |= STATE_FLAGS[glued]
    names = []
    while cursor.peek() in _EXTRA_FLAGS:
        names.append(cursor.take("an extra flag"))
    draft.details.append(Detail("extra_flags_glued" if glued else "extra_flags", " ".join([_EXTRA, *names])))


def _read_algorithm(block: Block, draft: _Draft) -> None:
    line = block.next("an algorithm")
    match = _ALGORITHM.match(line.text)
    if match is None:
        block.notes.report(line, line.words)
        return
    kind, name, key, bits, truncation = match.groups()
    block.once(line, kind, f"one '{kind}' line per state")
    draft.algorithms.append(
        Algorithm(kind, name, key or "", as_number(bits or ""), as_number(truncation or ""))
    )


def _read_care_of(block: Block, draft: _Draft) -> None:
    cursor = block.cursor("a care-of address")
    block.once(cursor.line, "coa", "one care-of address per state")
    cursor.literal("coa")
    draft.care_of = cursor.address("care_of")
    if not cursor.done:
        cursor.skip_unknown(())


def _read_one_line(block: Block, draft: _Draft) -> None:
    line = block.next("a line")
    path, pattern = _ONE_LINE[line.words[0]]
    if line.text.startswith("anti-replay esn context:"):
        _read_esn(block, draft, line)
        return
    if not pattern.match(line.text):
        block.notes.report(line, line.words)
        return
    block.once(line, path, f"one '{line.words[0]}' line per state")
    if path != "security_context":
        block.notes.mask_symbols(path, line.text)
    draft.details.append(Detail(path, line.text))


def _read_esn(block: Block, draft: _Draft, line: Line) -> None:
    block.once(line, "replay_esn", "one replay context per state")
    numbers, window = block.next("'seq-hi N, seq N, ...'"), block.next("'replay_window N, ...'")
    if not _ESN_NUMBERS.match(numbers.text):
        raise Cursor(numbers, block.notes).error(
            numbers.text, "'seq-hi N, seq N, oseq-hi N, oseq N'", CUT_OFF
        )
    match = _ESN_WINDOW.match(window.text)
    if match is None:
        raise Cursor(window, block.notes).error(window.text, "'replay_window N, bitmap-length N'", CUT_OFF)
    texts = [line.text, f" {numbers.text}", f" {window.text}"]
    length, found = as_number(match.group(1)), 0
    while not block.done and all(_BITMAP_WORD.match(word) for word in block.lines[block.place].words):
        bitmap = block.next("a bitmap")
        found += len(bitmap.words)
        texts.append(f" {bitmap.text}")
    if length is not None and found != length:
        raise Cursor(window, block.notes).error(f"{found} words", f"a bitmap of {length} words", CUT_OFF)
    block.notes.mask_symbols("replay_esn", " ".join(texts[1:]))
    draft.details.append(Detail("replay_esn", "\n".join(texts)))


def _read_state_selector(block: Block, draft: _Draft, interfaces: Interfaces) -> None:
    line = block.next("a selector")
    block.once(line, "sel", "one selector per state")
    draft.selector = read_selector(Cursor(line, block.notes, 1), interfaces)
    draft.verbose |= draft.selector.verbose


def _read_statistics(block: Block, draft: _Draft) -> None:
    line = block.next("statistics")
    block.once(line, "stats:", "one 'stats:' per state")
    counts = block.next("'replay-window N replay N failed N'")
    if not _STATISTICS.match(counts.text):
        raise Cursor(counts, block.notes).error(counts.text, "'replay-window N replay N failed N'", CUT_OFF)
    block.notes.mask_symbols("statistics", counts.text)
    draft.verbose = True
    draft.details.append(Detail("statistics", counts.text))


_LINES: Mapping[str, Callable[[Block, _Draft], None]] = {
    "proto": _read_identity_line,
    "replay-window": _read_window,
    **dict.fromkeys(("auth", "auth-trunc", "aead", "enc", "comp"), _read_algorithm),
    "coa": _read_care_of,
    **dict.fromkeys(_ONE_LINE, _read_one_line),
    **SHARED_LINES,
    "stats:": _read_statistics,
}


def state_lines(record: StateRecord) -> list[str]:
    """Write one state as `ip xfrm state` does, in the long form if the record has it."""
    state, wording = record.state, Wording(record)
    source = wording.address("source", state.source)
    inner = [_identity_line(record, wording), _window_line(record, wording)]
    inner += mark_lines(state.mark, detail_of(record.details, "output_mark"), wording)
    inner += [_algorithm_text(algorithm) for algorithm in record.algorithms]
    inner += _detail_lines(record, wording, _BEFORE_SELECTOR)
    inner += interface_id_lines(state.if_id, wording)
    inner += _detail_lines(record, wording, _AFTER_INTERFACE)
    if state.selector is not None:
        text = selector_text(state.selector, wording, record.interface, verbose=record.verbose)
        inner.append(f"sel {text}")
    if record.verbose:
        inner += limit_lines(state.limits, wording) + usage_lines(record.usage, wording)
        counts = detail_of(record.details, "statistics") or "replay-window 0 replay 0 failed 0"
        inner += ["stats:", f"  {counts}"]
    inner += _detail_lines(record, wording, ("security_context",))
    head = f"src {source} dst {wording.address('destination', state.destination)}"
    return [head, *(f"\t{line}" for line in inner)]


def _identity_line(record: StateRecord, wording: Wording) -> str:
    state = record.state
    shows_spi = state.protocol in IPSEC_PROTOCOLS or bool(wording("spi", ""))
    identity = Identity(state.protocol, state.mode, state.spi, state.reqid, shows_spi, record.verbose)
    return identity_text(identity, wording, "")


def _window_line(record: StateRecord, wording: Wording) -> str:
    words = [f"replay-window {wording('replay_window', str(record.state.replay_window))}"]
    if record.verbose:
        words.append(f"seq {detail_of(record.details, 'sequence') or '0x00000000'}")
    glued = detail_of(record.details, "extra_flags_glued")
    flags = flag_text(record.state.flags, STATE_FLAGS, verbose=record.verbose, glued=glued)
    extra = detail_of(record.details, "extra_flags")
    return " ".join([*words, *flags[:1], *filter(None, [extra]), *flags[1:]])


def _algorithm_text(algorithm: Algorithm) -> str:
    words = [algorithm.kind, algorithm.name, algorithm.key]
    words.append("" if algorithm.bits is None else f"({algorithm.bits} bits)")
    words.append("" if algorithm.truncation is None else str(algorithm.truncation))
    return " ".join(filter(None, words))


def _detail_lines(record: StateRecord, wording: Wording, paths: tuple[str, ...]) -> list[str]:
    lines = []
    for path in paths:
        if path == "care_of" and record.state.care_of is not None:
            lines.append(f"coa {wording.address('care_of', record.state.care_of)}")
        text = detail_of(record.details, path)
        lines += text.split("\n") if text else []
    return lines
