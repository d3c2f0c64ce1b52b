"""Every finding by its name."""

from __future__ import annotations

from xfrmspec.findings import (
    integrity,
    interfaces,
    leaving,
    mobility,
    packets,
    sockets,
    states,
    tables,
    windows,
)
from xfrmspec.findings.terms import Finding

_ALL = (
    *(tables.F_001, tables.F_002, tables.F_003, tables.F_004, packets.F_005, packets.F_006),
    *(states.F_007, states.F_008, packets.F_009, tables.F_010, packets.F_011, sockets.F_012),
    *(sockets.F_013, tables.F_014, tables.F_015, packets.F_016, states.F_017, states.F_018),
    *(packets.F_019, windows.F_020, sockets.F_021),
    *(interfaces.F_022, interfaces.F_023, states.F_024, states.F_025, states.F_026),
    integrity.F_027,
    states.F_028,
    *(leaving.F_029, leaving.F_030, mobility.F_031, mobility.F_032),
)

FINDINGS = {finding.name: finding for finding in _ALL}
"""The findings in the order of their numbers, which are those of spec/findings.md."""


def finding_named(name: str) -> Finding:
    """Return a finding by its name, in whatever case; KeyError's text lists the names that exist."""
    found = FINDINGS.get(name.upper())
    if found is None:
        raise KeyError(f"no finding is named {name!r}; there are: {', '.join(FINDINGS)}")
    return found
