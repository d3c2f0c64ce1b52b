"""Sequence numbers of binding updates."""

from __future__ import annotations

from xfrmspec_terms.clauses import clause

SEQUENCE_NUMBERS = 1 << 16
MOST_AHEAD = 32767


@clause("XFRM-CN-018", "XFRM-HA-007")
def is_ahead(number: int, last: int) -> bool:
    """Tell whether a number (16 bits) lies 1 to 32767 ahead of the last one, modulo 2^16.

    Source: RFC 6275 9.5.1.
    """
    return 1 <= (number - last) % SEQUENCE_NUMBERS <= MOST_AHEAD
