"""Who yields to whom in one search order: outranked, tied or shadowed, without what follows from the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from xfrmspec_diagrams.overlap import covers, overlap
from xfrmspec_terms.policy import Policy

Members = Sequence[Policy]


class Relation(Enum):
    """What an earlier entry of the search order does to a later one that it overlaps."""

    OUTRANKS = "outranks"
    TIES = "ties"
    SHADOWS = "shadows"


@dataclass(frozen=True, slots=True)
class Relations:
    """The relations worth an arrow, as (earlier, later, relation), and the first shadow of each entry."""

    pairs: tuple[tuple[int, int, Relation], ...]
    shadowed: Mapping[int, int]


def relations_of(groups: Sequence[Members]) -> Relations:
    """Relate groups of policies; each group has one priority, and priorities never fall along the sequence.

    An entry that another one shadows decides nothing, so its shadow is its only relation. A rank that
    follows from other ranks is left out (transitive reduction). Source: XFRM-LOOKUP-001, XFRM-LOOKUP-004.
    """
    shadowed = _shadowed(groups)
    ranked: dict[int, list[int]] = {}
    pairs = [(earlier, later, Relation.SHADOWS) for later, earlier in shadowed.items()]
    deciding = [place for place in range(len(groups)) if place not in shadowed]
    for number, earlier in enumerate(deciding):
        ranked[earlier] = []
        for later in deciding[number + 1 :]:
            if not _overlap(groups[earlier], groups[later]):
                continue
            if _priority(groups[earlier]) == _priority(groups[later]):
                pairs.append((earlier, later, Relation.TIES))
            else:
                ranked[earlier].append(later)
    pairs += [(earlier, later, Relation.OUTRANKS) for earlier, later in _reduced(ranked)]
    return Relations(tuple(sorted(pairs, key=lambda pair: pair[:2])), shadowed)


def tied_inside(group: Members) -> bool:
    """Tell whether two policies of a group, which all have one priority, can meet on a flow."""
    return any(overlap(first, second) for first, second in combinations(group, 2))


def _shadowed(groups: Sequence[Members]) -> dict[int, int]:
    """Return, for each entry that one stronger entry covers completely, the first that does."""
    found: dict[int, int] = {}
    for later, group in enumerate(groups):
        for earlier in range(later):
            if _priority(groups[earlier]) < _priority(group) and _shadows(groups[earlier], group):
                found[later] = earlier
                break
    return found


def _priority(group: Members) -> int:
    return group[0].priority


def _overlap(earlier: Members, later: Members) -> bool:
    return any(overlap(first, second) for first in earlier for second in later)


def _shadows(earlier: Members, later: Members) -> bool:
    return all(any(covers(wide, narrow) for wide in earlier) for narrow in later)


def _reduced(ranked: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    """Return the arrows of a graph whose arrows all lead forward, without those that longer ways replace."""
    reach: dict[int, set[int]] = {}
    kept: list[tuple[int, int]] = []
    for source in sorted(ranked, reverse=True):
        reach[source] = set()
        for target in sorted(ranked[source]):
            if target in reach[source]:
                continue
            kept.append((source, target))
            reach[source] |= {target} | reach[target]
    return kept
