"""What becomes of a decision that a connected socket remembers."""

from __future__ import annotations

from xfrmspec_terms.machine import Machine, transitions_from

NOTHING = "nothing remembered"
PLAIN = "remembered: untransformed"
BUNDLED = "remembered: a bundle"
STALE = "stale: decided anew at the next packet"

BUNDLE_CACHE = Machine(
    name="What a connected socket remembers",
    states=(NOTHING, PLAIN, BUNDLED, STALE),
    initial=NOTHING,
    transitions=(
        *transitions_from(
            NOTHING,
            ("lookup", "passes untransformed", "", PLAIN, "CACHE-008"),
            ("lookup", "finds states", "bundle made", BUNDLED, "BUNDLE-001"),
            ("lookup", "blocked, dropped or vanishes", "", NOTHING, "CACHE-008"),
        ),
        *transitions_from(
            PLAIN,
            ("packet", "", "no lookup", PLAIN, "CACHE-008"),
            ("policy added or updated", "", "routes invalid", STALE, "DB-008"),
            ("policy deleted", "", "routes invalid", STALE, "DB-008"),
            ("default actions set", "", "routes invalid", STALE, "DEFAULT-001"),
            ("a state comes, changes or goes", "", "", STALE, "CACHE-006"),
        ),
        *transitions_from(
            BUNDLED,
            ("packet", "", "no lookup", BUNDLED, "CACHE-001"),
            ("policy added or updated", "", "routes invalid", STALE, "DB-008"),
            ("policy deleted", "", "routes invalid", STALE, "DB-008"),
            ("policy migrated", "the first", "", STALE, "CACHE-001"),
            ("policy migrated", "the second", "", STALE, "CACHE-002"),
            ("default actions set", "", "routes invalid", STALE, "DEFAULT-001"),
            ("own state ends", "deleted or expired", "", STALE, "CACHE-003"),
            ("own state is superseded", "same ends and reqid", "", STALE, "CACHE-003"),
            ("a state comes, changes or goes", "no state of the bundle", "", STALE, "CACHE-006"),
        ),
        *transitions_from(
            STALE,
            ("lookup", "passes untransformed", "", PLAIN, "CACHE-007"),
            ("lookup", "finds states", "bundle made", BUNDLED, "CACHE-007"),
            ("lookup", "blocked, dropped or vanishes", "", NOTHING, "CACHE-007"),
        ),
    ),
)
"""A connected socket from its first lookup on, by the clean rules."""
