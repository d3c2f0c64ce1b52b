"""The command line: the one place that composes all rooms."""

from __future__ import annotations

from xfrmspec.cli.app import main

__all__ = ["main"]
