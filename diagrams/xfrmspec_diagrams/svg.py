"""Pictures as SVG, where the program `dot` of Graphviz is installed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

_HELP = "SVG needs the program `dot`; install Graphviz, or ask for dot, mermaid or table instead"


@dataclass(frozen=True, slots=True)
class SvgText:
    """A drawn picture as one SVG document."""

    text: str


@dataclass(frozen=True, slots=True)
class SvgUnavailable:
    """No picture could be drawn on this machine; `note` says in one sentence why, and what to do."""

    note: str


SvgResult = SvgText | SvgUnavailable


def draw_svg(dot_text: str) -> SvgResult:
    """Let Graphviz draw DOT text; never raises for a missing or failing `dot`, but says so."""
    try:
        import graphviz
    except ImportError:
        return SvgUnavailable(f"{_HELP} (the Python package `graphviz` is missing)")
    try:
        return SvgText(graphviz.Source(dot_text).pipe(format="svg", encoding="utf-8", quiet=True))
    except graphviz.ExecutableNotFound:
        return SvgUnavailable(_HELP)
    except (subprocess.CalledProcessError, OSError) as error:
        return SvgUnavailable(f"{_HELP} (it is there, but failed: {type(error).__name__})")
