"""The executable reference of Linux XFRM: what the kernel decides, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xfrmspec.oracle import Accepted, Oracle, Overflow, Refused, Tried, Verdict

__all__ = ["Accepted", "Oracle", "Overflow", "Refused", "Tried", "Verdict"]


def __getattr__(name: str) -> Any:
    """Import the oracle when it is first asked for; AttributeError for a name that is not exported."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from xfrmspec import oracle

    return getattr(oracle, name)
