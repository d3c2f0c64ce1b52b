"""Keys are taken out of a line before anything else looks at it."""

from __future__ import annotations

import re
from collections.abc import Sequence

REDACTED = "0x<redacted>"
"""What stands in place of a key that a dump shows."""

REDACTED_GROUPS = "<redacted>"
"""What stands in place of a key that setkey prints as groups of digits."""

_ALGORITHM_WORDS = frozenset({"auth", "auth-trunc", "aead", "enc", "comp"})
_INLINE_WORDS = frozenset({"auth", "auth-trunc", "aead", "enc", "-E", "-A"})
_GROUP_WORDS = frozenset({"E:", "A:"})
_KEY_WORDS = frozenset({"authkey", "enckey"})
_PLACEHOLDER = re.compile(r"0x[A-Z_]*[G-Z_][A-Z_]*\Z")
_GROUP_PLACEHOLDER = re.compile(r"[A-Z]*[G-Z][A-Z]*\Z")
_HARMLESS = re.compile(r"<<Keys|hidden>>|\(\d{1,4}|bits\)|\d{1,4}|\(ERROR|truncated\)")
_LONG_DIGITS = re.compile(
    r"0[xX][0-9A-Fa-f]{9,}[0-9A-Za-z]*"
    r"|(?<![0-9A-Za-z_])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{9,}(?![0-9A-Za-z_])"
    r"|(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{17,}"
    r"|[0-9]{21,}"
)
_QUOTED = re.compile(r'"[^"]*(?:"|\Z)')
_DIGIT_GROUP = re.compile(r"[0-9A-Fa-f]{2,8}\Z")


def redacted_words(text: str, *, digit_groups_are_keys: bool = False) -> tuple[str, ...]:
    """Split one line into words with every key replaced by a constant.

    A key is: what stands in the key's place of an algorithm line, a quoted text, and, anywhere, a
    hexadecimal number longer than eight digits. Placeholders of test-suites (`0xENCKEY`) stay.
    With `digit_groups_are_keys` a line of bare hexadecimal groups is a key too (setkey wraps long keys).
    """
    words = _LONG_DIGITS.sub(REDACTED, _QUOTED.sub(REDACTED, text)).split()
    if digit_groups_are_keys and words and all(_DIGIT_GROUP.match(word) for word in words):
        return (REDACTED_GROUPS,)
    if words and words[0] in _ALGORITHM_WORDS:
        return (*words[:1], *map(_without_number, words[1:2]), *map(_without_key, words[2:]))
    if words and words[0] in _GROUP_WORDS:
        return _without_groups(words)
    return _without_inline_keys(words)


def _without_number(word: str) -> str:
    return REDACTED if word.lower().startswith("0x") and not _PLACEHOLDER.match(word) else word


def _without_key(word: str) -> str:
    return word if _PLACEHOLDER.match(word) or _HARMLESS.fullmatch(word) else REDACTED


def _without_groups(words: Sequence[str]) -> tuple[str, ...]:
    end = next((place for place, word in enumerate(words) if "=" in word), len(words))
    groups = words[2:end]
    kept = groups if all(_GROUP_PLACEHOLDER.match(word) for word in groups) else [REDACTED_GROUPS]
    return (*words[:2], *kept, *words[max(end, 2) :])


def _without_inline_keys(words: Sequence[str]) -> tuple[str, ...]:
    cleaned = list(words)
    for place, word in enumerate(words):
        key_place = place + 1 if word in _KEY_WORDS else place + 2 if word in _INLINE_WORDS else len(words)
        if key_place < len(words):
            cleaned[key_place] = _without_number(words[key_place].lstrip("'"))
    return tuple(cleaned)
