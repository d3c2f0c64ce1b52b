"""A station's policies and states as `ip xfrm` prints them."""

from __future__ import annotations

from xfrmspec.formats import print_dump
from xfrmspec.formats.dump import Dump, Location, PolicyRecord, StateRecord
from xfrmspec.world.station import Station


def policies_text(station: Station) -> str:
    """Return what `ip xfrm policy` shows, the newest policy first."""
    newest_first = sorted(station.node.tables.policies, key=lambda entry: -entry.age)
    records = tuple(PolicyRecord(entry.policy, _NOWHERE) for entry in newest_first)
    return print_dump(Dump(policies=records))


def states_text(station: Station) -> str:
    """Return what `ip xfrm state` shows, the newest state first; keys are in no record."""
    newest_first = sorted(station.node.states, key=lambda entry: -entry.age)
    records = tuple(StateRecord(entry.association, _NOWHERE) for entry in newest_first)
    return print_dump(Dump(states=records))


_NOWHERE = Location("", 0)
