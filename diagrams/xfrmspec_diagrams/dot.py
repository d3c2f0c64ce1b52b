"""Pictures as DOT, the language of Graphviz."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Set
from itertools import pairwise

from xfrmspec_diagrams.ir import (
    Arrangement,
    Cluster,
    Edge,
    Graph,
    Heading,
    Label,
    Line,
    Message,
    Node,
    Picture,
    Sequence,
    Table,
    Tone,
    Wording,
)
from xfrmspec_diagrams.style import (
    CELL_WIDTH,
    EDGE_INK,
    FAINT_INK,
    FONT,
    FRAME_FILL,
    FRAME_INK,
    HEAD_FILL,
    INK,
    LABEL_WIDTH,
    LOOKS,
    NODE_WIDTH,
    NOTE_WIDTH,
    TIE_INK,
    WARNING_INK,
    printable,
    wrapped,
)

_SHAPES: Mapping[Tone, str] = {
    Tone.START: 'shape=box style="filled,rounded"',
    Tone.STATE: 'shape=box style="filled,rounded"',
    Tone.QUESTION: 'shape=hexagon style=filled margin="0,0.03"',
    Tone.GOOD: "shape=box style=filled penwidth=1.8",
    Tone.BAD: "shape=box style=filled penwidth=1.8",
    Tone.WAITING: "shape=box style=filled penwidth=1.8",
    Tone.SUB: "shape=box style=filled",
    Tone.MAIN: "shape=box style=filled",
}
_SPACES = re.compile(r"[\t\n]")
_LINE_INCHES = 0.12
_LINES: Mapping[Line, str] = {
    Line.PLAIN: f'color="{EDGE_INK}"',
    Line.DASHED: f'color="{TIE_INK}" style=dashed dir=none',
    Line.STRONG: f'color="{WARNING_INK}" penwidth=2',
}


def to_dot(picture: Picture) -> str:
    """Write a picture as one DOT digraph, ending in a newline; any text is safe as a label."""
    if isinstance(picture, Graph):
        body = _graph_body(picture)
    elif isinstance(picture, Table):
        body = _table_body(picture)
    else:
        body = _sequence_body(picture)
    lines = (f"digraph {_quoted(picture.title)} {{", *_settings(picture), *body, "}", "")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _markup(text: str) -> str:
    """Graphviz refuses empty elements, so an empty text becomes a space."""
    return html.escape(_SPACES.sub(" ", printable(text)), quote=True) or " "


def _rich(lines: Iterable[str]) -> str:
    return f"<{'<BR/>'.join(lines)}>"


def _font(text: str, color: str, size: int) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{text}</FONT>'


def _settings(picture: Picture) -> tuple[str, ...]:
    right = isinstance(picture, Graph) and picture.heading is Heading.RIGHT
    rows = [f"<TR><TD><B>{_font(_markup(picture.title), INK, 18)}</B></TD></TR>"]
    for note in picture.notes:
        lines = "<BR/>".join(_font(_markup(line), FAINT_INK, 11) for line in wrapped(note, NOTE_WIDTH))
        rows.append(f"<TR><TD>{lines}</TD></TR>")
    body = "".join(rows)
    frame = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"'
    return (
        f'  graph [fontname="{FONT}" bgcolor=white pad=0.3 nodesep=0.35 ranksep=0.38 ordering=out labelloc=t'
        f" rankdir={'LR' if right else 'TB'}",
        f"    label=<<TABLE {frame}>{body}</TABLE>>]",
        f'  node [fontname="{FONT}" fontsize=12 fontcolor="{INK}" margin="0.14,0.07"]',
        f'  edge [fontname="{FONT}" fontsize=11 fontcolor="{INK}" color="{EDGE_INK}" arrowsize=0.8]',
    )


def _graph_body(graph: Graph) -> Iterable[str]:
    names = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    framed = {key: cluster.title for cluster in graph.clusters for key in cluster.nodes}
    nodes = {node.key: node for node in graph.nodes}
    for number, cluster in enumerate(graph.clusters):
        yield from _cluster_lines(number, cluster, [nodes[key] for key in cluster.nodes], names, graph)
    for node in graph.nodes:
        if node.key not in framed:
            yield f"  {_node_line(node, names, _loop_height(graph, node))}"
    looping = {edge.source for edge in graph.edges if edge.source == edge.target}
    leaving = {edge.source for edge in graph.edges}
    places = {node.key: place for place, node in enumerate(graph.nodes)}
    for edge in graph.edges:
        crossing = framed.get(edge.source) != framed.get(edge.target) and edge.target in leaving
        port = "" if crossing else _port(edge, looping, places)
        yield f"  {_edge_line(edge, names, port)}"


def _port(edge: Edge, looping: Set[str], places: Mapping[str, int]) -> str:
    """Keep arrows away from the right side of a node with a loop, where the words of the loop stand."""
    forward = places[edge.target] - places[edge.source]
    if forward > 0 and edge.source in looping:
        return " tailport=s"
    return " headport=se" if forward < 0 and edge.target in looping else ""


def _loop_height(graph: Graph, node: Node) -> float:
    """Return a height in inches at which the words of a node's loop hardly reach beyond the node."""
    loops = [edge for edge in graph.edges if edge.source == edge.target == node.key]
    lines = [line for edge in loops for label in edge.labels for line in (*_label_lines(label), "")]
    return round(len(lines) * _LINE_INCHES, 2)


