"""The theorems, one module per topic; importing the package's modules registers them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from xfrmspec_proofs.theorem import Theorem, registered


@cache
def theorem_modules() -> tuple[str, ...]:
    """Return the full names of the modules that hold theorems, sorted."""
    return tuple(sorted(f"{__name__}.{module.name}" for module in iter_modules(__path__)))


@cache
def all_theorems() -> Mapping[str, Theorem]:
    """Import every module of theorems and return the theorems by name, sorted."""
    for module in theorem_modules():
        import_module(module)
    return registered()
