"""Exact search for a flow that lies in one cube and in none of many others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xfrmspec_proofs.checks.cube import PROTOCOL_BITS, PROTOCOL_SHIFT, Cube, example_flow, flow_bits
from xfrmspec_terms.selector import Family, Flow

MAX_STEPS = 20_000
"""How many regions one search may look at before it gives up."""


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a search: a flow, or None.

    `exhausted` is True when the search gave up; a None flow then proves nothing.
    """

    flow: Flow | None
    exhausted: bool = False

    @property
    def empty(self) -> bool:
        """True when it is proved that no flow exists."""
        return self.flow is None and not self.exhausted


@dataclass(frozen=True, slots=True)
class _Region:
    cube: Cube
    excluded: frozenset[int]
    obstacles: tuple[Cube, ...]


def find_uncovered(
    cube: Cube, obstacles: Sequence[Cube], family: Family, max_steps: int = MAX_STEPS
) -> Found:
    """Return a flow of the cube that no obstacle contains, or the proof that there is none.

    The obstacle that fixes the fewest further bits splits the region into disjoint parts, depth first,
    until a part meets no obstacle (exact, in the number of parts; protocols are split as whole numbers).
    """
    near = tuple(o for o in obstacles if (cube.value ^ o.value) & cube.mask & o.mask == 0)
    pending = [_Region(cube, frozenset(), near)]
    for _ in range(max_steps):
        if not pending:
            return Found(None)
        region = pending.pop()
        flow = example_flow(region.cube, family, region.excluded)
        if flow is None:
            continue
        bits = flow_bits(flow)
        if not any(obstacle.has(bits) for obstacle in region.obstacles):
            return Found(flow)
        pending.extend(reversed(list(_parts(region))))
    return Found(None, exhausted=bool(pending))


def _parts(region: _Region) -> Iterator[_Region]:
    """Yield disjoint parts of a region outside its widest obstacle; none when the obstacle covers it."""
    here = region.cube
    chosen = min(region.obstacles, key=lambda obstacle: (obstacle.mask & ~here.mask).bit_count())
    rest = tuple(obstacle for obstacle in region.obstacles if obstacle is not chosen)
    extra = chosen.mask & ~here.mask
    value, mask = here.value, here.mask
    if extra & PROTOCOL_BITS:
        protocol = (chosen.value & PROTOCOL_BITS) >> PROTOCOL_SHIFT
        yield _narrowed(here, region.excluded | {protocol}, rest)
        value, mask = value | chosen.value & PROTOCOL_BITS, mask | PROTOCOL_BITS
        extra &= ~PROTOCOL_BITS
    while extra:
        bit = 1 << (extra.bit_length() - 1)
        agreed = chosen.value & bit
        yield _narrowed(Cube(value | (bit ^ agreed), mask | bit), region.excluded, rest)
        value, mask = value | agreed, mask | bit
        extra ^= bit


def _narrowed(cube: Cube, excluded: frozenset[int], obstacles: tuple[Cube, ...]) -> _Region:
    value, mask = cube.value, cube.mask
    near = tuple(o for o in obstacles if (value ^ o.value) & mask & o.mask == 0)
    if excluded and not mask & PROTOCOL_BITS:
        near = tuple(o for o in near if not _is_excluded(o, excluded))
    return _Region(cube, excluded, near)


def _is_excluded(obstacle: Cube, excluded: frozenset[int]) -> bool:
    if not obstacle.mask & PROTOCOL_BITS:
        return False
    return (obstacle.value & PROTOCOL_BITS) >> PROTOCOL_SHIFT in excluded
