"""Values with some fields changed: what `dataclasses.replace` does, for values changed by the thousand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

_Value = TypeVar("_Value")


def replace(value: _Value, /, **changes: Any) -> _Value:
    """Return a frozen dataclass of two or more fields, all of them arguments, with some of them changed.

    The new value is checked like any other. TypeError for a field that the class does not have.
    """
    kind: Any = type(value)
    names, read = _fields_of(kind)
    changed: _Value = kind(**{**dict(zip(names, read(value), strict=True)), **changes})
    return changed


@cache
def _fields_of(kind: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)
