"""The recipe `mip6d` does what the daemon was seen to do: the same tables, the same requests in order."""

from __future__ import annotations

import pytest
from life_cycle_sample import (
    HISTORY,
    NODES,
    SETTINGS,
    STAGES,
    Tables,
    dumped,
    requests,
    shown,
    view_of_operation,
    view_of_policy,
    view_of_state,
)

from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations, operations_before_message
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory, RecipeOperation


def played(node: str, until: str = STAGES[-1]) -> tuple[Memory, tuple[RecipeOperation, ...]]:
    """Return what stands after the stages up to one, and all that was asked for."""
    memory = NOTHING
    asked: tuple[RecipeOperation, ...] = ()
    for name in STAGES[: STAGES.index(until) + 1]:
        for stage in HISTORY[node].get(name, ()):
            done = operations(Recipe.MIP6D, SETTINGS[node], stage, memory)
            memory, asked = after(memory, done), (*asked, *done)
    return memory, asked


@pytest.mark.clause(
    "XFRM-DAEMON-012",
    "XFRM-DAEMON-013",
    "XFRM-DAEMON-014",
    "XFRM-DAEMON-015",
    "XFRM-DAEMON-016",
    "XFRM-DAEMON-017",
)
@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("stage", STAGES)
def test_the_tables_of_every_stage_are_the_dumped_ones(stage: str, node: str) -> None:
    theirs = dumped(stage, node)
    memory, _ = played(node, stage)
    ours = Tables(
        frozenset(shown(view_of_policy(policy)) for policy in memory.policies),
        frozenset(map(view_of_state, memory.states)),
    )
    assert ours.policies == theirs.policies
    assert ours.states == theirs.states


@pytest.mark.clause("XFRM-DAEMON-018")
@pytest.mark.parametrize("node", NODES)
def test_every_request_is_one_of_a_stage_or_one_before_a_message(node: str) -> None:
    (before,) = operations_before_message(Recipe.MIP6D)
    seen = [view_of_operation(request.operation) for request in requests(node)]
    of_stages = [view for view in seen if view != view_of_operation(before)]
    _, asked = played(node)
    assert of_stages == [view_of_operation(operation) for operation in asked]
    assert len(of_stages) < len(seen)
