"""Pictures as Markdown tables, for readers without any drawing program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence as Rows
from itertools import pairwise

from xfrmspec_diagrams.ir import Arrangement, Cluster, Graph, Node, Picture, Sequence, Table
from xfrmspec_diagrams.style import printable

_EDGE_COLUMNS = ("From", "To", "When", "Clause")
_MESSAGE_COLUMNS = ("Step", "From", "To", "What", "Clause")
_BRACKET = re.compile(r"\](?=[(\[:])")
_OUTER_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")


def to_table(picture: Picture) -> str:
    """Write a picture as Markdown tables under a heading, ending in a newline; any text is safe in a cell."""
    lines = [f"## {escape_cell(picture.title)}", ""]
    if isinstance(picture, Table):
        lines += _grid(picture.columns, picture.rows)
    elif isinstance(picture, Sequence):
        lines += _sequence_tables(picture)
    else:
        lines += _graph_tables(picture)
    for note in picture.notes:
        lines += ["", escape_cell(note)]
    return "\n".join((*lines, ""))


def escape_cell(text: str) -> str:
    """Return a text as it must stand in a Markdown table cell to be printed as it is."""
    escaped = printable(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for character in "|`*~":
        escaped = escaped.replace(character, f"\\{character}")
    escaped = _OUTER_UNDERSCORE.sub(r"\\_", _BRACKET.sub(r"\\]", escaped))
    return escaped.replace("\n", "<br>")


def _grid(columns: Rows[str], rows: Iterable[Rows[str]]) -> list[str]:
    return [
        _row(columns),
        f"|{'|'.join(' --- ' for _ in columns)}|",
        *(_row(row) for row in rows),
    ]


def _row(cells: Rows[str]) -> str:
    return f"| {' | '.join(escape_cell(cell) for cell in cells)} |"


def _graph_tables(graph: Graph) -> list[str]:
    """Frames and unconnected nodes get tables of their own, since no edge names them in order."""
    lines: list[str] = []
    nodes = {node.key: node for node in graph.nodes}
    connected = {key for edge in graph.edges for key in (edge.source, edge.target)}
    framed = {key for cluster in graph.clusters for key in cluster.nodes}
    for cluster in graph.clusters:
        lines += _cluster_table(cluster, nodes)
    alone = [node for node in graph.nodes if node.key not in connected | framed]
    if alone:
        lines += [*_grid(("Node",), [(_name(node),) for node in alone]), ""]
    if graph.edges:
        lines += _grid(_EDGE_COLUMNS, _edge_rows(graph, _end_names(graph)))
    return lines if not lines or lines[-1] else lines[:-1]


def _cluster_table(cluster: Cluster, nodes: dict[str, Node]) -> list[str]:
    members = [nodes[key] for key in cluster.nodes]
    first = "Order" if cluster.arrangement is Arrangement.COLUMN else "No."
    rows = [(str(number), *_two_parts(node)) for number, node in enumerate(members, 1)]
    return [f"### {escape_cell(cluster.title)}", "", *_grid((first, "Name", "What"), rows), ""]


def _two_parts(node: Node) -> tuple[str, str]:
    return "".join(node.lines[:1]), "\n".join(node.lines[1:])


def _end_names(graph: Graph) -> dict[str, str]:
    """Name the nodes for rows about edges: those of a frame by its title, the others in full."""
    names = {node.key: _name(node) for node in graph.nodes}
    heads = {node.key: node.lines[0] for node in graph.nodes if node.lines}
    for cluster in graph.clusters:
        names |= {key: f"{cluster.title} {heads.get(key, '')}" for key in cluster.nodes}
    return names


def _edge_rows(graph: Graph, names: dict[str, str]) -> Iterable[tuple[str, ...]]:
    for edge in graph.edges:
        ends = (names[edge.source], names[edge.target])
        for label in edge.labels:
            yield (*ends, label.text, label.clause)
        if not edge.labels:
            yield (*ends, "", "")


def _name(node: Node) -> str:
    return ": ".join(node.lines[:2])


def _sequence_tables(sequence: Sequence) -> list[str]:
    """One table for each part, with the steps counted through."""
    rows = [
        (str(number), message.source, message.target, message.label.text, message.label.clause)
        for number, message in enumerate(sequence.messages, 1)
    ]
    starts = [section.start for section in sequence.sections]
    bounds = pairwise((0, *starts, len(rows)))
    titles = (None, *(section.title for section in sequence.sections))
    lines: list[str] = []
    for (start, end), title in zip(bounds, titles, strict=True):
        if title is not None:
            lines += [f"### {escape_cell(title)}", ""]
        if start != end or not sequence.sections:
            lines += [*_grid(_MESSAGE_COLUMNS, rows[start:end]), ""]
    return lines[:-1]
