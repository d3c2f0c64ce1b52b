"""The story of a simulated run as a sequence of messages between stations."""

from __future__ import annotations

from collections.abc import Iterable

from xfrmspec.world.story import Line
from xfrmspec_diagrams.ir import Message, Sequence
