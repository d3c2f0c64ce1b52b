"""A configuration as a picture: which policy owns which traffic, and which one yields to which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xfrmspec_diagrams.ir import Arrangement, Cluster, Edge, Graph, Label, Line, Node, Tone, Wording
from xfrmspec_diagrams.policygroups import Group, grouped, search_order
from xfrmspec_diagrams.relations import Relation, Relations, relations_of, tied_inside
from xfrmspec_diagrams.wording import scope_text, selector_text, template_text
from xfrmspec_terms.policy import Action, Direction, Policy, PolicyType

Labelled = tuple[Policy, str]

MOST_EXAMINED = 400
MOST_NODES = 12
MOST_EDGES = 30
_MOST_PLACES = 2

_LINES = {Relation.OUTRANKS: Line.PLAIN, Relation.TIES: Line.DASHED, Relation.SHADOWS: Line.STRONG}
_LABELS = {
    Relation.OUTRANKS: Label("outranks where they overlap", "XFRM-LOOKUP-001"),
    Relation.TIES: Label("tie", "XFRM-LOOKUP-004"),
    Relation.SHADOWS: Label("shadows", "XFRM-LOOKUP-001"),
}
_LEGEND = (
    "Each column is searched from the top: the smallest priority number wins (XFRM-LOOKUP-001). "
    "An arrow leads to a policy that yields where the two overlap; what others imply is left out.",
    "SUB is searched before MAIN, and their priorities are never compared (XFRM-PAIR-001).",
)
_TIE_NOTE = (
    "Dashed: equal priorities and common flows; which one wins is a matter of age or place "
    "(XFRM-LOOKUP-004), and differs between kernels."
)
_SHADOW_NOTE = (
    "Red: one policy takes every flow of another, which never decides; other arrows of that one are left out."
)


@dataclass(frozen=True, slots=True)
class _Column:
    """One direction of one database, ready to draw, with what had to be left out in words."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    kinds: frozenset[Relation]
    cut: tuple[str, ...]


def policy_map(policies: Sequence[Labelled], title: str = "Which policy owns which traffic") -> Graph:
    """Draw policies with their labels (any text that says where each one comes from) in search order.

    Equal priorities stay in the order given. At most MOST_NODES boxes and MOST_EDGES arrows are drawn for a
    direction of a database, and the notes say what was left out. Source: XFRM-LOOKUP-001, XFRM-PAIR-001.
    """
    columns = []
    for direction in (Direction.OUT, Direction.IN, Direction.FWD):
        for kind in (PolicyType.SUB, PolicyType.MAIN):
            members = [p for p in policies if p[0].direction is direction and p[0].type is kind]
            if members:
                columns.append(_column(direction, kind, members))
    notes = (*_legend(columns), *(note for column in columns for note in column.cut))
    return Graph(
        title,
        tuple(node for column in columns for node in column.nodes),
        tuple(edge for column in columns for edge in column.edges),
        tuple(column.cluster for column in columns),
        notes if columns else ("There is no policy, so the default actions decide (XFRM-DEFAULT-001).",),
    )


def _legend(columns: Iterable[_Column]) -> tuple[str, ...]:
    kinds = frozenset[Relation]().union(*(column.kinds for column in columns))
    ties = (_TIE_NOTE,) if Relation.TIES in kinds else ()
    shadows = (_SHADOW_NOTE,) if Relation.SHADOWS in kinds else ()
    return (*_LEGEND, *ties, *shadows)


def _column(direction: Direction, kind: PolicyType, members: Sequence[Labelled]) -> _Column:
    name = f"{direction.name.lower()} {kind.name}"
    ordered = search_order(members)
    groups = grouped(ordered[:MOST_EXAMINED], MOST_NODES)
    drawn = groups[:MOST_NODES]
    relations = relations_of([group.policies for group in drawn])
    keys = [f"{name} {number}" for number in range(len(drawn))]
    nodes = [
        _node(key, group, relations.shadowed.get(i), drawn)
        for i, (key, group) in enumerate(zip(keys, drawn, strict=True))
    ]
    rest = [policy for policy, _ in ordered[MOST_EXAMINED:]]
    rest += [policy for group in groups[MOST_NODES:] for policy in group.policies]
    if rest:
        keys.append(f"{name} rest")
        nodes.append(_rest_node(keys[-1], rest))
    edges, cut_edges = _edges(keys, relations)
    cut = tuple(_cut_notes(name, len(rest), cut_edges))
    cluster = Cluster(name, tuple(keys), Arrangement.COLUMN)
    kinds = frozenset(relation for _, _, relation in relations.pairs)
    return _Column(cluster, tuple(nodes), edges, kinds, cut)


def _rest_node(key: str, rest: Sequence[Policy]) -> Node:
    priorities = [policy.priority for policy in rest]
    span = f"priority {min(priorities)} to {max(priorities)}"
    return Node(key, (f"{len(rest)} more policies", span), Tone.STATE)


def _cut_notes(name: str, missing: int, cut_edges: int) -> Iterable[str]:
    if missing:
        yield f"{name}: {missing} more policies are not drawn one by one."
    if cut_edges:
        yield f"{name}: {cut_edges} more arrows are not drawn."


def _edges(keys: Sequence[str], relations: Relations) -> tuple[tuple[Edge, ...], int]:
    """Shadows and ties are the news, so they are kept first when there are too many arrows."""
    ranked = sorted(relations.pairs, key=lambda pair: (pair[2] is Relation.OUTRANKS, pair[0], pair[1]))
    kept = sorted(ranked[:MOST_EDGES], key=lambda pair: (pair[0], pair[1]))
    edges = tuple(
        Edge(keys[i], keys[j], (_LABELS[relation],), _LINES[relation], Wording.IN_NOTES)
        for i, j, relation in kept
    )
    return edges, len(ranked) - len(kept)


def _node(key: str, group: Group, shadower: int | None, groups: Sequence[Group]) -> Node:
    policy = group.policies[0]
    lines = [f"#{group.first} priority {policy.priority} {policy.action.name}"]
    if group.alike:
        lines.append(f"{len(group.members)} policies of this shape, such as")
    lines += selector_text(policy.selector)
    lines += _scopes(group)
    lines += [template_text(template) for template in policy.templates] or ["no template"]
    lines.append(_places(group))
    if tied_inside(group.policies):
        lines.append("some of them tie with each other")
    if shadower is not None:
        lines.append(f"never decides: #{groups[shadower].first} takes all")
    return Node(key, tuple(line for line in lines if line), _tone(policy, shadower))


def _tone(policy: Policy, shadower: int | None) -> Tone:
    if shadower is not None:
        return Tone.WAITING
    if policy.action is Action.BLOCK:
        return Tone.BAD
    return Tone.SUB if policy.type is PolicyType.SUB else Tone.MAIN


def _scopes(group: Group) -> list[str]:
    scopes = [text for text in dict.fromkeys(scope_text(policy) for policy in group.policies) if text]
    more = len(scopes) - _MOST_PLACES
    return [*scopes[:_MOST_PLACES], f"and {more} more"] if more > 0 else scopes


def _places(group: Group) -> str:
    labels = [label for _, label in group.members if label]
    more = f" and {len(labels) - _MOST_PLACES} more" if len(labels) > _MOST_PLACES else ""
    return ", ".join(labels[:_MOST_PLACES]) + more
