"""Colours and shapes by tone, and how long texts are broken: the same in every drawing language."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from xfrmspec_diagrams.ir import Tone

INK = "#1f2430"
FAINT_INK = "#5a6172"
EDGE_INK = "#4a5263"
WARNING_INK = "#a3241b"
TIE_INK = "#8a5a00"
FRAME_INK = "#c3c9d6"
FRAME_FILL = "#f7f8fb"
HEAD_FILL = "#e9edf5"
FONT = "Helvetica,Arial,sans-serif"

LABEL_WIDTH = 30
NODE_WIDTH = 20
CELL_WIDTH = 34
NOTE_WIDTH = 96

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Look:
    """Fill, border and text colour of one tone, all as #rrggbb."""

    fill: str
    border: str
    text: str = INK


LOOKS: Mapping[Tone, Look] = {
    Tone.START: Look("#30384a", "#30384a", "#ffffff"),
    Tone.STATE: Look("#ffffff", "#4a5263"),
    Tone.QUESTION: Look("#eef3fb", "#3b5b92"),
    Tone.GOOD: Look("#e6f4ea", "#1e7d34"),
    Tone.BAD: Look("#fdecea", "#b3261e"),
    Tone.WAITING: Look("#fff6dc", "#9a6a00"),
    Tone.SUB: Look("#f1eafb", "#6b46a8"),
    Tone.MAIN: Look("#e3f1f4", "#1f6f80"),
}
"""How each tone looks; text and fill differ enough to be read by everybody."""


def printable(text: str) -> str:
    """Return a text in which only newlines and tabs are left of the control characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def wrapped(text: str, width: int) -> tuple[str, ...]:
    """Break a text into lines of about `width` characters, at its own newlines and between words.

    The lines are made as equal as their number allows, so that no word is left alone on the last.
    """
    lines: list[str] = []
    for line in printable(text).split("\n"):
        lines.extend(_balanced(line, width) or [""])
    return tuple(lines)


def _balanced(line: str, width: int) -> list[str]:
    broken = _broken(line, width)
    for narrower in range(width - 1, 0, -1):
        candidate = _broken(line, narrower)
        if len(candidate) > len(broken):
            break
        broken = candidate
    return broken


def _broken(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
