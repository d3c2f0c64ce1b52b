"""Where in the text of a JSON document a value stands, so that a complaint can point at it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

LONGEST_NUMBER = 20
"""Digits of the longest integer that is read as one; 64 bits need as many."""

_WHITESPACE = " \t\n\r"


def whole_number(digits: str) -> float:
    """Read an integer of a document; one too long to be meant becomes a float, which fits nowhere."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


DECODER = json.JSONDecoder(parse_int=whole_number)


def position_of(text: str, path: Sequence[str | int]) -> int:
    """Return the index of the character at which the value at a path of a valid JSON text starts.

    Where the path leads out of the document, it is the index of the last value on the way that exists.
    """
    place = _skip(text, 0)
    for key in path:
        starts = [start for name, start in _members(text, place) if name == key and type(name) is type(key)]
        if not starts:
            return place
        place = starts[-1]
    return place


def _members(text: str, place: int) -> Iterator[tuple[Any, int]]:
    """Yield (name or number, index of the first character) of everything directly inside a value."""
    opening = text[place]
    if opening not in "[{":
        return
    place, number = _skip(text, place + 1), 0
    while text[place] not in "]}":
        name: Any = number
        if opening == "{":
            name, place = DECODER.raw_decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
        yield name, place
        _, place = DECODER.raw_decode(text, place)
        place, number = _skip(text, place), number + 1
        if text[place] == ",":
            place = _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _WHITESPACE:
        place += 1
    return place
