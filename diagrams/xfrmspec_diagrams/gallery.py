"""The committed gallery: every picture as DOT, Mermaid and table, and an index that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xfrmspec_diagrams.dot import to_dot
from xfrmspec_diagrams.mermaid import to_mermaid
from xfrmspec_diagrams.pictures import picture, picture_groups, picture_names
from xfrmspec_diagrams.table import escape_cell, to_table

_INDEX = "README.md"


def gallery() -> dict[str, str]:
    """Return the text of every file of the gallery by its name, sorted; the same bytes every time."""
    texts = {_INDEX: "".join(_index())}
    for name in picture_names():
        drawn = picture(name)
        texts[f"{name}.dot"] = to_dot(drawn)
        texts[f"{name}.mmd"] = to_mermaid(drawn)
        texts[f"{name}.md"] = to_table(drawn)
    return dict(sorted(texts.items()))


def write_gallery(folder: Path) -> None:
    """Write every file of the gallery into a folder, which is made if it is missing; OSError as usual."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in gallery().items():
        (folder / name).write_bytes(text.encode("utf-8"))


def _index() -> Iterable[str]:
    yield "# Gallery\n\n"
    yield "Made from the machine tables and the rules by `xfrmspec diagram --gallery FOLDER`; do not edit.\n"
    yield "Every picture comes as Graphviz text (`.dot`), Mermaid (`.mmd`) and tables (`.md`).\n"
    for subject, names in picture_groups().items():
        yield f"\n- {subject}: "
        yield ", ".join(f"[{escape_cell(picture(name).title)}]({name}.md)" for name in names)
    yield "\n"
    for subject, names in picture_groups().items():
        yield f"\n## {subject}\n"
        for name in names:
            yield from _shown(name)


def _shown(name: str) -> Iterable[str]:
    drawn = picture(name)
    yield f"\n### {escape_cell(drawn.title)}\n\n"
    yield f"[{name}.dot]({name}.dot), [{name}.mmd]({name}.mmd), [{name}.md]({name}.md)\n\n"
    yield f"```mermaid\n{to_mermaid(drawn)}```\n"
    for note in drawn.notes:
        yield f"\n{escape_cell(note)}\n"
