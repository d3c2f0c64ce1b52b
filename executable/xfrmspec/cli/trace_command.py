"""`xfrmspec trace`: every clause with its code, its proofs, its tests and its kernel evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xfrmspec.cli.inputs import OutputFormat, UsageError, print_json
from xfrmspec.cli.traceability import collect, holes, render, summary_lines

SNAPSHOT = Path("spec") / "traceability.toml"


def run(
    check: Annotated[bool, typer.Option("--check", help="Compare with the committed snapshot.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the snapshot anew.")] = False,
    output: Annotated[OutputFormat, typer.Option("--format")] = OutputFormat.TEXT,
) -> None:
    """Print the join of clauses and what supports them; exit 1 for a hole or a stale snapshot."""
    root = _project_root()
    rows = collect(root)
    text = render(rows)
    if write:
        (root / SNAPSHOT).write_text(text, encoding="utf-8")
    if output is OutputFormat.JSON:
        print_json([row.as_object() for row in rows])
    elif not check:
        typer.echo(text, nl=False)
    typer.echo("\n".join(summary_lines(rows)), err=True)
    missing = holes(rows)
    for hole in missing:
        typer.echo(f"hole: {hole}", err=True)
    stale = check and _committed(root / SNAPSHOT) != text
    if stale:
        typer.echo(f"{SNAPSHOT} is stale; run `make trace` and commit it", err=True)
    if missing or stale:
        raise typer.Exit(1)


def _committed(snapshot: Path) -> str:
    return snapshot.read_text(encoding="utf-8") if snapshot.exists() else ""


def _project_root() -> Path:
    """Return the checkout above the working directory; UsageError outside of one."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "spec" / "xfrmspec_terms").is_dir():
            return folder
    raise UsageError("trace joins the sources; run it inside a checkout of xfrmspec")
