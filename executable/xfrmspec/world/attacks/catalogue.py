"""All sixteen attacks, by number."""

from __future__ import annotations

from collections.abc import Mapping

from xfrmspec.world.attacks import (
    address_stealing,
    amplification,
    circles,
    flooding_a_home,
    flooding_a_victim,
    foreign_link,
    needless_updates,
    option_reflection,
    policy_order,
    replay,
    routing_header,
    somebody_else,
    stale_bindings,
    state_exhaustion,
    stationary_nodes,
    time_shifting,
)
from xfrmspec.world.attacks.attack import Attack

_ALL = (
    address_stealing.ATTACK,
    stationary_nodes.ATTACK,
    time_shifting.ATTACK,
    flooding_a_victim.ATTACK,
    flooding_a_home.ATTACK,
    replay.ATTACK,
    stale_bindings.ATTACK,
    needless_updates.ATTACK,
    state_exhaustion.ATTACK,
    amplification.ATTACK,
    option_reflection.ATTACK,
    routing_header.ATTACK,
    somebody_else.ATTACK,
    foreign_link.ATTACK,
    policy_order.ATTACK,
    circles.ATTACK,
)
ATTACKS: Mapping[int, Attack] = {attack.number: attack for attack in _ALL}
"""The attacks of `xfrmspec simulate --attack`."""
