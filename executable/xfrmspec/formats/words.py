"""Lines, words and numbers of a dump, read with a memory of what was masked or not understood."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar

from xfrmspec.formats.dump import InputError, Masked, Record, Spelling, Unknown
from xfrmspec.formats.names import address_text
from xfrmspec.formats.redaction import redacted_words
from xfrmspec_terms.selector import UINT32_MAX, Address, Prefix, family_of

CUT_OFF = "the text seems cut off: take the dump again"
_NUMBER = re.compile(r"(?:0x[0-9A-Fa-f]{1,8}|[0-9]{1,20})\Z")
_SYMBOL = re.compile(r"(?:0x)?[A-Z][A-Z0-9_-]*\Z")
_TIME_MASK = "YYYY-MM-DD HH:MM:SS"
_SYMBOLS_IN_TEXT = re.compile(rf"{_TIME_MASK}|(?:0x)?[A-Z][A-Z0-9-]+")
_PAIR = re.compile(r"([^()]+)\(([^()]+)\)\Z")
_SHOWN = 40
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank: its number from 1 and its words, keys already replaced."""

    number: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words joined by single spaces."""
        return " ".join(self.words)


def lines_of(text: str, *, digit_groups_are_keys: bool = False) -> list[Line]:
    """Return the lines that are not blank; a backslash ends a line too (the form of `ip -o`)."""
    return [
        Line(number, words)
        for number, line in enumerate(text.split("\n"), start=1)
        for part in line.split("\\")
        if (words := redacted_words(part, digit_groups_are_keys=digit_groups_are_keys))
    ]


def quoted(text: str) -> str:
    """Return a text for an error message: on one line, in quotes, not too long."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "'" + "".join(letter if letter.isprintable() else "?" for letter in shown) + "'"


def as_number(word: str) -> int | None:
    """Return the value of a decimal or `0x` number, or None."""
    if not _NUMBER.match(word):
        return None
    return int(word, 16) if word.startswith("0x") else int(word)


def is_symbol(word: str) -> bool:
    """Tell whether a word is a symbolic unknown such as `REQID` or `0xSPISPI`."""
    return bool(_SYMBOL.match(word)) and as_number(word) is None


def spi_text(value: int) -> str:
    """Write an SPI as `ip xfrm` does."""
    return f"0x{value:08x}"


def spi_pair(value: int) -> str:
    """Write an SPI as `ip -s xfrm` does."""
    return f"0x{value:08x}({value})"


def reqid_pair(value: int) -> str:
    """Write a reqid as `ip -s xfrm` does."""
    return f"{value}(0x{value:08x})"


def hex_text(value: int) -> str:
    """Write a number as C's alternate hexadecimal form does: zero has no prefix."""
    return f"0x{value:x}" if value else "0"


@dataclass(slots=True)
class Notes:
    """What the reading of one record leaves besides its values."""

    file: str
    masked: list[Masked] = field(default_factory=list)
    spellings: list[Spelling] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)

    def error(self, line: Line, found: str, expected: str, advice: str) -> InputError:
        """Return the error for a line; the caller raises it."""
        return InputError(self.file, line.number, found, expected, advice)

    def report(self, line: Line, words: Sequence[str]) -> None:
        """Report words that the reader does not know."""
        self.unknown.append(Unknown(self.file, line.number, " ".join(words)))

    def mask(self, path: str, text: str) -> None:
        """Remember that the value at a path is a symbolic unknown."""
        self.masked.append(Masked(path, text))

    def spell(self, path: str, text: str, canonical: str) -> None:
        """Remember a spelling that differs from the canonical one."""
        if text != canonical:
            self.spellings.append(Spelling(path, text))

    def mask_symbols(self, path: str, text: str) -> None:
        """Remember the symbolic words of a free text, if it has any, as one entry."""
        symbols = [word for word in _SYMBOLS_IN_TEXT.findall(text) if word == _TIME_MASK or is_symbol(word)]
        if symbols:
            self.mask(path, " ".join(symbols))


