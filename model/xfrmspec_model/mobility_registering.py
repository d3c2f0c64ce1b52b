"""Whose registrations a home agent takes, and which of them are probed first."""

from __future__ import annotations

from xfrmspec_model.folding import Number, Truth, either, negate, same
from xfrmspec_model.mobility_times import Defences
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence


@clause("XFRM-HA-003")
def is_vouched_for(association: Number, home: Number, defences: Defences) -> Truth:
    """Tell whether the association of an update stands for its home address. Source: XFRM-HA-003."""
    return either(Defence.ASSOCIATION not in defences, same(association, home))


@clause("XFRM-HA-013", "XFRM-HA-020")
def is_probed_first(registered: Truth) -> Truth:
    """Tell whether an accepted registration waits for a probe. Source: XFRM-HA-013, XFRM-HA-020."""
    return negate(registered)


@clause("XFRM-DAEMON-036")
def release_ends_tunnel() -> Truth:
    """Tell whether a tunnel goes when its binding is released. Source: XFRM-DAEMON-036."""
    return True
