"""What a mobile node is set to: its addresses, its defences, and the numbers of its rules."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from ipaddress import IPv6Address

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.mobility import LIFETIME_UNIT_SECONDS

LIFETIME_UNIT = LIFETIME_UNIT_SECONDS * SECOND
"""Milliseconds in a unit of a lifetime on the wire."""

RENEWAL_RULES = frozenset(f"XFRM-MN-{number:03}" for number in (17, 18, 19, 36, 37, 38))
"""The rules that the defence REFRESH stands for."""


@clause("XFRM-MN-001")
@dataclass(frozen=True, slots=True)
class MobileSettings:
    """A mobile node's settings; times are milliseconds, lifetimes units of 4 s (16 bits), all above 0.

    `attempts` counts messages without an answer, `failures` those of XFRM-MN-034, `update_rate` messages of
    one type to one destination in a second. ValueError for a number that is not positive or a lifetime above
    65535. Source: RFC 6275 12, 13.
    """

    home_address: IPv6Address
    home_agent: IPv6Address
    defences: frozenset[Defence] = field(default=EVERY_DEFENCE)
    home_lifetime: int = 900
    peer_lifetime: int = 105
    initial_timeout: int = 1 * SECOND
    first_registration_timeout: int = 1500
    longest_timeout: int = 32 * SECOND
    refusal_wait: int = 32 * SECOND
    bar: int = 420 * SECOND
    token_lifetime: int = 210 * SECOND
    attempts: int = 6
    failures: int = 3
    update_rate: int = 3

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, int) and value <= 0:
                raise ValueError(f"{entry.name} is {value}, which is not above 0")
        if max(self.home_lifetime, self.peer_lifetime) > 0xFFFF:
            raise ValueError("a lifetime has 16 bits")

    def follows(self, rule: str) -> bool:
        """Tell whether a rule applies under these defences."""
        return rule not in RENEWAL_RULES or Defence.REFRESH in self.defences
