"""The sample dumps that the tests of the readers share, and how to compare texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[3] / "shared" / "samples"
_PATTERNS = (
    "dumps/*.txt",
    "mip6d/noipsec/*/*xfrm-policy*.txt",
    "mip6d/noipsec/*/*xfrm-state*.txt",
)


@cache
def sample_paths() -> tuple[Path, ...]:
    """Return every sample dump, sorted; empty when the shared folder is not there."""
    return tuple(sorted(path for pattern in _PATTERNS for path in _SHARED.glob(pattern)))


@cache
def sample_texts() -> tuple[str, ...]:
    """Return the texts of the samples that are not empty."""
    return tuple(text for path in sample_paths() if (text := path.read_text(encoding="utf-8")))


def sample(name: str) -> str:
    """Return one sample of the dumps folder; skip the test when it is missing."""
    path = _SHARED / "dumps" / name
    if not path.exists():
        pytest.skip(f"the shared sample {name} is not there")
    return path.read_text(encoding="utf-8")


def need_samples() -> None:
    """Skip the test when the shared folder is missing."""
    if not sample_paths():
        pytest.skip("the shared samples are not there")


PLAIN_POLICY = (
    "src 10.0.1.0/24 dst 10.0.2.0/24\n"
    "\tdir out priority 7 ptype main\n"
    "\ttmpl src 192.0.2.1 dst 192.0.2.2\n"
    "\t\tproto esp reqid 1 mode tunnel\n"
)

PLAIN_STATE = (
    "src 192.0.2.1 dst 192.0.2.2\n"
    "\tproto esp spi 0x00001001 reqid 1 mode tunnel\n"
    "\treplay-window 32 flag af-unspec\n"
    "\tenc ecb(cipher_null)\n"
)

LIFETIME = (
    "\tlifetime config:\n"
    "\t  limit: soft (INF)(bytes), hard 5000(bytes)\n"
    "\t  limit: soft 7(packets), hard (INF)(packets)\n"
    "\t  expire add: soft 10(sec), hard 20(sec)\n"
    "\t  expire use: soft 0(sec), hard 30(sec)\n"
    "\tlifetime current:\n"
    "\t  64(bytes), 2(packets)\n"
    "\t  add 2026-11-23 09:54:10 use -\n"
)
