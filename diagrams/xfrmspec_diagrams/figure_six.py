"""Figure 6 of the paper as a table: what each node sets up at which moment, in each recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from xfrmspec.mipv6.recipes.figure import NAMES, NodeTable, Part, figure_tables
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import OpenTunnel, Protection
from xfrmspec_diagrams.ir import Table
from xfrmspec_diagrams.wording import protocol_text, selector_text, template_text
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import Action, Policy

_TITLES: Mapping[Recipe, str] = {
    Recipe.PAPER: "as printed",
    Recipe.PAPER_CORRECTED: "with its errors mended",
    Recipe.MIP6D: "as mip6d does it",
    Recipe.CLEAN: "as the theorems want it",
}
_PROTECTIONS: Mapping[Protection, str] = {
    Protection.NONE: "no IPsec",
    Protection.SIGNALLING: "ESP for signalling",
    Protection.TESTS: "ESP for signalling and home tests",
    Protection.PAYLOAD: "ESP for signalling and for the whole tunnel",
}
DRAWN_WITH: Mapping[Recipe, Protection] = {
    Recipe.PAPER: Protection.PAYLOAD,
    Recipe.PAPER_CORRECTED: Protection.PAYLOAD,
    Recipe.MIP6D: Protection.NONE,
    Recipe.CLEAN: Protection.TESTS,
}
"""The protection with which each recipe is drawn: that of the figure, or that under which it was seen."""

_COLUMNS = ("Node", "Moment", "What", "Traffic", "Prio.", "Templates, or what the state holds")
_ARROW = "\N{RIGHTWARDS ARROW}"


def figure_six(recipe: Recipe) -> Table:
    """Draw what mobile node, home agent and correspondent node ask of their kernels.

    Source: XFRM-DAEMON-005..011 for the paper, chapter 14 for the others.
    """
    protection = DRAWN_WITH[recipe]
    rows = tuple(row for node in figure_tables(recipe, protection) for row in _node_rows(node))
    return Table(
        f"Figure 6 of the paper, {_TITLES[recipe]}",
        _COLUMNS,
        rows,
        (
            f"Recipe {recipe.value}, {_PROTECTIONS[protection]}. Smaller numbers are stronger; templates are "
            "applied from left to right.",
        ),
    )


def _node_rows(table: NodeTable) -> Iterator[tuple[str, ...]]:
    """A node and a moment are named once, in their first row."""
    node = table.node
    for part in table.parts:
        moment = part.title.lower()
        for row in _part_rows(part):
            yield (node, moment, *row)
            node, moment = "", ""


def _part_rows(part: Part) -> Iterator[tuple[str, ...]]:
    for policy in part.policies:
        yield _policy_row(policy)
    for state in part.states:
        yield _state_row(state)
    for tunnel in part.tunnels:
        yield _tunnel_row(tunnel)
    if part.gone:
        yield (f"{part.gone} {'policy' if part.gone == 1 else 'policies'} deleted", "", "", "")


def _policy_row(policy: Policy) -> tuple[str, ...]:
    what = f"{policy.direction.name} policy, {policy.type.name}"
    templates = ", ".join(template_text(template) for template in policy.templates)
    if policy.action is Action.BLOCK:
        templates = "block"
    traffic = " ".join(selector_text(policy.selector))
    return (what, _named(traffic), str(policy.priority), _named(templates or "none"))


def _state_row(state: SecurityAssociation) -> tuple[str, ...]:
    words = [f"{protocol_text(state.protocol)} {state.mode.name.lower()}"]
    if state.care_of is not None:
        words.append(f"care-of address {state.care_of}")
    words += [flag.name.lower() for flag in StateFlag if flag in state.flags and flag.name]
    if state.reqid:
        words.append(f"reqid {state.reqid}")
    return ("state", _named(f"{state.source} {_ARROW} {state.destination}"), "", _named(", ".join(words)))


def _tunnel_row(tunnel: OpenTunnel) -> tuple[str, ...]:
    ends = f"{tunnel.local} {_ARROW} {tunnel.remote}"
    return ("tunnel device", _named(ends), "", _named(f"for {tunnel.home_address}"))


def _named(text: str) -> str:
    """Write the names of the figure in place of its addresses; words of a text stand apart by spaces."""
    names = {str(address): name for address, name in NAMES.items() if int(address)}
    return " ".join(_word(word, names) for word in text.split(" "))


def _word(word: str, names: Mapping[str, str]) -> str:
    bare = word.rstrip(",")
    return names.get(bare, bare) + word[len(bare) :]


FIGURE_PICTURES: Mapping[str, Callable[[], Table]] = {
    f"figure-6-{recipe.value.replace('_', '-')}": partial(figure_six, recipe) for recipe in Recipe
}
"""The figure in every recipe, by the names of the pictures."""
