"""Bundles, what is remembered of them, and the caches of 2004."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from builders import LOCAL, REMOTE, flow

from xfrmspec.xfrm.bundle import (
    Bundle,
    BundleError,
    PolicyStamp,
    Room,
    Route,
    Stamped,
    StateStamp,
    make_bundle,
    octets_in_every_fragment,
    reserved_room,
    route_behind,
)
from xfrmspec.xfrm.bundle_cache import Present, Remembered, Staleness, Standing, staleness
from xfrmspec.xfrm.flow_cache import FlowCache, Recalled, recall, remember
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import Protocol

HERE, THERE = ip_address(LOCAL), ip_address(REMOTE)
CARE_OF, GATEWAY = ip_address("2001:db8:c::1"), ip_address("2001:db8:e::1")
PLAIN = Route(HERE, THERE)
ESP = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x100)
HAO = SecurityAssociation(HERE, THERE, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=CARE_OF)
RT2 = SecurityAssociation(HERE, THERE, Protocol.ROUTING, Mode.RO, care_of=GATEWAY)
TUNNEL = SecurityAssociation(CARE_OF, GATEWAY, Protocol.ESP, Mode.TUNNEL, 0x200)


def everywhere(route: Route) -> Errno:
    return Errno.OK


def bundle(*states: SecurityAssociation, policies: tuple[PolicyStamp, ...] = (PolicyStamp(0),)) -> Bundle:
    stamped = [Stamped(state, StateStamp(age, 0)) for age, state in enumerate(states)]
    made = make_bundle(stamped, policies, PLAIN, everywhere)
    assert isinstance(made, Bundle)
    return made


def present(profile: Profile = CLEAN) -> Present:
    valid = Standing(Lifecycle.VALID, 0)
    return Present(profile, 1, {0: 0, 1: 0}, {0: valid, 1: valid}, 5)


def remembered(kept: Bundle | None) -> Remembered:
    return Remembered(kept, 1, 5)


@pytest.mark.clause("XFRM-BUNDLE-001", "XFRM-ARCH-003")
def test_the_first_element_is_applied_first_and_every_one_has_its_route() -> None:
    made = bundle(ESP, HAO, TUNNEL)
    assert made.states == (ESP, HAO, TUNNEL)
    assert [element.route for element in made.elements] == [
        PLAIN,
        Route(CARE_OF, THERE),
        Route(CARE_OF, GATEWAY),
    ]
    assert [element.stamp.age for element in made.elements] == [0, 1, 2]


@pytest.mark.clause("XFRM-BUNDLE-002")
def test_which_addresses_lead_on_behind_a_state() -> None:
    assert route_behind(ESP, PLAIN) == PLAIN
    assert route_behind(HAO, PLAIN) == Route(CARE_OF, THERE)
    assert route_behind(RT2, PLAIN) == Route(HERE, GATEWAY)
    assert route_behind(HAO, route_behind(RT2, PLAIN)) == Route(CARE_OF, GATEWAY)
    assert route_behind(TUNNEL, PLAIN) == Route(CARE_OF, GATEWAY)


@pytest.mark.clause("XFRM-EMIT-003")
def test_a_route_that_is_not_found_ends_the_bundle_and_is_counted() -> None:
    def only_plain(route: Route) -> Errno:
        return Errno.OK if route == PLAIN else Errno.EHOSTUNREACH

    stamped = [Stamped(ESP, StateStamp(0, 0)), Stamped(TUNNEL, StateStamp(1, 0))]
    failed = make_bundle(stamped, (), PLAIN, only_plain)
    assert failed == BundleError(Errno.EHOSTUNREACH, Counter.OUT_BUNDLE_GENERATION_ERROR)
    assert isinstance(make_bundle(stamped[:1], (), PLAIN, only_plain), Bundle)


@pytest.mark.clause("XFRM-BUNDLE-003")
def test_an_element_reserves_for_itself_and_for_what_comes_later() -> None:
    assert reserved_room((Room(16, 20), Room(24), Room(56, 20))) == (Room(96, 40), Room(80, 20), Room(56, 20))
    assert reserved_room(()) == ()
    assert octets_in_every_fragment((ESP, HAO, RT2, TUNNEL)) == 48


@pytest.mark.clause("XFRM-CACHE-001", "XFRM-CACHE-003")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1, LINUX_6_18])
def test_what_ends_the_use_of_a_bundle(profile: Profile) -> None:
    kept, now = remembered(bundle(ESP, HAO)), present(profile)
    assert staleness(kept, now) is None
    assert staleness(kept, replace(now, route_generation=2)) is Staleness.ROUTES
    expired = {**now.states, 1: Standing(Lifecycle.EXPIRED, 0)}
    assert staleness(kept, replace(now, states=expired)) is Staleness.STATE_GONE
    assert staleness(kept, replace(now, states={0: now.states[0]})) is Staleness.STATE_GONE
    superseded = {**now.states, 0: Standing(Lifecycle.VALID, 1)}
    assert staleness(kept, replace(now, states=superseded)) is Staleness.STATE_SUPERSEDED
    assert staleness(kept, replace(now, policies={1: 0})) is Staleness.POLICY
    assert staleness(kept, replace(now, policies={0: 1, 1: 0})) is Staleness.POLICY


@pytest.mark.clause("XFRM-CACHE-002")
def test_kernels_do_not_see_that_the_second_policy_is_gone() -> None:
    kept = remembered(bundle(ESP, policies=(PolicyStamp(0), PolicyStamp(1))))
    without_main = {0: 0}
    assert staleness(kept, replace(present(), policies=without_main)) is Staleness.POLICY
    for profile in (LINUX_6_1, LINUX_6_18):
        assert staleness(kept, replace(present(profile), policies=without_main)) is None
        assert staleness(kept, replace(present(profile), policies={1: 0})) is Staleness.POLICY


@pytest.mark.clause("XFRM-CACHE-006")
@pytest.mark.parametrize("kept", [None, bundle(ESP)])
def test_kernels_do_not_see_that_other_states_have_changed(kept: Bundle | None) -> None:
    assert staleness(remembered(kept), replace(present(), state_changes=6)) is Staleness.STATES_CHANGED
    for profile in (LINUX_6_1, LINUX_6_18):
        assert staleness(remembered(kept), replace(present(profile), state_changes=6)) is None


@pytest.mark.clause("XFRM-CACHE-001")
def test_an_untransformed_decision_depends_on_the_routes_alone() -> None:
    nothing = replace(present(LINUX_6_1), policies={}, states={})
    assert staleness(remembered(None), nothing) is None
    assert staleness(remembered(None), replace(nothing, route_generation=0)) is Staleness.ROUTES


@pytest.mark.clause("XFRM-CACHE-004")
def test_the_flow_cache_skips_the_search_for_a_policy_and_the_policy_that_for_states() -> None:
    now, wanted = present(), flow()
    assert recall(FlowCache(), wanted, now) == Recalled(False)
    made = bundle(ESP)
    cache = remember(FlowCache(), wanted, PolicyStamp(0), made, now)
    assert recall(cache, wanted, now) == Recalled(True, PolicyStamp(0), made)
    assert recall(cache, flow(destination_slot=1), now) == Recalled(False)
    assert recall(remember(cache, wanted, None, None, now), wanted, now) == Recalled(True)


@pytest.mark.clause("XFRM-CACHE-004")
def test_a_state_that_expires_costs_the_bundle_and_a_policy_that_comes_costs_everything() -> None:
    now, wanted = present(), flow()
    cache = remember(FlowCache(), wanted, PolicyStamp(0), bundle(ESP), now)
    expired = replace(now, states={0: Standing(Lifecycle.EXPIRED, 0)})
    assert recall(cache, wanted, expired) == Recalled(True, PolicyStamp(0))
    superseded = replace(now, states={0: Standing(Lifecycle.VALID, 1)})
    assert recall(cache, wanted, superseded).bundle == bundle(ESP)
    assert recall(cache, wanted, replace(now, route_generation=2)) == Recalled(False)
    assert recall(cache, wanted, replace(now, policies={})) == Recalled(False)


@pytest.mark.clause("XFRM-CACHE-006")
def test_other_states_that_change_cost_the_bundle_by_the_clean_rule_and_nothing_in_2004() -> None:
    now, wanted = present(), flow()
    cache = remember(FlowCache(), wanted, PolicyStamp(0), bundle(ESP), now)
    changed = replace(now, state_changes=now.state_changes + 1)
    assert recall(cache, wanted, changed) == Recalled(True, PolicyStamp(0))
    assert recall(cache, wanted, replace(changed, profile=USAGI_2004)).bundle == bundle(ESP)


@pytest.mark.clause("XFRM-CACHE-004")
def test_the_bundles_of_a_policy_go_with_it() -> None:
    now, wanted = present(), flow()
    cache = remember(FlowCache(), wanted, PolicyStamp(0), bundle(ESP), now)
    later = replace(now, route_generation=2, policies={1: 0})
    other = remember(cache, flow(destination_slot=1), PolicyStamp(1), bundle(HAO), later)
    assert [key[0] for key in other.bundles] == [1]
    assert list(other.policies) == [flow(destination_slot=1)]
