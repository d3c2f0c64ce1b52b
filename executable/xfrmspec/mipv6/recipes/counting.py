"""How many policies a home registration takes: the count behind the paper's six."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Direction, Mode, Policy
from xfrmspec_terms.selector import Prefix, Selector

_HOST_BITS = 128


@clause("XFRM-DAEMON-009")
def policies_of_registration(policies: Iterable[Policy], home: IPv6Address, agent: IPv6Address) -> int:
    """Return the count of XFRM-DAEMON-009 for one home registration, of the policies of one node."""
    counted = {(_direction(policy), policy.selector) for policy in policies if _counts(policy, home, agent)}
    return len(counted)


def _direction(policy: Policy) -> Direction:
    return Direction.IN if policy.direction is Direction.FWD else policy.direction


def _counts(policy: Policy, home: IPv6Address, agent: IPv6Address) -> bool:
    transforms = any(template.mode is not Mode.IN_TRIGGER for template in policy.templates)
    return transforms and _names(policy.selector, home, agent)


def _names(selector: Selector, home: IPv6Address, agent: IPv6Address) -> bool:
    """Tell whether a selector names one of the two, and nobody else."""
    ends = {end.address for end in (selector.source, selector.destination) if _is_host(end)}
    return bool(ends) and ends <= {home, agent}


def _is_host(prefix: Prefix) -> bool:
    return prefix.length == _HOST_BITS
