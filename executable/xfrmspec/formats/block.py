"""The lines of one record, and the parts that policies and states of `ip xfrm` share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from xfrmspec.formats.dump import Detail, InputError, Usage
from xfrmspec.formats.names import MODES, TRANSFORM_PROTOCOLS, transform_name
from xfrmspec.formats.words import (
    CUT_OFF,
    Cursor,
    Line,
    Notes,
    Wording,
    as_number,
    hex_text,
    reqid_pair,
    spi_pair,
    spi_text,
)
from xfrmspec_terms.policy import NO_LIMITS, Limits, Mark, Mode
from xfrmspec_terms.selector import UINT32_MAX, Protocol

UINT64_MAX = 0xFFFFFFFFFFFFFFFF
NUMBER = r"(?:0x[0-9a-f]{1,8}|[0-9]{1,20}|(?:0x)?[A-Z][A-Z0-9]*)"
"""A number or a symbolic unknown inside the pattern of a line."""

TIME = r"(?:[0-9]{4,}-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]|YYYY-MM-DD HH:MM:SS|[A-Z]+|-)"
"""A printed time, its mask, or `-` for none."""

_INFINITE = "(INF)"
_LIMIT_LINES = (
    ("soft_bytes", "hard_bytes", re.compile(r"limit: soft (\S+)\(bytes\), hard (\S+)\(bytes\)\Z")),
    ("soft_packets", "hard_packets", re.compile(r"limit: soft (\S+)\(packets\), hard (\S+)\(packets\)\Z")),
    ("soft_add_seconds", "hard_add_seconds", re.compile(r"expire add: soft (\S+)\(sec\), hard (\S+)\(sec\)")),
    ("soft_use_seconds", "hard_use_seconds", re.compile(r"expire use: soft (\S+)\(sec\), hard (\S+)\(sec\)")),
)
_COUNTS = re.compile(r"(\S+)\(bytes\), (\S+)\(packets\)\Z")
_TIMES = re.compile(rf"add ({TIME}) use ({TIME})\Z")
_OFFLOAD = re.compile(r"crypto offload parameters: dev \S+(?: dir (?:in|out))?(?: mode (?:crypto|packet))?\Z")
_FLAG_BITS = re.compile(r"\(0x([01]{8})\)\Z")


@dataclass(slots=True)
class Block:
    """The lines of one record after its first; `last` is True for the last record of a text."""

    first: Line
    lines: Sequence[Line]
    notes: Notes
    last: bool
    place: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def done(self) -> bool:
        """True when no line is left."""
        return self.place >= len(self.lines)

    def starts_with(self, *words: str) -> bool:
        """Tell whether the next line starts with the given words."""
        return not self.done and self.lines[self.place].words[: len(words)] == words

    def next(self, expected: str) -> Line:
        """Return the next line and step over it; InputError when the record ends before it."""
        if self.done:
            end = self.lines[-1] if self.lines else self.first
            raise self.notes.error(end, "the end of the record", expected, CUT_OFF)
        self.place += 1
        return self.lines[self.place - 1]

    def cursor(self, expected: str) -> Cursor:
        """Return a cursor on the next line."""
        return Cursor(self.next(expected), self.notes)

    def once(self, line: Line, key: str, expected: str) -> None:
        """Refuse a second line of one kind."""
        if key in self.seen:
            raise Cursor(line, self.notes).again(key, expected)
        self.seen.add(key)

    def missing(self, expected: str) -> InputError:
        """Return the error for a record that lacks a line; it points at the first line."""
        return self.notes.error(self.first, "a record that ends too early", f"a line {expected}", CUT_OFF)


@dataclass(frozen=True, slots=True)
class Identity:
    """The line `proto ... reqid ... mode ...` of a template or a state."""

    protocol: Protocol
    mode: Mode
    spi: int
    reqid: int
    shows_spi: bool
    verbose: bool


def read_identity(cursor: Cursor, path: str) -> Identity:
    """Read the protocol, SPI, reqid and mode; `path` goes before the names of the fields."""
    cursor.literal("proto")
    protocol = _read_transform(cursor)
    spi, reqid, shows_spi = 0, 0, cursor.peek() == "spi"
    verbose = False
    if shows_spi:
        cursor.literal("spi")
        verbose = "(" in cursor.peek()
        spi = cursor.number(f"{path}spi", spi_pair if verbose else spi_text)
    cursor.literal("reqid")
    pair = "(" in cursor.peek()
    reqid = cursor.number(f"{path}reqid", reqid_pair if pair else str)
    cursor.literal("mode")
    mode = cursor.choice(MODES, "a mode")
    if not cursor.done:
        cursor.skip_unknown(())
    return Identity(protocol, mode, spi, reqid, shows_spi, verbose or pair)


def _read_transform(cursor: Cursor) -> Protocol:
    listed = f"a protocol: {', '.join(TRANSFORM_PROTOCOLS)}, or its number"
    word = cursor.take(listed)
    if word in TRANSFORM_PROTOCOLS:
        return TRANSFORM_PROTOCOLS[word]
    number = as_number(word)
    if number is None or number not in Protocol._value2member_map_:
        raise cursor.error(word, listed)
    return Protocol(number)


def identity_text(identity: Identity, wording: Wording, path: str) -> str:
    """Write the line of a template or a state."""
    spell_spi, spell_reqid = (spi_pair, reqid_pair) if identity.verbose else (spi_text, str)
    words = [f"proto {transform_name(identity.protocol)}"]
    if identity.shows_spi or identity.spi or identity.verbose or wording.masks(f"{path}spi"):
        words.append(f"spi {wording(f'{path}spi', spell_spi(identity.spi))}")
    words.append(f"reqid {wording(f'{path}reqid', spell_reqid(identity.reqid))}")
    words.append(f"mode {identity.mode.name.lower()}")
    return " ".join(words)


def read_limits(block: Block) -> Limits:
    """Read the four lines after `lifetime config:`."""
    values: dict[str, int | None] = {}
    for soft, hard, pattern in _LIMIT_LINES:
        line = block.next("a line of the lifetime")
        match = pattern.fullmatch(line.text)
        if match is None:
            raise Cursor(line, block.notes).error(line.text, "a line of the lifetime", CUT_OFF)
        for name, word in zip((soft, hard), match.groups(), strict=True):
            values[name] = _limit(Cursor(line, block.notes), name, word)
    return Limits(**{name: value for name, value in values.items() if value is not None})


def _limit(cursor: Cursor, name: str, word: str) -> int | None:
    if word == _INFINITE and not name.endswith("seconds"):
        return None
    return cursor.number_from(word, f"limits.{name}", str, UINT64_MAX)


def limit_lines(limits: Limits, wording: Wording) -> list[str]:
    """Write the five lines of the configured lifetime."""
    texts = {}
    for entry in fields(Limits):
        value: int | None = getattr(limits, entry.name)
        texts[entry.name] = wording(f"limits.{entry.name}", _INFINITE if value is None else str(value))
    return [
        "lifetime config:",
        "  limit: soft {soft_bytes}(bytes), hard {hard_bytes}(bytes)".format_map(texts),
        "  limit: soft {soft_packets}(packets), hard {hard_packets}(packets)".format_map(texts),
        "  expire add: soft {soft_add_seconds}(sec), hard {hard_add_seconds}(sec)".format_map(texts),
        "  expire use: soft {soft_use_seconds}(sec), hard {hard_use_seconds}(sec)".format_map(texts),
    ]


def read_usage(block: Block) -> Usage:
    """Read the two lines after `lifetime current:`."""
    counts, times = block.next("the octets and packets so far"), block.next("the time of addition")
    found, when = _COUNTS.match(counts.text), _TIMES.match(times.text)
    if found is None:
        raise Cursor(counts, block.notes).error(counts.text, "'N(bytes), N(packets)'", CUT_OFF)
    if when is None:
        raise Cursor(times, block.notes).error(times.text, "'add TIME use TIME'", CUT_OFF)
    cursor = Cursor(counts, block.notes)
    octets = cursor.number_from(found.group(1), "usage.octets", str, UINT64_MAX)
    packets = cursor.number_from(found.group(2), "usage.packets", str, UINT64_MAX)
    for name, text in zip(("added", "used"), when.groups(), strict=True):
        if text[0].isalpha():
            block.notes.mask(f"usage.{name}", text)
    return Usage(octets, packets, when.group(1), when.group(2))


def usage_lines(usage: Usage | None, wording: Wording) -> list[str]:
    """Write the three lines of the current lifetime."""
    shown = usage or Usage(0, 0, "-", "-")
    octets = wording("usage.octets", str(shown.octets))
    packets = wording("usage.packets", str(shown.packets))
    return [
        "lifetime current:",
        f"  {octets}(bytes), {packets}(packets)",
        f"  add {shown.added} use {shown.used}",
    ]


@dataclass(slots=True, kw_only=True)
class SharedDraft:
    """What policies and states have in common, while their lines are read."""

    mark: Mark = field(default_factory=Mark)
    if_id: int = 0
    details: list[Detail] = field(default_factory=list)
    limits: Limits | None = None
    usage: Usage | None = None
    verbose: bool = False

    @property
    def stored_limits(self) -> Limits:
        """The limits, or none at all."""
        return NO_LIMITS if self.limits is None else self.limits

    def require_lifetime(self, block: Block) -> None:
        """Refuse a record that lacks its lifetime lines."""
        if self.limits is None:
            raise block.missing("'lifetime config:'")
        if self.usage is None:
            raise block.missing("'lifetime current:'")


def read_lifetime(block: Block, draft: SharedDraft) -> None:
    """Read `lifetime config:` or `lifetime current:` and the lines below it."""
    line = block.next("a lifetime")
    if line.text not in ("lifetime config:", "lifetime current:"):
        block.notes.report(line, line.words)
        return
    block.once(line, line.text, f"one '{line.text}' per record")
    draft.verbose = True
    if line.text.endswith("config:"):
        draft.limits = read_limits(block)
    else:
        draft.usage = read_usage(block)


def read_flags(cursor: Cursor, names: Mapping[str, int], what: str) -> int:
    """Read the flag names after `flag`; unknown bits, a bare hexadecimal word, are reported."""
    value = 0
    while cursor.peek() in names:
        value |= names[cursor.take(what)]
    if re.fullmatch(r"[0-9a-f]{1,2}", cursor.peek()):
        cursor.skip_unknown({cursor.line.words[-1], *names})
    return value


def read_flag_bits(cursor: Cursor, value: int) -> bool:
    """Read `(0xBITS)`, eight binary digits that repeat the flags; False when the word is another one."""
    match = _FLAG_BITS.match(cursor.peek())
    if match is None:
        return False
    word = cursor.take("the flags in binary digits")
    if int(match.group(1), 2) & value != value:
        raise cursor.error(word, f"the flags {value:08b} in binary digits")
    return True


def flag_text(value: int, names: Mapping[str, int], *, verbose: bool, glued: str = "") -> list[str]:
    """Write the flags as words; `glued` follows the last name without a space, as iproute2 prints it."""
    listed = " ".join(name for name, bit in names.items() if value & bit)
    words = [f"flag {listed}{glued}"] if verbose or value or glued else []
    return [*words, f"(0x{value:08b})"] if verbose else words


def read_marks(block: Block, draft: SharedDraft) -> None:
    """Read the line `mark V/M`, `output-mark V[/M]`, or both in this order."""
    cursor = block.cursor("a mark")
    block.once(cursor.line, cursor.peek(), "one line of marks per record")
    if cursor.peek() == "mark":
        draft.mark = _read_mark(cursor)
    if cursor.peek() == "output-mark":
        draft.details.append(_read_output_mark(cursor))
    if not cursor.done:
        cursor.skip_unknown(())


def _read_mark(cursor: Cursor) -> Mark:
    cursor.literal("mark")
    value_text, slash, mask_text = cursor.take("a mark and its mask").partition("/")
    value = cursor.number_from(value_text, "mark.value", hex_text)
    mask = cursor.number_from(mask_text if slash else "0xffffffff", "mark.mask", hex_text)
    return Mark(value, mask)


def _read_output_mark(cursor: Cursor) -> Detail:
    cursor.literal("output-mark")
    word = cursor.take("a mark")
    if not re.fullmatch(f"{NUMBER}(?:/{NUMBER})?", word):
        raise cursor.error(word, "a mark, or a mark and its mask")
    cursor.notes.mask_symbols("output_mark", word)
    return Detail("output_mark", f"output-mark {word}")


def mark_lines(mark: Mark, output_mark: str, wording: Wording) -> list[str]:
    """Write the line of the marks, if there is one."""
    shown = mark != Mark() or wording.masks("mark.value") or wording.masks("mark.mask")
    value, mask = wording("mark.value", hex_text(mark.value)), wording("mark.mask", hex_text(mark.mask))
    words = [f"mark {value}/{mask}"] if shown else []
    if output_mark:
        words.append(output_mark)
    return [" ".join(words)] if words else []


def read_interface_id(block: Block, draft: SharedDraft) -> None:
    """Read `if_id N`."""
    cursor = block.cursor("an interface id")
    block.once(cursor.line, "if_id", "one if_id per record")
    cursor.literal("if_id")
    draft.if_id = cursor.number("if_id", hex_text, UINT32_MAX)
    if not cursor.done:
        cursor.skip_unknown(())


def interface_id_lines(if_id: int, wording: Wording) -> list[str]:
    """Write the line of the interface id, if there is one."""
    if not if_id and not wording.masks("if_id"):
        return []
    return [f"if_id {wording('if_id', hex_text(if_id))}"]


def read_offload(block: Block, draft: SharedDraft) -> None:
    """Read `crypto offload parameters: dev D [dir in|out] [mode crypto|packet]`."""
    line = block.next("offload parameters")
    block.once(line, "crypto", "one line of offload parameters per record")
    if _OFFLOAD.match(line.text):
        draft.details.append(Detail("offload", line.text))
    else:
        block.notes.report(line, line.words)


SHARED_LINES: Mapping[str, Callable[[Block, SharedDraft], None]] = {
    "lifetime": read_lifetime,
    "mark": read_marks,
    "output-mark": read_marks,
    "crypto": read_offload,
    "if_id": read_interface_id,
}
"""Readers of the lines that policies and states share, by the first word."""
