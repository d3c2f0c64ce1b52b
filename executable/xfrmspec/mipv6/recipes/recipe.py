"""The four recipes under their names, and the operations of a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial

from xfrmspec.mipv6.recipes.clean import clean
from xfrmspec.mipv6.recipes.mip6d import before_message, mip6d
from xfrmspec.mipv6.recipes.paper import Edition, paper
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory, RecipeOperation, Settings, remember
from xfrmspec.mipv6.recipes.work import Work
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Say, Stage


class Recipe(Enum):
    """Which way a daemon configures its kernel; the value is the name of the recipe."""

    PAPER = "paper"
    PAPER_CORRECTED = "paper_corrected"
    MIP6D = "mip6d"
    CLEAN = "clean"


_PARTS: Mapping[Recipe, Callable[[Work, Settings, Stage], Work]] = {
    Recipe.PAPER: partial(paper, Edition.PRINTED),
    Recipe.PAPER_CORRECTED: partial(paper, Edition.CORRECTED),
    Recipe.MIP6D: mip6d,
    Recipe.CLEAN: clean,
}


@clause("XFRM-DAEMON-004")
def operations(
    recipe: Recipe, settings: Settings, stage: Stage, memory: Memory = NOTHING
) -> tuple[RecipeOperation, ...]:
    """Return what a stage asks of the kernel, in order; `memory` is what the recipe has installed before.

    ValueError for a stage that lacks an address it must have.
    """
    return _PARTS[recipe](Work(memory), settings, stage).operations


def after(memory: Memory, done: Sequence[RecipeOperation]) -> Memory:
    """Return the memory once operations have been carried out."""
    for operation in done:
        memory = remember(memory, operation)
    return memory


@clause("XFRM-DAEMON-011")
def as_said(recipe: Recipe, say: Say) -> Say:
    """Return a message as a daemon gives it to its socket: with the paper's recipes it adds no RT2 itself."""
    return replace(say, routed_by=None) if recipe in (Recipe.PAPER, Recipe.PAPER_CORRECTED) else say


def operations_before_message(recipe: Recipe) -> tuple[RecipeOperation, ...]:
    """Return what a recipe does before each message that the daemon sends (XFRM-DAEMON-018)."""
    return (before_message(),) if recipe is Recipe.MIP6D else ()
