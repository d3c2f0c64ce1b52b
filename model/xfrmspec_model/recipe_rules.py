"""The rules of the recipes that a theorem may depend on; a mutant is this value with one rule changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xfrmspec_model.folding import Number
from xfrmspec_model.recipe_keys import Key
from xfrmspec_model.recipe_policies import PRIORITIES, Meaning
from xfrmspec_terms.daemon import StageKind


def does_everything(stage: StageKind, key: Key) -> bool:
    """Tell that no operation of a stage is left out."""
    return True


def written(now: Number, wanted: Number) -> Number:
    """Return what stands after an operation on an object that stands as `now` (0: not at all)."""
    return wanted


@dataclass(frozen=True, slots=True)
class RecipeRules:
    """What the clauses of chapter 14 leave to one number or one truth.

    `priorities` are those of clean. `does(stage, key)` tells whether a stage carries out its operations on
    an object, and `written(now, wanted)` what an operation leaves. `counts_bare` tells whether policies
    without templates are counted too. `figure_signalling` and `figure_data` are the priorities of
    Figure 6 as printed, and `paper_blocks` tells whether its recipes block. `option_stands_first`
    tells that templates between mobile nodes have the option before the routing header, and
    `signalling_is_required` that the ESP template of signalling is not optional.
    """

    priorities: Mapping[Meaning, int] = field(default_factory=lambda: PRIORITIES)
    does: Callable[[StageKind, Key], bool] = does_everything
    written: Callable[[Number, Number], Number] = written
    counts_bare: bool = False
    figure_signalling: int = 20
    figure_data: int = 10
    paper_blocks: bool = False
    option_stands_first: bool = True
    signalling_is_required: bool = True


RECIPE_RULES = RecipeRules()
"""What the clauses say."""