def _cluster_lines(
    number: int, cluster: Cluster, members: Iterable[Node], names: Mapping[str, str], graph: Graph
) -> Iterable[str]:
    title = f"<B>{_font(_markup(cluster.title), INK, 13)}</B>"
    yield f"  subgraph cluster_{number} {{"
    yield f'    label=<{title}> labeljust=l margin=14 style="filled,rounded"'
    yield f'    fillcolor="{FRAME_FILL}" color="{FRAME_INK}"'
    for node in members:
        yield f"    {_node_line(node, names, _loop_height(graph, node))}"
    if cluster.arrangement is Arrangement.COLUMN:
        for above, below in zip(cluster.nodes, cluster.nodes[1:], strict=False):
            yield f"    {names[above]} -> {names[below]} [style=invis weight=20]"
    yield "  }"


def _node_line(node: Node, names: Mapping[str, str], height: float = 0) -> str:
    look = LOOKS[node.tone]
    head = [f"<B>{_markup(line)}</B>" for line in wrapped(node.lines[0], NODE_WIDTH)] if node.lines else [""]
    rest = [_markup(line) for text in node.lines[1:] for line in wrapped(text, NODE_WIDTH)]
    colors = f'fillcolor="{look.fill}" color="{look.border}" fontcolor="{look.text}"'
    size = f" height={height}" if height else ""
    return f"{names[node.key]} [label={_rich([*head, *rest])} {_SHAPES[node.tone]} {colors}{size}]"


def _edge_line(edge: Edge, names: Mapping[str, str], port: str) -> str:
    words = ""
    if edge.labels and edge.wording is Wording.SHOWN:
        words = f" label={_label_block(edge.labels)}"
    return f"{names[edge.source]} -> {names[edge.target]} [{_LINES[edge.line]}{port}{words}]"


def _label_block(labels: Iterable[Label]) -> str:
    """Lay labels out as a small borderless table, so that they never touch the line."""
    rows = []
    for label in labels:
        text = '<BR ALIGN="LEFT"/>'.join((*_label_lines(label), ""))
        rows.append(f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{text}</TD></TR>')
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{"".join(rows)}</TABLE>>'


def _label_lines(label: Label) -> tuple[str, ...]:
    lines = tuple(_markup(line) for line in wrapped(label.text, LABEL_WIDTH))
    return (*lines, _font(_markup(label.clause), FAINT_INK, 9)) if label.clause else lines


def _table_body(table: Table) -> Iterable[str]:
    head = "".join(f'<TD BGCOLOR="{HEAD_FILL}"><B>{_cell(cell)}</B></TD>' for cell in table.columns)
    rows = [
        "".join(f'<TD ALIGN="LEFT" BALIGN="LEFT">{_cell(cell)}</TD>' for cell in row) for row in table.rows
    ]
    body = "\n".join(f"    <TR>{row}</TR>" for row in (head, *rows))
    frame = f'BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="6" COLOR="{FRAME_INK}"'
    yield f"  table [shape=plain label=<<TABLE {frame}>\n{body}\n  </TABLE>>]"


def _cell(text: str) -> str:
    return "<BR/>".join(_markup(line) for line in wrapped(text, CELL_WIDTH)) or " "


def _sequence_body(sequence: Sequence) -> Iterable[str]:
    """Draw a column of points for each participant, and a row of points for each message and title."""
    columns = {name: number for number, name in enumerate(sequence.participants)}
    rows = tuple(_sequence_rows(sequence))
    yield f"  graph [nodesep=1.6 ranksep={0.25 if sequence.sections else 0.8}]"
    yield "  edge [arrowhead=none]"
    for name, column in columns.items():
        shape = f'shape=box style="filled,rounded" fillcolor="{HEAD_FILL}" color="{FRAME_INK}"'
        yield f"  p{column}_0 [label={_quoted(name)} {shape} group=p{column}]"
        for step, row in enumerate(rows, 1):
            yield f"  p{column}_{step} [{_point_look(row, name)} group=p{column}]"
            yield f'  p{column}_{step - 1} -> p{column}_{step} [color="{FRAME_INK}" weight=50]'
    for step in range(len(rows) + 1):
        yield f"  {{ rank=same; {'; '.join(f'p{column}_{step}' for column in columns.values())} }}"
    heads = " -> ".join(f"p{column}_0" for column in columns.values())
    yield f"  {heads} [style=invis weight=100]"
    for step, row in enumerate(rows, 1):
        if isinstance(row, str):
            title = f"label=<<B>{_font(_markup(row), INK, 13)}</B>>"
            yield from _row_lines(step, 0, len(columns) - 1, title, FRAME_INK)
        elif row.source != row.target:
            words = f"label={_label_block((row.label,))}"
            yield from _row_lines(step, columns[row.source], columns[row.target], words, EDGE_INK, "normal")


def _row_lines(
    step: int, source: int, target: int, words: str, ink: str, head: str = "none"
) -> Iterable[str]:
    """Lead a line over the columns between its ends, so that it stays straight; words stand at its start."""
    way = range(source, target + 1) if source < target else range(source, target - 1, -1)
    for start, end in pairwise(way):
        arrow = head if end == target else "none"
        label = f"{words} " if start == source else ""
        yield f'  p{start}_{step} -> p{end}_{step} [{label}color="{ink}" arrowhead={arrow} constraint=false]'


def _point_look(row: Message | str, name: str) -> str:
    """Show a note, an end of an arrow, or next to nothing."""
    if isinstance(row, str) or name not in (row.source, row.target):
        return "shape=point width=0.01"
    return _note_look(row.label) if row.source == row.target else "shape=point width=0.04"


def _sequence_rows(sequence: Sequence) -> Iterable[Message | str]:
    for number, message in enumerate(sequence.messages):
        title = sequence.title_before(number)
        if title is not None:
            yield title
        yield message


def _note_look(label: Label) -> str:
    look = LOOKS[Tone.WAITING]
    colors = f'fillcolor="{look.fill}" color="{look.border}"'
    return f'shape=note style=filled margin="0.08,0.03" {colors} label={_label_block((label,))}'
