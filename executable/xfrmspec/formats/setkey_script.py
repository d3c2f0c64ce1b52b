"""Commands of a `setkey.conf`: words with their lines, keys taken out before anything else looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xfrmspec.formats.dump import InputError
from xfrmspec.formats.redaction import REDACTED, redacted_words
from xfrmspec.formats.words import Cursor, Line, Notes, quoted

END = ";"
_COMMENT_OR_STRING = re.compile(r'#[^\n]*|"[^"]*(?:"|\Z)')
_SIGNED = re.compile(r"[+](?=[0-9])")
_KEY_OPTIONS = ("-E", "-A")
_WORDS_BEFORE_A_KEY = 2


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a script and its line, counted from 1."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """The commands of a text without their ends, its comments, and the words after the last end."""

    commands: tuple[tuple[Word, ...], ...]
    comments: tuple[Word, ...]
    rest: tuple[Word, ...]


def read_script(text: str) -> Script:
    """Part a text into commands that end in a semicolon; strings are keys or contexts and are replaced."""
    comments: list[Word] = []

    def replaced(match: re.Match[str]) -> str:
        found = match.group()
        if found.startswith("#"):
            line = text.count("\n", 0, match.start()) + 1
            comments.append(Word(line, " ".join(redacted_words(found))))
            return ""
        return REDACTED + "\n" * found.count("\n")

    commands: list[tuple[Word, ...]] = []
    pending: list[Word] = []
    for word in _words(_COMMENT_OR_STRING.sub(replaced, text)):
        if word.text == END:
            commands.append(_without_keys(pending))
            pending = []
        else:
            pending.append(word)
    whole = tuple(command for command in commands if command)
    return Script(whole, tuple(comments), _without_keys(pending))


def _words(text: str) -> Iterator[Word]:
    for number, line in enumerate(text.split("\n"), start=1):
        for word in redacted_words(line.replace(END, f" {END} ")):
            yield Word(number, word)


def _without_keys(words: list[Word]) -> tuple[Word, ...]:
    """A key may stand on another line than its algorithm; a number in an algorithm's place may be one."""
    cleaned = list(words)
    for place, word in enumerate(words):
        if word.text not in _KEY_OPTIONS:
            continue
        for after in range(place + 1, min(place + 1 + _WORDS_BEFORE_A_KEY, len(words))):
            is_key = after == place + _WORDS_BEFORE_A_KEY or words[after].text.lower().startswith("0x")
            if is_key and not words[after].text.startswith("-"):
                cleaned[after] = Word(words[after].line, REDACTED)
    return tuple(cleaned)


@dataclass(slots=True)
class CommandCursor(Cursor):
    """A place in one command, whose words may stand on several lines."""

    numbers: tuple[int, ...] = ()

    def take(self, expected: str) -> str:
        """Return the next word and step over it; InputError at the end of the command."""
        if self.done:
            at = Line(self.numbers[-1], self.line.words)
            raise self.notes.error(at, "the end of the command", expected, "complete the command")
        self.place += 1
        return self.line.words[self.place - 1]

    def error(self, found: str, expected: str, advice: str = "correct it") -> InputError:
        """Return the error for the word that was taken last; the caller raises it."""
        at = Line(self.numbers[max(self.place - 1, 0)], self.line.words)
        return self.notes.error(at, quoted(found), expected, advice)


def cursor_over(command: tuple[Word, ...], notes: Notes) -> CommandCursor:
    """Return a cursor at the start of a command; a sign that touches its number is parted from it."""
    parted = [Word(word.line, text) for word in command for text in _SIGNED.sub("+ ", word.text).split()]
    line = Line(parted[0].line, tuple(word.text for word in parted))
    return CommandCursor(line, notes, 0, tuple(word.line for word in parted))
