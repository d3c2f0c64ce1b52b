"""The table of switches in the ledger: it covers every switch, and says what the presets say."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import Enum
from pathlib import Path

import pytest

from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile

LEDGER = Path(__file__).parents[2] / "spec" / "findings.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
DERIVED = "threshold_moves_change_ties"
SWITCHES = {*(entry.name for entry in fields(Profile)), DERIVED} - {"name"}
TABLE = {row[0]: row[1:] for row in ROW.findall(LEDGER.read_text(encoding="utf-8"))}


def shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.name.lower().replace("_", " ") if isinstance(value, Enum) else str(value)


def test_every_switch_has_a_row_and_every_row_a_switch() -> None:
    assert set(TABLE) == SWITCHES


@pytest.mark.parametrize("switch", sorted(SWITCHES))
def test_a_row_says_what_the_presets_say(switch: str) -> None:
    clean, older, how_older, newer, how_newer = TABLE[switch]
    for profile, cell in ((CLEAN, clean), (LINUX_6_1, older), (LINUX_6_18, newer)):
        assert cell == shown(getattr(profile, switch))
    for how in (how_older, how_newer):
        assert re.fullmatch(r"observed|(read|cannot be shown): .{10,}", how)
