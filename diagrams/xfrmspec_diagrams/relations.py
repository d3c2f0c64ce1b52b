"""Who yields to whom in one search order: outranked, tied or shadowed, without what follows from the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

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

    A rank that follows from other ranks is left out (transitive reduction), ties and the first shadow of
    an entry never are. Source: XFRM-LOOKUP-001, XFRM-LOOKUP-004.
    """
    ranked: dict[int, list[int]] = {i: [] for i in range(len(groups))}
    ties: list[tuple[int, int, Relation]] = []
    shadowed: dict[int, int] = {}
    for later, group in enumerate(groups):
        for earlier in range(later):
            if not _overlap(groups[earlier], group):
                continue
            if groups[earlier][0].priority == group[0].priority:
                ties.append((earlier, later, Relation.TIES))
                continue
            ranked[earlier].append(later)
            if later not in shadowed and _shadows(groups[earlier], group):
                shadowed[later] = earlier
    shadows = [(earlier, later, Relation.SHADOWS) for later, earlier in shadowed.items()]
    outranks = [
        (earlier, later, Relation.OUTRANKS)
        for earlier, later in _reduced(ranked)
        if shadowed.get(later) != earlier
    ]
    pairs = sorted((*ties, *shadows, *outranks), key=lambda pair: pair[:2])
    return Relations(tuple(pairs), shadowed)


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
