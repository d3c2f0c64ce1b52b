"""Runs are repeatable: the generators draw the same examples each time, unless XFRMSPEC_RANDOM is set."""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("random", deadline=None)
settings.load_profile("random" if os.environ.get("XFRMSPEC_RANDOM") else "repeatable")
