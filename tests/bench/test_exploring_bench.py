"""How many states a second the exploration of a small scope visits."""

from __future__ import annotations

import gc
import time
from ipaddress import IPv6Address

import pytest

from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.world.cast import Casting, usual_world
from xfrmspec.world.exploring import Explorer, Scope, cast_of


@pytest.mark.bench
def test_states_a_second() -> None:
    places = (IPv6Address("2001:db8:a::ff:fe00:505"), IPv6Address("2001:db8:b::ff:fe00:505"), None)
    cast = cast_of(usual_world(Casting(protection=Protection.SIGNALLING)))
    explorer = Explorer(cast, Scope(places, moves=2, losses=2, copies=1, until=8000))
    gc.collect()
    gc.freeze()
    gc.disable()
    began = time.perf_counter()
    found = explorer.explore(400_000)
    took = time.perf_counter() - began
    gc.enable()
    print(f"\n{found.states} states, {found.events} events: {found.states / took:.0f} states/s")
    assert found.broken == ""
