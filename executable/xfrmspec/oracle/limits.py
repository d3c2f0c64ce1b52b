"""How large the numbers of a scenario may be: a kernel's fields are finite, JSON's integers are not."""

from __future__ import annotations

from typing import Any

from xfrmspec.oracle.observed import Path
from xfrmspec_terms.selector import UINT32_MAX

_OCTET = 0xFF
_UINT64_MAX = (1 << 64) - 1
_LARGEST = {
    "authentication_bit": _OCTET,
    "if_id": UINT32_MAX,
    "ifindex": UINT32_MAX,
    "index": UINT32_MAX,
    "mask": UINT32_MAX,
    "protocol": _OCTET,
    "reqid": UINT32_MAX,
    "spi": UINT32_MAX,
    "user": UINT32_MAX,
    "value": UINT32_MAX,
}
"""The largest number of a member, where it is not that of 64 bits."""


def beyond_limits(value: Any, path: Path = ()) -> tuple[Path, str] | None:
    """Return (path, what was expected) of the first number that its field cannot hold, or None."""
    if isinstance(value, dict):
        inside = ((name, member) for name, member in value.items())
        return next(filter(None, (beyond_limits(member, (*path, name)) for name, member in inside)), None)
    if isinstance(value, list):
        numbered = enumerate(value)
        return next(filter(None, (beyond_limits(member, (*path, n)) for n, member in numbered)), None)
    if type(value) is not int:
        return None
    largest = _LARGEST.get(str(path[-1]) if path else "", _UINT64_MAX)
    return None if 0 <= value <= largest else (path, f"a whole number of 0..{largest}")
