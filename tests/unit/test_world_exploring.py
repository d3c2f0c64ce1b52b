"""Every order of events of a small scope leaves a mobile node and its peers agreed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.world.cast import Casting, usual_world
from xfrmspec.world.exploring import Explored, Explorer, Scope, cast_of
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence

ON_A, ON_B = IPv6Address("2001:db8:a::ff:fe00:505"), IPv6Address("2001:db8:b::ff:fe00:505")
PLACES = (ON_A, ON_B, None)


def explored(scope: Scope, most: int, *without: Defence) -> Explored:
    casting = Casting(protection=Protection.SIGNALLING, defences=EVERY_DEFENCE - set(without))
    return Explorer(cast_of(usual_world(casting)), scope).explore(most)


@pytest.mark.clause("XFRM-SAFE-004", "XFRM-MN-010", "XFRM-HA-007")
def test_every_order_of_a_movement_and_a_loss_ends_agreed() -> None:
    found = explored(Scope((ON_A, None), moves=2, losses=1, until=2000), 100_000)
    assert found.broken == "" and found.complete
    assert found.states > 1000


@pytest.mark.clause("XFRM-SAFE-004", "XFRM-CN-018", "XFRM-HA-008")
def test_the_first_scenes_of_a_wider_scope_agree() -> None:
    found = explored(Scope(PLACES, moves=3, losses=1, copies=1, until=8000), 60_000)
    assert found.broken == "" and found.states == 60_000


@pytest.mark.clause("XFRM-SAFE-004", "XFRM-HA-007", "XFRM-ATTACK-006")
def test_without_sequence_numbers_an_old_update_wins() -> None:
    found = explored(Scope(PLACES, moves=2, losses=1, until=6000), 100_000, Defence.SEQUENCE)
    assert "the home agent has" in found.broken


@pytest.mark.clause("XFRM-HA-022")
def test_a_scope_without_moves_has_one_scene() -> None:
    assert explored(replace(Scope(PLACES), moves=0), 10) == Explored(1, 0, True)
