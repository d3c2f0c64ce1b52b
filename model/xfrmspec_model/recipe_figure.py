"""The policies of the recipes paper, paper_corrected and mip6d for a home registration, and their count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, count_of, either, negate
from xfrmspec_model.recipe_policies import ANSWER, UPDATE, Ends, Place, What, Where, is_for, selector_of
from xfrmspec_model.recipe_rules import RecipeRules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role
from xfrmspec_terms.policy import Direction
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

TUNNEL_PRIORITY = 30


class Recipe(Enum):
    """The recipes other than clean."""

    PAPER = "paper"
    PAPER_CORRECTED = "paper_corrected"
    MIP6D = "mip6d"


@dataclass(frozen=True, slots=True)
class FigurePolicy:
    """One policy as a figure shows it; own is the home address and agent the home agent, at either node.

    `option` tells of a template for the home address option or the routing header, `triggers` of one of mode
    in_trigger, `protection` of an ESP template. `exists` may hang on whether there is IPsec.
    """

    direction: Direction
    where: Where
    what: What
    priority: Number
    option: Truth
    protection: Truth
    exists: Truth = True

    @property
    def names_an_end(self) -> bool:
        """Tell whether the selector names home address or home agent."""
        return any(place is not Place.ANY for place in self.where)

    def matches(self, flow: FlowTerm, ends: Ends, profile: Profile) -> Truth:
        """Tell whether the policy exists and is for a flow."""
        return both(self.exists, is_for(selector_of(self.where, self.what, ends), flow, profile))

    @property
    def is_counted(self) -> Truth:
        """Tell whether the policy is one of those that are counted."""
        return all_of((self.exists, self.names_an_end, either(self.option, self.protection)))


_UPDATES: What = (Protocol.MOBILITY, UPDATE)
_ANSWERS: What = (Protocol.MOBILITY, ANSWER)
_ALL: What = (0, None)
_THERE: Where = (Place.OWN, Place.AGENT)
_BACK: Where = (Place.AGENT, Place.OWN)
_AWAY: Where = (Place.OWN, Place.ANY)
_HOMEWARD: Where = (Place.ANY, Place.OWN)
_IN, _OUT, _FWD = Direction.IN, Direction.OUT, Direction.FWD


@dataclass(frozen=True, slots=True)
class Figure:
    """Figure 6 with or without its errors, with or without IPsec. Source: XFRM-DAEMON-005..008, -010."""

    corrected: bool
    protected: Truth
    rules: RecipeRules

    @property
    def signalling(self) -> int:
        """Return the priority of signalling."""
        return self.rules.figure_data if self.corrected else self.rules.figure_signalling

    @property
    def data(self) -> int:
        """Return the priority of data."""
        return self.rules.figure_signalling if self.corrected else self.rules.figure_data

    def _signal(self, direction: Direction, where: Where, what: What, *, option: bool = True) -> FigurePolicy:
        return FigurePolicy(direction, where, what, self.signalling, option, self.protected)

    def _data(self, direction: Direction, where: Where) -> FigurePolicy:
        return FigurePolicy(direction, where, _ALL, self.data, True, False)

    def _tunnel(self, direction: Direction, where: Where) -> FigurePolicy:
        return FigurePolicy(direction, where, _ALL, TUNNEL_PRIORITY, False, True, self.protected)

    @clause("XFRM-DAEMON-005", "XFRM-DAEMON-010", "XFRM-DAEMON-011")
    def first_at_mobile_node(self) -> list[FigurePolicy]:
        """Return what a mobile node has before it is registered. Source: XFRM-DAEMON-005, -010."""
        answers = (
            self._signal(_IN, _BACK, _ANSWERS) if self.corrected else self._signal(_IN, _THERE, _UPDATES)
        )
        block = [FigurePolicy(_OUT, _AWAY, _ALL, TUNNEL_PRIORITY, False, False)]
        return [self._signal(_OUT, _THERE, _UPDATES), answers, *(block if self.rules.paper_blocks else [])]

    @clause("XFRM-DAEMON-006", "XFRM-DAEMON-010")
    def first_at_home_agent(self) -> list[FigurePolicy]:
        """Return what a home agent has before anybody is registered. Source: XFRM-DAEMON-006, -010."""
        return [
            self._signal(_IN, (Place.ANY, Place.AGENT), _UPDATES),
            self._signal(_OUT, (Place.AGENT, Place.ANY), _ANSWERS, option=self.corrected),
        ]

    @clause("XFRM-DAEMON-007", "XFRM-DAEMON-008")
    def at_mobile_node(self) -> list[FigurePolicy]:
        """Return what a registered mobile node has. Source: XFRM-DAEMON-007, XFRM-DAEMON-008."""
        data = [self._data(_OUT, _THERE), self._data(_IN, _BACK)]
        tunnel = [self._tunnel(_OUT, _AWAY), self._tunnel(_IN, _HOMEWARD)]
        return [*self.first_at_mobile_node(), *data, *tunnel]

    @clause("XFRM-DAEMON-007", "XFRM-DAEMON-008", "XFRM-DAEMON-010")
    def at_home_agent(self) -> list[FigurePolicy]:
        """Return what a home agent has for a registration. Source: XFRM-DAEMON-007, -008, -010."""
        data = [self._data(_IN, _THERE), self._data(_OUT, _BACK)]
        tunnel = [self._tunnel(_OUT, _HOMEWARD), self._tunnel(_IN, _AWAY)]
        forward = [self._tunnel(_FWD, _AWAY)] if self.corrected else []
        return [*self.first_at_home_agent(), *data, *tunnel, *forward]


@clause("XFRM-DAEMON-012", "XFRM-DAEMON-013", "XFRM-DAEMON-014", "XFRM-DAEMON-017")
def policies_of_mip6d(role: Role) -> list[FigurePolicy]:
    """Return what mip6d has templates for when a home registration ends, the trigger aside.

    Source: XFRM-DAEMON-012, XFRM-DAEMON-013, XFRM-DAEMON-014, XFRM-DAEMON-017.
    """
    anything: Where = (Place.ANY, Place.ANY)
    updates = FigurePolicy(_IN, anything, _UPDATES, 9, True, False)
    if role is Role.HOME_AGENT:
        data = [FigurePolicy(d, w, _ALL, 16, True, False) for d, w in ((_OUT, _BACK), (_IN, _THERE))]
        return [updates, *data]
    return [
        updates,
        FigurePolicy(_IN, anything, _ALL, 19, True, False),
        FigurePolicy(_IN, _BACK, _ANSWERS, 2, True, False),
        FigurePolicy(_OUT, _THERE, _UPDATES, 2, True, False),
        FigurePolicy(_OUT, _THERE, _ALL, 6, True, False),
        FigurePolicy(_IN, _BACK, _ALL, 6, True, False),
    ]


def policies_at_the_end(
    recipe: Recipe, role: Role, protected: Truth, rules: RecipeRules
) -> list[FigurePolicy]:
    """Return the policies of a home registration that has ended well."""
    if recipe is Recipe.MIP6D:
        return policies_of_mip6d(role)
    figure = Figure(recipe is Recipe.PAPER_CORRECTED, protected, rules)
    return figure.at_home_agent() if role is Role.HOME_AGENT else figure.at_mobile_node()


@clause("XFRM-DAEMON-009")
def number_of_policies(policies: Sequence[FigurePolicy], rules: RecipeRules) -> Number:
    """Count policies by the rule of the paper: those of one selector and direction once, FWD with IN.

    Source: XFRM-DAEMON-009.
    """

    def is_counted(policy: FigurePolicy) -> Truth:
        bare = both(policy.exists, policy.names_an_end)
        return bare if rules.counts_bare else policy.is_counted

    def kind(policy: FigurePolicy) -> tuple[Direction, Where, What]:
        forwards = policy.direction is Direction.FWD
        return Direction.IN if forwards else policy.direction, policy.where, policy.what

    def is_first(place: int) -> Truth:
        policy = policies[place]
        earlier = any_of(is_counted(other) for other in policies[:place] if kind(other) == kind(policy))
        return both(is_counted(policy), negate(earlier))

    return count_of((is_first(place) for place in range(len(policies))), 8)


@clause("XFRM-DAEMON-009")
def promised_number(recipe: Recipe, role: Role) -> int:
    """Return the number that the clause promises without IPsec. Source: XFRM-DAEMON-009."""
    if recipe is Recipe.MIP6D:
        return 2 if role is Role.HOME_AGENT else 4
    return 3 if (recipe, role) == (Recipe.PAPER, Role.HOME_AGENT) else 4
