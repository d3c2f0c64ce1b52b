"""Reads and writes what `setkey -D` (states) and `setkey -DP` (policies) print."""

from __future__ import annotations

from collections.abc import Iterator

from xfrmspec.formats.block import Block
from xfrmspec.formats.dump import Dump, DumpFormat
from xfrmspec.formats.merging import ordered_lines
from xfrmspec.formats.reading import Reading
from xfrmspec.formats.setkey_policy import is_policy_head, policy_lines, read_policy
from xfrmspec.formats.setkey_state import is_state_head, read_state, state_lines
from xfrmspec.formats.words import Line, Notes, lines_of

NO_STATES = "No SAD entries."
NO_POLICIES = "No SPD entries."


def read_setkey(text: str, file: str) -> Dump:
    """Read setkey listings; errors and unknown words as for `read_ip_xfrm`.

    A state of mode `any` and a policy without a selector are listed in `masked`. Priorities are 0 where the
    text has none: KAME takes the first policy that matches, in the order of the text.
    """
    lines = list(_split_lines(lines_of(text, digit_groups_are_keys=True)))
    reading = Reading(file, DumpFormat.SETKEY)
    place = 0
    while place < len(lines):
        if _is_head(lines[place]):
            place = _read_record(lines, place, reading)
            continue
        keep = reading.keep_heading if _is_heading(lines[place]) else reading.report
        keep(lines[place])
        place += 1
    reading.check_last_line(lines, text, is_whole=_is_heading)
    return reading.dump(NO_STATES.__eq__, NO_POLICIES.__eq__)


def _read_record(lines: list[Line], start: int, reading: Reading) -> int:
    head, end = lines[start], _end_of_record(lines, start)
    notes = Notes(reading.file)
    block = Block(head, lines[start + 1 : end], notes, last=end == len(lines))
    if is_state_head(head):
        reading.states.append(read_state(block))
    else:
        reading.policies.append(read_policy(block))
    reading.unknown.extend(notes.unknown)
    return end


def _split_lines(lines: list[Line]) -> Iterator[Line]:
    """Part a compression line from the status that setkey prints behind it on the same line."""
    for line in lines:
        place = next((place for place, word in enumerate(line.words) if word.startswith("seq=")), 0)
        if place and line.words[0] in ("C:", "E:", "A:"):
            yield Line(line.number, line.words[:place])
            yield Line(line.number, line.words[place:])
        else:
            yield line


def _is_head(line: Line) -> bool:
    return is_state_head(line) or is_policy_head(line)


def _is_heading(line: Line) -> bool:
    return line.text in (NO_STATES, NO_POLICIES) or line.text.startswith("#") or "setkey -D" in line.text


def _end_of_record(lines: list[Line], start: int) -> int:
    end = start + 1
    while end < len(lines) and not _is_head(lines[end]) and not _is_heading(lines[end]):
        end += 1
    return end


def print_setkey(dump: Dump) -> str:
    """Write the records that setkey printed as it prints them; keys as `<redacted>`."""
    return ordered_lines(dump, DumpFormat.SETKEY, policy_lines, state_lines)
