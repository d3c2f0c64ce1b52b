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
    places, read = _fields_of(kind)
    values = list(read(value))
    try:
        for name, changed in changes.items():
            values[places[name]] = changed
    except KeyError as unknown:
        raise TypeError(f"{kind.__name__} has no field {unknown}") from None
    made: _Value = kind(*values)
    return made


@cache
def _fields_of(kind: type[Any]) -> tuple[dict[str, int], Callable[[Any], tuple[Any, ...]]]:
    """Return the place of every field, and what reads them all in their order."""
    names = tuple(field.name for field in fields(kind))
    return {name: place for place, name in enumerate(names)}, attrgetter(*names)
