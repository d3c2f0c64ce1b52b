"""What has been read of a text so far, for the readers of every format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xfrmspec.formats.dump import (
    Dump,
    DumpFormat,
    Heading,
    InputError,
    Location,
    PolicyRecord,
    StateRecord,
    Unknown,
)
from xfrmspec.formats.words import Line, quoted


@dataclass(slots=True)
class Reading:
    """The records, headings and unknown lines of one text while it is read."""

    file: str
    form: DumpFormat
    policies: list[PolicyRecord] = field(default_factory=list)
    states: list[StateRecord] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)

    def keep_heading(self, line: Line) -> None:
        """Keep a line as a heading."""
        self.headings.append(Heading(Location(self.file, line.number), line.text, self.form))

    def report(self, line: Line) -> None:
        """Report a line that belongs to no record."""
        self.unknown.append(Unknown(self.file, line.number, line.text))

    def dump(self, names_states: Callable[[str], bool], names_policies: Callable[[str], bool]) -> Dump:
        """Return what was read; the functions tell which headings stand over states and over policies."""
        texts = [heading.text for heading in self.headings]
        return Dump(
            policies=tuple(self.policies),
            states=tuple(self.states),
            unknown=tuple(self.unknown),
            lists_states=bool(self.states) or any(map(names_states, texts)),
            lists_policies=bool(self.policies) or any(map(names_policies, texts)),
            headings=tuple(self.headings),
        )

    def check_last_line(self, lines: Sequence[Line], text: str, *, is_whole: Callable[[Line], bool]) -> None:
        """Refuse a text whose last line has no line end and may go on."""
        if not lines or text.endswith("\n") or is_whole(lines[-1]):
            return
        raise InputError(
            self.file,
            lines[-1].number,
            f"{quoted(lines[-1].words[-1])} and no line end",
            "a complete last line",
            "take the dump again, or end the last line if it is whole",
        )
