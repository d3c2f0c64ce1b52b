"""What clean has made stand where a binding is kept, and its work as a chain of single operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xfrmspec_model.folding import Number, Truth, all_of, choose_integer, negate, same
from xfrmspec_model.recipe_keys import Key, Thing
from xfrmspec_model.recipe_policies import Slot, patterns_of
from xfrmspec_model.recipe_rules import RecipeRules
from xfrmspec_terms.daemon import Role, StageKind

ABSENT = 0

Tables = Mapping[Key, Number]
"""What stands at a node for one peer: a number of `Look` for a policy, an address for the rest, 0 if absent.

Mobile nodes are arbitrary, and what a stage does for another one leaves the tables of this one as they are,
so a statement about all of them is one about any.
"""

_SLOTS = {
    pattern.slot for role in (Role.HOME_AGENT, Role.CORRESPONDENT_NODE) for pattern in patterns_of(role)
}
KEYS: tuple[Key, ...] = (*(slot for slot in Slot if slot in _SLOTS), *Thing)
"""Everything that a home agent or correspondent node may have."""


@dataclass(frozen=True, slots=True)
class Work:
    """The operations of one stage so far: what they have left."""

    stage: StageKind
    rules: RecipeRules
    tables: Tables

    def put(self, key: Key, value: Number, when: Truth = True) -> Work:
        """Make an object stand with a value, or not at all (0); what stands like that is left alone."""
        if when is False or not self.rules.does(self.stage, key):
            return self
        now = self.tables[key]
        left = choose_integer(when, self.rules.written(now, value), now)
        return replace(self, tables={**self.tables, key: left})

    def drop(self, key: Key, when: Truth = True) -> Work:
        """Make an object not stand."""
        return self.put(key, ABSENT, when)

    def stands(self, key: Key) -> Truth:
        """Tell whether an object stands now."""
        return stands(self.tables, key)


def begun(stage: StageKind, tables: Tables, rules: RecipeRules) -> Work:
    """Return the work of a stage of which nothing is done."""
    return Work(stage, rules, tables)


def stands(tables: Tables, key: Key) -> Truth:
    """Tell whether an object stands."""
    return negate(same(tables[key], ABSENT))


def empty_tables(home: Number) -> Tables:
    """Return the tables before the start: tunnel associations have their first ends, nothing stands."""
    nothing: dict[Key, Number] = dict.fromkeys(KEYS, ABSENT)
    return {**nothing, Thing.OUT_END: home, Thing.IN_END: home}


def equal_tables(first: Tables, second: Tables) -> Truth:
    """Tell whether two tables hold the same."""
    return all_of(same(first[key], second[key]) for key in KEYS)
