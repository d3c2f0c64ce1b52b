"""The clause tables: every rule of behaviour, and how code says which rule it carries out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

_ID = re.compile(r"XFRM-[A-Z]+-\d{3}\Z")
_REASON_WORDS = 3
_Subject = TypeVar("_Subject", bound=Callable[..., Any] | type[Any])


class Level(Enum):
    """How strongly a clause binds."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"
    OBSERVED = "observed"


class Kind(Enum):
    """What sort of statement a clause makes."""

    RULE = "rule"
    INVARIANT = "invariant"
    CHOICE = "choice"
    ASSUMPTION = "assumption"


class Leg(Enum):
    """The three supports that every clause needs."""

    CODE = "code"
    PROOF = "proof"
    KERNEL = "kernel"


class Excuse(Enum):
    """Why a leg may be missing; each use carries a reason of its own."""

    BY_CONSTRUCTION = "by-construction"
    NO_KERNEL_SUPPORT = "no-kernel-support"
    UNREACHABLE = "unreachable"
    OUT_OF_SCOPE = "out-of-scope"
    PLANNED = "planned"


class ClauseTableError(ValueError):
    """A clause table is malformed; the text names the table, the clause and the field."""


@dataclass(frozen=True, slots=True)
class Status:
    """A typed excuse for one missing leg, with the reason in words."""

    excuse: Excuse
    reason: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule of behaviour. `covers` lists the facts and paper claims it restates (K-..., P-...)."""

    id: str
    title: str
    kind: Kind
    level: Level
    says: str
    authority: tuple[str, ...]
    covers: tuple[str, ...]
    chapter: str
    category: str = ""
    switch: str = ""
    variation: Mapping[str, str] = field(default_factory=dict)
    observed: tuple[str, ...] = ()
    status: Mapping[Leg, Status] = field(default_factory=dict)
    why: str = ""


def clause(*ids: str) -> Callable[[_Subject], _Subject]:
    """Mark a function or class as carrying out clauses; ValueError for a malformed id.

    The mark is the only link between text and code: `xfrmspec trace` collects it.
    """
    for name in ids:
        if not _ID.match(name):
            raise ValueError(f"{name!r} is not a clause id")

    def mark(subject: _Subject) -> _Subject:
        earlier: tuple[str, ...] = getattr(subject, "__clauses__", ())
        subject.__clauses__ = (*earlier, *ids)  # type: ignore[union-attr]
        return subject

    return mark


def _status(where: str, table: Mapping[str, str]) -> dict[Leg, Status]:
    statuses: dict[Leg, Status] = {}
    for leg, text in table.items():
        excuse, colon, reason = text.partition(":")
        if not colon or len(reason.split()) < _REASON_WORDS:
            raise ClauseTableError(f"{where}: status.{leg} must read 'excuse: reason in words'")
        statuses[Leg(leg)] = Status(Excuse(excuse.strip()), reason.strip())
    return statuses


def _clause(chapter: str, table: Mapping[str, Any]) -> Clause:
    where = f"{chapter}: {table.get('id', 'a clause without id')}"
    try:
        found = Clause(
            id=table["id"],
            title=table["title"],
            kind=Kind(table["kind"]),
            level=Level(table["level"]),
            says=table["says"],
            authority=tuple(table["authority"]),
            covers=tuple(table["covers"]),
            chapter=chapter,
            category=table.get("category", ""),
            switch=table.get("switch", ""),
            variation=dict(table.get("variation", {})),
            observed=tuple(table.get("observed", ())),
            status=_status(where, table.get("status", {})),
            why=table.get("why", ""),
        )
    except (KeyError, ValueError) as error:
        raise ClauseTableError(f"{where}: {error}") from error
    if not _ID.match(found.id):
        raise ClauseTableError(f"{where}: not a clause id")
    return found


@cache
def all_clauses() -> Mapping[str, Clause]:
    """Load every clause table, sorted by id; ClauseTableError for a malformed or repeated clause."""
    found: dict[str, Clause] = {}
    tables = files("xfrmspec_terms").joinpath("tables")
    for table in sorted(tables.iterdir(), key=lambda entry: entry.name):
        if not table.name.endswith(".toml"):
            continue
        chapter = table.name.removesuffix(".toml")
        for row in tomllib.loads(table.read_text(encoding="utf-8")).get("clause", ()):
            entry = _clause(chapter, row)
            if entry.id in found:
                raise ClauseTableError(f"{chapter}: {entry.id} is defined twice")
            found[entry.id] = entry
    return dict(sorted(found.items()))
