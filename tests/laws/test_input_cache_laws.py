"""What is remembered for received flows decides like a search, whatever happens in between."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import flows_near, histories, states

from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.input_cache import InputCache, decide_input_with_cache
from xfrmspec.xfrm.policies import delete
from xfrmspec.xfrm.tables import DefaultActions, XfrmTables
from xfrmspec_terms.policy import DefaultAction, Direction, identity_of
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, USAGI_2004, Profile


@pytest.mark.clause("XFRM-CHECK-014")
@pytest.mark.parametrize("profile", [CLEAN, USAGI_2004, LINUX_6_1])
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_recalled_decision_is_that_of_a_search(profile: Profile, data: st.DataObject) -> None:
    history = data.draw(histories(profile, with_templates=True))
    tables = XfrmTables(history.database)
    flow = data.draw(flows_near(history))
    direction = data.draw(st.sampled_from((Direction.IN, Direction.FWD)))
    cache = InputCache(PolicyDatabase(profile), DefaultActions())
    entries = tuple(history.database)
    for change in data.draw(st.lists(st.sampled_from(("again", "delete", "default")), max_size=4)):
        path = data.draw(st.lists(states(), max_size=3))
        cached = decide_input_with_cache(cache, tables, flow, path, direction)
        assert cached.decision == decide_input(tables, flow, path, direction)
        cache = cached.cache
        if change == "delete" and entries:
            database = delete(tables.policies, identity_of(entries[-1].policy)).database
            tables, entries = XfrmTables(database, defaults=tables.defaults), entries[:-1]
        elif change == "default":
            tables = XfrmTables(tables.policies, defaults=DefaultActions(inbound=DefaultAction.BLOCK))


@pytest.mark.clause("XFRM-CHECK-014")
@given(st.data())
def test_only_an_unchanged_node_recalls(data: st.DataObject) -> None:
    history = data.draw(histories(CLEAN))
    tables, flow = XfrmTables(history.database), data.draw(flows_near(history))
    first = decide_input_with_cache(InputCache(PolicyDatabase(), DefaultActions()), tables, flow, ())
    second = decide_input_with_cache(first.cache, tables, flow, ())
    assert second.recalled
    assert second.decision == first.decision
    blocking = XfrmTables(tables.policies, defaults=DefaultActions(inbound=DefaultAction.BLOCK))
    assert not decide_input_with_cache(second.cache, blocking, flow, ()).recalled
