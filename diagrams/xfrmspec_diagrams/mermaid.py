"""Pictures as Mermaid, which code hosting sites draw from Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

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
from xfrmspec_diagrams.style import LABEL_WIDTH, LOOKS, NODE_WIDTH, TIE_INK, WARNING_INK, printable, wrapped

_SHAPES: Mapping[Tone, tuple[str, str]] = {
    Tone.START: ("([", "])"),
    Tone.STATE: ("(", ")"),
    Tone.QUESTION: ("{{", "}}"),
    Tone.GOOD: ("[", "]"),
    Tone.BAD: ("[", "]"),
    Tone.WAITING: ("[", "]"),
    Tone.SUB: ("[", "]"),
    Tone.MAIN: ("[", "]"),
}
_ARROWS: Mapping[Line, str] = {Line.PLAIN: "-->", Line.DASHED: "-.-", Line.STRONG: "==>"}
_SPECIAL = {character: f"#{ord(character)};" for character in '#"&<>|`\\;{}*~$'}
_OUTER_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_LIST_START = re.compile(r"^(\s*(?:\d+[.)]|[-+*]))\s")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def to_mermaid(picture: Picture) -> str:
    """Write a picture as one Mermaid diagram, ending in a newline; any text is safe as a label."""
    if isinstance(picture, Graph):
        lines = _graph_lines(picture)
    elif isinstance(picture, Table):
        lines = _table_lines(picture)
    else:
        lines = _sequence_lines(picture)
    return "\n".join((*_front_matter(picture), *lines, ""))


def _front_matter(picture: Picture) -> tuple[str, ...]:
    """Titles are YAML, so they are quoted as YAML wants it."""
    title = printable(picture.title).replace("\n", " ").replace("\\", "\\\\").replace('"', '\\"')
    notes = tuple(f"%% {_comment(note)}" for note in picture.notes)
    return ("---", f'title: "{title}"', "---", *notes)


def _comment(text: str) -> str:
    return printable(text).replace("\n", " ").replace("{", "(").replace("}", ")")


def _escaped(line: str) -> str:
    """Mermaid reads labels as Markdown, so lists and emphasis are defused as well as its own signs."""
    plain = _LIST_START.sub(rf"\1{_NO_BREAK}", printable(line).replace("\t", " "))
    signs = "".join(_SPECIAL.get(character, character) for character in plain)
    return _OUTER_UNDERSCORE.sub("#95;", signs)


def _joined(lines: Iterable[str]) -> str:
    text = "<br/>".join(_escaped(line) for text in lines for line in text.split("\n"))
    return f'"{text or _NO_BREAK}"'


def _graph_lines(graph: Graph) -> Iterable[str]:
    names = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    nodes = {node.key: node for node in graph.nodes}
    framed = {key for cluster in graph.clusters for key in cluster.nodes}
    yield f"flowchart {'LR' if graph.heading is Heading.RIGHT else 'TB'}"
    for number, cluster in enumerate(graph.clusters):
        yield from _cluster_lines(number, cluster, nodes, names)
    for node in graph.nodes:
        if node.key not in framed:
            yield f"  {_node_text(node, names)}"
    for edge in graph.edges:
        yield f"  {_edge_text(edge, names)}"
    yield from _colors(graph)


def _cluster_lines(
    number: int, cluster: Cluster, nodes: Mapping[str, Node], names: Mapping[str, str]
) -> Iterable[str]:
    yield f"  subgraph c{number}[{_joined([cluster.title])}]"
    for key in cluster.nodes:
        yield f"    {_node_text(nodes[key], names)}"
    if cluster.arrangement is Arrangement.COLUMN and len(cluster.nodes) > 1:
        yield f"    {' ~~~ '.join(names[key] for key in cluster.nodes)}"
    yield "  end"


def _node_text(node: Node, names: Mapping[str, str]) -> str:
    opening, closing = _SHAPES[node.tone]
    lines = [line for text in node.lines for line in wrapped(text, NODE_WIDTH)]
    return f"{names[node.key]}{opening}{_joined(lines)}{closing}:::{node.tone.value}"


def _edge_text(edge: Edge, names: Mapping[str, str]) -> str:
    words = ""
    if edge.labels and edge.wording is Wording.SHOWN:
        words = f"|{_joined(_label_lines(edge.labels))}|"
    return f"{names[edge.source]} {_ARROWS[edge.line]}{words} {names[edge.target]}"


def _label_lines(labels: Iterable[Label]) -> Iterable[str]:
    for label in labels:
        yield from wrapped(label.text, LABEL_WIDTH)
        if label.clause:
            yield f"({label.clause})"


def _colors(graph: Graph) -> Iterable[str]:
    """Links are numbered in the order of the text, so those that hold columns together come first."""
    used = {node.tone for node in graph.nodes}
    for tone in (tone for tone in Tone if tone in used):
        look = LOOKS[tone]
        yield f"  classDef {tone.value} fill:{look.fill},stroke:{look.border},color:{look.text}"
    hidden = sum(
        len(cluster.nodes) - 1 for cluster in graph.clusters if cluster.arrangement is Arrangement.COLUMN
    )
    for line, ink in ((Line.DASHED, TIE_INK), (Line.STRONG, WARNING_INK)):
        numbers = [str(hidden + number) for number, edge in enumerate(graph.edges) if edge.line is line]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} stroke:{ink},stroke-width:2px"


def _table_lines(table: Table) -> Iterable[str]:
    """A block diagram with one block for each cell; the head has a colour of its own."""
    yield "block-beta"
    yield f"  columns {len(table.columns)}"
    yield f"  {' '.join(f'h{number}[{_joined([cell])}]' for number, cell in enumerate(table.columns))}"
    for row_number, row in enumerate(table.rows):
        cells = (f"r{row_number}c{number}[{_joined([cell])}]" for number, cell in enumerate(row))
        yield f"  {' '.join(cells)}"
    look = LOOKS[Tone.QUESTION]
    yield f"  classDef head fill:{look.fill},stroke:{look.border},color:{look.text},font-weight:bold"
    yield f"  class {','.join(f'h{number}' for number in range(len(table.columns)))} head"


def _sequence_lines(sequence: Sequence) -> Iterable[str]:
    names = {name: f"p{number}" for number, name in enumerate(sequence.participants)}
    yield "sequenceDiagram"
    for name, key in names.items():
        yield f"  participant {key} as {_plain(name)}"
    keys = tuple(names.values())
    for number, message in enumerate(sequence.messages):
        title = sequence.title_before(number)
        if title is not None:
            yield f"  Note over {','.join(dict.fromkeys((keys[0], keys[-1])))}: {_plain(title)}"
        yield f"  {_message_text(message, names)}"


def _message_text(message: Message, names: Mapping[str, str]) -> str:
    clause = f" ({message.label.clause})" if message.label.clause else ""
    words = _plain(message.label.text + clause)
    if message.source == message.target:
        return f"Note over {names[message.source]}: {words}"
    return f"{names[message.source]}->>{names[message.target]}: {words}"


def _plain(text: str) -> str:
    return "<br/>".join(_escaped(line) for line in text.split("\n")) or _NO_BREAK
