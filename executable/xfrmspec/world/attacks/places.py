"""Addresses and places that several attacks share."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address

from xfrmspec.world.attacker import Attacker, Strategy
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, MOBILE_PLUG
from xfrmspec.world.plan import Ping, Planned, Prompt, Replug
from xfrmspec.world.world import World

NAME = "attacker"
THIEF = IPv6Address("2001:db8:b::bad")
"""The attacker's address on link B."""
THIEFS_OTHER = IPv6Address("2001:db8:b::bed")
VICTIM = IPv6Address("2001:db8:a::f00d")
"""Somebody on link A, where the attacker is not."""
STATIONARY = IPv6Address("2001:db8:f::2")
"""A router that never moves, and no mobile node."""


def placing(strategy: Strategy, *links: str) -> Callable[[World], World]:
    """Return what puts one attacker without keys on these links."""
    attacker = Attacker(NAME, frozenset(links), strategy)
    return lambda world: world.with_attacker(attacker)


def acts_at(*moments: int) -> tuple[Planned, ...]:
    """Return plans by which the attacker acts of its own accord at these moments (ms)."""
    return tuple(Planned(at, Prompt(NAME)) for at in moments)


def moves(at: int, link: str) -> Planned:
    """Return the plan by which the mobile node goes to a link."""
    return Planned(at, Replug(MOBILE_PLUG, link))


def asks(at: int) -> Planned:
    """Return the plan by which the mobile node sends the correspondent node an echo request."""
    return Planned(at, Ping("MN", HOME_ADDRESS, CORRESPONDENT))