@dataclass(slots=True)
class Cursor:
    """A place in one line."""

    line: Line
    notes: Notes
    place: int = 0

    @property
    def done(self) -> bool:
        """True when no word is left."""
        return self.place >= len(self.line.words)

    def peek(self) -> str:
        """Return the next word, or an empty text at the end of the line."""
        return "" if self.done else self.line.words[self.place]

    def take(self, expected: str) -> str:
        """Return the next word and step over it; InputError at the end of the line."""
        if self.done:
            raise self.notes.error(self.line, "the end of the line", expected, CUT_OFF)
        self.place += 1
        return self.line.words[self.place - 1]

    def literal(self, word: str) -> None:
        """Step over one given word; InputError for another one."""
        found = self.take(f"'{word}'")
        if found != word:
            raise self.error(found, f"'{word}'")

    def error(self, found: str, expected: str, advice: str = "correct it") -> InputError:
        """Return the error for a word of this line; the caller raises it."""
        return self.notes.error(self.line, quoted(found), expected, advice)

    def again(self, word: str, expected: str) -> InputError:
        """Return the error for a word that may stand only once in a record."""
        return self.notes.error(self.line, f"{quoted(word)} again", expected, "remove one of them")

    def skip_unknown(self, known: Collection[str]) -> None:
        """Report the words up to the next known one."""
        start = self.place
        self.place += 1
        while not self.done and self.peek() not in known:
            self.place += 1
        self.notes.report(self.line, self.line.words[start : self.place])

    def choice(self, names: Mapping[str, _Value], what: str) -> _Value:
        """Read one of the given names; InputError that lists them otherwise."""
        listed = f"{what}: {', '.join(names)}"
        word = self.take(listed)
        if word not in names:
            raise self.error(word, listed)
        return names[word]

    def number(self, path: str, spell: Callable[[int], str] = str, top: int = UINT32_MAX) -> int:
        """Read a number of 0..`top`, also in the doubled form `N(0xN)`; 0 for a symbolic unknown."""
        return self.number_from(self.take("a number"), path, spell, top)

    def number_from(
        self, word: str, path: str, spell: Callable[[int], str] = str, top: int = UINT32_MAX
    ) -> int:
        """Read a number from a word or a part of one."""
        pair = _PAIR.match(word)
        first, second = pair.groups() if pair else (word, word)
        value, other = as_number(first), as_number(second)
        if value is None and is_symbol(first):
            self.notes.mask(path, word)
            return 0
        if value is None or value > top:
            raise self.error(word, f"a number of 0..{top}")
        if value != other:
            raise self.error(word, "one number in two notations")
        self.notes.spell(path, word, spell(value))
        return value

    def address(self, path: str) -> Address:
        """Read an IPv4 or IPv6 address."""
        return self.address_from(self.take("an address"), path)

    def address_from(self, word: str, path: str) -> Address:
        """Read an address from a word or a part of one."""
        try:
            address = ip_address(word)
        except ValueError:
            raise self.error(word, "an IPv4 or IPv6 address") from None
        if "%" in word:
            raise self.error(word, "an address without a scope")
        self.notes.spell(path, word, address_text(address))
        return address

    def prefix(self, path: str) -> Prefix:
        """Read `ADDRESS/LENGTH`; the length must fit the family."""
        word = self.take("an address and a prefix length")
        address_word, _, length_word = word.partition("/")
        address = self.address_from(address_word, f"{path}.address")
        width = family_of(address).width
        length = as_number(length_word) if length_word.isdigit() else None
        if length is None or length > width:
            raise self.error(word, f"a prefix length of 0..{width}")
        self.notes.spell(f"{path}.length", length_word, str(length))
        return Prefix(address, length)


class Wording:
    """The words of one record that print otherwise than their values would."""

    def __init__(self, record: Record) -> None:
        self._texts = {entry.field: entry.text for entry in record.spellings}
        self._masked = {entry.field: entry.text for entry in record.masked}

    def __call__(self, path: str, canonical: str) -> str:
        """Return the text for the value at a path."""
        return self._masked.get(path, self._texts.get(path, canonical))

    def masks(self, path: str) -> bool:
        """Tell whether the value at a path is a symbolic unknown."""
        return path in self._masked

    def address(self, path: str, address: Address) -> str:
        """Return the text of an address."""
        return self(path, address_text(address))

    def prefix(self, path: str, prefix: Prefix) -> str:
        """Return the text of a prefix."""
        address = self.address(f"{path}.address", prefix.address)
        return f"{address}/{self(f'{path}.length', str(prefix.length))}"
