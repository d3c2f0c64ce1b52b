"""What a picture is before any drawing language: graphs, tables and sequences as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Tone(Enum):
    """What a node means to the reader; every renderer turns it into one shape and one colour."""

    START = "start"
    STATE = "state"
    QUESTION = "question"
    GOOD = "good"
    BAD = "bad"
    WAITING = "waiting"
    SUB = "sub"
    MAIN = "main"


class Line(Enum):
    """How an edge is drawn."""

    PLAIN = "plain"
    DASHED = "dashed"
    STRONG = "strong"


class Wording(Enum):
    """Whether the words of an edge stand beside it, or only in tables and in the notes."""

    SHOWN = "shown"
    IN_NOTES = "in notes"


class Heading(Enum):
    """Where the edges of a graph point: down the page or to its right."""

    DOWN = "down"
    RIGHT = "right"


class Arrangement(Enum):
    """Whether the nodes of a cluster form one column in their order, or lie where the edges put them."""

    FREE = "free"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class Node:
    """One box: `key` is unique in its graph; the first of `lines` is printed as a heading."""

    key: str
    lines: tuple[str, ...]
    tone: Tone = Tone.STATE


@dataclass(frozen=True, slots=True)
class Label:
    """One line of an edge and the clause that it rests on (empty: none)."""

    text: str
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two nodes by their keys, with one label for each reason to follow it."""

    source: str
    target: str
    labels: tuple[Label, ...] = ()
    line: Line = Line.PLAIN
    wording: Wording = Wording.SHOWN


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around nodes, named by their keys in display order."""

    title: str
    nodes: tuple[str, ...]
    arrangement: Arrangement = Arrangement.FREE


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes, edges and frames, with sentences to print below; ValueError for dangling or repeated keys."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    notes: tuple[str, ...] = ()
    heading: Heading = Heading.DOWN

    def __post_init__(self) -> None:
        keys = [node.key for node in self.nodes]
        if len(set(keys)) != len(keys):
            raise ValueError(f"{self.title}: two nodes have the same key")
        framed = [key for cluster in self.clusters for key in cluster.nodes]
        ends = [key for edge in self.edges for key in (edge.source, edge.target)]
        missing = sorted({*framed, *ends} - set(keys))
        if missing:
            raise ValueError(f"{self.title}: no node has the key {missing[0]!r}")
        if len(set(framed)) != len(framed):
            raise ValueError(f"{self.title}: a node lies in two clusters")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under named columns; ValueError for a row of another width."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: a row is not {len(self.columns)} cells wide")


@dataclass(frozen=True, slots=True)
class Message:
    """One arrow of a sequence from one participant to another; from one to itself it is a note on it."""

    source: str
    target: str
    label: Label


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a sequence, from the message with the index `start` (the first is 0) to the next part."""

    start: int
    title: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Messages between participants, in time order, perhaps in parts.

    ValueError for a message of a stranger, and for parts that are empty or out of order.
    """

    title: str
    participants: tuple[str, ...]
    messages: tuple[Message, ...]
    notes: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        spoken = {name for message in self.messages for name in (message.source, message.target)}
        strangers = sorted(spoken - set(self.participants))
        if strangers:
            raise ValueError(f"{self.title}: {strangers[0]!r} does not take part")
        if len(set(self.participants)) != len(self.participants):
            raise ValueError(f"{self.title}: a participant is named twice")
        starts = [section.start for section in self.sections]
        if starts != sorted({start for start in starts if 0 <= start < len(self.messages)}):
            raise ValueError(f"{self.title}: a part is empty or out of order")

    def title_before(self, number: int) -> str | None:
        """Return the title of the part that begins with the message of an index, None within a part."""
        return next((section.title for section in self.sections if section.start == number), None)


Picture = Graph | Table | Sequence


def labels_of(picture: Picture) -> Iterator[Label]:
    """Yield every label of a picture in drawing order; a table has none."""
    if isinstance(picture, Graph):
        for edge in picture.edges:
            yield from edge.labels
    elif isinstance(picture, Sequence):
        for message in picture.messages:
            yield message.label
