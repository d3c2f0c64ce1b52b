"""Reads and writes what `ip xfrm policy` and `ip xfrm state` print."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xfrmspec.formats.block import Block
from xfrmspec.formats.dump import Dump, DumpFormat, InputError
from xfrmspec.formats.merging import ordered_lines
from xfrmspec.formats.names import DIRECTIONS, MODES, POLICY_FLAGS, POLICY_TYPES, SHARES, STATE_FLAGS
from xfrmspec.formats.policy_text import policy_lines, read_policy
from xfrmspec.formats.reading import Reading
from xfrmspec.formats.selector_text import Interfaces
from xfrmspec.formats.state_text import read_state, state_lines
from xfrmspec.formats.words import CUT_OFF, Line, Notes, lines_of, quoted

_COMMAND = r"(?:\S*[#$%>+]\s*)?(?:sudo )?ip(?: -\S+| netns exec \S+)* x(?:frm)?"
_STATE_HEADING = re.compile(rf"XFRM state:\Z|{_COMMAND} s(?:tate)?(?: show| list| ls)?\Z")
_POLICY_HEADING = re.compile(rf"XFRM policy:\Z|{_COMMAND} p(?:olicy)?(?: show| list| ls)?\Z")
_COMPLETE_WORDS = frozenset(
    {*DIRECTIONS, *MODES, *POLICY_FLAGS, *POLICY_TYPES, *SHARES, *STATE_FLAGS}
    | {"use", "required", "packet", "crypto", "flag", "state:", "policy:", "hidden>>"}
    | {"dont-encap-dscp", "oseq-may-wrap"}
)
_BODY_WORDS = frozenset({"dir", "socket", "tmpl", "proto", "replay-window", "lifetime", "sel", "level"})


def read_ip_xfrm(text: str, file: str) -> Dump:
    """Read `ip xfrm policy` and `ip xfrm state` output, plain or long, any number of dumps in a row.

    An empty text is an empty dump. What the reader does not know is in `unknown`; InputError (with line and
    expectation) for a value that cannot be right, for a record that is cut off, and for a text whose last
    line has no line end and does not end in a complete word.
    """
    lines = lines_of(text)
    reading, interfaces = Reading(file, DumpFormat.IP_XFRM), Interfaces()
    place = 0
    while place < len(lines):
        if lines[place].words[0] == "src":
            place = _read_record(lines, place, reading, interfaces)
        else:
            _read_around(lines[place], reading)
            place += 1
    reading.check_last_line(lines, text, is_whole=_is_whole)
    return reading.dump(_names_states, _names_policies)


def _names_states(text: str) -> bool:
    return bool(_STATE_HEADING.match(text))


def _names_policies(text: str) -> bool:
    return bool(_POLICY_HEADING.match(text))


def _read_around(line: Line, reading: Reading) -> None:
    if _is_title(line) or _is_comment(line):
        reading.keep_heading(line)
    elif line.words[0] in _BODY_WORDS:
        found = f"{quoted(line.words[0])} outside a record"
        raise InputError(reading.file, line.number, found, "a line 'src ... dst ...' before it", CUT_OFF)
    else:
        reading.report(line)


def _is_title(line: Line) -> bool:
    """Tell whether a line is a title or the echo of a listing command: it ends a record."""
    return _names_states(line.text) or _names_policies(line.text)


def _is_comment(line: Line) -> bool:
    return line.text.startswith("#")


def _read_record(lines: Sequence[Line], start: int, reading: Reading, interfaces: Interfaces) -> int:
    end = start + 1
    while end < len(lines) and lines[end].words[0] != "src" and not _is_title(lines[end]):
        end += 1
    body = [line for line in lines[start + 1 : end] if not _is_comment(line)]
    for comment in filter(_is_comment, lines[start + 1 : end]):
        _read_around(comment, reading)
    notes = Notes(reading.file)
    block = Block(lines[start], body, notes, last=end == len(lines))
    if "/" in lines[start].text:
        reading.policies.append(read_policy(block, interfaces))
    else:
        reading.states.append(read_state(block, interfaces))
    reading.unknown.extend(notes.unknown)
    return end


def _is_whole(line: Line) -> bool:
    word = line.words[-1]
    closed = word.endswith(")") and word.count("(") <= word.count(")")
    return closed or word in _COMPLETE_WORDS or _is_comment(line)


def print_ip_xfrm(dump: Dump) -> str:
    """Write a dump as `ip xfrm` prints it, headings included; equal to the text read but for white space.

    Masked values print as their mask and redacted keys as `0x<redacted>`; unknown words are not printed.
    """
    return ordered_lines(dump, DumpFormat.IP_XFRM, policy_lines, state_lines)
