"""Puts the records and headings of a dump back into the order of their texts."""

from __future__ import annotations

from collections.abc import Callable

from xfrmspec.formats.dump import Dump, DumpFormat, Heading, PolicyRecord, StateRecord

Part = Heading | StateRecord | PolicyRecord


def ordered_parts(dump: Dump) -> list[Part]:
    """Return headings, states and policies in file order, then line order."""
    parts: list[Part] = [*dump.headings, *dump.states, *dump.policies]
    files: dict[str, int] = {}
    for part in parts:
        files.setdefault(part.at.file, len(files))
    return sorted(parts, key=lambda part: (files[part.at.file], part.at.line))


def ordered_lines(
    dump: Dump,
    form: DumpFormat,
    policy_lines: Callable[[PolicyRecord], list[str]],
    state_lines: Callable[[StateRecord], list[str]],
) -> str:
    """Write the parts of one format, each line ended by a line feed."""
    lines: list[str] = []
    for part in ordered_parts(dump):
        if part.format is not form:
            continue
        if isinstance(part, Heading):
            lines.append(part.text)
        else:
            lines += policy_lines(part) if isinstance(part, PolicyRecord) else state_lines(part)
    return "".join(f"{line}\n" for line in lines)
