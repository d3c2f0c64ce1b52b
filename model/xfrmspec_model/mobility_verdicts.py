"""What a home agent or correspondent node says of an update: a status, or one of two verdicts beside them."""

from __future__ import annotations

ACCEPTED = 0
DROPPED = 256
"""Taken, and dropped silently; every other verdict is the status of an acknowledgement."""
